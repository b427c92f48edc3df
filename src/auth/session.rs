use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;
use sha2::{Digest as _, Sha256};

use crate::config::SessionConfig;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::UserId;
use crate::users::User;

/// A browser in which somebody is signed in. The id itself is only in the browser; here is its hash.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of the session id, as hexadecimal text.
    #[serde(rename = "_id")]
    pub id: String,
    /// Who.
    pub user: UserId,
    /// When it began.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// Last request, to the minute.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

impl Stored for Session {
    const COLLECTION: &'static str = "sessions";

    fn indexes() -> Vec<IndexModel> {
        let expire =
            IndexOptions::builder().name("expiry".to_owned()).expire_after(std::time::Duration::from_secs(60)).build();
        vec![
            index("of_user", doc! { "user": 1 }),
            IndexModel::builder().keys(doc! { "expires_at": 1 }).options(expire).build(),
        ]
    }
}

/// SHA-256 as hexadecimal text: what is stored of a secret that was handed out.
pub(super) fn digest(secret: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// The `sessions` collection.
#[derive(Clone)]
pub struct SessionStore {
    sessions: Documents<Session>,
    idle: SignedDuration,
    absolute: SignedDuration,
}

#[derive(Deserialize)]
struct SessionWithUser {
    #[serde(flatten)]
    session: Session,
    owner: Vec<User>,
}

impl SessionStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db, config: &SessionConfig) -> Self {
        Self {
            sessions: Documents::new(db),
            idle: SignedDuration::from_mins(config.idle_minutes),
            absolute: SignedDuration::from_hours(config.absolute_hours),
        }
    }

    /// Begins a session; the answer is the id for the browser's cookie, which is stored nowhere.
    pub async fn start(&self, user: &UserId, now: Timestamp) -> Result<String, StoreError> {
        let id = crate::clock::random_token();
        let session = Session {
            id: digest(&id),
            user: user.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now + self.absolute,
        };
        self.sessions.insert(&session, "this session").await?;
        Ok(id)
    }

    /// The live session of an id with its user, read in one round trip.
    pub(super) async fn find(&self, id: &str, now: Timestamp) -> Result<Option<(Session, User)>, StoreError> {
        let found: Vec<SessionWithUser> = self
            .sessions
            .aggregate(vec![
                doc! { "$match": { "_id": digest(id) } },
                doc! { "$lookup": { "from": User::COLLECTION, "localField": "user", "foreignField": "_id", "as": "owner" } },
            ])
            .await?;
        let Some(SessionWithUser { session, mut owner }) = found.into_iter().next() else { return Ok(None) };
        let alive = now < session.expires_at && now.duration_since(session.last_seen_at) < self.idle;
        Ok(owner.pop().filter(|user| alive && !user.disabled).map(|user| (session, user)))
    }

    /// Notes that the session was used, at most once a minute.
    pub(super) async fn touch(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        if now.duration_since(session.last_seen_at) >= SignedDuration::from_mins(1) {
            let at = bson::DateTime::from_millis(now.as_millisecond());
            self.sessions.update_one(doc! { "_id": &session.id }, doc! { "$max": { "last_seen_at": at } }).await?;
        }
        Ok(())
    }

    /// Ends the session of an id.
    pub(super) async fn end(&self, id: &str) -> Result<(), StoreError> {
        self.sessions.delete(doc! { "_id": digest(id) }).await?;
        Ok(())
    }

    /// Ends all sessions of a user.
    pub async fn end_all(&self, user: &UserId) -> Result<u64, StoreError> {
        self.sessions.delete(doc! { "user": user }).await
    }
}
