use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::session::digest;
use crate::db::{Db, Documents, StoreError, Stored};
use crate::ids::UserId;

const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// A single-use way into a demo database, for the person at the machine.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DemoLink {
    /// SHA-256 of the link's token.
    #[serde(rename = "_id")]
    pub id: String,
    /// Who it signs in.
    pub user: UserId,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

impl Stored for DemoLink {
    const COLLECTION: &'static str = "demo_links";

    fn indexes() -> Vec<IndexModel> {
        let expire =
            IndexOptions::builder().name("expiry".to_owned()).expire_after(std::time::Duration::from_secs(60)).build();
        vec![IndexModel::builder().keys(doc! { "expires_at": 1 }).options(expire).build()]
    }
}

/// The `demo_links` collection; used only while the database is marked as a demo.
#[derive(Clone)]
pub struct DemoLinks {
    links: Documents<DemoLink>,
}

impl DemoLinks {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { links: Documents::new(db) }
    }

    /// A token that signs `user` in once within ten minutes.
    pub async fn create(&self, user: &UserId, now: Timestamp) -> Result<String, StoreError> {
        let token = crate::clock::random_token();
        let link = DemoLink { id: digest(&token), user: user.clone(), expires_at: now + LIFETIME };
        self.links.insert(&link, "this link").await?;
        Ok(token)
    }

    /// Whom a live token would sign in.
    pub(super) async fn find(&self, token: &str, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        let link = self.links.find_one(doc! { "_id": digest(token) }).await?;
        Ok(link.filter(|link| now < link.expires_at).map(|link| link.user))
    }

    /// Takes the token out of the world; of two takers at once, one gets the user.
    pub(super) async fn consume(&self, token: &str, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        let Some(user) = self.find(token, now).await? else { return Ok(None) };
        let taken = self.links.delete(doc! { "_id": digest(token) }).await? == 1;
        Ok(taken.then_some(user))
    }
}
