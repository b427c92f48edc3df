use std::collections::BTreeMap;
use std::path::PathBuf;

use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::emergency::Emergency;
use super::rank_model::CaseRankModel;
use super::report::LoadReport;
use super::research::Research;
use super::restriction::Restriction;
use super::share::Share;
use super::work::Tag;
use crate::consent::{Consents, SecondaryGenes};
use crate::db::{Stored, index, unique_index};
use crate::genome::GenomeBuild;
use crate::ids::{CaseId, CaseName, InstituteId, UserId, VariantId};
use crate::variants::KeyForm;

/// A family, or a tumour/normal pair.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Opaque identity.
    #[serde(rename = "_id")]
    pub id: CaseId,
    /// Owner.
    pub institute: InstituteId,
    /// `family` of the load configuration: the pipeline's name for the case, also the key of RankScore.
    pub family: String,
    /// Name on pages and in URLs.
    pub name: CaseName,
    /// Assembly of all positions of the case.
    pub build: GenomeBuild,
    /// Rare disease or cancer.
    pub track: Track,
    /// Where the work stands.
    pub status: Status,
    /// In page order: affected, unaffected, unknown; within these as in the load configuration.
    pub individuals: Vec<Individual>,
    /// Gene panels the case was ordered with, in the version found when it was loaded.
    pub panels: Vec<CasePanel>,
    /// Published lists of variants that whoever reads the case reads.
    pub lists: Vec<CaseList>,
    /// Research lists while they are closed. Commands on the machine know of them, and nobody who reads the case.
    #[serde(default)]
    pub closed_lists: Vec<CaseList>,
    /// Who opened the research lists; none while they are closed.
    pub research: Option<Research>,
    /// Counts how often they were opened and closed.
    #[serde(default)]
    pub research_rev: i64,
    /// Lists and files that were delivered but that this version cannot show, in words.
    pub not_assessed: Vec<String>,
    /// Everything else of the load configuration.
    pub files: CaseFiles,
    /// Who works on it.
    pub assignees: Vec<UserId>,
    /// HPO terms at load.
    pub phenotype_terms: Vec<String>,
    /// HPO terms of phenotype groups at load.
    pub phenotype_groups: Vec<String>,
    /// What it is marked with, in the order of [`Tag::ALL`].
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Studies and collections that it belongs to.
    pub cohorts: Vec<String>,
    /// Groups of cases of the institute that it belongs to: those of one family, or of one question.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Free text about the case.
    pub synopsis: Option<String>,
    /// Identifier in the laboratory's information system.
    pub lims_id: Option<String>,
    /// When the sequence was analysed.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub analysis_date: Option<Timestamp>,
    /// Version of the rank model.
    pub rank_model_version: Option<String>,
    /// The rank model of small variants; absent if none was delivered, or in a case loaded before models were read.
    #[serde(default)]
    pub rank_model: Option<CaseRankModel>,
    /// Genes of secondary findings that were not ordered; none while the reference has no list of such genes.
    #[serde(default)]
    pub secondary: Option<SecondaryGenes>,
    /// What its people consent to.
    #[serde(default)]
    pub consents: Consents,
    /// Variants that people decided about or commented on, and that lie outside consent by now: none of that is told.
    #[serde(default)]
    pub kept_out: Vec<VariantId>,
    /// Institutes that the load configuration proposes to share with; inert until a person of the owner confirms.
    pub share_proposals: Vec<InstituteId>,
    /// Institutes that may read the case, or might once, oldest first.
    #[serde(default)]
    pub shares: Vec<Share>,
    /// Who alone reads the case; none while everybody does who reads cases of its institute.
    pub restriction: Option<Restriction>,
    /// Counts changes of who reads the case.
    #[serde(default)]
    pub restriction_rev: i64,
    /// Those who opened the case in an emergency, oldest first.
    #[serde(default)]
    pub emergencies: Vec<Emergency>,
    /// Lower-case words that find the case: names, family, individuals, subjects, LIMS id.
    pub search: Vec<String>,
    /// Changes whenever somebody decides something about a variant of the case.
    pub decisions_rev: i64,
    /// Counts changes of the work on the case ([`super::CaseWork`]): its revision in the history.
    #[serde(default)]
    pub work_rev: i64,
    /// The change of what lists show of the institute's cases that left it so.
    #[serde(default)]
    pub listed_rev: i64,
    /// First load.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// Last change.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub updated_at: Timestamp,
    /// Counts changes of the document.
    pub rev: i64,
}

