use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use jiff::Timestamp;
use mongodb::options::FindOptions;
use serde::Deserialize;
use serde_with::serde_as;

use super::credentials::{Credentials, PendingReset};
use super::provider::Link;
use super::session::Session;
use crate::db::{Db, Documents, StoreError};
use crate::ids::UserId;

/// How a person can sign in, as administrators are shown it. Nothing here is secret.
#[derive(Debug, Clone, Default)]
pub struct WaysIn {
    /// Whether a passphrase is set.
    pub passphrase: bool,
    /// When the authenticator was set up.
    pub authenticator: Option<Timestamp>,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    /// A reset of the authenticator that waits for a second person.
    pub reset: Option<PendingReset>,
    /// Issuers of the identity providers that the account is linked to.
    pub issuers: Vec<String>,
    /// Last request of a session that is still stored.
    pub last_seen: Option<Timestamp>,
}

/// Reads what several collections know of how people sign in; a fixed number of queries for any number of people.
#[derive(Clone)]
pub struct WaysInStore {
    credentials: Documents<Credentials>,
    links: Documents<Link>,
    sessions: Documents<Session>,
}

#[serde_as]
#[derive(Deserialize)]
struct Seen {
    user: UserId,
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    last_seen_at: Timestamp,
}

impl WaysInStore {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { credentials: Documents::new(db), links: Documents::new(db), sessions: Documents::new(db) }
    }

    /// Everybody's.
    pub async fn all(&self, now: Timestamp) -> Result<BTreeMap<UserId, WaysIn>, StoreError> {
        self.found(doc! {}, doc! {}, now).await
    }

    /// Those of these people.
    pub async fn among(&self, people: &[UserId], now: Timestamp) -> Result<BTreeMap<UserId, WaysIn>, StoreError> {
        let people: Vec<Bson> = people.iter().map(Bson::from).collect();
        self.found(doc! { "_id": { "$in": &people } }, doc! { "user": { "$in": &people } }, now).await
    }

    async fn found(
        &self,
        whose: Document,
        of_user: Document,
        now: Timestamp,
    ) -> Result<BTreeMap<UserId, WaysIn>, StoreError> {
        let mut all: BTreeMap<UserId, WaysIn> = BTreeMap::new();
        for one in self.credentials.find(whose, FindOptions::default()).await? {
            let reset = one.waiting_reset(now).cloned();
            let ways = all.entry(one.user).or_default();
            ways.passphrase = one.passphrase.is_some();
            ways.authenticator = one.totp.map(|totp| totp.confirmed_at);
            ways.recovery_codes = one.recovery.len();
            ways.reset = reset;
        }
        for link in self.links.find(of_user.clone(), FindOptions::default()).await? {
            all.entry(link.user).or_default().issuers.push(link.identity.issuer);
        }
        let seen = FindOptions::builder().projection(doc! { "user": 1, "last_seen_at": 1 }).build();
        for Seen { user, last_seen_at } in self.sessions.find_as(of_user, seen).await? {
            let ways = all.entry(user).or_default();
            ways.last_seen = ways.last_seen.max(Some(last_seen_at));
        }
        Ok(all)
    }
}
