use bson::{DateTime, doc};
use jiff::Timestamp;
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::audit::access::{AuditAccess, Auditor};
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::{CaseName, InstituteId};

/// Newest decisions on the page.
const SHOWN: i64 = 200;

/// That what the trail says about a case is to be erased, as far as its retention period has passed.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Erasure {
    /// Random.
    #[serde(rename = "_id")]
    pub id: String,
    /// The institute that had the case.
    pub institute: InstituteId,
    /// The case's name; gone once the erasure is carried out or withdrawn.
    pub case: Option<CaseName>,
    /// The law, and what was decided.
    pub legal_basis: String,
    /// Who asked.
    pub asked_by: Auditor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub asked_at: Timestamp,
    /// Who agreed; never who asked.
    pub agreed_by: Option<Auditor>,
    /// When.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub agreed_at: Option<Timestamp>,
    /// Who withdrew it.
    pub withdrawn_by: Option<Auditor>,
    /// When it was carried out or withdrawn.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// Entries whose payload was erased.
    pub entries: Option<i64>,
    /// Counts changes of the document.
    pub rev: i64,
}

/// Where an erasure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A second auditor has to agree.
    Asked,
    /// The command has to be run.
    Agreed,
    /// It was carried out.
    Done,
    /// Somebody took it back.
    Withdrawn,
}

impl Erasure {
    pub(super) fn state(&self) -> State {
        match (&self.withdrawn_by, self.ended_at, &self.agreed_by) {
            (Some(_), ..) => State::Withdrawn,
            (None, Some(_), _) => State::Done,
            (None, None, Some(_)) => State::Agreed,
            (None, None, None) => State::Asked,
        }
    }
}

impl Stored for Erasure {
    const COLLECTION: &'static str = "audit_erasures";

    fn indexes() -> Vec<IndexModel> {
        vec![index("by_time", doc! { "asked_at": -1 })]
    }
}

/// The `audit_erasures` collection.
#[derive(Clone)]
pub struct ErasureStore {
    erasures: Documents<Erasure>,
}

fn time(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

impl ErasureStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { erasures: Documents::new(db) }
    }

    /// What was asked for within the scope, newest first.
    pub(super) async fn all(&self, access: &AuditAccess) -> Result<Vec<Erasure>, StoreError> {
        let newest_first = FindOptions::builder().sort(doc! { "asked_at": -1 }).limit(SHOWN).build();
        self.erasures.find(access.scope().filter(), newest_first).await
    }

    pub(super) async fn find(&self, access: &AuditAccess, id: &str) -> Result<Option<Erasure>, StoreError> {
        let mut filter = access.scope().filter();
        filter.insert("_id", id);
        self.erasures.find_one(filter).await
    }

    pub(super) async fn add(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.erasures.insert(erasure, "this erasure").await
    }

    /// Agrees once, and never for the one who asked.
    pub(super) async fn agree(
        &self,
        erasure: &Erasure,
        rev: i64,
        by: &Auditor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let as_shown = doc! {
            "_id": &erasure.id,
            "rev": rev,
            "agreed_at": { "$exists": false },
            "ended_at": { "$exists": false },
            "asked_by.user": { "$ne": &by.user },
        };
        let set = doc! { "agreed_by": { "user": &by.user, "name": &by.name }, "agreed_at": time(now) };
        self.erasures.update_one(as_shown, doc! { "$set": set, "$inc": { "rev": 1_i64 } }).await
    }

    /// Takes back what was not carried out; the case's name goes with it.
    pub(super) async fn withdraw(
        &self,
        erasure: &Erasure,
        rev: i64,
        by: &Auditor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let as_shown = doc! { "_id": &erasure.id, "rev": rev, "ended_at": { "$exists": false } };
        let set = doc! { "withdrawn_by": { "user": &by.user, "name": &by.name }, "ended_at": time(now) };
        let update = doc! { "$set": set, "$unset": { "case": "" }, "$inc": { "rev": 1_i64 } };
        self.erasures.update_one(as_shown, update).await
    }

    /// What two people agreed on and nobody carried out.
    pub(super) async fn agreed(&self, _: &SystemScope) -> Result<Vec<Erasure>, StoreError> {
        let waiting = doc! { "agreed_at": { "$exists": true }, "ended_at": { "$exists": false } };
        self.erasures.find(waiting, FindOptions::builder().sort(doc! { "agreed_at": 1 }).build()).await
    }

    /// Carried out as it stood; false when somebody withdrew it meanwhile.
    pub(super) async fn done(&self, erasure: &Erasure, entries: i64, now: Timestamp) -> Result<bool, StoreError> {
        let as_read = doc! { "_id": &erasure.id, "rev": erasure.rev };
        let set = doc! { "ended_at": time(now), "entries": entries };
        let update = doc! { "$set": set, "$unset": { "case": "" }, "$inc": { "rev": 1_i64 } };
        self.erasures.update_one(as_read, update).await
    }
}
