use bson::{Document, RawDocumentBuf, doc};
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::checkpoint::StoredCheckpoint;
use super::entry::{Entry, Head, SEAL};
use crate::db::{Db, Documents, StoreError, Stored, index};

/// The trail's collections. Entries and checkpoints are added and read, never changed.
#[derive(Clone)]
pub struct AuditStore {
    entries: Documents<Entry>,
    checkpoints: Documents<StoredCheckpoint>,
    heads: Documents<LogHead>,
}

/// How much clocks of processes that share a database may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// How far a log had come at its last checkpoint: where the next log looks for what it has to name. Proves nothing.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogHead {
    /// The log.
    #[serde(rename = "_id")]
    pub(super) log_id: String,
    /// Entries so far.
    pub(super) size: i64,
    /// Its chain, in hexadecimal.
    pub(super) chain: String,
    /// Whether the first entry of another log names this head.
    pub(super) named: bool,
    /// When it was signed.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub(super) at: Option<Timestamp>,
}

impl Stored for LogHead {
    const COLLECTION: &'static str = "audit_heads";

    fn indexes() -> Vec<IndexModel> {
        vec![index("unnamed", doc! { "named": 1 }), index("by_time", doc! { "at": -1 })]
    }
}

/// The trail's collections with their indexes.
#[must_use]
pub fn collections() -> Vec<(&'static str, Vec<IndexModel>)> {
    let mut all = vec![
        (Entry::COLLECTION, Entry::indexes()),
        (StoredCheckpoint::COLLECTION, StoredCheckpoint::indexes()),
        (LogHead::COLLECTION, LogHead::indexes()),
    ];
    all.extend(super::review::collections());
    all.extend(super::flags::collections());
    all.extend(super::upkeep::collections());
    all.push((super::verification::Verification::COLLECTION, super::verification::Verification::indexes()));
    all
}

