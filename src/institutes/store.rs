use bson::{Bson, doc};
use mongodb::ClientSession;
use mongodb::options::FindOptions;

use super::model::{Institute, field};
use crate::db::{Db, Documents, StoreError, Stored as _};
use crate::ids::InstituteId;

/// The `institutes` collection. Holds no patient data, so it takes no scope.
#[derive(Clone)]
pub struct InstituteStore {
    institutes: Documents<Institute>,
}

impl InstituteStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { institutes: Documents::new(db) }
    }

    /// Adds an institute in a transaction; its id must be free.
    pub(super) async fn add_in(&self, session: &mut ClientSession, institute: &Institute) -> Result<(), StoreError> {
        self.institutes.insert_in(session, institute, "an institute with this id").await
    }

    /// The institute with this id.
    pub async fn find(&self, id: &InstituteId) -> Result<Option<Institute>, StoreError> {
        self.institutes.find_one(doc! { "_id": id }).await
    }

    /// Those of the given institutes that exist, by id.
    pub async fn among(&self, ids: &[InstituteId]) -> Result<Vec<Institute>, StoreError> {
        let ids: Vec<Bson> = ids.iter().map(Bson::from).collect();
        let by_id = FindOptions::builder().sort(doc! { "_id": 1 }).build();
        self.institutes.find(doc! { "_id": { "$in": ids } }, by_id).await
    }

    /// Puts changed name and settings in place of those of revision `known`, or tells that somebody was faster.
    pub(super) async fn replace(
        &self,
        session: &mut ClientSession,
        institute: &Institute,
        known: i64,
    ) -> Result<(), StoreError> {
        let unwritable = |error: bson::error::Error| StoreError::Unwritable {
            collection: Institute::COLLECTION,
            reason: error.to_string(),
        };
        let settings = bson::serialize_to_bson(&institute.settings).map_err(unwritable)?;
        let sign_out = bson::serialize_to_bson(&institute.sign_out).map_err(unwritable)?;
        let changed =
            doc! { "name": &institute.name, "settings": settings, "sign_out": sign_out, field::REV: institute.rev };
        let as_known = doc! { "_id": &institute.id, field::REV: known };
        if self.institutes.update_one_in(session, as_known, doc! { "$set": changed }).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict("the institute"))
        }
    }

    /// All institutes, by id.
    pub async fn all(&self) -> Result<Vec<Institute>, StoreError> {
        self.institutes.find(doc! {}, FindOptions::builder().sort(doc! { "_id": 1 }).build()).await
    }
}
