use std::collections::BTreeMap;
use std::net::IpAddr;

use bson::{Bson, doc};
use jiff::{SignedDuration, Timestamp};
use mongodb::options::{FindOptions, IndexOptions};
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use sha2::{Digest as _, Sha256};

use super::device::Device;
use super::step_up::{StepUpClass, closes};
use crate::addresses::{AddressRules, with_rules_of_owner};
use crate::config::SessionConfig;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::UserId;
use crate::users::{RoleGrant, User};

/// How much longer than it lasts a session is remembered: a form that meets it then is kept for its author.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(12);

/// Browsers in which one person can be signed in at once; a further one ends the oldest.
pub const MOST: usize = 5;

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
    /// When nobody remembers whose it was.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub forgotten_at: Option<Timestamp>,
    /// Where it began.
    #[serde(default)]
    pub device: Option<Device>,
    /// Where the last request came from; none before the first.
    #[serde(default)]
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub last_address: Option<IpAddr>,
    /// Roles that the person had when it began. Should one be taken away, the session is over.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Until when fresh codes keep their classes open.
    #[serde(default)]
    #[serde_as(as = "BTreeMap<_, bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub open_until: BTreeMap<StepUpClass, Timestamp>,
    /// Elevated roles that were entered, and until when each counts.
    #[serde(default)]
    #[serde_as(as = "BTreeMap<_, bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub entered: BTreeMap<RoleGrant, Timestamp>,
}

impl Session {
    /// Whether a code given in this session keeps the class open.
    #[must_use]
    pub fn is_open(&self, class: StepUpClass, now: Timestamp) -> bool {
        self.open_until.get(&class).is_some_and(|until| now < *until)
    }

    /// Until when an elevated role that was entered counts; none when it does not, or no longer.
    #[must_use]
    pub fn entered_until(&self, role: &RoleGrant, now: Timestamp) -> Option<Timestamp> {
        self.entered.get(role).copied().filter(|until| now < *until)
    }
}

impl Stored for Session {
    const COLLECTION: &'static str = "sessions";

    fn indexes() -> Vec<IndexModel> {
        let expire = IndexOptions::builder()
            .name("forgotten".to_owned())
            .expire_after(std::time::Duration::from_secs(60))
            .build();
        vec![
            index("of_user", doc! { "user": 1 }),
            IndexModel::builder().keys(doc! { "forgotten_at": 1 }).options(expire).build(),
        ]
    }
}

/// The field of a role; no institute's id has a dot.
fn entered(role: &RoleGrant) -> String {
    format!("entered.{role}")
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
    admin_idle: SignedDuration,
    absolute: SignedDuration,
    elevated: SignedDuration,
}

#[derive(Deserialize)]
struct SessionWithUser {
    #[serde(flatten)]
    session: Session,
    owner: User,
    rules: Vec<AddressRules>,
}

