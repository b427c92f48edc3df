//! Who wants a mail each day with numbers of what waits for them, and the right to count that.

use bson::doc;
use jiff::civil::Date;
use mongodb::options::FindOptions;
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};

use super::principal::Principal;
use crate::db::{Db, Documents, StoreError, Stored};
use crate::ids::UserId;
use crate::users::{Email, UserStore};

/// Whether one person wants it, and up to which day they were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Who.
    #[serde(rename = "_id")]
    pub user: UserId,
    /// Whether they want it.
    pub wanted: bool,
    /// The last day that is done with.
    pub day: Date,
}

impl Stored for Digest {
    const COLLECTION: &'static str = "digests";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// Somebody who wants to be told, with the right to count what waits for them: what they read by their roles now, none of
/// them entered. Only this folder builds one, for a person who asked for it and may sign in.
pub struct DigestReader {
    principal: Principal,
    to: Email,
}

impl DigestReader {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Where the mail goes.
    #[must_use]
    pub fn to(&self) -> &Email {
        &self.to
    }
}

/// The `digests` collection.
#[derive(Clone)]
pub struct DigestStore {
    digests: Documents<Digest>,
}

impl DigestStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { digests: Documents::new(db) }
    }

    /// Whether somebody wants to be told.
    pub async fn is_wanted(&self, user: &UserId) -> Result<bool, StoreError> {
        Ok(self.digests.find_one(doc! { "_id": user, "wanted": true }).await?.is_some())
    }

    /// Begins or ends it. Whoever begins is told from the day after `today` on, and nobody twice of one day.
    pub(super) async fn choose(&self, user: &UserId, wanted: bool, today: Date) -> Result<(), StoreError> {
        let digest = Digest { user: user.clone(), wanted, day: today };
        self.digests.upsert(doc! { "_id": user }, &digest).await
    }

    /// Who is to be told of a day.
    pub(crate) async fn due(&self, today: Date) -> Result<Vec<UserId>, StoreError> {
        let due = doc! { "wanted": true, "day": { "$lt": today.to_string() } };
        let found = self.digests.find(due, FindOptions::default()).await?;
        Ok(found.into_iter().map(|digest| digest.user).collect())
    }

    /// The right to count for somebody; none for who does not want it any more, or may not sign in.
    pub(crate) async fn reader(&self, users: &UserStore, user: &UserId) -> Result<Option<DigestReader>, StoreError> {
        if !self.is_wanted(user).await? {
            return Ok(None);
        }
        let user = users.by_id(user).await?.filter(|user| !user.disabled);
        Ok(user.map(|user| DigestReader { principal: Principal::of_digest(&user), to: user.email }))
    }

    /// Notes in a transaction that a day is done with for somebody; whether nobody else did.
    pub(crate) async fn done(
        &self,
        session: &mut ClientSession,
        user: &UserId,
        today: Date,
    ) -> Result<bool, StoreError> {
        let due = doc! { "_id": user, "wanted": true, "day": { "$lt": today.to_string() } };
        self.digests.update_one_in(session, due, doc! { "$set": { "day": today.to_string() } }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_stored_in_the_order_of_the_calendar() {
        let digest = Digest { user: UserId::random(), wanted: true, day: "2026-09-30".parse().unwrap() };
        let stored = bson::serialize_to_document(&digest).unwrap();
        assert_eq!(stored.get_str("day").unwrap(), "2026-09-30");
        assert!(stored.get_bool("wanted").unwrap() && stored.contains_key("_id"));
        assert_eq!(bson::deserialize_from_document::<Digest>(stored).unwrap(), digest);
    }
}