/// Paths and settings kept as delivered, by key of the load configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseFiles {
    /// Absolute paths by key.
    pub paths: BTreeMap<String, String>,
    /// Absolute paths of the files that the research lists were read from, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub research: BTreeMap<String, String>,
    /// Other values, as JSON text by key.
    pub settings: BTreeMap<String, String>,
}

impl CaseFiles {
    /// Files of a list of small variants, in the order they are loaded.
    pub fn small_variants(&self, list: ListKind) -> impl Iterator<Item = PathBuf> {
        let paths = if list.is_clinical() { &self.paths } else { &self.research };
        list.small_variants().iter().filter_map(|key| paths.get(*key)).map(PathBuf::from)
    }

    /// Where the rank model of small variants is said to be: a path or a web address.
    #[must_use]
    pub fn rank_model(&self) -> Option<&str> {
        self.paths.get("rank_model_url").map(String::as_str)
    }
}

/// Rare disease or cancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// Germline, a family.
    Rare,
    /// Tumour, with or without a normal sample.
    Cancer,
}

impl Track {
    /// The word in documents, API and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rare => "rare",
            Self::Cancer => "cancer",
        }
    }
}

/// Where the work on a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// To be read first.
    Prioritized,
    /// Loaded, nobody began.
    Inactive,
    /// Being read.
    Active,
    /// A cause was found.
    Solved,
    /// Put away.
    Archived,
    /// Not to be read.
    Ignored,
}

impl Status {
    /// All statuses in the order of the cases page.
    pub const ALL: [Self; 6] =
        [Self::Prioritized, Self::Active, Self::Inactive, Self::Solved, Self::Archived, Self::Ignored];

    /// The word in documents, API and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prioritized => "prioritized",
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Solved => "solved",
            Self::Archived => "archived",
            Self::Ignored => "ignored",
        }
    }
}

/// A person whose sample was sequenced.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Individual {
    /// `sample_id`: the name of the sample column.
    pub individual_id: String,
    /// Name on pages.
    pub name: String,
    /// Identity across cases, if the laboratory gives one.
    pub subject_id: Option<String>,
    /// Sex as registered.
    pub sex: Sex,
    /// Affected or not.
    pub phenotype: Phenotype,
    /// `individual_id` of the father, if he is in the case.
    pub father: Option<String>,
    /// `individual_id` of the mother, if she is in the case.
    pub mother: Option<String>,
    /// `wes`, `wgs`, …
    pub analysis_type: String,
    /// Capture kits.
    pub capture_kits: Vec<String>,
    /// Tissue of the sample.
    pub tissue_type: Option<String>,
    /// Other keys of the sample, as JSON text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

impl Individual {
    /// Whether DNA variants are called in this sample; RNA-only samples have no column.
    #[must_use]
    pub fn has_dna(&self) -> bool {
        self.analysis_type != "wts"
    }
}

/// Sex as registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// One X in most cells.
    Male,
    /// Two X in most cells.
    Female,
    /// Not registered.
    Unknown,
}

impl Sex {
    /// The word in files, documents and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether somebody has the disease the case is about. Ordered as on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phenotype {
    /// Has it.
    Affected,
    /// Does not have it.
    Unaffected,
    /// Not known.
    Unknown,
}

impl Phenotype {
    /// The word in files, documents and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Affected => "affected",
            Self::Unaffected => "unaffected",
            Self::Unknown => "unknown",
        }
    }
}

/// Affected, unaffected, unknown; the order given is kept within these.
pub fn page_order(individuals: &mut [Individual]) {
    individuals.sort_by_key(|individual| individual.phenotype);
}

/// A gene panel as the case was ordered with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CasePanel {
    /// Short name.
    pub name: String,
    /// Name as shown.
    pub display_name: String,
    /// Version found at load, e.g. `2.0`.
    pub version: String,
    /// Genes in it.
    pub genes: u32,
    /// Whether lists open with it.
    pub default: bool,
}

/// One published list of variants.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseList {
    /// `snv`, …
    pub category: String,
    /// Clinical or research.
    pub list: ListKind,
    /// The revision that is shown.
    pub revision: u32,
    /// Variants stored.
    pub total: u32,
    /// Of these, how many lie outside consent as it stands. Said to nobody.
    #[serde(default)]
    pub outside: u32,
    /// Rank score that a variant had to exceed.
    pub threshold: f64,
    /// BLAKE3 of what was loaded: files and the settings that decide what is stored.
    pub content: String,
    /// How the keys of its variants were made.
    #[serde(default)]
    pub keys: KeyForm,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub loaded_at: Timestamp,
    /// What happened to each record.
    pub report: LoadReport,
}

