//! Verifying the trail in the database, as a whole or what is new, and what came of it last.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bson::{RawDocumentBuf, doc};
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;
use tracing::{error, warn};

use super::checkpoint::{self, Checkpoint};
use super::keys::{self, VerifierKey};
use super::removal::Removals;
use super::verify::{PublicPart, Report, Verifier};
use super::{AuditStore, Entry, EntryKind, Sealed, unseal};
use crate::app::AppState;
use crate::db::{Db, Documents, StoreError, Stored, decode};

/// How often a server verifies what is new.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// Clocks of several machines may differ by less than this.
const APART: SignedDuration = SignedDuration::from_hours(1);
const LAST: &str = "last";
/// Faults kept in words.
const NAMED: usize = 3;

/// What came of verifying, for all processes to show. A fault stays until a verification of the whole trail finds none.
#[serde_as]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// One document.
    #[serde(rename = "_id")]
    pub id: String,
    /// When something was verified last.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Faults found.
    #[serde(default)]
    pub fault_count: i64,
    /// The first of them, in words.
    #[serde(default)]
    pub faults: Vec<String>,
    /// How far each log was verified.
    #[serde(default)]
    pub places: Vec<Place>,
}

/// How far a log was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The log.
    pub log: String,
    /// Its entries so far.
    pub size: i64,
    /// The chain after them, in hexadecimal.
    pub chain: String,
}

impl Stored for Verification {
    const COLLECTION: &'static str = "audit_verifications";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// The `audit_verifications` collection.
#[derive(Clone)]
pub struct VerificationStore {
    last: Documents<Verification>,
}

impl VerificationStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { last: Documents::new(db) }
    }

    /// What came of verifying so far.
    pub async fn last(&self) -> Result<Verification, StoreError> {
        Ok(self.last.find_one(doc! { "_id": LAST }).await?.unwrap_or_default())
    }

    /// Notes what a verification of the whole trail found: it alone takes a fault back.
    pub async fn note_whole(&self, report: &Report, now: Timestamp) -> Result<(), StoreError> {
        let set = doc! {
            "at": bson::DateTime::from_millis(now.as_millisecond()),
            "fault_count": i64::try_from(report.fault_count).unwrap_or(i64::MAX),
            "faults": in_words(report),
        };
        self.set(set).await
    }

    async fn note_new(&self, report: &Report, places: &[Place], now: Timestamp) -> Result<(), StoreError> {
        let unwritable = |error: bson::error::Error| StoreError::Unwritable {
            collection: Verification::COLLECTION,
            reason: error.to_string(),
        };
        let places = bson::serialize_to_bson(places).map_err(unwritable)?;
        let mut set = doc! { "at": bson::DateTime::from_millis(now.as_millisecond()), "places": places };
        if report.fault_count > 0 {
            set.insert("fault_count", i64::try_from(report.fault_count).unwrap_or(i64::MAX));
            set.insert("faults", in_words(report));
        }
        self.set(set).await
    }

    async fn set(&self, set: bson::Document) -> Result<(), StoreError> {
        let collection = self.last.collection().await?;
        collection.update_one(doc! { "_id": LAST }, doc! { "$set": set }).upsert(true).await?;
        Ok(())
    }
}

fn in_words(report: &Report) -> Vec<String> {
    let words = |fault: &super::verify::Fault| format!("log {}, entry {}: {}", fault.log_id, fault.seq, fault.what);
    report.faults.iter().take(NAMED).map(words).collect()
}

/// The signed notes that hold; those that do not are faults.
pub(crate) fn checkpoints(notes: &[String], keys: &[VerifierKey], faults: &mut Vec<String>) -> Vec<Checkpoint> {
    let mut found: Vec<Checkpoint> = Vec::with_capacity(notes.len());
    for note in notes {
        match Checkpoint::open(note, keys) {
            Ok(checkpoint) => found.push(checkpoint),
            Err(error) => {
                let about: String = note.lines().take(2).collect::<Vec<_>>().join(" ");
                faults.push(format!("a checkpoint ({about}) does not hold: {error:#}"));
            }
        }
    }
    found.sort_by(|a, b| (&a.log_id, a.size, a.head).cmp(&(&b.log_id, b.size, b.head)));
    found.dedup_by(|a, b| a.log_id == b.log_id && a.size == b.size && a.head == b.head);
    found
}

