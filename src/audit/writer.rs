use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bson::RawDocumentBuf;
use data_encoding::HEXLOWER;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{error, warn};

use super::chain::{self, Hash};
use super::checkpoint::{Checkpoint, StoredCheckpoint};
use super::entry::{Entry, EntryKind, Head, RequestFacts};
use super::keep::{Database, Keep, Nowhere};
use super::keys::{AuditKeys, Sealer, Signer};
use super::seal;
use super::store::{AuditStore, LogHead};
use crate::clock::Clock;
use crate::db::Db;

/// Entries that may wait; beyond it requests are refused before work starts.
const QUEUE: usize = 4096;
/// Of them, those that requests which are turned away leave to others.
const KEPT_FOR_WORK: usize = QUEUE / 2;
/// Requests turned away in a second that get entries of their own. Who asks for thousands tells nothing more by each, and
/// the trail must not be what an attack fills, nor what keeps the database from work.
const REFUSALS: NonZeroU32 = NonZeroU32::new(100).expect("more than none");
/// Entries written by one command.
const BATCH: usize = 512;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A checkpoint is signed when this much time has passed since the first entry it covers …
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
/// … or after so many entries.
const CHECKPOINT_ENTRIES: i64 = 1_000;
/// An entry that has none for longer than this has waited too long.
pub(super) const CHECKPOINT_LATE: SignedDuration = SignedDuration::from_mins(3);

/// The one way into the trail: a queue in front of a task that appends in batches (group commit).
///
/// The sequence within a process has no gaps: a batch that fails is tried again until it is stored, and because entries
/// have fixed ids, one that was stored without our knowing is not stored twice.
#[derive(Clone)]
pub struct AuditWriter {
    queue: mpsc::Sender<Job>,
    sealer: Sealer,
    shared: Arc<Shared>,
    log_id: Arc<str>,
}

/// What the task and the requests both know.
struct Shared {
    /// Requests for static files and health since the last summary, and the bytes they got.
    unrecorded: AtomicU64,
    unrecorded_bytes: AtomicU64,
    /// Requests since then that were turned away and have no entry.
    turned_away: AtomicU64,
    /// How many of those turned away may still have one.
    refusals: RateLimiter<NotKeyed, InMemoryState, Clock, NoOpMiddleware<Duration>>,
    /// Whether the last checkpoint could not be stored or published.
    checkpoint_failed: AtomicBool,
    /// When the first entry that no checkpoint covers was recorded, in milliseconds; [`SIGNED`] when there is none.
    unsigned_since: AtomicI64,
    /// Whether the database refused the last entries, which are tried again.
    entries_refused: AtomicBool,
}

/// All entries are under a checkpoint.
const SIGNED: i64 = i64::MAX;

impl Shared {
    fn new(clock: &Clock) -> Self {
        Self {
            unrecorded: AtomicU64::default(),
            unrecorded_bytes: AtomicU64::default(),
            turned_away: AtomicU64::default(),
            refusals: RateLimiter::direct_with_clock(Quota::per_second(REFUSALS), clock.clone()),
            checkpoint_failed: AtomicBool::default(),
            unsigned_since: AtomicI64::new(SIGNED),
            entries_refused: AtomicBool::default(),
        }
    }
}

enum Job {
    /// An entry to store; `stored` is told afterwards.
    Entry { entry: Box<Entry>, stored: Option<oneshot::Sender<()>> },
    /// Store all before it, sign a checkpoint over it, then tell.
    Checkpoint(oneshot::Sender<()>),
}

/// A place in the queue, taken before the work starts, so that its entry cannot be lost.
pub struct Place(mpsc::OwnedPermit<Job>);

/// The trail takes no more entries: the queue is full, or the program is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot take more entries now")]
pub struct Closed;

impl AuditWriter {
    /// Starts the writing task. It ends after all clones are gone and the queue is empty.
    ///
    /// `checkpoints` is the folder outside the database that every signed checkpoint is also written to.
    #[must_use]
    pub fn start(db: &Db, clock: &Clock, keys: AuditKeys, checkpoints: PathBuf) -> Self {
        Self::start_log(Database { store: AuditStore::new(db), folder: checkpoints }, clock, keys)
    }

    /// A writer that seals entries and drops them: what measurements compare the real one with. No setting leads here.
    #[must_use]
    pub fn to_nowhere(clock: &Clock, keys: AuditKeys) -> Self {
        Self::start_log(Nowhere, clock, keys)
    }

