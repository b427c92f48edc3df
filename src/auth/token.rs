use std::collections::BTreeMap;
use std::net::IpAddr;

use bson::{Bson, doc};
use jiff::{SignedDuration, Timestamp};
use mongodb::options::{FindOptions, IndexOptions};
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::session::digest;
use crate::addresses::{AddressRules, Network, with_rules_of_owner};
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::{InstituteId, UserId};
use crate::users::{Membership, User};

/// The longest life of a token, in days.
pub const MAX_DAYS: u16 = 90;

/// What every token starts with, so that leaked ones are recognised.
const PREFIX: &str = "lode_";

/// What a token lets a script do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// Read cases and variants.
    Read,
    /// Read, and load cases.
    Load,
}

impl TokenScope {
    /// The word on the command line and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Load => "load",
        }
    }

    /// What it allows, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Read => "read cases",
            Self::Load => "read and load cases",
        }
    }
}

/// A script's right to act for a user in one institute.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiToken {
    /// SHA-256 of the token, as hexadecimal text.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose right it is.
    pub user: UserId,
    /// The one institute it reaches.
    pub institute: InstituteId,
    /// What it may do.
    pub scope: TokenScope,
    /// What its owner calls it; may be empty.
    #[serde(default)]
    pub name: String,
    /// The only networks it may be used from; none: from everywhere.
    #[serde(default)]
    pub addresses: Vec<Network>,
    /// Last use, to the minute.
    #[serde(default)]
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

/// A token about to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The one institute it reaches.
    pub institute: InstituteId,
    /// What it may do.
    pub scope: TokenScope,
    /// Days it lives; more than 90 count as 90.
    pub days: u16,
    /// What its owner calls it.
    pub name: String,
    /// The only networks it may be used from; none: from everywhere.
    pub addresses: Vec<Network>,
}

impl ApiToken {
    /// Whether it may be used from an address.
    pub(super) fn admits(&self, from: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|network| network.contains(from))
    }
}

impl Stored for ApiToken {
    const COLLECTION: &'static str = "api_tokens";

    fn indexes() -> Vec<IndexModel> {
        let expire =
            IndexOptions::builder().name("expiry".to_owned()).expire_after(std::time::Duration::from_secs(60)).build();
        vec![
            index("of_user", doc! { "user": 1 }),
            index("of_institute", doc! { "institute": 1 }),
            IndexModel::builder().keys(doc! { "expires_at": 1 }).options(expire).build(),
        ]
    }
}

impl User {
    /// Whether a token of this person is good: it ends with the account, and with the membership that it reads by.
    fn may_have(&self, token: &ApiToken) -> bool {
        let reads = |held: &Membership| held.institute == token.institute && held.role.reads_cases();
        !self.disabled && self.memberships.iter().any(reads)
    }
}

fn moment(at: Timestamp) -> bson::DateTime {
    bson::DateTime::from_millis(at.as_millisecond())
}

/// The `api_tokens` collection.
#[derive(Clone)]
pub struct TokenStore {
    tokens: Documents<ApiToken>,
}

#[derive(Deserialize)]
struct TokenWithUser {
    #[serde(flatten)]
    token: ApiToken,
    owner: User,
    rules: Vec<AddressRules>,
}

