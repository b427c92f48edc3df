use bson::doc;
use mongodb::IndexModel;
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored, decode};
use crate::ids::{CaseId, InstituteId};

/// What a load writes under before anything is published: the case's identity, and a revision that no other load has.
///
/// It outlives a killed load, so that the next one uses the same identity and finds what was left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// `<institute>/<family>`
    #[serde(rename = "_id")]
    id: String,
    /// Identity of the case.
    pub case_id: CaseId,
    /// Revision of this load.
    pub revision: u32,
}

impl Stored for Reservation {
    const COLLECTION: &'static str = "load_reservations";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// The `load_reservations` collection.
#[derive(Clone)]
pub struct ReservationStore {
    reservations: Documents<Reservation>,
}

impl ReservationStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { reservations: Documents::new(db) }
    }

    /// An identity for the family (`known` when it has one) and the next revision.
    pub async fn take(
        &self,
        _: &SystemScope,
        institute: &InstituteId,
        family: &str,
        known: Option<&CaseId>,
    ) -> Result<Reservation, StoreError> {
        let fresh = known.cloned().unwrap_or_else(CaseId::random);
        let collection = self.reservations.collection().await?;
        // Two first loads at once may both try to insert; the second try finds the first one's document.
        for last_try in [false, true] {
            let taken = collection
                .find_one_and_update(
                    doc! { "_id": format!("{institute}/{family}") },
                    doc! { "$inc": { "revision": 1_i64 }, "$setOnInsert": { "case_id": &fresh } },
                )
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await;
            match taken {
                Ok(Some(raw)) => return decode(Reservation::COLLECTION, &raw),
                Ok(None) => {}
                Err(error) if !last_try && StoreError::is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict("the case's reservation"))
    }

    /// Forgets a deleted case's identity.
    pub async fn forget(&self, _: &SystemScope, case: &CaseId) -> Result<(), StoreError> {
        self.reservations.delete(doc! { "case_id": case }).await?;
        Ok(())
    }
}