/// Logs whose last checkpoint stands in the database only: whoever takes the database back takes that back too.
fn only_inside(inside: &[String], outside: &[String], keys: &[VerifierKey]) -> Vec<String> {
    let newest = |notes: &[String]| {
        let mut newest: BTreeMap<String, i64> = BTreeMap::new();
        for checkpoint in checkpoints(notes, keys, &mut Vec::new()) {
            let size = newest.entry(checkpoint.log_id).or_default();
            *size = checkpoint.size.max(*size);
        }
        newest
    };
    let published = newest(outside);
    let missing = |(log_id, size): &(String, i64)| published.get(log_id).is_none_or(|known| known < size);
    newest(inside).into_iter().filter(missing).map(|(log_id, _)| log_id).collect()
}

/// Verifies the trail in the database against the checkpoints there and outside; with `from`, only what came after the
/// last checkpoints signed until then.
///
/// # Errors
/// When the database does not answer.
pub async fn verify_store(
    store: &AuditStore,
    folder: &Path,
    keys: &[VerifierKey],
    from: Option<Timestamp>,
    now: Timestamp,
) -> anyhow::Result<Report> {
    // Outside first: what is signed while this reads is then never missing inside.
    let outside = checkpoint::published(folder);
    let inside = store.notes().await?;
    let mut faults = Vec::new();
    let unpublished = outside.as_ref().map_or_else(|_| Vec::new(), |outside| only_inside(&inside, outside, keys));
    let mut notes = inside;
    notes.extend(outside.as_ref().map(Vec::as_slice).unwrap_or_default().iter().cloned());
    let checkpoints = checkpoints(&notes, keys, &mut faults);
    let mut speaking = speaking(store, doc! { "seq": 0 }).await?;
    speaking.extend(speaking_of_removals(store).await?);
    let mut verifier = Verifier::new(&checkpoints, &speaking, now);
    let starts = from.map(|from| verifier.leave_out_before(&checkpoints, from)).unwrap_or_default();
    for fault in faults {
        verifier.note_false_checkpoint(fault);
    }
    if let Err(error) = outside {
        verifier.note_incomplete(format!("checkpoints outside the database are not at hand: {error:#}"));
    }
    for log_id in unpublished {
        verifier.note_incomplete(format!("the last checkpoint of log {log_id} is not in {}", folder.display()));
    }
    store
        .walk(doc! {}, |document| {
            if left_out(&document, &starts) {
                return anyhow::Ok(());
            }
            match stored_entry(&document) {
                Ok(sealed) => verifier.entry(&sealed),
                Err(error) => verifier.note_unreadable(&format!("{error:#}")),
            }
            anyhow::Ok(())
        })
        .await?;
    Ok(verifier.finish())
}

/// The public parts of entries that speak of other logs.
async fn speaking(store: &AuditStore, filter: bson::Document) -> anyhow::Result<Vec<PublicPart>> {
    let mut found = Vec::new();
    store
        .walk(filter, |document| {
            // What is no entry is found by the walk over all.
            if let Ok(public) = unseal(&document).map(|sealed| sealed.public)
                && let Ok(part) = serde_json::from_str::<PublicPart>(&public)
            {
                found.push(part);
            }
            anyhow::Ok(())
        })
        .await?;
    Ok(found)
}

async fn speaking_of_removals(store: &AuditStore) -> anyhow::Result<Vec<PublicPart>> {
    speaking(store, doc! { "kind": EntryKind::Removal.as_str() }).await
}

/// Whether an entry stands before the place from which its log is verified.
fn left_out(document: &RawDocumentBuf, starts: &HashMap<String, i64>) -> bool {
    let start = document.get_str("log_id").ok().and_then(|log_id| starts.get(log_id));
    start.is_some_and(|start| document.get_i64("seq").is_ok_and(|seq| seq < *start))
}

/// The hashes' texts of a stored entry that this program can read and that stands under its own id.
fn stored_entry(document: &RawDocumentBuf) -> anyhow::Result<Sealed> {
    let entry: Entry = decode("audit", document)?;
    if entry.id != format!("{}-{:012}", entry.log_id, entry.seq) {
        bail!("entry {} of log {} has the id {}", entry.seq, entry.log_id, entry.id);
    }
    Ok(unseal(document)?)
}

