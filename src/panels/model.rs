use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::db::{Stored, index, unique_index};
use crate::ids::InstituteId;

/// One version of a gene panel. A new version is a new document.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// `<name>@<version>`.
    #[serde(rename = "_id")]
    pub id: String,
    /// Short name, as cases and filters name it.
    pub name: String,
    /// Version, `1.0`; compared as numbers, part by part.
    pub version: String,
    /// Name as shown.
    pub display_name: String,
    /// Who keeps it.
    pub institute: InstituteId,
    /// What it is for.
    pub description: Option<String>,
    /// Date as the file states it.
    pub date: Option<String>,
    /// Genes, in the order of the file.
    pub genes: Vec<PanelGene>,
    /// When it was loaded.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
}

/// A gene of a panel with what the panel says about it.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelGene {
    /// HGNC number.
    pub hgnc_id: u32,
    /// Approved symbol, from the gene reference.
    pub symbol: String,
    /// Transcripts in which variants cause disease, without versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disease_transcripts: Vec<String>,
    /// Some carriers stay healthy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reduced_penetrance: bool,
    /// Known to act when mosaic.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mosaicism: bool,
    /// Known modes of inheritance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inheritance: Vec<String>,
    /// Modes outside the known list, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_inheritance: Vec<String>,
    /// Panel version that brought the gene in.
    pub entry_version: Option<String>,
    /// Free text.
    pub comment: Option<String>,
}

impl Panel {
    /// The `_id` of a version.
    #[must_use]
    pub fn id_of(name: &str, version: &str) -> String {
        format!("{name}@{version}")
    }
}

/// Orders versions by their numbers: 1.9 before 1.10 before 2.
#[must_use]
pub fn version_key(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

impl Stored for Panel {
    const COLLECTION: &'static str = "panels";

    fn indexes() -> Vec<IndexModel> {
        vec![
            unique_index("name_version", doc! { "name": 1, "version": 1 }),
            index("genes", doc! { "genes.hgnc_id": 1 }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_as_numbers() {
        let mut versions = ["2.0", "1.10", "1.9", "1"];
        versions.sort_by_key(|version| version_key(version));
        assert_eq!(versions, ["1", "1.9", "1.10", "2.0"]);
    }
}
