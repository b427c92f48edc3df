use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::enrolment::expiry;
use super::session::digest;
use crate::clock::random_bytes;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::{UserId, base32};

/// How long an invitation can be used.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(72);

/// A person's right to set up their sign-in, once. The link holds 128 random bits; here is their hash.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// SHA-256 of the link's token.
    #[serde(rename = "_id")]
    pub id: String,
    /// Who is invited.
    pub user: UserId,
    /// Who invited: an account on the machine or a user.
    pub by: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

impl Stored for Invitation {
    const COLLECTION: &'static str = "invitations";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_user", doc! { "user": 1 }), expiry()]
    }
}

/// The `invitations` collection.
#[derive(Clone)]
pub struct InvitationStore {
    invitations: Documents<Invitation>,
}

impl InvitationStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { invitations: Documents::new(db) }
    }

    /// Invites a person for 72 hours; earlier invitations end. The answer is the link's token, which is stored nowhere.
    pub async fn create(&self, user: &UserId, by: &str, now: Timestamp) -> Result<String, StoreError> {
        let token = base32(&random_bytes::<16>());
        self.end_all(user).await?;
        let invitation = Invitation {
            id: digest(&token),
            user: user.clone(),
            by: by.to_owned(),
            created_at: now,
            expires_at: now + LIFETIME,
        };
        self.invitations.insert(&invitation, "this invitation").await?;
        Ok(token)
    }

    /// The live invitation of a token.
    pub(super) async fn find(&self, token: &str, now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        if token.len() > 64 {
            return Ok(None);
        }
        self.live(&digest(token), now).await
    }

    /// The live invitation of this id.
    pub(super) async fn live(&self, id: &str, now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        let found = self.invitations.find_one(doc! { "_id": id }).await?;
        Ok(found.filter(|invitation| now < invitation.expires_at))
    }

    /// Takes an invitation out of the world; of two takers at once, one does.
    pub(super) async fn consume(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let live = doc! { "_id": id, "expires_at": { "$gt": bson::DateTime::from_millis(now.as_millisecond()) } };
        Ok(self.invitations.delete(live).await? == 1)
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.invitations.prepare().await
    }

    /// Ends all invitations of a person, in a transaction.
    pub(super) async fn end_all_in(&self, session: &mut ClientSession, user: &UserId) -> Result<(), StoreError> {
        self.invitations.delete_in(session, doc! { "user": user }).await.map(|_| ())
    }

    /// Ends all invitations of a person.
    pub async fn end_all(&self, user: &UserId) -> Result<u64, StoreError> {
        self.invitations.delete(doc! { "user": user }).await
    }
}
