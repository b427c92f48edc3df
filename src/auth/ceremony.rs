use bson::{Binary, doc, spec::BinarySubtype};
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::enrolment::expiry;
use super::step_up::StepUpClass;
use crate::db::{Db, Documents, StoreError, Stored};
use crate::ids::UserId;

/// How long a passkey's answer is waited for.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// What a passkey is asked for. An answer serves that and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To sign in.
    SignIn,
    /// To open a class.
    StepUp(StepUpClass),
    /// To be added.
    Adding,
}

impl Purpose {
    /// `session`: hash of the session's id, or of the half session's.
    fn key(self, session: &str) -> String {
        match self {
            Self::SignIn => format!("sign_in:{session}"),
            Self::StepUp(class) => format!("step_up:{}:{session}", class.as_str()),
            Self::Adding => format!("adding:{session}"),
        }
    }
}

/// What a passkey was asked in a session and has not answered yet. Any process takes the answer.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ceremony {
    /// Purpose, and hash of the session's id.
    #[serde(rename = "_id")]
    id: String,
    /// Whose.
    user: UserId,
    /// What the answer is held against.
    state: Binary,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    expires_at: Timestamp,
}

impl Stored for Ceremony {
    const COLLECTION: &'static str = "passkey_ceremonies";

    fn indexes() -> Vec<IndexModel> {
        vec![expiry()]
    }
}

/// The `passkey_ceremonies` collection.
#[derive(Clone)]
pub struct CeremonyStore {
    ceremonies: Documents<Ceremony>,
}

impl CeremonyStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { ceremonies: Documents::new(db) }
    }

    /// Begins one: an earlier one of this session for the same purpose ends.
    pub(super) async fn begin(
        &self,
        purpose: Purpose,
        session: &str,
        user: &UserId,
        state: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ceremony = Ceremony {
            id: purpose.key(session),
            user: user.clone(),
            state: Binary { subtype: BinarySubtype::Generic, bytes: state },
            expires_at: now + LIFETIME,
        };
        self.ceremonies.upsert(doc! { "_id": &ceremony.id }, &ceremony).await
    }

    /// Takes one out of the world, however it ends; of several at once, one gets it.
    pub(super) async fn take(
        &self,
        purpose: Purpose,
        session: &str,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let taken = self.ceremonies.take(doc! { "_id": purpose.key(session), "user": user }).await?;
        Ok(taken.filter(|ceremony| now < ceremony.expires_at).map(|ceremony| ceremony.state.bytes))
    }
}
