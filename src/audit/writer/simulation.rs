//! C13: the queue and its writing task against a disk that refuses, loses answers and is left in the middle of things, by
//! processes that are killed at any step. Chance is seeded; a seed that breaks a promise is named and can be run again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::RawDocumentBuf;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::yield_now;

use super::AuditWriter;
use crate::audit::checkpoint::{Checkpoint, StoredCheckpoint};
use crate::audit::entry::{Entry, EntryKind, Head, SEAL};
use crate::audit::keep::Keep;
use crate::audit::keys::AuditKeys;
use crate::audit::store::LogHead;
use crate::audit::verify::{PublicPart, Verifier};
use crate::audit::{Sealed, unseal, verification};
use crate::clock::Clock;
use crate::db::{StoreError, decode};

/// Seeds tried where `SIMULATION_SEEDS` says nothing; `make chaos` tries ten times as many.
const SEEDS: u64 = 1_000;
const CLIENTS: usize = 4;

/// What outlives a process.
#[derive(Default)]
struct Kept {
    /// By log and place.
    entries: BTreeMap<(String, i64), RawDocumentBuf>,
    heads: BTreeMap<String, LogHead>,
    inside: Vec<String>,
    outside: Vec<String>,
}

/// What clients know.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

#[derive(Clone)]
struct Disk {
    kept: Arc<Mutex<Kept>>,
    chance: Arc<Mutex<StdRng>>,
}

/// How far a call gets.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Done,
    Refused,
    HalfDone,
    AnswerLost,
}

impl Disk {
    fn below(&self, end: u32) -> u32 {
        self.chance.lock().unwrap().random_range(0..end)
    }

    /// Others go on meanwhile, or the process is killed here.
    async fn wait(&self) {
        for _ in 0..self.below(3) {
            yield_now().await;
        }
    }

    async fn call<T>(&self, work: impl FnOnce(&mut Kept, Fate) -> T) -> Result<T, StoreError> {
        self.wait().await;
        let fate = match self.below(10) {
            0 => Fate::Refused,
            1 => Fate::HalfDone,
            2 => Fate::AnswerLost,
            _ => Fate::Done,
        };
        if fate == Fate::Refused {
            return Err(StoreError::Conflict("nothing"));
        }
        let answer = work(&mut self.kept.lock().unwrap(), fate);
        self.wait().await;
        if fate == Fate::Done { Ok(answer) } else { Err(StoreError::Conflict("something")) }
    }
}

fn place(document: &RawDocumentBuf) -> (String, i64) {
    (document.get_str("log_id").unwrap().to_owned(), document.get_i64("seq").unwrap())
}

fn chain_of(document: &RawDocumentBuf) -> String {
    data_encoding::HEXLOWER.encode(document.get_document(SEAL).unwrap().get_binary("chain").unwrap().bytes)
}

impl Keep for Disk {
    async fn append(&self, entries: &[RawDocumentBuf]) -> Result<(), StoreError> {
        let half = usize::try_from(self.below(8)).unwrap().min(entries.len());
        self.call(|kept, fate| {
            let stored = if fate == Fate::HalfDone { &entries[..half] } else { entries };
            for entry in stored {
                kept.entries.entry(place(entry)).or_insert_with(|| entry.clone());
            }
        })
        .await
    }

    async fn unnamed_heads(&self) -> Result<Vec<Head>, StoreError> {
        self.call(|kept, _| {
            let unnamed = kept.heads.values().filter(|head| !head.named);
            let brought_up = unnamed.filter_map(|head| {
                let log = (head.log_id.clone(), 0)..=(head.log_id.clone(), i64::MAX);
                let ((_, seq), last) = kept.entries.range(log).next_back()?;
                Some(Head { log_id: head.log_id.clone(), size: seq + 1, chain: chain_of(last) })
            });
            brought_up.collect()
        })
        .await
    }

    async fn mark_named(&self, heads: &[Head]) -> Result<(), StoreError> {
        self.call(|kept, _| {
            for head in heads {
                if let Some(known) = kept.heads.get_mut(&head.log_id).filter(|known| known.size <= head.size) {
                    known.named = true;
                }
            }
        })
        .await
    }

    async fn begin(&self, head: &LogHead) -> Result<(), StoreError> {
        self.call(|kept, _| drop(kept.heads.insert(head.log_id.clone(), head.clone()))).await
    }

    async fn checkpoint(&self, checkpoint: &StoredCheckpoint, head: &LogHead) -> Result<(), StoreError> {
        self.call(|kept, fate| {
            kept.inside.push(checkpoint.note.clone());
            if fate != Fate::HalfDone {
                kept.heads.insert(head.log_id.clone(), head.clone());
            }
        })
        .await
    }

    async fn publish(&self, _: &str, note: String) -> anyhow::Result<()> {
        Ok(self.call(|kept, _| kept.outside.push(note)).await?)
    }