impl AuditStore {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { entries: Documents::new(db), checkpoints: Documents::new(db), heads: Documents::new(db) }
    }

    /// Creates the indexes of the collections, once.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.entries.prepare().await?;
        self.checkpoints.prepare().await?;
        self.heads.prepare().await
    }

    /// Appends sealed entries; one that is stored already, by an earlier try, is not stored twice.
    pub(super) async fn append(&self, entries: &[RawDocumentBuf]) -> Result<(), StoreError> {
        match self.entries.insert_many(entries).await {
            Err(StoreError::Database(error)) if only_duplicates(&error) => Ok(()),
            other => other,
        }
    }

    /// Heads that no log names yet, brought up to the last entry stored: a killed process signed no last checkpoint.
    pub(super) async fn unnamed_heads(&self) -> Result<Vec<Head>, StoreError> {
        let heads = self.heads.find(doc! { "named": false }, FindOptions::default()).await?;
        let mut found = Vec::with_capacity(heads.len());
        for head in heads {
            let later = doc! { "log_id": &head.log_id, "seq": { "$gte": head.size } };
            let tail: Vec<Tail> = self
                .entries
                .find_as(
                    later,
                    FindOptions::builder()
                        .projection(doc! { "seq": 1, SEAL: 1 })
                        .sort(doc! { "log_id": 1, "seq": 1 })
                        .build(),
                )
                .await?;
            match tail.last() {
                Some(last) => found.push(Head {
                    log_id: head.log_id,
                    size: last.seq + 1,
                    chain: data_encoding::HEXLOWER.encode(&last.seal.chain.bytes),
                }),
                None if head.size == 0 => {} // it was about to begin
                None => found.push(Head { log_id: head.log_id, size: head.size, chain: head.chain }),
            }
        }
        Ok(found)
    }

    /// Remembers that these heads are named now; one that grew meanwhile stays unnamed.
    pub(super) async fn mark_named(&self, heads: &[Head]) -> Result<(), StoreError> {
        for head in heads {
            let known = doc! { "_id": &head.log_id, "size": { "$lte": head.size } };
            self.heads.update_one(known, doc! { "$set": { "named": true } }).await?;
        }
        Ok(())
    }

    /// Remembers a log that is about to begin.
    pub(super) async fn begin(&self, head: &LogHead) -> Result<(), StoreError> {
        self.heads.upsert(doc! { "_id": &head.log_id }, head).await
    }

    /// Stores a checkpoint and where its log stands.
    pub(super) async fn checkpoint(&self, checkpoint: &StoredCheckpoint, head: &LogHead) -> Result<(), StoreError> {
        match self.checkpoints.insert(checkpoint, "this checkpoint").await {
            Ok(()) | Err(StoreError::Exists(_)) => {}
            Err(error) => return Err(error),
        }
        self.heads.upsert(doc! { "_id": &head.log_id }, head).await
    }

    /// All signed notes.
    pub async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let all = FindOptions::builder().sort(doc! { "log_id": 1, "size": -1 }).build();
        let stored = self.checkpoints.find(doc! {}, all).await?;
        Ok(stored.into_iter().map(|checkpoint| checkpoint.note).collect())
    }

    /// Signed notes of a log that cover more than `size` entries.
    pub(super) async fn notes_of(&self, log: &str, size: i64) -> Result<Vec<String>, StoreError> {
        let newer = doc! { "log_id": log, "size": { "$gt": size } };
        let stored = self.checkpoints.find(newer, FindOptions::default()).await?;
        Ok(stored.into_iter().map(|checkpoint| checkpoint.note).collect())
    }

    /// Heads signed since `at`, in order of their logs; all when none is given.
    pub(super) async fn heads_since(&self, at: Option<Timestamp>) -> Result<Vec<LogHead>, StoreError> {
        let filter = match at {
            Some(at) => doc! { "at": { "$gte": bson::DateTime::from_millis(at.as_millisecond()) } },
            None => doc! {},
        };
        self.heads.find(filter, FindOptions::builder().sort(doc! { "_id": 1 }).build()).await
    }

    /// When the trail was last signed, if that is later than now.
    pub async fn signed_in_the_future(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(ahead(&self.heads_since(Some(now)).await?, now))
    }

    /// Entries of a log from a place in it on, in their order.
    pub(super) async fn entries_from(&self, log: &str, seq: i64, limit: i64) -> Result<Vec<Entry>, StoreError> {
        let options = FindOptions::builder().sort(doc! { "log_id": 1, "seq": 1 }).limit(limit).build();
        self.entries.find(doc! { "log_id": log, "seq": { "$gte": seq } }, options).await
    }

    /// When the first entry of a log from a place in it on was recorded: all that is read of it.
    pub(super) async fn recorded_at(&self, log: &str, seq: i64) -> Result<Option<Timestamp>, StoreError> {
        let options = FindOptions::builder().sort(doc! { "log_id": 1, "seq": 1 }).limit(1);
        let options = options.projection(doc! { "recorded_at": 1 }).build();
        let from = doc! { "log_id": log, "seq": { "$gte": seq } };
        let found: Vec<Recorded> = self.entries.find_as(from, options).await?;
        Ok(found.first().map(|entry| entry.recorded_at))
    }

    /// How many entries of a log are under a checkpoint or named by a later log, and whether the latter.
    pub(super) async fn signed(&self, log: &str) -> Result<(i64, bool), StoreError> {
        let head = self.heads.find_one(doc! { "_id": log }).await?;
        Ok(head.map_or((0, false), |head| (head.size, head.named)))
    }

    /// Hands each entry that fits to `take`, log by log in its sequence, as it stands in the database.
    pub async fn walk<E: From<StoreError>>(
        &self,
        filter: Document,
        mut take: impl FnMut(RawDocumentBuf) -> Result<(), E>,
    ) -> Result<(), E> {
        let collection = self.entries.collection().await?;
        let mut cursor = collection
            .find(filter)
            .sort(doc! { "log_id": 1, "seq": 1 })
            .batch_size(1_000)
            .await
            .map_err(StoreError::from)?;
        while let Some(entry) = cursor.try_next().await.map_err(StoreError::from)? {
            take(entry)?;
        }
        Ok(())
    }
}

/// When the newest of these heads was signed, if that is later than now by more than clocks that agree may differ: then
/// either the clock it was signed by was wrong, or this one is.
pub(super) fn ahead(heads: &[LogHead], now: Timestamp) -> Option<Timestamp> {
    let newest = heads.iter().filter_map(|head| head.at).max();
    newest.filter(|at| at.duration_since(now) > CLOCKS_DIFFER)
}

#[serde_as]
#[derive(Deserialize)]
struct Recorded {
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    recorded_at: Timestamp,
}

#[derive(Deserialize)]
struct Tail {
    seq: i64,
    seal: super::entry::Seal,
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
