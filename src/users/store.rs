use bson::doc;
use mongodb::options::FindOptions;

use serde::Deserialize;

use super::model::{Email, Role, User, field};
use crate::db::{Db, Documents, StoreError};
use crate::ids::{InstituteId, UserId};

/// Somebody of the same institute, as named to colleagues.
#[derive(Debug, Clone, Deserialize)]
pub struct Colleague {
    /// Identity.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Name.
    pub name: String,
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

    /// Adds a user; the address must be free.
    pub async fn add(&self, user: &User) -> Result<(), StoreError> {
        self.users.insert(user, "a user with this e-mail address").await
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
        let options = FindOptions::builder().sort(doc! { field::NAME: 1 }).projection(doc! { field::NAME: 1 }).build();
        self.users.find_as(doc! { field::MEMBERSHIPS: member, field::DISABLED: false }, options).await
    }

    /// Takes the right to sign in; whether there was such a user.
    pub async fn disable(&self, id: &UserId) -> Result<bool, StoreError> {
        self.users
            .update_one(doc! { "_id": id }, doc! { "$set": { field::DISABLED: true }, "$inc": { field::REV: 1 } })
            .await
    }
}
