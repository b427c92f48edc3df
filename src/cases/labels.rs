//! Cohorts and groups of cases, as the people of an institute name them.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Case;
use super::summary::CaseSummary;

/// The names in use, and what else is in the groups of one case.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// All cohorts, in alphabetical order.
    pub cohorts: BTreeSet<String>,
    /// All groups, in alphabetical order.
    pub groups: BTreeSet<String>,
    /// Of each group of the case the others in it, by name.
    pub together: BTreeMap<String, Vec<CaseSummary>>,
}

/// Of thousands of cases nearly all bring names that are there.
fn add(names: &mut BTreeSet<String>, more: &[String]) {
    for name in more {
        if !names.contains(name) {
            names.insert(name.clone());
        }
    }
}

impl Labels {
    /// The names in use in cases that somebody reads.
    pub(super) fn in_use<'a>(cases: impl Iterator<Item = &'a CaseSummary>) -> Self {
        let mut labels = Self::default();
        for case in cases {
            add(&mut labels.cohorts, &case.cohorts);
            add(&mut labels.groups, &case.groups);
        }
        labels
    }

    /// The same, with what else is in the groups of one of them.
    pub(super) fn among<'a>(cases: impl Iterator<Item = &'a CaseSummary> + Clone, case: &Case) -> Self {
        let mut labels = Self::in_use(cases.clone());
        for other in cases.filter(|other| other.id != case.id) {
            for group in other.groups.iter().filter(|group| case.groups.contains(group)) {
                labels.together.entry(group.clone()).or_default().push(other.clone());
            }
        }
        for others in labels.together.values_mut() {
            others.sort_by(|one, other| one.name.cmp(&other.name));
        }
        labels
    }
}
