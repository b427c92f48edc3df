use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::db::{Stored, unique_index};
use crate::ids::{FilterId, InstituteId, UserId};
use crate::variants::Category;
use crate::variants::columns::{Filter, in_words};
use crate::web::Params;

/// A filter that an institute keeps.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFilter {
    /// Opaque.
    #[serde(rename = "_id")]
    pub id: FilterId,
    /// Whose.
    pub institute: InstituteId,
    /// Of which lists.
    pub category: Category,
    /// Unique in the institute and category.
    pub name: String,
    /// The parameters of the list's address in a fixed order, panels with their version.
    pub query: String,
    /// Counts changes of the parameters, from 1.
    pub version: i64,
    /// Who saved it first.
    pub owner: UserId,
    /// The name they had then.
    pub owner_name: String,
    /// Whether nobody but the owner changes it.
    pub locked: bool,
    /// Whether lists offer it no more.
    pub retired: bool,
    /// When it was changed last.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// Counts all changes.
    pub rev: i64,
}

impl SavedFilter {
    /// The parameters.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::parse(&self.query)
    }

    /// What it keeps, in words; nothing where this version of the program does not understand it any more.
    #[must_use]
    pub fn words(&self) -> Option<Vec<String>> {
        Filter::parse(self.params().pairs()).ok().map(|filter| in_words(&filter))
    }

    /// Whether this person may change it.
    #[must_use]
    pub fn is_open_to(&self, user: &UserId) -> bool {
        !self.locked || self.owner == *user
    }
}

impl Stored for SavedFilter {
    const COLLECTION: &'static str = "filters";

    fn indexes() -> Vec<IndexModel> {
        vec![unique_index("name", doc! { "institute": 1, "category": 1, "name": 1 })]
    }
}