impl CaseList {
    /// Variants of the list that pages count.
    #[must_use]
    pub fn shown(&self) -> u32 {
        self.total.saturating_sub(self.outside)
    }

    /// Whether the other is the same revision of the same list.
    #[must_use]
    pub fn is_revision(&self, other: &Self) -> bool {
        (&self.category, self.list, self.revision) == (&other.category, other.list, other.revision)
    }
}

/// Clinical lists hold genes of the ordered panels, research lists the rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// What was ordered.
    #[default]
    Clinical,
    /// Opened with consent only.
    Research,
}

impl ListKind {
    /// The word in documents, URLs and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clinical => "clinical",
            Self::Research => "research",
        }
    }

    /// Keys of the load configuration that name the files of small variants, in the order they are loaded.
    #[must_use]
    pub fn small_variants(self) -> &'static [&'static str] {
        match self {
            Self::Clinical => &["vcf_snv_mt", "vcf_snv"],
            Self::Research => &["vcf_snv_research_mt", "vcf_snv_research"],
        }
    }

    /// Whether it is the clinical list.
    #[must_use]
    pub fn is_clinical(&self) -> bool {
        *self == Self::Clinical
    }
}

impl Case {
    /// The published list, if there is one.
    #[must_use]
    pub fn list(&self, category: &str, list: ListKind) -> Option<&CaseList> {
        self.lists.iter().find(|known| known.category == category && known.list == list)
    }

    /// The first affected individual, else the first.
    #[must_use]
    pub fn proband(&self) -> Option<&Individual> {
        self.individuals.first() // page order puts affected ones first
    }

    /// Panels that lists open with.
    pub fn default_panels(&self) -> impl Iterator<Item = &CasePanel> {
        self.panels.iter().filter(|panel| panel.default)
    }

    /// Lower-case words that find this case.
    #[must_use]
    pub fn search_words(&self) -> Vec<String> {
        let mut words: Vec<String> = [self.name.as_str(), &self.family]
            .into_iter()
            .chain(self.lims_id.as_deref())
            .chain(self.individuals.iter().flat_map(|individual| {
                [individual.individual_id.as_str(), &individual.name]
                    .into_iter()
                    .chain(individual.subject_id.as_deref())
            }))
            .map(str::to_lowercase)
            .collect();
        words.sort();
        words.dedup();
        words
    }
}

/// Names of stored fields.
pub(super) mod field {
    pub const INSTITUTE: &str = "institute";
    pub const FAMILY: &str = "family";
    pub const NAME: &str = "name";
    pub const STATUS: &str = "status";
    pub const ASSIGNEES: &str = "assignees";
    pub const TAGS: &str = "tags";
    pub const COHORTS: &str = "cohorts";
    pub const GROUPS: &str = "groups";
    pub const SYNOPSIS: &str = "synopsis";
    pub const WORK_REV: &str = "work_rev";
    pub const SEARCH: &str = "search";
    pub const UPDATED_AT: &str = "updated_at";
    pub const SHARES: &str = "shares";
    pub const EMERGENCIES: &str = "emergencies";
    pub const RESTRICTION: &str = "restriction";
    pub const RESTRICTION_REV: &str = "restriction_rev";
    pub const LISTS: &str = "lists";
    pub const CLOSED_LISTS: &str = "closed_lists";
    pub const RESEARCH: &str = "research";
    pub const RESEARCH_REV: &str = "research_rev";
    pub const SECONDARY: &str = "secondary";
    pub const CONSENTS: &str = "consents";
    pub const KEPT_OUT: &str = "kept_out";
    pub const LISTED_REV: &str = "listed_rev";
    pub const DECISIONS_REV: &str = "decisions_rev";
    pub const REV: &str = "rev";
}

impl Stored for Case {
    const COLLECTION: &'static str = "cases";