/// Verifies what logs have grown since the last time, from the entry before on, against checkpoints in the database and
/// in the folder outside, and notes the result.
///
/// # Errors
/// When the database does not answer, or the folder cannot be read.
pub async fn verify_new(db: &Db, folder: &Path, keys: &[VerifierKey], now: Timestamp) -> anyhow::Result<Report> {
    let (store, results) = (AuditStore::new(db), VerificationStore::new(db));
    let last = results.last().await?;
    let since = last.at.filter(|_| !last.places.is_empty()).map(|at| at.min(now) - APART);
    let mut places: BTreeMap<String, Place> = last.places.into_iter().map(|place| (place.log.clone(), place)).collect();
    let mut total = Report::default();
    let heads = store.heads_since(since).await?;
    let speaking = speaking_of_removals(&store).await?;
    let (removals, _) = Removals::of(&speaking);
    for head in heads {
        // A log whose beginning was removed since is verified from what is left of it.
        let removed = removals.pruned(&head.log_id).map_or(0, |pruned| pruned.size);
        let place = places.get(&head.log_id).filter(|place| place.size > removed).cloned();
        let from = place.as_ref().map_or(0, |place| place.size);
        let mut faults = Vec::new();
        let mut notes = store.notes_of(&head.log_id, from).await?;
        notes.extend(checkpoint::published_of(folder, &head.log_id, from)?);
        let checkpoints = checkpoints(&notes, keys, &mut faults);
        let mut verifier = Verifier::new(&checkpoints, &speaking, now);
        for fault in faults {
            verifier.note_false_checkpoint(fault);
        }
        let mut known = place.as_ref().map(|place| place.chain.clone());
        let (mut size, mut chain) = (from, known.clone().unwrap_or_default());
        let mut read = 0;
        let filter = doc! { "log_id": &head.log_id, "seq": { "$gte": (from - 1).max(0) } };
        store
            .walk(filter, |document| {
                read += 1;
                match stored_entry(&document) {
                    // The last entry of the last time is compared with what was noted then.
                    Ok(sealed) if known.is_some() => {
                        if known.take() != Some(HEXLOWER.encode(&sealed.chain)) {
                            verifier.note_unreadable("the last entry verified before has another chain now");
                        }
                        verifier.resume(&head.log_id, from, sealed.chain);
                    }
                    Ok(sealed) => {
                        verifier.entry(&sealed);
                        size = document.get_i64("seq").map_or(size, |seq| seq + 1);
                        chain = HEXLOWER.encode(&sealed.chain);
                    }
                    Err(error) => verifier.note_unreadable(&format!("{error:#}")),
                }
                anyhow::Ok(())
            })
            .await?;
        if (read == 0 && head.size > 0) || known.is_some() {
            verifier.note_unreadable(&format!("log {} has lost its last {from} entries", head.log_id));
        }
        let report = verifier.finish();
        total.logs += 1;
        total.entries += report.entries;
        total.fault_count += report.fault_count;
        total.faults.extend(report.faults);
        places.insert(head.log_id.clone(), Place { log: head.log_id, size, chain });
    }
    let places: Vec<Place> = places.into_values().collect();
    results.note_new(&total, &places, now).await?;
    Ok(total)
}

/// Verifies what is new every quarter of an hour, beginning at once.
#[must_use]
pub fn watch(app: &AppState, keys: PathBuf, folder: PathBuf) -> tokio::task::JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        let mut due = tokio::time::interval(EVERY);
        loop {
            due.tick().await;
            let verified = match keys::verifier_keys(&keys).context("reading the trail's public keys") {
                Ok(keys) => verify_new(&app.db, &folder, &keys, app.clock.now()).await,
                Err(error) => Err(error),
            };
            match verified {
                Ok(report) => {
                    if let Some(fault) = report.faults.first() {
                        error!(
                            faults = report.fault_count,
                            "the audit trail does not verify: log {}, entry {}: {}; run `lodestone audit verify`",
                            fault.log_id,
                            fault.seq,
                            fault.what
                        );
                    }
                    metrics::gauge!("lodestone_audit_faults")
                        .set(f64::from(u32::try_from(report.fault_count).unwrap_or(u32::MAX)));
                }
                Err(error) => warn!("the audit trail was not verified; trying again later: {error:#}"),
            }
        }
    })
}