impl SessionStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db, config: &SessionConfig) -> Self {
        Self {
            sessions: Documents::new(db),
            idle: SignedDuration::from_mins(config.idle_minutes),
            admin_idle: SignedDuration::from_mins(config.admin_idle_minutes),
            absolute: SignedDuration::from_hours(config.absolute_hours),
            elevated: SignedDuration::from_mins(config.elevated_minutes),
        }
    }

    /// Begins a session whose origin is not known; the answer is the id for the browser's cookie, which is stored nowhere.
    pub async fn start(&self, user: &UserId, now: Timestamp) -> Result<String, StoreError> {
        self.insert(user, None, Vec::new(), now).await
    }

    /// Begins a session of somebody who proved all factors; beyond [`MOST`] the person's oldest ones end.
    pub(super) async fn begin(&self, user: &User, device: Device, now: Timestamp) -> Result<String, StoreError> {
        let id = self.insert(&user.id, Some(device), user.grants(), now).await?;
        for ended in self.of_user(user, now).await?.iter().rev().skip(MOST) {
            self.sessions.delete(doc! { "_id": &ended.id }).await?;
        }
        Ok(id)
    }

    async fn insert(
        &self,
        user: &UserId,
        device: Option<Device>,
        grants: Vec<String>,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let id = crate::clock::random_token();
        let session = Session {
            id: digest(&id),
            user: user.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now + self.absolute,
            forgotten_at: Some(now + self.absolute + REMEMBERED),
            last_address: device.as_ref().map(|device| device.address),
            device,
            grants,
            open_until: BTreeMap::new(),
            entered: BTreeMap::new(),
        };
        self.sessions.insert(&session, "this session").await?;
        Ok(id)
    }

    fn idle(&self, user: &User) -> SignedDuration {
        if user.is_admin() { self.admin_idle } else { self.idle }
    }

    fn is_alive(&self, session: &Session, user: &User, now: Timestamp) -> bool {
        let present = user.grants();
        !user.disabled
            && now < session.expires_at
            && now.duration_since(session.last_seen_at) < self.idle(user)
            && session.grants.iter().all(|grant| present.contains(grant))
    }

    /// A person's live sessions, oldest first.
    pub(super) async fn of_user(&self, user: &User, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let options = FindOptions::builder().sort(doc! { "created_at": 1, "_id": 1 }).build();
        let mut all = self.sessions.find(doc! { "user": &user.id }, options).await?;
        all.retain(|session| self.is_alive(session, user, now));
        Ok(all)
    }

    /// The live session of an id with its user, and the address rules that may concern them, read in one round trip.
    pub(super) async fn find(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<(Session, User, Vec<AddressRules>)>, StoreError> {
        let of_user = doc! { "$lookup": { "from": User::COLLECTION, "localField": "user", "foreignField": "_id", "as": "owner" } };
        let stages = [doc! { "$match": { "_id": digest(id) } }, of_user].into_iter().chain(with_rules_of_owner());
        let found: Vec<SessionWithUser> = self.sessions.aggregate(stages.collect()).await?;
        let alive = |found: &SessionWithUser| self.is_alive(&found.session, &found.owner, now);
        Ok(found.into_iter().next().filter(alive).map(|found| (found.session, found.owner, found.rules)))
    }

    /// What is left of a session after a request made now, should it be the last one.
    pub(super) fn left(&self, session: &Session, user: &User, now: Timestamp) -> SignedDuration {
        session.expires_at.duration_since(now).min(self.idle(user))
    }

    /// Whose session an id is or was: also one that time has ended, not one that somebody ended.
    pub(super) async fn owner(&self, id: &str) -> Result<Option<UserId>, StoreError> {
        let found = self.sessions.find_one(doc! { "_id": digest(id) }).await?;
        Ok(found.map(|session| session.user))
    }

    /// Notes when and from where the session was used: at most once a minute, and at once when it moved.
    pub(super) async fn touch(&self, session: &Session, from: IpAddr, now: Timestamp) -> Result<(), StoreError> {
        let moved = session.last_address != Some(from);
        if moved || now.duration_since(session.last_seen_at) >= SignedDuration::from_mins(1) {
            let at = bson::DateTime::from_millis(now.as_millisecond());
            let used = doc! { "$max": { "last_seen_at": at }, "$set": { "last_address": from.to_string() } };
            self.sessions.update_one(doc! { "_id": &session.id }, used).await?;
        }
        Ok(())
    }

    /// From where and when these people's stored sessions were used last.
    pub(crate) async fn last_addresses(
        &self,
        people: &[UserId],
    ) -> Result<Vec<(UserId, IpAddr, Timestamp)>, StoreError> {
        let people: Vec<Bson> = people.iter().map(Bson::from).collect();
        let used = doc! { "user": { "$in": people } };
        let found = self.sessions.find(used, FindOptions::default()).await?;
        let seen = |session: Session| Some((session.user, session.last_address?, session.last_seen_at));
        Ok(found.into_iter().filter_map(seen).collect())
    }

    /// Ends the session of an id.
    pub(super) async fn end(&self, id: &str) -> Result<(), StoreError> {
        self.sessions.delete(doc! { "_id": digest(id) }).await?;
        Ok(())
    }

    /// A fresh code was given in this session: the class is open for ten minutes.
    pub(super) async fn open(&self, id: &str, class: StepUpClass, now: Timestamp) -> Result<bool, StoreError> {
        let until = bson::DateTime::from_millis(closes(now).as_millisecond());
        let name = format!("open_until.{}", class.as_str());
        self.sessions.update_one(doc! { "_id": id }, doc! { "$set": { name: until } }).await
    }

    /// How long an elevated role counts after it was entered.
    #[must_use]
    pub fn elevated_for(&self) -> SignedDuration {
        self.elevated
    }

    /// An elevated role counts in this session from now on, for [`elevated_for`](Self::elevated_for). Whether its holder has
    /// it is looked at with each request.
    pub async fn enter(&self, id: &str, role: &RoleGrant, now: Timestamp) -> Result<bool, StoreError> {
        let until = bson::DateTime::from_millis((now + self.elevated).as_millisecond());
        self.sessions.update_one(doc! { "_id": id }, doc! { "$set": { entered(role): until } }).await
    }

    /// An elevated role no longer counts in this session.
    pub(super) async fn leave(&self, id: &str, role: &RoleGrant) -> Result<bool, StoreError> {
        self.sessions.update_one(doc! { "_id": id }, doc! { "$unset": { entered(role): "" } }).await
    }

    /// Ends one of a person's sessions by what is stored of its id; whether there was one.
    pub(super) async fn end_one(&self, user: &UserId, hash: &str) -> Result<bool, StoreError> {
        Ok(self.sessions.delete(doc! { "_id": hash, "user": user }).await? == 1)
    }

    /// Ends all of a person's sessions but one.
    pub(super) async fn end_others(&self, user: &UserId, kept: &str) -> Result<u64, StoreError> {
        self.sessions.delete(doc! { "user": user, "_id": { "$ne": kept } }).await
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.sessions.prepare().await
    }

    /// Ends all sessions of a user, in a transaction.
    pub(super) async fn end_all_in(&self, session: &mut ClientSession, user: &UserId) -> Result<(), StoreError> {
        self.sessions.delete_in(session, doc! { "user": user }).await.map(|_| ())
    }

    /// Ends all sessions of a user.
    pub async fn end_all(&self, user: &UserId) -> Result<u64, StoreError> {
        self.sessions.delete(doc! { "user": user }).await
    }
}
