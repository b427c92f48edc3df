use std::collections::BTreeMap;

use bson::{Document, doc};
use jiff::Timestamp;
use mongodb::ClientSession;
use mongodb::options::FindOptions;

use super::model::{CaseState, Decision, Flag, PersonState, Progress, Review};
use super::rules::{Memory, Rule};
use crate::audit::access::AuditAccess;
use crate::db::{Db, Documents, StoreError, unless_conflict};

/// Flags on a page.
pub(super) const SHOWN: i64 = 200;
const PROGRESS: &str = "progress";

/// Flags, and what the rules remember. Flags are added, and reviews to them; neither is ever taken away.
#[derive(Clone)]
pub struct FlagStore {
    flags: Documents<Flag>,
    people: Documents<PersonState>,
    cases: Documents<CaseState>,
    progress: Documents<Progress>,
}

/// What a list of flags is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagQuery {
    /// Only this rule.
    pub rule: Option<Rule>,
    /// Only about this user, by identity or the name at that time.
    pub person: Option<String>,
    /// Only of this institute.
    pub institute: Option<String>,
    /// Only open or only closed ones.
    pub open: Option<bool>,
}

/// What one batch of entries brought, stored as a whole or not at all.
pub(super) struct Batch<'a> {
    pub known_rev: i64,
    pub progress: &'a Progress,
    pub memory: &'a Memory,
    pub flags: &'a [Flag],
}

