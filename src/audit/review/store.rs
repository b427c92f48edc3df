use std::collections::HashSet;

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use futures::future::try_join_all;
use jiff::Timestamp;
use mongodb::options::FindOptions;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::density::Direction;
use super::steps::Steps;
use crate::audit::access::{AuditAccess, AuditScope};
use crate::audit::checkpoint::StoredCheckpoint;
use crate::audit::entry::{Entry, EntryKind, Outcome};
use crate::clock::Clock;
use crate::db::{Db, Documents, StoreError};
use crate::ids::UserId;

/// Reads entries for auditors; writes nothing.
#[derive(Clone)]
pub(super) struct ReviewStore {
    entries: Documents<Entry>,
    checkpoints: Documents<StoredCheckpoint>,
    /// How many there are when.
    pub steps: Steps,
}

/// Whose entries a view reads, and from where to where.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// Whatever the scope holds.
    All,
    /// What these people did.
    People(Vec<UserId>),
    /// What was asked for under one of these names.
    Subjects(Vec<String>),
    /// What ended so.
    Ending(Outcome),
}

/// Entries of one kind under one key within a scope: all that a range of time is missing to be a query.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// The index.
    pub key: Key,
    /// Intents or outcomes.
    pub kind: EntryKind,
    /// The asker's scope, or a part of it.
    pub scope: AuditScope,
}

/// Entries of a stretch of the way.
#[derive(Debug)]
pub(super) struct Part {
    pub entries: Vec<Entry>,
    /// The place before which it holds all that there are, where it does not reach the end of the stretch.
    pub until: Option<i64>,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(rename = "_id")]
    id: String,
    request_id: String,
}

fn range(from: Timestamp, to: Timestamp) -> Document {
    doc! { "$gte": time(from), "$lt": time(to) }
}

