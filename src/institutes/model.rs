use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::db::Stored;
use crate::ids::InstituteId;

/// A clinic or laboratory that owns cases.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Institute {
    /// Short name, also in URLs.
    #[serde(rename = "_id")]
    pub id: InstituteId,
    /// Name as shown.
    pub name: String,
    /// What its admins decide.
    #[serde(default)]
    pub settings: Settings,
    /// When it was added.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// Counts changes of the document.
    pub rev: i64,
}

/// An institute's own rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Frequency above which the clinical preset hides a variant, as a fraction.
    pub frequency_cutoff: f64,
    /// External sites that may be told exact alleles; see `variants::links`.
    pub link_targets: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { frequency_cutoff: 0.01, link_targets: Vec::new() }
    }
}

impl Institute {
    /// A new institute with default settings.
    #[must_use]
    pub fn new(id: InstituteId, name: String, now: Timestamp) -> Self {
        Self { id, name, settings: Settings::default(), created_at: now, rev: 1 }
    }
}

impl Stored for Institute {
    const COLLECTION: &'static str = "institutes";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}
