use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::model::{Case, Status};
use crate::db::StoreError;
use crate::events::{Change, EventKind, fact, work_subject};
use crate::ids::UserId;

/// What people set of a case itself: how far it is, who works on it, what it is marked with, what it is about and belongs to.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseWork {
    /// Where the work stands.
    pub status: Status,
    /// Who works on it, in the order they began.
    pub assignees: Vec<UserId>,
    /// What it is marked with, in the order of [`Tag::ALL`].
    pub tags: Vec<Tag>,
    /// What it is about, in Markdown.
    pub synopsis: Option<String>,
    /// Studies and collections that it belongs to, in alphabetical order.
    #[serde(default)]
    pub cohorts: Vec<String>,
    /// Groups of cases of the institute that it belongs to, in alphabetical order.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl CaseWork {
    /// As the case stands.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        Self {
            status: case.status,
            assignees: case.assignees.clone(),
            tags: case.tags.clone(),
            synopsis: case.synopsis.clone(),
            cohorts: case.cohorts.clone(),
            groups: case.groups.clone(),
        }
    }
}

impl CaseWork {
    /// What the history keeps of a change of a case, as it was read, to this.
    pub(crate) fn change(&self, read: &Case, kind: EventKind) -> Result<Change, StoreError> {
        Ok(Change {
            subject: work_subject(&read.id),
            rev: read.work_rev + 1,
            kind,
            institute: Some(read.institute.clone()),
            case_id: Some(read.id.clone()),
            before: fact(&Self::of(read))?,
            after: fact(self)?,
        })
    }
}

/// A mark of a case. The list is Scout's, so that its cases can be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tag {
    /// The answer is not final.
    Provisional,
    /// A diagnosis was made.
    Diagnostic,
    /// Found by the way, of use for something else.
    Incidental,
    /// A healthy carrier.
    Carrier,
    /// Of medical use beyond the question.
    Medical,
    /// About how sample or analysis went.
    Technical,
    /// Uniparental disomy.
    Upd,
    /// Spinal muscular atrophy: copies of SMN1 and SMN2.
    Smn,
    /// In genes that are hard to map to.
    Dark,
    /// Facioscapulohumeral muscular dystrophy.
    Fshd,
    /// Of use: RNA.
    Rna,
    /// A structural variant.
    Structural,
}

impl Tag {
    /// All, in the order of pages.
    pub const ALL: [Self; 12] = [
        Self::Provisional,
        Self::Diagnostic,
        Self::Incidental,
        Self::Carrier,
        Self::Medical,
        Self::Technical,
        Self::Upd,
        Self::Smn,
        Self::Dark,
        Self::Fshd,
        Self::Rna,
        Self::Structural,
    ];

    /// The word in documents, addresses and API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Diagnostic => "diagnostic",
            Self::Incidental => "incidental",
            Self::Carrier => "carrier",
            Self::Medical => "medical",
            Self::Technical => "technical",
            Self::Upd => "upd",
            Self::Smn => "smn",
            Self::Dark => "dark",
            Self::Fshd => "fshd",
            Self::Rna => "rna",
            Self::Structural => "structural",
        }
    }

    /// The word on pages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Upd => "UPD",
            Self::Smn => "SMN",
            Self::Dark => "dark region",
            Self::Fshd => "FSHD",
            Self::Rna => "RNA",
            other => other.as_str(),
        }
    }

    /// The tag of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| tag.as_str() == word)
    }
}

impl Status {
    /// The status of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}
