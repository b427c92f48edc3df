use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::recovery::{self, RecoveryCode};
use crate::db::{Db, Documents, StoreError, Stored};

/// Identity of the one set.
const SET: &str = "set";

/// Codes in a sealed envelope: each stands for the second person once, where a clinic has one administrator.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BreakSeal {
    /// There is one set.
    #[serde(rename = "_id")]
    pub id: String,
    /// Counts sets.
    pub rev: i64,
    /// SHA-256 of the codes that are left.
    pub left: Vec<String>,
    /// Who made it.
    pub by: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

impl Stored for BreakSeal {
    const COLLECTION: &'static str = "break_seal";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// Why no new set was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoNewSet {
    /// Whoever made the present set needs one of its codes to replace it: else one person could make a second one up.
    CodeNeeded,
    /// The code is wrong or used.
    WrongCode,
}

/// The `break_seal` collection.
#[derive(Clone)]
pub struct BreakSealStore {
    sets: Documents<BreakSeal>,
}

impl BreakSealStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { sets: Documents::new(db) }
    }

    /// Makes a set, in the place of an earlier one. The first is free; a later one takes a code of the one before, or
    /// another person than its maker.
    pub async fn make(
        &self,
        by: &str,
        code: Option<&RecoveryCode>,
        now: Timestamp,
    ) -> Result<Result<Vec<RecoveryCode>, NoNewSet>, StoreError> {
        let present = self.sets.find_one(doc! { "_id": SET }).await?;
        match (&present, code) {
            (Some(present), None) if present.by == by => return Ok(Err(NoNewSet::CodeNeeded)),
            (Some(_), Some(code)) if !self.use_code(code).await? => return Ok(Err(NoNewSet::WrongCode)),
            _ => {}
        }
        let codes = recovery::fresh_set();
        let rev = present.map_or(0, |present| present.rev);
        let set = BreakSeal {
            id: SET.to_owned(),
            rev: rev + 1,
            left: codes.iter().map(RecoveryCode::hash).collect(),
            by: by.to_owned(),
            at: now,
        };
        // Of two made at once the second finds another revision, and the unique `_id` refuses it.
        match self.sets.upsert(doc! { "_id": SET, "rev": rev }, &set).await {
            Err(StoreError::Database(error)) if StoreError::is_duplicate(&error) => {
                Err(StoreError::Conflict("the set of break-seal codes"))
            }
            done => done.map(|()| Ok(codes)),
        }
    }

    /// Uses a code up; of several at once, one does.
    pub async fn use_code(&self, code: &RecoveryCode) -> Result<bool, StoreError> {
        let hash = code.hash();
        self.sets.update_one(doc! { "_id": SET, "left": &hash }, doc! { "$pull": { "left": &hash } }).await
    }

    /// Codes that are left, and who made them when; none when there is no set.
    pub async fn standing(&self) -> Result<Option<BreakSeal>, StoreError> {
        self.sets.find_one(doc! { "_id": SET }).await
    }
}