impl TokenStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { tokens: Documents::new(db) }
    }

    /// Makes a token without a name that may be used from everywhere; the answer is its text, which is stored nowhere.
    pub async fn create(
        &self,
        user: &UserId,
        institute: &InstituteId,
        scope: TokenScope,
        days: u16,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let institute = institute.clone();
        let wanted = NewToken { institute, scope, days, name: String::new(), addresses: Vec::new() };
        self.make(user, wanted, now).await.map(|(text, _)| text)
    }

    /// Makes a token; the answer is its text, which is stored nowhere, and what is stored.
    pub async fn make(
        &self,
        user: &UserId,
        wanted: NewToken,
        now: Timestamp,
    ) -> Result<(String, ApiToken), StoreError> {
        let text = format!("{PREFIX}{}", crate::clock::random_token());
        let token = ApiToken {
            id: digest(&text),
            user: user.clone(),
            institute: wanted.institute,
            scope: wanted.scope,
            name: wanted.name,
            addresses: wanted.addresses,
            last_used_at: None,
            created_at: now,
            expires_at: now + SignedDuration::from_hours(24 * i64::from(wanted.days.min(MAX_DAYS))),
        };
        self.tokens.insert(&token, "this token").await?;
        Ok((text, token))
    }

    /// The live token of a text with its user, and the address rules that may concern them, read in one round trip.
    pub(super) async fn find(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<(ApiToken, User, Vec<AddressRules>)>, StoreError> {
        if !text.starts_with(PREFIX) || text.len() > 128 {
            return Ok(None);
        }
        let of_user = doc! { "$lookup": { "from": User::COLLECTION, "localField": "user", "foreignField": "_id", "as": "owner" } };
        let stages = [doc! { "$match": { "_id": digest(text) } }, of_user].into_iter().chain(with_rules_of_owner());
        let found: Vec<TokenWithUser> = self.tokens.aggregate(stages.collect()).await?;
        let alive = |found: &TokenWithUser| now < found.token.expires_at && found.owner.may_have(&found.token);
        Ok(found.into_iter().next().filter(alive).map(|found| (found.token, found.owner, found.rules)))
    }

    /// Notes that a token was used, at most once a minute.
    pub(super) async fn touch(&self, token: &ApiToken, now: Timestamp) -> Result<(), StoreError> {
        let long_ago = |at: Timestamp| now.duration_since(at) >= SignedDuration::from_mins(1);
        if token.last_used_at.is_none_or(long_ago) {
            let used = doc! { "$max": { "last_used_at": moment(now) } };
            self.tokens.update_one(doc! { "_id": &token.id }, used).await?;
        }
        Ok(())
    }

    /// A person's live tokens, newest first.
    pub(super) async fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<ApiToken>, StoreError> {
        let newest = FindOptions::builder().sort(doc! { "created_at": -1, "_id": 1 }).build();
        let live = doc! { "user": user, "expires_at": { "$gt": moment(now) } };
        self.tokens.find(live, newest).await
    }

    /// How many live tokens each person has in an institute.
    pub async fn count_in(
        &self,
        institute: &InstituteId,
        now: Timestamp,
    ) -> Result<BTreeMap<UserId, usize>, StoreError> {
        #[derive(Deserialize)]
        struct Owner {
            user: UserId,
        }
        let live = doc! { "institute": institute, "expires_at": { "$gt": moment(now) } };
        let owners = FindOptions::builder().projection(doc! { "user": 1 }).build();
        let mut count = BTreeMap::new();
        for Owner { user } in self.tokens.find_as(live, owners).await? {
            *count.entry(user).or_insert(0) += 1;
        }
        Ok(count)
    }

    /// Ends one of a person's tokens by what is stored of it; whether there was one.
    pub(super) async fn end_one(&self, user: &UserId, hash: &str) -> Result<bool, StoreError> {
        Ok(self.tokens.delete(doc! { "_id": hash, "user": user }).await? == 1)
    }

    /// Ends a person's tokens in an institute; how many there were.
    pub async fn end_in(&self, user: &UserId, institute: &InstituteId) -> Result<u64, StoreError> {
        self.tokens.delete(doc! { "user": user, "institute": institute }).await
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.tokens.prepare().await
    }

    /// Ends the tokens that a changed person may have no more, in a transaction.
    pub(super) async fn end_unfit_in(&self, session: &mut ClientSession, user: &User) -> Result<(), StoreError> {
        let kept: Vec<Bson> = if user.disabled {
            Vec::new()
        } else {
            let readers = user.memberships.iter().filter(|membership| membership.role.reads_cases());
            readers.map(|membership| Bson::from(&membership.institute)).collect()
        };
        let unfit = doc! { "user": &user.id, "institute": { "$nin": kept } };
        self.tokens.delete_in(session, unfit).await.map(|_| ())
    }

    /// Ends all tokens of a user.
    pub async fn end_all(&self, user: &UserId) -> Result<u64, StoreError> {
        self.tokens.delete(doc! { "user": user }).await
    }
}
