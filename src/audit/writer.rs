use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use super::entry::Entry;
use crate::db::{Db, Documents, StoreError};

/// Entries that may wait; beyond it requests are refused before work starts.
const QUEUE: usize = 4096;
/// Entries written by one command.
const BATCH: usize = 512;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The one way into the trail: a queue in front of a task that appends in batches (group commit).
///
/// The sequence within a process has no gaps: a batch that fails is tried again until it is stored, and because entries
/// have fixed ids, one that was stored without our knowing is not stored twice.
#[derive(Clone)]
pub struct AuditWriter {
    queue: mpsc::Sender<Job>,
}

/// An entry to store, or none: then the answer only tells that all before it are stored.
struct Job {
    entry: Option<Entry>,
    stored: Option<oneshot::Sender<()>>,
}

/// A place in the queue, taken before the work starts, so that its entry cannot be lost.
pub struct Place(mpsc::OwnedPermit<Job>);

/// The trail takes no more entries: the queue is full, or the program is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail cannot take more entries now")]
pub struct Closed;

impl AuditWriter {
    /// Starts the writing task. It ends after all clones are gone and the queue is empty.
    #[must_use]
    pub fn start(db: &Db) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(Documents::new(db), jobs));
        Self { queue }
    }

    /// Takes a place for one entry, at once or not at all.
    pub fn reserve(&self) -> Result<Place, Closed> {
        self.queue.clone().try_reserve_owned().map(Place).map_err(|_| Closed)
    }

    /// Waits until everything queued so far is stored, at most `limit`.
    pub async fn flush(&self, limit: Duration) {
        let everything = async {
            let (stored, answer) = oneshot::channel();
            if self.queue.send(Job { entry: None, stored: Some(stored) }).await.is_ok() {
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
        self.0.send(Job { entry: Some(entry), stored: Some(stored) });
        answer
    }

    /// Queues the entry without waiting for it.
    pub fn write_later(self, entry: Entry) {
        self.0.send(Job { entry: Some(entry), stored: None });
    }
}

async fn write_all(entries: Documents<Entry>, mut jobs: mpsc::Receiver<Job>) {
    let log_id = crate::ids::base32(&crate::clock::random_bytes::<10>());
    let mut next = 0_i64;
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let mut documents = Vec::with_capacity(batch.len());
        let mut waiting = Vec::new();
        for Job { entry, stored } in batch.drain(..) {
            let Some(mut entry) = entry else {
                waiting.extend(stored);
                continue;
            };
            entry.log_id.clone_from(&log_id);
            entry.seq = next;
            entry.id = format!("{log_id}-{next:012}");
            match Documents::<Entry>::encode(&entry) {
                Ok(document) => {
                    documents.push(document);
                    next += 1;
                    waiting.extend(stored);
                }
                // Whoever waits for it is told by the silence.
                Err(error) => error!(%error, "an audit entry cannot be written as a document"),
            }
        }
        if !documents.is_empty() {
            store(&entries, &documents).await;
        }
        for stored in waiting {
            let _ = stored.send(()); // whoever asked may be gone; the entry is stored all the same
        }
    }
}

async fn store(entries: &Documents<Entry>, documents: &[bson::RawDocumentBuf]) {
    let mut pause = FIRST_PAUSE;
    loop {
        match entries.insert_many(documents).await {
            Ok(()) => return,
            Err(StoreError::Database(error)) if only_duplicates(&error) => return,
            Err(error) => warn!(%error, entries = documents.len(), "the audit trail was not written; trying again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// All that was refused is stored already: an earlier try succeeded without our knowing.
fn only_duplicates(error: &mongodb::error::Error) -> bool {
    match error.kind.as_ref() {
        mongodb::error::ErrorKind::InsertMany(error) => {
            error.write_concern_error.is_none()
                && error.write_errors.as_ref().is_some_and(|errors| errors.iter().all(|error| error.code == 11_000))
        }
        _ => false,
    }
}
