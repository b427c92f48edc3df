use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::auth::enrolment::expiry;
use crate::auth::session::digest;
use crate::db::{Db, Documents, StoreError, Stored};

/// How long a browser may stay with the provider.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// What is kept until a browser comes back from a provider. The browser has a random handle; here is its hash.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flow {
    /// SHA-256 of the handle in the browser's cookie.
    #[serde(rename = "_id")]
    pub id: String,
    /// Which provider.
    pub provider: String,
    /// What only this browser's answer can carry.
    pub secrets: Secrets,
    /// The invitation that links the identity, when that is what it is for.
    pub invitation: Option<String>,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

/// Random values of one sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Comes back in the browser's address (RFC 6749 section 10.12).
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Proves to the provider that the one who began trades the code (RFC 7636).
    pub verifier: String,
}

impl Stored for Flow {
    const COLLECTION: &'static str = "sign_in_flows";

    fn indexes() -> Vec<IndexModel> {
        vec![expiry()]
    }
}

/// The `sign_in_flows` collection.
#[derive(Clone)]
pub struct FlowStore {
    flows: Documents<Flow>,
}

impl FlowStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { flows: Documents::new(db) }
    }

    /// Begins one; the answer is the handle for the browser's cookie, which is stored nowhere.
    pub async fn start(
        &self,
        provider: &str,
        secrets: Secrets,
        invitation: Option<String>,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let handle = crate::clock::random_token();
        let flow = Flow {
            id: digest(&handle),
            provider: provider.to_owned(),
            secrets,
            invitation,
            expires_at: now + LIFETIME,
        };
        self.flows.insert(&flow, "this sign-in").await?;
        Ok(handle)
    }

    /// Takes the one of a handle out of the world; of several takers at once, one has it.
    pub async fn take(&self, handle: &str, now: Timestamp) -> Result<Option<Flow>, StoreError> {
        let Some(flow) = self.flows.find_one(doc! { "_id": digest(handle) }).await? else { return Ok(None) };
        let taken = self.flows.delete(doc! { "_id": &flow.id }).await? == 1;
        Ok(Some(flow).filter(|flow| taken && now < flow.expires_at))
    }
}