    async fn pause(&self, _: Duration) {
        yield_now().await;
    }
}

fn entry(kind: EntryKind, clock: &Clock, request: &str) -> Entry {
    Entry { kind, ..Entry::new(clock.now(), request) }
}

/// Sends requests as the middleware does: an intent that is waited for, then an outcome that is not.
async fn client(writer: AuditWriter, disk: Disk, clock: Clock, ledger: Arc<Mutex<Ledger>>, name: String) {
    for number in 0..=disk.below(5) {
        let request = format!("{name}-{number}");
        let Ok(intent) = writer.reserve() else { return };
        let Ok(outcome) = writer.reserve() else { return };
        ledger.lock().unwrap().sent.insert(request.clone());
        let stored = intent.write(entry(EntryKind::Intent, &clock, &request));
        if disk.below(8) == 0 {
            drop(stored); // whoever asked has gone
        } else if stored.await.is_ok() {
            ledger.lock().unwrap().acknowledged.insert(request.clone());
        }
        let moved = SignedDuration::from_secs(i64::from(disk.below(20)) - 5);
        clock.advance(moved);
        outcome.write_later(entry(EntryKind::Outcome, &clock, &request));
        disk.wait().await;
    }
}

/// Runs a few processes one after the other; all but the last are killed somewhere.
fn run(seed: u64, folder: &std::path::Path) -> Result<(), String> {
    let chance = StdRng::seed_from_u64(seed);
    let disk = Disk { kept: Arc::default(), chance: Arc::new(Mutex::new(chance)) };
    let ledger = Arc::<Mutex<Ledger>>::default();
    let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
    let killed = disk.below(3);
    for process in 0..=killed {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let keys = AuditKeys::open(folder).unwrap();
            let writer = AuditWriter::start_log(disk.clone(), &clock, keys);
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let name = format!("{process}-{number}");
                    tokio::spawn(client(writer.clone(), disk.clone(), clock.clone(), Arc::clone(&ledger), name))
                })
                .collect();
            if process < killed {
                for _ in 0..disk.below(120) {
                    yield_now().await;
                }
                return; // the runtime goes, and with it every task, wherever it stands
            }
            for client in clients {
                client.await.unwrap();
            }
            writer.flush(Duration::from_secs(60)).await;
            // A checkpoint that failed is tried again with the next.
            while !writer.checkpoints_well() {
                writer.flush(Duration::from_secs(60)).await;
            }
        });
    }
    let kept = disk.kept.lock().unwrap();
    let ledger = ledger.lock().unwrap();
    check(&kept, &ledger, folder, clock.now())
}

fn check(kept: &Kept, ledger: &Ledger, folder: &std::path::Path, now: Timestamp) -> Result<(), String> {
    let mut intents = BTreeMap::<String, u32>::new();
    for document in kept.entries.values() {
        let entry: Entry = decode("audit", document).map_err(|error| error.to_string())?;
        if entry.kind == EntryKind::Intent {
            *intents.entry(entry.request_id).or_default() += 1;
        }
    }
    if let Some(lost) = ledger.acknowledged.iter().find(|request| !intents.contains_key(*request)) {
        return Err(format!("{lost} was acknowledged and is not stored"));
    }
    if let Some((request, times)) =
        intents.iter().find(|(request, times)| **times > 1 || !ledger.sent.contains(*request))
    {
        return Err(format!("{request} is stored {times} times"));
    }
    let keys = crate::audit::keys::verifier_keys(folder).map_err(|error| error.to_string())?;
    let notes: Vec<String> = kept.inside.iter().chain(&kept.outside).cloned().collect();
    let mut faults = Vec::new();
    let checkpoints: Vec<Checkpoint> = verification::checkpoints(&notes, &keys, &mut faults);
    let sealed: Vec<Sealed> = kept.entries.values().map(|document| unseal(document).unwrap()).collect();
    let opened = |sealed: &Sealed| {
        let public: PublicPart = serde_json::from_str(&sealed.public).unwrap();
        (public.kind == "opened").then_some(public)
    };
    let speaking: Vec<PublicPart> = sealed.iter().filter_map(opened).collect();
    let mut verifier = Verifier::new(&checkpoints, &speaking, now);
    for sealed in &sealed {
        verifier.entry(sealed);
    }
    let report = verifier.finish();
    // The last process ended in order and named all logs before it, so that nothing is left uncovered.
    if !faults.is_empty() || report.exit_code() != 0 || report.unsigned != 0 {
        return Err(format!("{faults:?} {report:?}"));
    }
    Ok(())
}

#[test]
fn c13_whatever_the_disk_does_acknowledged_entries_are_stored_once_and_the_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = std::env::var("SIMULATION_SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    for seed in 0..seeds {
        if let Err(why) = run(seed, folder.path()) {
            panic!("seed {seed}: {why}");
        }
    }
}
