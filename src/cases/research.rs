//! Research lists: variants outside the ordered panels, which are no part of a case until somebody named opens them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::config_keys::LISTS;
use super::model::{Case, CaseList, Individual, ListKind};
use crate::consent::Purpose;
use crate::events::Actor;

/// That the research lists of a case are open. It stands while everybody whose sample is in them consents to research.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Research {
    /// Why, in words.
    pub reason: String,
    /// Who opened them.
    pub by: Actor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
}

impl Case {
    /// All lists, those of research too while they are closed; for commands on the machine.
    pub fn all_lists(&self) -> impl Iterator<Item = &CaseList> {
        self.lists.iter().chain(&self.closed_lists)
    }

    /// What was delivered and is in no list that is read: files that this version cannot show, and research files whose list is
    /// not loaded, or closed.
    #[must_use]
    pub fn not_assessed(&self) -> Vec<String> {
        let is_open = self.lists.iter().any(|list| list.list == ListKind::Research);
        let is_read = |words: &String| {
            let key = LISTS.iter().find(|(_, known)| known == words).map(|(key, _)| *key);
            is_open && key.is_some_and(|key| self.files.research.contains_key(key))
        };
        self.not_assessed.iter().filter(|words| !is_read(words)).cloned().collect()
    }

    /// Those sequenced who do not consent to research, or of whom nothing is on record.
    pub fn without_research_consent(&self) -> impl Iterator<Item = &Individual> {
        let lacks = |one: &&Individual| one.has_dna() && !self.consents.allow(&one.individual_id, Purpose::Research);
        self.individuals.iter().filter(lacks)
    }

    /// Opens the research lists, or closes them. What people decided there, or said, is counted anew by the caller.
    pub(crate) fn set_research(&mut self, research: Option<Research>) {
        self.research = research;
        self.research_rev += 1;
        self.sort_lists();
    }

    /// Puts a new revision of a list in place of the former one.
    pub(super) fn put_list(&mut self, new: CaseList) {
        self.drop_list(&new.category, new.list);
        self.lists.push(new);
        self.sort_lists();
    }

    /// Takes a list out of the case.
    pub(super) fn drop_list(&mut self, category: &str, list: ListKind) {
        for lists in [&mut self.lists, &mut self.closed_lists] {
            lists.retain(|known| (known.category.as_str(), known.list) != (category, list));
        }
    }

    /// The list that is published, open or closed; for commands on the machine.
    pub(super) fn loaded_list(&self, category: &str, list: ListKind) -> Option<&CaseList> {
        self.all_lists().find(|known| known.category == category && known.list == list)
    }

    /// Clinical lists first; those of research apart while they are closed, so that nothing that shows a case shows them.
    fn sort_lists(&mut self) {
        let mut all: Vec<CaseList> = self.lists.drain(..).chain(self.closed_lists.drain(..)).collect();
        all.sort_by_key(|list| list.list);
        let is_open = |list: &CaseList| list.list == ListKind::Clinical || self.research.is_some();
        (self.lists, self.closed_lists) = all.into_iter().partition(is_open);
    }
}
