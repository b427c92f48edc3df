//! What of a case travels with a share, and what stays with its owner. Decided here and nowhere else: pages, API and
//! exports show guests what is left of the case, so what stays is not there to be shown.
//!
//! Travels: what a variant is judged by. The case's name, individuals with the names their genotypes stand under (the
//! laboratory's pseudonyms, on every page and in every export), sex, phenotype, relations and samples; phenotype terms,
//! panels, the rank model's ranges; the lists that were chosen, with counts of what was read and left out; decisions.
//!
//! Stays: what tells who the patient is, how the owner works, or anything of its other cases. Subject and laboratory
//! numbers, the pipeline's name of the family, cohorts, groups of cases, free text, settings, files with their names and places, faults and
//! headers quoted from them, who works on the case, its tags, proposals, other shares and emergencies, the history (see [`crate::events`]), and
//! how often a variant was seen in the owner's archives or other cases (see [`crate::variants`]).

use super::model::{Case, CaseFiles, CaseList, Individual};
use super::rank_model::CaseRankModel;
use super::report::LoadReport;
use super::share::{Share, SharedLists};

impl Case {
    /// The case as a guest holds it. Each field is named, so that a new one has to be decided about.
    pub(super) fn for_guest(self, share: &Share) -> Self {
        let assessed = self.not_assessed();
        let Self {
            id,
            institute,
            family: _,
            name,
            build,
            track,
            status,
            individuals,
            panels,
            lists,
            closed_lists: _,
            research: _,
            research_rev,
            not_assessed: _,
            files: _,
            assignees: _,
            tags: _,
            phenotype_terms,
            phenotype_groups,
            cohorts: _,
            groups: _,
            synopsis: _,
            lims_id: _,
            analysis_date,
            rank_model_version,
            rank_model,
            secondary,
            consents,
            kept_out,
            share_proposals: _,
            shares: _,
            restriction: _,
            restriction_rev,
            emergencies: _,
            search: _,
            decisions_rev,
            work_rev,
            listed_rev,
            created_at,
            updated_at,
            rev,
        } = self;
        Self {
            family: name.to_string(),
            individuals: individuals.into_iter().map(Individual::for_guest).collect(),
            lists: lists.into_iter().filter(|list| share.lists.hold(list.list)).map(CaseList::for_guest).collect(),
            closed_lists: Vec::new(),
            research: None,
            not_assessed: assessed.into_iter().filter(|words| is_shared(words, share.lists)).collect(),
            files: CaseFiles::default(),
            assignees: Vec::new(),
            tags: Vec::new(),
            cohorts: Vec::new(),
            groups: Vec::new(),
            synopsis: None,
            lims_id: None,
            rank_model: rank_model.map(CaseRankModel::for_guest),
            consents: consents.for_guest(),
            kept_out,
            secondary,
            share_proposals: Vec::new(),
            shares: Vec::new(),
            restriction: None,
            emergencies: Vec::new(),
            search: Vec::new(),
            id,
            institute,
            name,
            build,
            track,
            status,
            panels,
            phenotype_terms,
            phenotype_groups,
            analysis_date,
            rank_model_version,
            research_rev,
            restriction_rev,
            decisions_rev,
            work_rev,
            listed_rev,
            created_at,
            updated_at,
            rev,
        }
    }
}

/// Whether a list that this version cannot show would be shared; the words are our own.
fn is_shared(words: &str, lists: SharedLists) -> bool {
    lists == SharedLists::ClinicalAndResearch || !words.starts_with("research ")
}

impl Individual {
    fn for_guest(self) -> Self {
        let Self {
            individual_id,
            name,
            subject_id: _,
            sex,
            phenotype,
            father,
            mother,
            analysis_type,
            capture_kits,
            tissue_type,
            settings: _,
        } = self;
        Self {
            subject_id: None,
            settings: std::collections::BTreeMap::new(),
            individual_id,
            name,
            sex,
            phenotype,
            father,
            mother,
            analysis_type,
            capture_kits,
            tissue_type,
        }
    }
}

impl CaseList {
    fn for_guest(self) -> Self {
        let Self { category, list, revision, total, outside, threshold, content: _, keys, loaded_at, report } = self;
        Self {
            content: String::new(),
            report: report.for_guest(),
            category,
            list,
            revision,
            total,
            outside,
            threshold,
            keys,
            loaded_at,
        }
    }
}

impl LoadReport {
    /// The counts: every record is still in the list or counted. Nothing that quotes a file.
    fn for_guest(self) -> Self {
        let Self {
            files: _,
            program,
            annotations: _,
            sample_columns: _,
            ignored_columns: _,
            records,
            alleles,
            stored,
            left_out,
            unknown_terms: _,
            reference_differs,
            faults,
            first_faults: _,
            seconds: _,
        } = self;
        Self { program, records, alleles, stored, left_out, reference_differs, faults, ..Self::default() }
    }
}

impl CaseRankModel {
    fn for_guest(self) -> Self {
        let Self { file: _, name, version, ranges, notes: _ } = self;
        Self { file: "without a name".to_owned(), name, version, ranges, notes: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::LeftOut;

    /// A guest sees that nothing was lost while the list was loaded, and nothing that the files say.
    #[test]
    fn a_guest_sees_the_counts_of_a_load() {
        let words = || vec!["quoted from a file".to_owned()];
        let whole = LoadReport {
            files: words(),
            program: "0.1.0".to_owned(),
            annotations: words(),
            sample_columns: words(),
            ignored_columns: words(),
            records: 10,
            alleles: 12,
            stored: 7,
            left_out: [(LeftOut::RankAtOrBelowThreshold, 5)].into(),
            unknown_terms: [("quoted_from_a_file".to_owned(), 1)].into(),
            reference_differs: 2,
            faults: 3,
            first_faults: words(),
            seconds: 1.5,
        };
        let seen = whole.clone().for_guest();
        let counts = |report: &LoadReport| {
            let LoadReport { program, records, alleles, stored, left_out, reference_differs, faults, .. } = report;
            (program.clone(), *records, *alleles, *stored, left_out.clone(), *reference_differs, *faults)
        };
        assert_eq!(counts(&seen), counts(&whole));
        let text = format!("{seen:?}");
        assert!(!text.contains("quoted") && seen.seconds == 0.0, "{text}");
    }

    /// A guest sees by which rank model the scores came about, and neither its file nor what could not be read of it.
    #[test]
    fn a_guest_sees_the_rank_model() {
        let whole = CaseRankModel {
            file: "/home/quoted/model.ini".to_owned(),
            name: Some("rare disease".to_owned()),
            version: Some("1.2".to_owned()),
            ranges: Vec::new(),
            notes: vec!["quoted from the file".to_owned()],
        };
        let seen = whole.for_guest();
        assert_eq!((seen.name.as_deref(), seen.version.as_deref()), (Some("rare disease"), Some("1.2")));
        assert!(!seen.file.is_empty() && !format!("{seen:?}").contains("quoted"), "{seen:?}");
    }
}