    pub(super) fn start_log<K: Keep>(keep: K, clock: &Clock, keys: AuditKeys) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::new(clock));
        let id = crate::ids::base32(&crate::clock::random_bytes::<10>());
        let log_id = id.as_str().into();
        let log = Log {
            keep,
            clock: clock.clone(),
            signer: keys.signer,
            shared: Arc::clone(&shared),
            id,
            size: 0,
            chain: chain::START,
            signed: 0,
            last_recorded: None,
        };
        tokio::spawn(log.write_all(jobs));
        Self { queue, sealer: keys.sealer, shared, log_id }
    }

    /// Takes a place for one entry, at once or not at all.
    pub fn reserve(&self) -> Result<Place, Closed> {
        self.queue.clone().try_reserve_owned().map(Place).map_err(|_| Closed)
    }

    /// Takes a place for a request that was turned away: never one of those kept for work, and not for each of thousands.
    pub(super) fn reserve_for_refusal(&self) -> Result<Place, Closed> {
        let may = self.queue.capacity() > KEPT_FOR_WORK && self.shared.refusals.check().is_ok();
        if may { self.reserve() } else { Err(Closed) }
    }

    /// Seals free text.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Counts a request that leaves no entry of its own; a summary says how many there were.
    pub fn count_unrecorded(&self, bytes: u64) {
        self.shared.unrecorded.fetch_add(1, Ordering::Relaxed);
        self.shared.unrecorded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a request that was turned away and has no entry; a summary says how many there were.
    pub(super) fn count_turned_away(&self) {
        self.shared.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the last checkpoint could be stored and published, or none was due.
    #[must_use]
    pub fn checkpoints_well(&self) -> bool {
        !self.shared.checkpoint_failed.load(Ordering::Relaxed)
    }

    /// Whether this process failed to sign its entries, or has left one unsigned for too long.
    pub(super) fn checkpoints_late(&self, now: Timestamp) -> bool {
        let since = self.shared.unsigned_since.load(Ordering::Relaxed);
        let late = Timestamp::from_millisecond(since).is_ok_and(|since| now.duration_since(since) > CHECKPOINT_LATE);
        late || !self.checkpoints_well()
    }

    /// The log that this process writes.
    pub(super) fn log_id(&self) -> &str {
        &self.log_id
    }

    /// Whether the database took the last entries, or none were due. Without it patient data are not served.
    #[must_use]
    pub fn entries_well(&self) -> bool {
        !self.shared.entries_refused.load(Ordering::Relaxed)
    }

    /// Waits until everything queued so far is stored and under a signed checkpoint, at most `limit`.
    pub async fn flush(&self, limit: Duration) {
        let everything = async {
            let (done, answer) = oneshot::channel();
            if self.queue.send(Job::Checkpoint(done)).await.is_ok() {
                let _ = answer.await; // an answer that does not come means the task has ended
            }
        };
        if tokio::time::timeout(limit, everything).await.is_err() {
            error!("the audit trail was not written to its end within {} s", limit.as_secs());
        }
    }
}

impl Place {
    /// Queues the entry; the answer comes when it is stored.
    pub fn write(self, entry: Entry) -> oneshot::Receiver<()> {
        let (stored, answer) = oneshot::channel();
        self.0.send(Job::Entry { entry: Box::new(entry), stored: Some(stored) });
        answer
    }

    /// Queues the entry without waiting for it.
    pub fn write_later(self, entry: Entry) {
        self.0.send(Job::Entry { entry: Box::new(entry), stored: None });
    }
}

/// The log of this process, in the hands of its one writing task.
struct Log<K> {
    keep: K,
    clock: Clock,
    signer: Signer,
    shared: Arc<Shared>,
    id: String,
    /// Entries stored so far.
    size: i64,
    chain: Hash,
    /// Entries under the last checkpoint.
    signed: i64,
    last_recorded: Option<Timestamp>,
}

impl<K: Keep> Log<K> {
    async fn write_all(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut due = tokio::time::interval_at(Instant::now() + CHECKPOINT_EVERY, CHECKPOINT_EVERY);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                count = jobs.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.carry_out(&mut batch).await;
                }
                _ = due.tick() => {
                    self.summarise().await;
                    self.checkpoint().await;
                }
            }
        }
        self.summarise().await;
        self.checkpoint().await;
    }

    async fn carry_out(&mut self, batch: &mut Vec<Job>) {
        let mut entries = Vec::with_capacity(batch.len());
        let mut waiting = Vec::new();
        let mut asked = Vec::new();
        for job in batch.drain(..) {
            match job {
                Job::Entry { entry, stored } => {
                    entries.push(*entry);
                    waiting.extend(stored);
                }
                Job::Checkpoint(done) => asked.push(done),
            }
        }
        if self.append(entries).await {
            for stored in waiting {
                let _ = stored.send(()); // whoever asked may be gone; the entry is stored all the same
            }
        }
        if !asked.is_empty() {
            self.summarise().await;
        }
        if !asked.is_empty() || self.size - self.signed >= CHECKPOINT_ENTRIES {
            self.checkpoint().await;
        }
        for done in asked {
            let _ = done.send(());
        }
    }

    /// Stores entries after those of this log. False means that they cannot be written as documents, which no one can
    /// mend; whoever waits for them is told by silence.
    async fn append(&mut self, mut entries: Vec<Entry>) -> bool {
        if entries.is_empty() {
            return true;
        }
        let mut named = Vec::new();
        if self.size == 0 {
            self.begin().await;
            named = self.heads_to_name().await;
            let opened = Entry {
                kind: EntryKind::Opened,
                heads: Some(named.clone()),
                ..Entry::new(self.clock.now(), &uuid::Uuid::now_v7().to_string())
            };
            entries.insert(0, opened);
        }
        let (mut size, mut chain) = (self.size, self.chain);
        let began = self.clock.now();
        let mut documents = Vec::with_capacity(entries.len());
        for mut entry in entries {
            let recorded = self.clock.now();
            entry.recorded_at = recorded;
            entry.clock_regressed = self.last_recorded.replace(recorded).is_some_and(|last| recorded < last);
            entry.log_id.clone_from(&self.id);
            entry.seq = size;
            entry.id = seal::entry_id(&self.id, size);
            match seal::seal(&entry, &chain) {
                Ok((document, after)) => {
                    documents.push(document);
                    (size, chain) = (size + 1, after);
                }
                Err(error) => {
                    error!(%error, "an audit entry cannot be written as a document");
                    return false;
                }
            }
        }
        self.store(&documents).await;
        let first = self.size == 0;
        if self.size == self.signed {
            self.shared.unsigned_since.store(began.as_millisecond(), Ordering::Relaxed);
        }
        (self.size, self.chain) = (size, chain);
        if first {
            self.checkpoint().await;
            if let Err(error) = self.keep.mark_named(&named).await {
                warn!(%error, "the heads of other logs will be named once more by the next log");
            }
        }
        true
    }

    /// Tries until the database has them.
    async fn store(&self, documents: &[RawDocumentBuf]) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.keep.append(documents).await {
            warn!(%error, entries = documents.len(), "the audit trail was not written; trying again");
            self.shared.entries_refused.store(true, Ordering::Relaxed);
            self.keep.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.shared.entries_refused.store(false, Ordering::Relaxed);
    }

    /// Before the first entry is stored the log is known, so that the next one names it even if this process is killed
    /// between that entry and its checkpoint.
    async fn begin(&self) {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.keep.begin(&self.head(self.clock.now())).await {
            warn!(%error, "the audit trail cannot begin a log; trying again");
            self.keep.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Where the log stands.
    fn head(&self, at: Timestamp) -> LogHead {
        LogHead {
            log_id: self.id.clone(),
            size: self.size,
            chain: HEXLOWER.encode(&self.chain),
            named: false,
            at: Some(at),
        }
    }

    async fn heads_to_name(&self) -> Vec<Head> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.keep.unnamed_heads().await {
                Ok(heads) => return heads,
                Err(error) => warn!(%error, "the audit trail's other logs cannot be read; trying again"),
            }
            self.keep.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Says how many requests there were that have no entry of their own.
    async fn summarise(&mut self) {
        let counts = [
            ("static files and health", &self.shared.unrecorded, Some(&self.shared.unrecorded_bytes)),
            ("turned away while busy", &self.shared.turned_away, None),
        ];
        let mut entries = Vec::new();
        for (what, requests, bytes) in counts {
            let (requests, bytes) =
                (requests.swap(0, Ordering::Relaxed), bytes.map(|bytes| bytes.swap(0, Ordering::Relaxed)));
            if requests > 0 {
                entries.push(Entry {
                    kind: EntryKind::Summary,
                    request: Some(RequestFacts::summary_of(what)),
                    rows: i64::try_from(requests).ok(),
                    bytes: bytes.and_then(|bytes| i64::try_from(bytes).ok()),
                    ..Entry::new(self.clock.now(), &uuid::Uuid::now_v7().to_string())
                });
            }
        }
        self.append(entries).await;
    }

    /// Signs where the log stands, once; stores the note in the database and outside of it.
    async fn checkpoint(&mut self) {
        if self.size == 0 || (self.size == self.signed && self.checkpoints_well()) {
            return;
        }
        let checkpoint =
            Checkpoint { log_id: self.id.clone(), size: self.size, head: self.chain, at: self.clock.now() };
        let note = checkpoint.sign(&self.signer);
        let head = self.head(checkpoint.at);
        let stored = StoredCheckpoint::new(&checkpoint, note.clone(), self.size - self.signed);
        let mut well = true;
        if let Err(error) = self.keep.checkpoint(&stored, &head).await {
            warn!(%error, "a checkpoint of the audit trail was not stored; trying again");
            well = false;
        }
        if let Err(error) = self.keep.publish(&self.id, note).await {
            error!("a checkpoint of the audit trail was not published: {error:#}");
            well = false;
        }
        self.shared.checkpoint_failed.store(!well, Ordering::Relaxed);
        if well {
            self.signed = self.size;
            self.shared.unsigned_since.store(SIGNED, Ordering::Relaxed);
        }
    }

    fn checkpoints_well(&self) -> bool {
        !self.shared.checkpoint_failed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod simulation;