    fn indexes() -> Vec<IndexModel> {
        vec![
            unique_index("institute_family", doc! { field::INSTITUTE: 1, field::FAMILY: 1 }),
            unique_index("institute_name", doc! { field::INSTITUTE: 1, field::NAME: 1 }),
            index("institute_listed", doc! { field::INSTITUTE: 1, field::LISTED_REV: 1 }),
            index("opened_by", doc! { "emergencies.by.user": 1 }),
            index("shared_with", doc! { "shares.with": 1 }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Actor;

    fn individual(id: &str, phenotype: Phenotype) -> Individual {
        Individual {
            individual_id: id.into(),
            name: id.into(),
            subject_id: None,
            sex: Sex::Unknown,
            phenotype,
            father: None,
            mother: None,
            analysis_type: "wgs".into(),
            capture_kits: vec![],
            tissue_type: None,
            settings: BTreeMap::new(),
        }
    }

    #[test]
    fn affected_come_first_and_the_files_order_is_kept_within() {
        use Phenotype::{Affected, Unaffected, Unknown};
        let mut individuals = vec![
            individual("a", Unknown),
            individual("b", Unaffected),
            individual("c", Affected),
            individual("d", Unaffected),
            individual("e", Affected),
        ];
        page_order(&mut individuals);
        let order: Vec<_> = individuals.iter().map(|individual| individual.individual_id.as_str()).collect();
        assert_eq!(order, ["c", "e", "b", "d", "a"]);
    }

    #[test]
    fn stored_field_names_exist() {
        let case = Case {
            id: CaseId::random(),
            institute: "cust000".parse().unwrap(),
            family: "F1".into(),
            name: "1".parse().unwrap(),
            build: GenomeBuild::Grch37,
            track: Track::Rare,
            status: Status::Inactive,
            individuals: vec![individual("A", Phenotype::Affected)],
            panels: vec![],
            lists: vec![],
            closed_lists: vec![],
            research: Some(Research {
                reason: "a study of unsolved cases".into(),
                by: Actor { user: None, name: "somebody".into() },
                at: "2026-01-01T00:00:00Z".parse().unwrap(),
            }),
            research_rev: 0,
            not_assessed: vec![],
            files: CaseFiles::default(),
            assignees: vec![],
            tags: vec![],
            phenotype_terms: vec![],
            phenotype_groups: vec![],
            cohorts: vec![],
            groups: vec![],
            synopsis: Some("Short.".into()),
            lims_id: Some("L1".into()),
            analysis_date: None,
            rank_model_version: None,
            rank_model: None,
            secondary: Some(SecondaryGenes { list: "ACMG SF v3.2".into(), genes: vec![] }),
            consents: Consents::default(),
            kept_out: vec![],
            share_proposals: vec![],
            shares: vec![],
            restriction: Some(Restriction {
                people: [UserId::random()].into(),
                reason: "a colleague’s child".into(),
                by: Actor { user: None, name: "somebody".into() },
                at: "2026-01-01T00:00:00Z".parse().unwrap(),
            }),
            restriction_rev: 0,
            emergencies: vec![],
            search: vec![],
            decisions_rev: 0,
            work_rev: 0,
            listed_rev: 0,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            updated_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            rev: 1,
        };
        let mut document = bson::serialize_to_document(&case).unwrap();
        for name in [
            field::INSTITUTE,
            field::FAMILY,
            field::NAME,
            field::STATUS,
            field::ASSIGNEES,
            field::TAGS,
            field::COHORTS,
            field::GROUPS,
            field::SYNOPSIS,
            field::WORK_REV,
            field::LISTED_REV,
            field::SEARCH,
            field::UPDATED_AT,
            field::SHARES,
            field::EMERGENCIES,
            field::RESTRICTION,
            field::RESTRICTION_REV,
            field::LISTS,
            field::CLOSED_LISTS,
            field::RESEARCH,
            field::RESEARCH_REV,
            field::SECONDARY,
            field::CONSENTS,
            field::KEPT_OUT,
            field::DECISIONS_REV,
            field::REV,
        ] {
            assert!(document.contains_key(name), "{name}");
        }
        assert_eq!(case.search_words(), ["1", "a", "f1", "l1"]);
        assert!(!document.contains_key("rank_model"));
        for later in [
            "shares",
            "emergencies",
            "tags",
            "work_rev",
            "consents",
            "kept_out",
            "restriction_rev",
            "groups",
            "closed_lists",
            "research_rev",
        ] {
            document.remove(later);
        }
        // So this is also a case of an older version.
        assert_eq!(bson::deserialize_from_document::<Case>(document).unwrap(), case);
    }
}
