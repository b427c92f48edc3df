use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::cookie;
use super::csrf::CsrfToken;
use super::enrolment::expiry;
use super::provider::Identity;
use super::session::digest;
use crate::app::AppState;
use crate::audit::Trail;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::error::{AppError, AppResult};
use crate::ids::UserId;
use crate::users::User;

/// How long a code is waited for.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How long setting up an authenticator may take.
const ENROLMENT: SignedDuration = SignedDuration::from_mins(30);
/// Tries of codes in one half session.
const TRIES: i64 = 5;

/// What a half session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A code of the authenticator, or a recovery code.
    Code,
    /// An authenticator that is set up anew.
    Enrol,
}

/// Somebody who proved one factor and not the other. It opens nothing but what proves the other.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HalfSession {
    /// SHA-256 of the id in the browser's cookie.
    #[serde(rename = "_id")]
    pub id: String,
    /// Who.
    pub user: UserId,
    /// What it waits for.
    pub stage: Stage,
    /// Codes tried.
    pub tries: i64,
    /// What takes effect once the other factor is proved.
    pub pending: Option<Pending>,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

/// What an invitation sets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// The invitation; used up when it takes effect.
    pub invitation: String,
    /// What.
    pub sets: Sets,
}

/// The first factor of an account from now on, or one more of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sets {
    /// A passphrase, by its hash.
    Passphrase(String),
    /// An identity provider's word.
    Identity(Identity),
}

impl Stored for HalfSession {
    const COLLECTION: &'static str = "half_sessions";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_user", doc! { "user": 1 }), expiry()]
    }
}

/// The `half_sessions` collection.
#[derive(Clone)]
pub struct HalfStore {
    halves: Documents<HalfSession>,
}

#[derive(Deserialize)]
struct HalfWithUser {
    #[serde(flatten)]
    half: HalfSession,
    owner: Vec<User>,
}

impl HalfStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { halves: Documents::new(db) }
    }

    /// Begins one; the answer is the id for the browser's cookie, which is stored nowhere.
    pub(super) async fn start(
        &self,
        user: &UserId,
        stage: Stage,
        pending: Option<Pending>,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let id = crate::clock::random_token();
        let life = if stage == Stage::Code { LIFETIME } else { ENROLMENT };
        let half =
            HalfSession { id: digest(&id), user: user.clone(), stage, tries: 0, pending, expires_at: now + life };
        self.halves.insert(&half, "this half session").await?;
        Ok(id)
    }

    async fn find(&self, id: &str, now: Timestamp) -> Result<Option<(HalfSession, User)>, StoreError> {
        let found: Vec<HalfWithUser> = self
            .halves
            .aggregate(vec![
                doc! { "$match": { "_id": digest(id) } },
                doc! { "$lookup": { "from": User::COLLECTION, "localField": "user", "foreignField": "_id", "as": "owner" } },
            ])
            .await?;
        let Some(HalfWithUser { half, mut owner }) = found.into_iter().next() else { return Ok(None) };
        let alive = now < half.expires_at;
        Ok(owner.pop().filter(|user| alive && !user.disabled).map(|user| (half, user)))
    }

    /// Counts a try before anything is compared; whether this half session had one left.
    pub(super) async fn count_try(&self, half: &HalfSession) -> Result<bool, StoreError> {
        let left = doc! { "_id": &half.id, "tries": { "$lt": TRIES } };
        self.halves.update_one(left, doc! { "$inc": { "tries": 1_i64 } }).await
    }

    /// Takes it out of the world; of several at once, one does.
    pub(super) async fn finish(&self, half: &HalfSession) -> Result<bool, StoreError> {
        Ok(self.halves.delete(doc! { "_id": &half.id }).await? == 1)
    }

    /// Ends the half session of an id.
    pub(super) async fn end(&self, id: &str) -> Result<(), StoreError> {
        self.halves.delete(doc! { "_id": digest(id) }).await?;
        Ok(())
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.halves.prepare().await
    }

    /// Ends all half sessions of a person, in a transaction.
    pub(super) async fn end_all_in(&self, session: &mut ClientSession, user: &UserId) -> Result<(), StoreError> {
        self.halves.delete_in(session, doc! { "user": user }).await.map(|_| ())
    }

    /// Ends all half sessions of a person.
    pub async fn end_all(&self, user: &UserId) -> Result<u64, StoreError> {
        self.halves.delete(doc! { "user": user }).await
    }
}

/// Somebody whose first factor was proved and whose second is awaited. Only the extractor builds one, and it opens nothing:
///
/// ```compile_fail
/// fn institutes(half: &lodestone::auth::AwaitingSecondFactor) -> Vec<lodestone::ids::InstituteId> {
///     half.scope().institutes().cloned().collect()
/// }
/// ```
///
/// Whoever is signed in has a scope:
///
/// ```
/// fn institutes(person: &lodestone::auth::Principal) -> Vec<lodestone::ids::InstituteId> {
///     person.scope().institutes().cloned().collect()
/// }
/// ```
pub struct AwaitingSecondFactor(pub(super) Half);

/// Somebody who may set up an authenticator before being signed in: invited, or in by a recovery code. Only the extractor
/// builds one.
pub struct Enrolling(pub(super) Half);

/// What both have.
pub(super) struct Half {
    pub session: HalfSession,
    pub user: User,
    pub csrf: CsrfToken,
}

impl Half {
    /// The half session a request carries, whatever it waits for.
    pub(super) async fn of(headers: &HeaderMap, app: &AppState) -> AppResult<Option<Self>> {
        let Some(id) = cookie::half(headers) else { return Ok(None) };
        let found = app.sign_in.halves.find(id, app.clock.now()).await?;
        Ok(found.map(|(session, user)| Self { session, user, csrf: CsrfToken::of_session(id) }))
    }

    async fn waiting_for(stage: Stage, parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let Ok(trail) = Trail::from_request_parts(parts, app).await;
        let Some(half) = Self::of(&parts.headers, app).await? else { return Err(AppError::SignInRequired) };
        trail.note_tried(&half.user);
        trail.note_user(&half.user.id, &half.user.name);
        if half.session.stage == stage { Ok(half) } else { Err(AppError::SignInRequired) }
    }
}

impl FromRequestParts<AppState> for AwaitingSecondFactor {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        Half::waiting_for(Stage::Code, parts, app).await.map(Self)
    }
}

impl FromRequestParts<AppState> for Enrolling {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        Half::waiting_for(Stage::Enrol, parts, app).await.map(Self)
    }
}
