use bson::{Bson, Document, doc};
use mongodb::ClientSession;
use mongodb::options::FindOptions;

use super::model::{AddressRules, Subject, field};
use crate::db::{Db, Documents, StoreError, Stored as _};
use crate::ids::InstituteId;

/// The `address_rules` collection. Holds no patient data, so it takes no scope.
#[derive(Clone)]
pub struct AddressStore {
    rules: Documents<AddressRules>,
}

/// Stages for a document that holds a user as the one element of `owner`: they make it the user, and add all rules that
/// may concern them as `rules`. So whoever asks is looked up together with what limits them.
#[must_use]
pub(crate) fn with_rules_of_owner() -> [Document; 3] {
    // A map, not the path `$owner.memberships.institute`: the embedded server leaves that out, without a word.
    let held = doc! { "$map": { "input": "$owner.memberships", "as": "held", "in": "$$held.institute" } };
    [
        doc! { "$unwind": "$owner" },
        doc! { "$set": { "places": { "$concatArrays": [[Subject::System.place()], held] } } },
        doc! { "$lookup": {
            "from": AddressRules::COLLECTION, "localField": "places", "foreignField": field::PLACE, "as": "rules",
        } },
    ]
}

impl AddressStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { rules: Documents::new(db) }
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.rules.prepare().await
    }

    /// The rules of one subject.
    pub async fn of(&self, subject: &Subject) -> Result<AddressRules, StoreError> {
        let found = self.rules.find_one(doc! { "_id": subject.to_string() }).await?;
        Ok(found.unwrap_or_else(|| AddressRules::none_of(subject.clone())))
    }

    /// All rules of an institute, or those of the system; subjects about which nothing was decided are left out.
    pub async fn of_place(&self, institute: Option<&InstituteId>) -> Result<Vec<AddressRules>, StoreError> {
        let place = institute.map_or_else(|| Subject::System.place(), InstituteId::as_str);
        self.rules.find(doc! { field::PLACE: place }, FindOptions::default()).await
    }

    /// Everything that was decided, by subject.
    pub async fn all(&self) -> Result<Vec<AddressRules>, StoreError> {
        self.rules.find(doc! {}, FindOptions::builder().sort(doc! { "_id": 1 }).build()).await
    }

    /// Lets no two changes of rules pass each other: each writes here first. Of two that together would leave nobody an
    /// open administration, the later one so sees the earlier.
    pub(super) async fn hold(&self, session: &mut ClientSession) -> Result<(), StoreError> {
        let none = AddressRules::none_of(Subject::System);
        let absent = doc! { field::PLACE: &none.place, field::NETWORKS: [], field::CONTACT: "", field::REV: none.rev };
        let held = doc! { "$set": { field::HELD: crate::clock::random_token() }, "$setOnInsert": absent };
        let first = self.rules.collection().await?.update_one(doc! { "_id": Subject::System.to_string() }, held);
        first.upsert(true).session(session).await?;
        Ok(())
    }

    /// Puts rules in place of their revision `known`, or tells that somebody was faster.
    pub(super) async fn put(
        &self,
        session: &mut ClientSession,
        after: &AddressRules,
        known: i64,
    ) -> Result<(), StoreError> {
        let limits = bson::serialize_to_document(&after.limits).map_err(|error| StoreError::Unwritable {
            collection: AddressRules::COLLECTION,
            reason: error.to_string(),
        })?;
        let mut set = limits;
        set.insert(field::REV, after.rev);
        let condition = doc! { "_id": after.subject.to_string(), field::REV: known };
        if self.rules.update_one_in(session, condition, doc! { "$set": set }).await? {
            return Ok(());
        }
        // The system's are there since `hold`, at revision 0.
        if known == 0 && after.subject != Subject::System {
            return self.rules.insert_in(session, after, "address rules of this subject").await;
        }
        Err(StoreError::Conflict("the address rules"))
    }

    /// All rules of these places, as the transaction sees them.
    pub(super) async fn of_places_in(
        &self,
        session: &mut ClientSession,
        places: &[&str],
    ) -> Result<Vec<AddressRules>, StoreError> {
        let places: Vec<Bson> = places.iter().map(|place| Bson::from(*place)).collect();
        let filter = doc! { field::PLACE: { "$in": places } };
        let mut cursor = self.rules.collection().await?.find(filter).session(&mut *session).await?;
        let mut found = Vec::new();
        while let Some(raw) = cursor.next(session).await.transpose()? {
            found.push(crate::db::decode(AddressRules::COLLECTION, &raw)?);
        }
        Ok(found)
    }
}