impl FlagStore {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self {
            flags: Documents::new(db),
            people: Documents::new(db),
            cases: Documents::new(db),
            progress: Documents::new(db),
        }
    }

    /// Flags the reviewer may see: open ones first, of those the oldest.
    pub async fn list(&self, reviewer: &AuditAccess, query: &FlagQuery) -> Result<Vec<Flag>, StoreError> {
        let mut and = vec![reviewer.scope().filter()];
        if let Some(rule) = query.rule {
            and.push(doc! { "rule": rule.as_str() });
        }
        if let Some(person) = &query.person {
            and.push(doc! { "$or": [{ "person": person }, { "name": person }] });
        }
        if let Some(institute) = &query.institute {
            and.push(doc! { "institute": institute });
        }
        if let Some(open) = query.open {
            and.push(doc! { "open": open });
        }
        let options = FindOptions::builder().sort(doc! { "open": -1, "raised_at": 1 }).limit(SHOWN).build();
        self.flags.find(doc! { "$and": and }, options).await
    }

    /// One flag the reviewer may see.
    pub async fn find(&self, reviewer: &AuditAccess, id: &str) -> Result<Option<Flag>, StoreError> {
        self.flags.find_one(doc! { "$and": [reviewer.scope().filter(), { "_id": id }] }).await
    }

    /// All open flags, oldest first; for the command on the machine.
    pub async fn open(&self) -> Result<Vec<Flag>, StoreError> {
        self.flags.find(doc! { "open": true }, FindOptions::builder().sort(doc! { "raised_at": 1 }).build()).await
    }

    /// Adds a review to the flag with revision `rev`; the caller was let in as its reviewer.
    pub async fn review(&self, flag: &Flag, rev: i64, review: &Review) -> Result<(), StoreError> {
        let added = bson::serialize_to_document(review)
            .map_err(|error| StoreError::Unwritable { collection: "audit_flags", reason: error.to_string() })?;
        let update = doc! {
            "$push": { "reviews": added },
            "$set": { "open": review.decision == Decision::FollowUp },
            "$inc": { "rev": 1 },
        };
        let changed = self.flags.update_one(doc! { "_id": &flag.id, "rev": rev }, update).await?;
        if changed { Ok(()) } else { Err(StoreError::Conflict("the flag")) }
    }

    /// When the trail was searched last.
    pub async fn searched_at(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.progress().await?.looked_at)
    }

    pub(super) async fn progress(&self) -> Result<Progress, StoreError> {
        let found = self.progress.find_one(doc! { "_id": PROGRESS }).await?;
        Ok(found.unwrap_or_else(|| Progress { id: PROGRESS.to_owned(), ..Progress::default() }))
    }

    /// What the rules remember of these people and cases, with what reviewers found to be fine since.
    pub(super) async fn memory(
        &self,
        progress: &Progress,
        who: &[&str],
        cases: &[&str],
        now: Timestamp,
    ) -> Result<Memory, StoreError> {
        let one_of = |ids: &[&str]| doc! { "_id": { "$in": ids.to_vec() } };
        let people = self.people.find(one_of(who), FindOptions::default()).await?;
        let cases = self.cases.find(one_of(cases), FindOptions::default()).await?;
        let mut memory = Memory {
            people: people.into_iter().map(|state| (state.who, state.person)).collect(),
            cases: cases.into_iter().map(|state| (state.case, state.work)).collect::<BTreeMap<_, _>>(),
            shared: progress.shared.clone(),
        };
        let fine = doc! { "person": { "$in": who.to_vec() }, "rule": Rule::NoRelation.as_str(), "open": false };
        for flag in self.flags.find(fine, FindOptions::default()).await? {
            if let (Some(person), Some(case), Some(Decision::Fine)) = (&flag.person, &flag.case, flag.decision()) {
                memory.people.entry(person.clone()).or_default().relations.clear(case, now);
            }
        }
        Ok(memory)
    }

    /// Those of these flags that were raised before.
    pub(super) async fn known(&self, flags: &[Flag]) -> Result<Vec<String>, StoreError> {
        let ids: Vec<&str> = flags.iter().map(|flag| flag.id.as_str()).collect();
        let known = self.flags.find(doc! { "_id": { "$in": ids } }, FindOptions::default()).await?;
        Ok(known.into_iter().map(|flag| flag.id).collect())
    }

    /// Makes the collections; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.flags.collection().await?;
        self.people.collection().await?;
        self.cases.collection().await?;
        self.progress.collection().await?;
        // Whoever comes second finds it there.
        match self.progress.insert(&Progress { id: PROGRESS.to_owned(), ..Progress::default() }, "the progress").await {
            Ok(()) | Err(StoreError::Exists(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stores a batch, unless another process was faster: then nothing of it.
    pub(super) async fn commit(&self, batch: &Batch<'_>) -> Result<bool, StoreError> {
        let mut transaction = self.flags.db().begin().await?;
        loop {
            let work = self.write(&mut transaction.session, batch).await;
            if let Some(written) = transaction.end(work).await {
                return unless_conflict(written);
            }
        }
    }

    async fn write(&self, session: &mut ClientSession, batch: &Batch<'_>) -> Result<(), StoreError> {
        let own = doc! { "_id": PROGRESS, "rev": batch.known_rev };
        let progress = Documents::encode(batch.progress)?;
        let changed = self.progress.collection().await?.replace_one(own, progress).session(&mut *session).await?;
        if changed.matched_count != 1 {
            return Err(StoreError::Conflict("the progress of flags"));
        }
        for (who, person) in &batch.memory.people {
            let state = PersonState { who: who.clone(), person: person.clone() };
            put(&self.people, session, who, &state).await?;
        }
        for (case, work) in &batch.memory.cases {
            let state = CaseState { case: case.clone(), work: work.clone() };
            put(&self.cases, session, case, &state).await?;
        }
        for flag in batch.flags {
            // Raised already: it stays as it is, with its reviews.
            let known: Document = doc! { "_id": &flag.id };
            if self.flags.collection().await?.find_one(known).session(&mut *session).await?.is_none() {
                self.flags.insert_in(session, flag, "this flag").await?;
            }
        }
        Ok(())
    }
}

async fn put<T: crate::db::Stored>(
    documents: &Documents<T>,
    session: &mut ClientSession,
    id: &str,
    value: &T,
) -> Result<(), StoreError> {
    let replacement = Documents::encode(value)?;
    let collection = documents.collection().await?;
    collection.replace_one(doc! { "_id": id }, replacement).upsert(true).session(session).await?;
    Ok(())
}
