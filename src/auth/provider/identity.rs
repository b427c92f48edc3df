use std::collections::BTreeMap;

use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::db::{Db, Documents, StoreError, Stored, index, unique_index};
use crate::ids::{UserId, base32};

/// Somebody, as a provider knows them: the pair that it promises never to give to another person (`OpenID` Connect Core 1.0,
/// section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// The person there.
    pub subject: String,
}

/// That an identity is an account of ours. An invitation made it.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Link {
    /// Random.
    #[serde(rename = "_id")]
    pub id: String,
    /// At the provider.
    #[serde(flatten)]
    pub identity: Identity,
    /// Here.
    pub user: UserId,
    /// When it was made.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub linked_at: Timestamp,
}

impl Stored for Link {
    const COLLECTION: &'static str = "identities";

    fn indexes() -> Vec<IndexModel> {
        vec![unique_index("identity", doc! { "issuer": 1, "subject": 1 }), index("of_user", doc! { "user": 1 })]
    }
}

#[derive(Deserialize)]
struct IssuerCount {
    #[serde(rename = "_id")]
    issuer: String,
    n: i64,
}

/// The `identities` collection.
#[derive(Clone)]
pub struct IdentityStore {
    links: Documents<Link>,
}

impl IdentityStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { links: Documents::new(db) }
    }

    /// Whose account an identity is.
    pub async fn owner(&self, identity: &Identity) -> Result<Option<UserId>, StoreError> {
        let filter = doc! { "issuer": &identity.issuer, "subject": &identity.subject };
        Ok(self.links.find_one(filter).await?.map(|link| link.user))
    }

    /// Makes an identity an account's own. One that is linked to this account already stays; another account's is refused.
    pub async fn link(&self, identity: &Identity, user: &UserId, now: Timestamp) -> Result<bool, StoreError> {
        let link = Link {
            id: base32(&crate::clock::random_bytes::<16>()),
            identity: identity.clone(),
            user: user.clone(),
            linked_at: now,
        };
        match self.links.insert(&link, "this identity").await {
            Ok(()) => Ok(true),
            Err(StoreError::Exists(_)) => Ok(self.owner(identity).await?.as_ref() == Some(user)),
            Err(error) => Err(error),
        }
    }

    /// How many accounts are linked to each issuer, also to those that are not configured any more.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let one_each = doc! { "issuer": "$issuer", "user": "$user" };
        let counts: Vec<IssuerCount> = self
            .links
            .aggregate(vec![
                doc! { "$group": { "_id": one_each } },
                doc! { "$group": { "_id": "$_id.issuer", "n": { "$sum": 1 } } },
            ])
            .await?;
        Ok(counts.into_iter().map(|count| (count.issuer, u64::try_from(count.n).unwrap_or(0))).collect())
    }

    /// Providers that an account is linked to.
    pub async fn of(&self, user: &UserId) -> Result<Vec<Identity>, StoreError> {
        let links = self.links.find(doc! { "user": user }, FindOptions::default()).await?;
        Ok(links.into_iter().map(|link| link.identity).collect())
    }
}
