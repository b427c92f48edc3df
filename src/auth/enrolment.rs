use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use mongodb::options::{FindOptions, IndexOptions};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::keyring::{Keyring, Purpose, Sealed};
use super::totp::TotpSecret;
use crate::db::{Db, Documents, StoreError, Stored};
use crate::ids::UserId;

/// How long a secret that was shown may be confirmed.
const LIFETIME: SignedDuration = SignedDuration::from_mins(30);

/// An authenticator that is being set up: its secret was shown, a code of it has not been given yet.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enrolment {
    /// Hash of the session's id, or of the half session's, in which it was shown.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose.
    pub user: UserId,
    /// The secret.
    pub sealed: Sealed,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

impl Stored for Enrolment {
    const COLLECTION: &'static str = "enrolments";

    fn indexes() -> Vec<IndexModel> {
        vec![expiry()]
    }
}

/// Removes documents some time after their `expires_at`; until then they are looked over.
pub(super) fn expiry() -> IndexModel {
    let options =
        IndexOptions::builder().name("expiry".to_owned()).expire_after(std::time::Duration::from_secs(60)).build();
    IndexModel::builder().keys(doc! { "expires_at": 1 }).options(options).build()
}

/// The `enrolments` collection.
#[derive(Clone)]
pub struct EnrolmentStore {
    enrolments: Documents<Enrolment>,
    keyring: Keyring,
}

impl EnrolmentStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db, keyring: Keyring) -> Self {
        Self { enrolments: Documents::new(db), keyring }
    }

    /// Begins anew in the session `id`: one that was shown before can be confirmed no more.
    pub async fn begin(&self, id: &str, user: &UserId, now: Timestamp) -> anyhow::Result<TotpSecret> {
        let secret = TotpSecret::random();
        let held = self.keyring.hold().await?;
        let sealed = held.seal(secret.bytes(), user, Purpose::TotpPending)?;
        let enrolment = Enrolment { id: id.to_owned(), user: user.clone(), sealed, expires_at: now + LIFETIME };
        self.enrolments.upsert(doc! { "_id": id }, &enrolment).await?;
        drop(held);
        Ok(secret)
    }

    /// The secret that was shown to this person in this session.
    pub async fn secret(&self, id: &str, user: &UserId, now: Timestamp) -> anyhow::Result<Option<TotpSecret>> {
        let Some(found) = self.enrolments.find_one(doc! { "_id": id, "user": user }).await? else { return Ok(None) };
        if found.expires_at <= now {
            return Ok(None);
        }
        let secret = self.keyring.unseal(&found.sealed, user, Purpose::TotpPending)?;
        Ok(TotpSecret::from_bytes(&secret))
    }

    /// Takes an enrolment out of the world; of several at once, one does.
    pub async fn finish(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.enrolments.delete(doc! { "_id": id }).await? == 1)
    }

    /// Seals every secret that another key sealed with key `id`; how many there were.
    pub async fn reseal(&self, id: &str) -> anyhow::Result<u64> {
        let mut count = 0;
        for one in self.enrolments.find(doc! {}, FindOptions::default()).await? {
            if one.sealed.key_id() == Some(id) {
                continue;
            }
            let secret = self.keyring.unseal(&one.sealed, &one.user, Purpose::TotpPending)?;
            let held = self.keyring.hold().await?;
            let sealed = held.seal(&secret, &one.user, Purpose::TotpPending)?;
            let condition = doc! { "_id": &one.id, "sealed": one.sealed.as_str() };
            let update = doc! { "$set": { "sealed": sealed.as_str() } };
            count += u64::from(self.enrolments.update_one(condition, update).await?);
        }
        Ok(count)
    }
}
