use std::collections::BTreeMap;
use std::net::IpAddr;

use bson::{Bson, doc};
use jiff::Timestamp;
use mongodb::ClientSession;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::access::SystemAdmin;
use super::change::Authority;
use super::model::{Email, Membership, Role, User, field};
use crate::cases::CaseAccess;
use crate::db::{Db, Documents, StoreError, Stored as _};
use crate::ids::{InstituteId, UserId};

/// Somebody of the same institute, as named to colleagues.
#[derive(Debug, Clone, Deserialize)]
pub struct Colleague {
    /// Identity.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Name.
    pub name: String,
    /// Address.
    pub email: Email,
}

impl Colleague {
    /// The name of somebody who works on a case, among those who read cases of its institute now.
    #[must_use]
    pub fn name_of<'a>(user: &UserId, readers: &'a [Self]) -> &'a str {
        readers.iter().find(|one| one.id == *user).map_or("somebody who left", |one| one.name.as_str())
    }
}

/// Where and when somebody signed in.
#[serde_as]
#[derive(Serialize, Deserialize)]
struct SignIn {
    #[serde_as(as = "DisplayFromStr")]
    from: IpAddr,
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    at: Timestamp,
}

#[derive(Deserialize)]
struct LastSignIn {
    #[serde(rename = "_id")]
    id: UserId,
    last_sign_in: SignIn,
}

#[derive(Deserialize)]
struct RoleCount {
    #[serde(rename = "_id")]
    held: Membership,
    n: i64,
}

/// The `users` collection. Holds no patient data, so it takes no scope.
#[derive(Clone)]
pub struct UserStore {
    users: Documents<User>,
}

impl UserStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { users: Documents::new(db) }
    }

    /// Those whom the reader of a case may hand it to or call to it: who read cases of the reader's institute, and this one.
    pub async fn readers_of(&self, access: &CaseAccess) -> Result<Vec<Colleague>, StoreError> {
        let mut readers = self.readers(access.reader()).await?;
        readers.retain(|reader| access.case().is_for(&reader.id));
        Ok(readers)
    }

    /// Adds a user; the address must be free.
    pub async fn add(&self, user: &User) -> Result<(), StoreError> {
        self.users.insert(user, "a user with this e-mail address").await
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.users.prepare().await
    }

    /// Adds a user in a transaction; the address must be free.
    pub(super) async fn add_in(&self, session: &mut ClientSession, user: &User) -> Result<(), StoreError> {
        self.users.insert_in(session, user, "a user with this e-mail address").await
    }

    /// Puts what a person may do in place of their revision `known`, or tells that somebody was faster.
    pub(super) async fn put(&self, session: &mut ClientSession, after: &User, known: i64) -> Result<(), StoreError> {
        let encoded = bson::serialize_to_document(&after.standing())
            .map_err(|error| StoreError::Unwritable { collection: User::COLLECTION, reason: error.to_string() })?;
        let mut set = encoded;
        set.insert(field::REV, after.rev);
        let condition = doc! { "_id": &after.id, field::REV: known };
        if self.users.update_one_in(session, condition, doc! { "$set": set }).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict("the person"))
        }
    }

    /// Makes a transaction depend on somebody's right staying as it is; whether they have it. A write, not a look: of two
    /// transactions that each take the other's right away, one fails.
    pub(crate) async fn still_may(&self, session: &mut ClientSession, by: Authority<'_>) -> Result<bool, StoreError> {
        let Some(condition) = by.condition() else { return Ok(true) };
        let held = doc! { "$set": { field::HELD: crate::clock::random_token() } };
        self.users.update_one_in(session, condition, held).await
    }

    /// Notes from where somebody signed in; it is known longer than the session is.
    pub(crate) async fn note_sign_in(&self, user: &UserId, from: IpAddr, at: Timestamp) -> Result<(), StoreError> {
        let last = bson::serialize_to_bson(&SignIn { from, at })
            .map_err(|error| StoreError::Unwritable { collection: User::COLLECTION, reason: error.to_string() })?;
        self.users.update_one(doc! { "_id": user }, doc! { "$set": { field::LAST_SIGN_IN: last } }).await.map(drop)
    }

    /// From where and when each of these people signed in last, where it is known.
    pub(crate) async fn last_sign_ins(
        &self,
        people: &[UserId],
    ) -> Result<BTreeMap<UserId, (IpAddr, Timestamp)>, StoreError> {
        let people: Vec<Bson> = people.iter().map(Bson::from).collect();
        let known = doc! { "_id": { "$in": people }, field::LAST_SIGN_IN: { "$exists": true } };
        let options = FindOptions::builder().projection(doc! { field::LAST_SIGN_IN: 1 }).build();
        let found: Vec<LastSignIn> = self.users.find_as(known, options).await?;
        Ok(found.into_iter().map(|one| (one.id, (one.last_sign_in.from, one.last_sign_in.at))).collect())
    }

    /// Members of an institute in any role, by name.
    pub async fn members(&self, institute: &InstituteId) -> Result<Vec<User>, StoreError> {
        let options = FindOptions::builder().sort(doc! { field::NAME: 1, field::EMAIL: 1 }).build();
        self.users.find(doc! { field::INSTITUTE: institute }, options).await
    }

    /// How many people hold which role in which institute and may sign in; one query for any number of people.
    pub async fn role_counts(&self, _: &SystemAdmin) -> Result<Vec<(Membership, u64)>, StoreError> {
        let counts: Vec<RoleCount> = self
            .users
            .aggregate(vec![
                doc! { "$match": { field::DISABLED: false } },
                doc! { "$unwind": format!("${}", field::MEMBERSHIPS) },
                doc! { "$group": { "_id": format!("${}", field::MEMBERSHIPS), "n": { "$sum": 1 } } },
            ])
            .await?;
        Ok(counts.into_iter().map(|count| (count.held, u64::try_from(count.n).unwrap_or(0))).collect())
    }

    /// The user with this identity, if they are a member of the institute.
    pub async fn member(&self, institute: &InstituteId, id: &UserId) -> Result<Option<User>, StoreError> {
        self.users.find_one(doc! { "_id": id, field::INSTITUTE: institute }).await
    }

    /// The user with this address.
    pub async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.users.find_one(doc! { field::EMAIL: email }).await
    }

    /// The user with this identity.
    pub async fn by_id(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.users.find_one(doc! { "_id": id }).await
    }

    /// Everybody, by address.
    pub async fn all(&self) -> Result<Vec<User>, StoreError> {
        self.users.find(doc! {}, FindOptions::builder().sort(doc! { field::EMAIL: 1 }).build()).await
    }

    /// Who reads cases of an institute, by name.
    pub async fn readers(&self, institute: &InstituteId) -> Result<Vec<Colleague>, StoreError> {
        let roles: Vec<&str> = Role::ALL.into_iter().filter(|role| role.reads_cases()).map(Role::as_str).collect();
        let member = doc! { "$elemMatch": { "institute": institute, "role": { "$in": roles } } };
        let parts = doc! { field::NAME: 1, field::EMAIL: 1 };
        let options = FindOptions::builder().sort(doc! { field::NAME: 1 }).projection(parts).build();
        self.users.find_as(doc! { field::MEMBERSHIPS: member, field::DISABLED: false }, options).await
    }
}
