use std::collections::HashMap;

use bson::{DateTime, doc};
use jiff::Timestamp;
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::auth::Principal;
use crate::cases::CaseAccess;
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::{CaseId, UserId};

/// Up to when one person has read one case.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// `<user>/<case>`
    #[serde(rename = "_id")]
    id: String,
    /// Who.
    user: UserId,
    /// What.
    case_id: CaseId,
    /// When the newest was written that they marked as read.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    read_until: Timestamp,
}

impl Stored for Visit {
    const COLLECTION: &'static str = "case_visits";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_case", doc! { "case_id": 1 })]
    }
}

/// The `case_visits` collection.
#[derive(Clone)]
pub struct VisitStore {
    visits: Documents<Visit>,
}

fn id(user: &UserId, case: &CaseId) -> String {
    format!("{user}/{case}")
}

impl VisitStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { visits: Documents::new(db) }
    }

    /// Up to when the reader has read the case; none when they never marked anything in it.
    pub async fn read_until(&self, access: &CaseAccess) -> Result<Option<Timestamp>, StoreError> {
        let user = access.principal().user();
        let visit = self.visits.find_one(doc! { "_id": id(user, &access.case().id), "user": user }).await?;
        Ok(visit.map(|visit| visit.read_until))
    }

    /// The same of several cases, as far as the asker marked anything in them.
    pub async fn read_until_in(
        &self,
        principal: &Principal,
        cases: &[CaseId],
    ) -> Result<HashMap<CaseId, Timestamp>, StoreError> {
        let ids: Vec<String> = cases.iter().map(|case| id(principal.user(), case)).collect();
        let filter = doc! { "_id": { "$in": ids }, "user": principal.user() };
        let visits = self.visits.find(filter, FindOptions::default()).await?;
        Ok(visits.into_iter().map(|visit| (visit.case_id, visit.read_until)).collect())
    }

    /// Notes that the reader has read all until a moment; an earlier one than before changes nothing.
    pub(super) async fn mark_read(&self, access: &CaseAccess, until: Timestamp) -> Result<(), StoreError> {
        let (user, case) = (access.principal().user(), &access.case().id);
        let newest = doc! { "$max": { "read_until": DateTime::from_millis(until.as_millisecond()) } };
        let one = doc! { "_id": id(user, case), "user": user, "case_id": case };
        let visits = self.visits.collection().await?;
        visits.update_one(one, newest).upsert(true).await?;
        Ok(())
    }

    /// Forgets who read a case that is gone.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<u64, StoreError> {
        self.visits.delete(doc! { "case_id": case }).await
    }
}
