use bson::doc;
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::session::digest;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::{InstituteId, UserId};
use crate::users::User;

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
    /// When it was made.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// When it ends.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub expires_at: Timestamp,
}

impl Stored for ApiToken {
    const COLLECTION: &'static str = "api_tokens";

    fn indexes() -> Vec<IndexModel> {
        let expire =
            IndexOptions::builder().name("expiry".to_owned()).expire_after(std::time::Duration::from_secs(60)).build();
        vec![
            index("of_user", doc! { "user": 1 }),
            IndexModel::builder().keys(doc! { "expires_at": 1 }).options(expire).build(),
        ]
    }
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
    owner: Vec<User>,
}

impl TokenStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { tokens: Documents::new(db) }
    }

    /// Makes a token; the answer is its text, which is stored nowhere. `days` beyond 90 count as 90.
    pub async fn create(
        &self,
        user: &UserId,
        institute: &InstituteId,
        scope: TokenScope,
        days: u16,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let text = format!("{PREFIX}{}", crate::clock::random_token());
        let token = ApiToken {
            id: digest(&text),
            user: user.clone(),
            institute: institute.clone(),
            scope,
            created_at: now,
            expires_at: now + SignedDuration::from_hours(24 * i64::from(days.min(MAX_DAYS))),
        };
        self.tokens.insert(&token, "this token").await?;
        Ok(text)
    }

    /// The live token of a text with its user, read in one round trip.
    pub(super) async fn find(&self, text: &str, now: Timestamp) -> Result<Option<(ApiToken, User)>, StoreError> {
        if !text.starts_with(PREFIX) || text.len() > 128 {
            return Ok(None);
        }
        let found: Vec<TokenWithUser> = self
            .tokens
            .aggregate(vec![
                doc! { "$match": { "_id": digest(text) } },
                doc! { "$lookup": { "from": User::COLLECTION, "localField": "user", "foreignField": "_id", "as": "owner" } },
            ])
            .await?;
        let Some(TokenWithUser { token, mut owner }) = found.into_iter().next() else { return Ok(None) };
        let alive = now < token.expires_at;
        Ok(owner.pop().filter(|user| alive && !user.disabled).map(|user| (token, user)))
    }

    /// Ends all tokens of a user.
    pub async fn end_all(&self, user: &UserId) -> Result<u64, StoreError> {
        self.tokens.delete(doc! { "user": user }).await
    }
}