fn time(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

/// Entries of the whole trail that are read first for what only some of them fit: as many requests as a view may read.
const FIRST_OF_SOME: i64 = 10_000;

/// Documents of an answer of the database.
const BATCH: u32 = 6_000;

impl Selection {
    /// Entries of the whole trail among which `wanted` may be found. A request leaves two entries.
    pub(super) fn first_range(&self, wanted: usize) -> i64 {
        match self.key {
            Key::All => i64::try_from(wanted * 5 / 2).unwrap_or(FIRST_OF_SOME),
            Key::People(_) | Key::Subjects(_) | Key::Ending(_) => FIRST_OF_SOME,
        }
    }

    fn filter(&self, from: Timestamp, to: Timestamp) -> Document {
        let mut filter = Document::new();
        let one_of = |all: Vec<Bson>| match <[Bson; 1]>::try_from(all) {
            Ok([only]) => only,
            Err(several) => doc! { "$in": several }.into(),
        };
        match &self.key {
            Key::All => {}
            Key::People(people) => {
                filter.insert("agent.user", one_of(people.iter().map(Bson::from).collect()));
            }
            Key::Subjects(names) => {
                filter.insert("payload.subjects.id", one_of(names.iter().map(Bson::from).collect()));
            }
            Key::Ending(outcome) => {
                filter.insert("outcome", outcome.as_str());
            }
        }
        filter.insert("kind", self.kind.as_str());
        filter.insert("occurred_at", range(from, to));
        filter
    }
}

impl ReviewStore {
    pub(super) fn new(db: &Db, clock: &Clock) -> Self {
        Self { entries: Documents::new(db), checkpoints: Documents::new(db), steps: Steps::new(db, clock) }
    }

    fn within(access: &AuditAccess, selection: &Selection) -> bool {
        // A part of the asker's scope, whatever the caller made of it.
        access.scope().is_everything()
            || (!selection.scope.is_everything()
                && selection.scope.institutes().all(|institute| access.scope().covers(Some(institute))))
    }

    /// What fits within a scope, in any order.
    async fn in_scope<T: DeserializeOwned>(
        &self,
        scope: &AuditScope,
        condition: &Document,
        options: FindOptions,
    ) -> Result<Vec<T>, StoreError> {
        Ok(self.of_scopes(scope, condition, options).await?.into_iter().flatten().collect())
    }

    /// The same, by each of the filters that make the scope up.
    async fn of_scopes<T: DeserializeOwned>(
        &self,
        scope: &AuditScope,
        condition: &Document,
        options: FindOptions,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        let found = scope.entry_filters().into_iter().map(|mut filter| {
            filter.extend(condition.clone());
            self.entries.find_as::<T>(filter, options.clone())
        });
        try_join_all(found).await
    }

    /// The entries of a selection between two places on the way, in any order; where there are more than `most`, the first
    /// ones, up to a moment of which all are there.
    pub(super) async fn first_entries(
        &self,
        access: &AuditAccess,
        selection: &Selection,
        direction: Direction,
        (start, end): (i64, i64),
        most: Option<i64>,
    ) -> Result<Part, StoreError> {
        if !Self::within(access, selection) {
            return Ok(Part { entries: Vec::new(), until: None });
        }
        let (from, to) = direction.between(start, end);
        let options = FindOptions::builder().sort(direction.order()).limit(most).batch_size(BATCH).build();
        let found = self.of_scopes::<Entry>(&selection.scope, &selection.filter(from, to), options).await?;
        let place = |entry: &Entry| direction.place(entry.occurred_at.as_millisecond());
        let is_cut = |part: &&Vec<Entry>| most.is_some_and(|most| i64::try_from(part.len()) == Ok(most));
        // Of what happened at the last moment of a part that is cut, some may be missing.
        let until = found.iter().filter(is_cut).filter_map(|part| part.iter().map(place).max()).min();
        let mut entries: Vec<Entry> = found.into_iter().flatten().collect();
        entries.retain(|entry| until.is_none_or(|until| place(entry) < until));
        Ok(Part { entries, until })
    }

    /// Intents of a selection in `from..to` whose request has no outcome anywhere.
    pub(super) async fn never_ended(
        &self,
        access: &AuditAccess,
        selection: &Selection,
        from: Timestamp,
        to: Timestamp,
        ended: &HashSet<&str>,
    ) -> Result<Vec<Entry>, StoreError> {
        if !Self::within(access, selection) {
            return Ok(Vec::new());
        }
        let intents = Selection { kind: EntryKind::Intent, ..selection.clone() };
        let options = FindOptions::builder().projection(doc! { "request_id": 1 }).batch_size(BATCH).build();
        let mut begun: Vec<Begun> = self.in_scope(&intents.scope, &intents.filter(from, to), options).await?;
        begun.retain(|intent| !ended.contains(intent.request_id.as_str()));
        let asked: Vec<&str> = begun.iter().map(|intent| intent.request_id.as_str()).collect();
        let outcomes = self.ended(&asked).await?;
        begun.retain(|intent| !outcomes.contains(&intent.request_id));
        if begun.is_empty() {
            return Ok(Vec::new());
        }
        let ids = doc! { "_id": { "$in": begun.iter().map(|intent| intent.id.as_str()).collect::<Vec<_>>() } };
        self.in_scope(&selection.scope, &ids, FindOptions::default()).await
    }

    /// Which of these requests have an outcome, asked without a scope: a refusal is nobody's, and only that it exists is
    /// learnt.
    pub(super) async fn ended(&self, requests: &[&str]) -> Result<HashSet<String>, StoreError> {
        if requests.is_empty() {
            return Ok(HashSet::new());
        }
        let options = FindOptions::builder().projection(doc! { "request_id": 1 }).batch_size(BATCH).build();
        let filter = doc! { "request_id": { "$in": requests }, "kind": EntryKind::Outcome.as_str() };
        let outcomes: Vec<Begun> = self.entries.find_as(filter, options).await?;
        Ok(outcomes.into_iter().map(|outcome| outcome.request_id).collect())
    }

    /// The entry with this id and the other one of its request, as they are stored.
    pub(super) async fn request_of(
        &self,
        access: &AuditAccess,
        id: &str,
    ) -> Result<Vec<(Entry, RawDocumentBuf)>, StoreError> {
        let found: Vec<Begun> = self.in_scope(access.scope(), &doc! { "_id": id }, FindOptions::default()).await?;
        let Some(found) = found.into_iter().next() else { return Ok(Vec::new()) };
        let whole: Vec<RawDocumentBuf> =
            self.entries.find_as(doc! { "request_id": &found.request_id }, FindOptions::default()).await?;
        let mut whole: Vec<(Entry, RawDocumentBuf)> = whole
            .into_iter()
            .map(|raw| Ok((crate::db::decode::<Entry>("audit", &raw)?, raw)))
            .collect::<Result<_, StoreError>>()?;
        whole.sort_by_key(|(entry, _)| entry.seq);
        // The outcome knows who was concerned; the intent only what was asked for.
        let decides = whole.iter().find(|(entry, _)| entry.kind == EntryKind::Outcome).or(whole.first());
        let covered = decides.is_some_and(|(entry, _)| access.scope().covers_entry(entry));
        Ok(if covered { whole } else { Vec::new() })
    }

    /// Entries as they are stored, for exports.
    pub(super) async fn stored(&self, access: &AuditAccess, ids: &[&str]) -> Result<Vec<RawDocumentBuf>, StoreError> {
        let options = FindOptions::builder().batch_size(BATCH).build();
        self.in_scope(access.scope(), &doc! { "_id": { "$in": ids } }, options).await
    }

    /// The signed note of the newest checkpoint in `from..to`.
    pub(super) async fn latest_note(&self, from: Timestamp, to: Timestamp) -> Result<Option<String>, StoreError> {
        let found = self.checkpoints.find(doc! { "at": range(from, to) }, FindOptions::default()).await?;
        Ok(found.into_iter().max_by_key(|checkpoint| checkpoint.at).map(|checkpoint| checkpoint.note))
    }
}
