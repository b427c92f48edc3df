//! What lists of cases show.

use std::collections::BTreeSet;

use bson::{Document, doc};
use jiff::Timestamp;
use serde::Deserialize;
use serde_with::serde_as;

use super::emergency::Emergency;
use super::model::{ListKind, Phenotype, Status, Track};
use super::share::Share;
use super::work::Tag;
use crate::genome::GenomeBuild;
use crate::ids::{CaseId, CaseName, InstituteId, UserId, VariantId};

/// What a line of the cases page shows.
#[serde_as]
#[derive(Debug, Clone, Deserialize)]
pub struct CaseSummary {
    /// Identity.
    #[serde(rename = "_id")]
    pub id: CaseId,
    /// Owner.
    pub institute: InstituteId,
    /// Pipeline's name.
    pub family: String,
    /// Name.
    pub name: CaseName,
    /// Assembly.
    pub build: GenomeBuild,
    /// Rare or cancer.
    pub track: Track,
    /// Where the work stands.
    pub status: Status,
    /// Who works on it.
    pub assignees: Vec<UserId>,
    /// What it is marked with.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Cohorts it belongs to.
    pub cohorts: Vec<String>,
    /// Groups of cases it belongs to.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Individuals, names only.
    pub individuals: Vec<IndividualSummary>,
    /// Default panels and others.
    pub panels: Vec<PanelSummary>,
    /// Lists, totals only.
    pub lists: Vec<ListSummary>,
    /// Variants of which nothing is told.
    #[serde(default)]
    pub(super) kept_out: Vec<VariantId>,
    /// Who alone reads it.
    #[serde(default)]
    restriction: Option<Readers>,
    /// Last change.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub updated_at: Timestamp,
    /// First load.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// When the sequence was analysed.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub analysis_date: Option<Timestamp>,
}

/// The people of a restriction.
#[derive(Debug, Clone, Deserialize)]
struct Readers {
    people: BTreeSet<UserId>,
}

impl CaseSummary {
    /// Whether nothing is told of this variant.
    #[must_use]
    pub fn keeps_out(&self, variant: &VariantId) -> bool {
        self.kept_out.contains(variant)
    }

    /// Its clinical lists.
    pub fn clinical_lists(&self) -> impl Iterator<Item = &ListSummary> {
        self.lists.iter().filter(|list| list.list.is_clinical())
    }

    /// Whether this person reads the case, as one who reads cases of its institute.
    pub(super) fn is_open_to(&self, user: &UserId) -> bool {
        self.restriction.as_ref().is_none_or(|restriction| restriction.people.contains(user))
    }

    /// From when its days are counted: the analysis of the sample, or where that is not known the first load.
    #[must_use]
    pub fn sampled_at(&self) -> Timestamp {
        self.analysis_date.unwrap_or(self.created_at)
    }

    /// Whether only some people of its institute read the case.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.restriction.is_some()
    }
}

/// An individual in a line of the cases page.
#[derive(Debug, Clone, Deserialize)]
pub struct IndividualSummary {
    /// Name on pages.
    pub name: String,
    /// Affected or not.
    pub phenotype: Phenotype,
}

/// A panel in a line of the cases page.
#[derive(Debug, Clone, Deserialize)]
pub struct PanelSummary {
    /// Short name.
    pub name: String,
    /// Whether lists open with it.
    pub default: bool,
}

/// A list in a line of the cases page.
#[derive(Debug, Clone, Deserialize)]
pub struct ListSummary {
    /// `snv`, …
    pub category: String,
    /// Clinical or research.
    pub list: ListKind,
    /// Variants stored.
    total: u32,
    /// Of these, those outside consent.
    #[serde(default)]
    outside: u32,
}

impl ListSummary {
    /// Variants of the list that pages count.
    #[must_use]
    pub fn shown(&self) -> u32 {
        self.total.saturating_sub(self.outside)
    }
}

/// A case by its names.
#[derive(Debug, Clone, Deserialize)]
pub struct CaseNamed {
    /// Identity.
    #[serde(rename = "_id")]
    pub id: CaseId,
    /// Owner.
    pub institute: InstituteId,
    /// Name.
    pub name: CaseName,
    /// Variants of which nothing is told.
    #[serde(default)]
    pub kept_out: Vec<VariantId>,
}

/// A line about a case that another institute shares: nothing of it that stays with its owner.
#[derive(Debug, Clone)]
pub struct SharedCase {
    /// What the line shows.
    pub case: CaseSummary,
    /// The share by which it is there.
    pub share: Share,
}

/// A case that somebody has open in an emergency: what names it.
#[derive(Debug, Clone, Deserialize)]
pub struct OpenCase {
    /// Owner.
    pub institute: InstituteId,
    /// Name.
    pub name: CaseName,
    /// All emergencies, of anybody.
    pub emergencies: Vec<Emergency>,
}

/// A [`CaseSummary`] with all shares, as stored.
#[derive(Deserialize)]
pub(super) struct WithShares {
    #[serde(flatten)]
    case: CaseSummary,
    shares: Vec<Share>,
}

impl SharedCase {
    pub(super) fn of(found: WithShares, guest: &InstituteId, now: Timestamp) -> Option<Self> {
        let share = found.shares.into_iter().find(|share| share.with == *guest && share.is_running(now))?;
        let mut case = found.case;
        case.family = case.name.to_string();
        case.assignees.clear();
        case.tags.clear();
        case.cohorts.clear();
        case.groups.clear();
        case.lists.retain(|list| share.lists.hold(list.list));
        Some(Self { case, share })
    }
}

/// The stored fields of a [`CaseSummary`].
pub(super) fn summary() -> Document {
    doc! {
        "institute": 1, "family": 1, "name": 1, "build": 1, "track": 1, "status": 1, "assignees": 1, "tags": 1,
        "cohorts": 1, "groups": 1,
        "individuals.name": 1, "individuals.phenotype": 1, "panels.name": 1, "panels.default": 1,
        "lists.category": 1, "lists.list": 1, "lists.total": 1, "lists.outside": 1, "kept_out": 1,
        "restriction.people": 1, "updated_at": 1, "created_at": 1, "analysis_date": 1,
    }
}
