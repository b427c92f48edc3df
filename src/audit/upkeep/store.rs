use std::collections::BTreeSet;

use bson::{Bson, DateTime, doc};
use jiff::Timestamp;
use mongodb::options::FindOptions;
use serde::Deserialize;

use crate::audit::checkpoint::StoredCheckpoint;
use crate::audit::entry::{Entry, EntryKind, Head, SEAL, Seal};
use crate::audit::removal::Span;
use crate::audit::store::LogHead;
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError};
use crate::ids::{CaseName, InstituteId};

/// Requests asked for at once.
const AT_ONCE: usize = 1_000;

/// The one thing that takes something out of the trail. Only a command has one, on a connection whose user may.
pub struct UpkeepStore {
    entries: Documents<Entry>,
    checkpoints: Documents<StoredCheckpoint>,
    heads: Documents<LogHead>,
}

/// The place of an entry whose payload can be erased.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Found {
    pub log_id: String,
    pub seq: i64,
    request_id: String,
    #[serde(default)]
    payload: Option<Subjects>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Subjects {
    #[serde(default)]
    subjects: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Named {
    kind: String,
    id: String,
    granted: bool,
}

/// Entries of a log before a day.
#[derive(Deserialize)]
struct Old {
    #[serde(rename = "_id")]
    log_id: String,
}

#[derive(Deserialize)]
struct At {
    seq: i64,
    #[serde(default, rename = "seal")]
    seal: Option<Seal>,
}

fn earlier_than(before: Timestamp) -> bson::Document {
    doc! { "$lt": DateTime::from_millis(before.as_millisecond()) }
}

impl UpkeepStore {
    /// Opens the trail on a connection that may change it.
    #[must_use]
    pub fn new(_: &SystemScope, db: &Db) -> Self {
        Self { entries: Documents::new(db), checkpoints: Documents::new(db), heads: Documents::new(db) }
    }

    /// Entries recorded before a time with a payload that is about a case, asked for by name or found: all entries of
    /// all requests that named it.
    pub(super) async fn about(
        &self,
        institute: &InstituteId,
        case: &CaseName,
        before: Timestamp,
    ) -> Result<BTreeSet<Found>, StoreError> {
        let in_institute = doc! { "$or": [
            { "institute": institute },
            { "payload.subjects": { "$elemMatch": { "kind": "institute", "id": institute.as_str() } } },
        ] };
        let named =
            |ids: Vec<Bson>| doc! { "payload.subjects": { "$elemMatch": { "id": { "$in": ids }, "kind": "case" } } };
        let by_name = doc! { "$and": [named(vec![case.as_str().into()]), in_institute] };
        let mut found = self.found(by_name, before).await?;
        // The identity under which the case was found: a command names it by that.
        let identities: BTreeSet<String> = found
            .iter()
            .flat_map(|entry| entry.payload.iter().flat_map(|payload| &payload.subjects))
            .filter(|subject| subject.granted && subject.kind == "case" && subject.id != case.as_str())
            .map(|subject| subject.id.clone())
            .collect();
        found.extend(self.found(named(identities.into_iter().map(Bson::from).collect()), before).await?);
        let requests: Vec<String> =
            found.iter().map(|entry| entry.request_id.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        for some in requests.chunks(AT_ONCE) {
            found.extend(self.found(doc! { "request_id": { "$in": some } }, before).await?);
        }
        Ok(found)
    }

    async fn found(&self, filter: bson::Document, before: Timestamp) -> Result<BTreeSet<Found>, StoreError> {
        let filter = doc! { "$and": [
            filter,
            { "recorded_at": earlier_than(before) },
            { "payload": { "$exists": true } },
        ] };
        let options = FindOptions::builder()
            .projection(doc! { "log_id": 1, "seq": 1, "request_id": 1, "payload.subjects": 1 })
            .build();
        Ok(self.entries.find_as(filter, options).await?.into_iter().collect())
    }

    /// Erases the payloads of entries, with the salt of their hashes: nobody can guess them either. `record` is the entry
    /// that says so.
    pub(super) async fn erase(&self, spans: &[Span], record: &str) -> Result<(), StoreError> {
        let collection = self.entries.collection().await?;
        for span in spans {
            let entries = doc! { "log_id": &span.log_id, "seq": { "$gte": span.from, "$lt": span.to } };
            let erased = doc! { "$unset": { "payload": "", "seal.salt": "" }, "$set": { "erased": record } };
            collection.update_many(entries, erased).await?;
        }
        Ok(())
    }

    /// Per log, how much of its beginning was recorded before a time, and the chain there; logs that speak of a removal
    /// stay, because without them it would look like tampering.
    pub(super) async fn beginnings(&self, before: Timestamp) -> Result<Vec<Head>, StoreError> {
        let collection = self.entries.collection().await?;
        let speaking: Vec<Bson> = collection.distinct("log_id", doc! { "kind": EntryKind::Removal.as_str() }).await?;
        let old: Vec<Old> = self
            .entries
            .aggregate(vec![
                doc! { "$match": { "recorded_at": earlier_than(before), "log_id": { "$nin": speaking } } },
                doc! { "$group": { "_id": "$log_id" } },
                doc! { "$sort": { "_id": 1 } },
            ])
            .await?;
        let mut beginnings = Vec::with_capacity(old.len());
        for Old { log_id } in old {
            let not_yet =
                doc! { "log_id": &log_id, "recorded_at": { "$gte": DateTime::from_millis(before.as_millisecond()) } };
            let kept = self.edge(not_yet, 1).await?;
            let mut removed = doc! { "log_id": &log_id };
            if let Some(kept) = kept {
                removed.insert("seq", doc! { "$lt": kept.seq });
            }
            if let Some(At { seq, seal: Some(seal) }) = self.edge(removed, -1).await? {
                let chain = data_encoding::HEXLOWER.encode(&seal.chain.bytes);
                beginnings.push(Head { log_id, size: seq + 1, chain });
            }
        }
        Ok(beginnings)
    }

    /// The first (1) or last (-1) entry that fits.
    async fn edge(&self, filter: bson::Document, order: i32) -> Result<Option<At>, StoreError> {
        let options = FindOptions::builder()
            .projection(doc! { "seq": 1, SEAL: 1 })
            .sort(doc! { "log_id": order, "seq": order })
            .limit(1)
            .build();
        Ok(self.entries.find_as(filter, options).await?.pop())
    }

    /// Removes the beginnings of logs, with the checkpoints that only they were under; how many entries.
    pub(super) async fn remove(&self, beginnings: &[Head]) -> Result<u64, StoreError> {
        let mut removed = 0;
        for head in beginnings {
            removed += self.entries.delete(doc! { "log_id": &head.log_id, "seq": { "$lt": head.size } }).await?;
            self.checkpoints.delete(doc! { "log_id": &head.log_id, "size": { "$lt": head.size } }).await?;
            // Where the next log looks for what it has to name: a log that is gone needs no naming.
            self.heads.delete(doc! { "_id": &head.log_id, "size": { "$lte": head.size } }).await?;
        }
        Ok(removed)
    }

    /// What earlier runs said they would remove: a run that was killed is finished by the next one.
    pub(super) async fn promised(&self) -> Result<Vec<Head>, StoreError> {
        let said = self.entries.find(doc! { "kind": EntryKind::Removal.as_str() }, FindOptions::default()).await?;
        Ok(said.into_iter().filter_map(|entry| entry.removal).flat_map(|removal| removal.pruned).collect())
    }
}
