//! First access to a case without any relation to it.
//!
//! A relation is: the institute's list of cases, opened in the same session shortly before; an own decision, comment or
//! assignment there; an earlier access that was not flagged or was found to be fine. A link that a colleague sends is
//! none of these, and everyday: one to a case that somebody of the same institute is working on passes, several in a day
//! do not.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::{Fact, Finding, Rule, day};
use crate::ids::InstituteId;

/// How long a list of cases counts as the way to one.
const SHORTLY: SignedDuration = SignedDuration::from_hours(2);
/// A case is being worked on when a colleague with a relation opened it within so many days.
const WORKED_ON_DAYS: i64 = 14;
/// Cases reached by their address alone that pass within a day.
const LINKS_A_DAY: usize = 4;
/// Cases remembered per person; the longest untouched are forgotten first.
const CASES: usize = 3_000;
const LISTS: usize = 20;
const COLLEAGUES: usize = 4;

/// What is known of a person's cases.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Relations {
    cases: Vec<(String, i64)>,
    lists: Vec<ListSeen>,
    links: Vec<Link>,
}

#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ListSeen {
    institute: Option<InstituteId>,
    session: Option<String>,
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Link {
    case: String,
    day: i64,
    entry: String,
}

/// Who worked on a case lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseWork {
    workers: Vec<(String, i64)>,
}

impl CaseWork {
    fn note(&mut self, who: &str, today: i64) {
        self.workers.retain(|(known, day)| known != who && today - day <= WORKED_ON_DAYS);
        self.workers.push((who.to_owned(), today));
        if self.workers.len() > COLLEAGUES {
            self.workers.remove(0);
        }
    }

    fn colleague(&self, who: &str, today: i64) -> bool {
        self.workers.iter().any(|(known, day)| known != who && today - day <= WORKED_ON_DAYS)
    }
}

impl Relations {
    /// An access that a reviewer found to be fine is a relation from then on.
    pub fn clear(&mut self, case: &str, at: Timestamp) {
        self.know(case, day(at));
    }

    fn know(&mut self, case: &str, today: i64) {
        self.cases.retain(|(known, _)| known != case);
        self.cases.push((case.to_owned(), today));
        if self.cases.len() > CASES {
            self.cases.remove(0);
        }
    }

    pub(super) fn note_list(&mut self, fact: &Fact) {
        let list = matches!(fact.action.as_str(), "GET /{institute}" | "GET /api/v1/{institute}/cases");
        if list && fact.success {
            self.lists.retain(|seen| seen.institute != fact.institute || seen.session != fact.session);
            self.lists.push(ListSeen { institute: fact.institute.clone(), session: fact.session.clone(), at: fact.at });
            if self.lists.len() > LISTS {
                self.lists.remove(0);
            }
        }
    }

    pub(super) fn take(&mut self, fact: &Fact, work: &mut CaseWork) -> Option<Finding> {
        let (case, name) = fact.case.as_ref()?;
        let today = day(fact.at);
        // A case that is shared with the person's institute stands on that one's list.
        let listed_in = fact.guest.as_ref().or(fact.institute.as_ref());
        let from_list = self.lists.iter().any(|seen| {
            seen.institute.as_ref() == listed_in
                && seen.session == fact.session
                && fact.at.duration_since(seen.at) <= SHORTLY
        });
        let decided = !fact.action.starts_with("GET");
        if from_list || decided || self.cases.iter().any(|(known, _)| known == case) {
            self.know(case, today);
            work.note(&fact.who, today);
            return None;
        }
        let institute = fact.institute.as_ref().map(ToString::to_string).unwrap_or_default();
        let tried =
            "not from the list of cases within 2 hours in the same session, no earlier decision, no earlier visit";
        if !work.colleague(&fact.who, today) {
            let reason = format!(
                "{} opened case {name} by its address: {tried}. Nobody else of {institute} had worked on it within {WORKED_ON_DAYS} days.",
                fact.name
            );
            let finding = Finding::about(fact, Rule::NoRelation, case, reason);
            return Some(Finding { case: Some(case.clone()), ..finding });
        }
        self.links.retain(|link| link.day == today);
        self.links.push(Link { case: case.clone(), day: today, entry: fact.entry.clone() });
        if self.links.len() <= LINKS_A_DAY {
            self.know(case, today);
            return None;
        }
        let reason = format!(
            "{} opened {} cases of {institute} in one day by their addresses, the last one {name}: {tried}. Colleagues work on them, but up to {LINKS_A_DAY} a day are what links sent by mail explain.",
            fact.name,
            self.links.len()
        );
        let entries = self.links.iter().map(|link| link.entry.clone()).collect();
        let finding = Finding::about(fact, Rule::NoRelation, &format!("links/{today}"), reason);
        Some(Finding { case: Some(case.clone()), entries, ..finding })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{case, fact};
    use super::super::{Memory, Settings};
    use super::*;

    fn taken(facts: &[Fact]) -> Vec<Finding> {
        let mut memory = Memory::default();
        facts.iter().flat_map(|fact| memory.take(fact, Settings::default())).collect()
    }

    #[test]
    fn an_unrelated_case_is_flagged_with_what_was_compared() {
        let found = taken(&[case(1, "c1")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].rule, Rule::NoRelation);
        assert!(found[0].reason.contains("Ann opened case c1 by its address"), "{}", found[0].reason);
        assert_eq!(found[0].entries, [case(1, "c1").entry]);
    }

    #[test]
    fn relations_count() {
        let list = fact(0, "GET /{institute}");
        assert!(taken(&[list.clone(), case(100, "c1"), case(10_000, "c1")]).is_empty());
        assert_eq!(taken(&[list.clone(), case(121, "c1")]).len(), 1, "the list was long ago");
        let elsewhere = Fact { session: Some("s2".into()), ..case(1, "c1") };
        assert_eq!(taken(&[list.clone(), elsewhere]).len(), 1, "another session");
        let foreign = Fact { institute: Some("other".parse().unwrap()), ..case(1, "c1") };
        assert_eq!(taken(&[list, foreign]).len(), 1, "another institute's list");
        let decided = Fact { action: "POST /{institute}/{case}/status".into(), ..case(1, "c1") };
        assert!(taken(&[decided, case(200, "c1")]).is_empty());
    }

    #[test]
    fn what_was_flagged_is_no_relation_until_it_was_found_fine() {
        let mut memory = Memory::default();
        assert_eq!(memory.take(&case(1, "c1"), Settings::default()).len(), 1);
        assert_eq!(memory.take(&case(2, "c1"), Settings::default()).len(), 1, "the same cause again");
        memory.people.get_mut("ann").unwrap().relations.clear("c1", case(3, "c1").at);
        assert!(memory.take(&case(4, "c1"), Settings::default()).is_empty());
    }

    #[test]
    fn some_links_to_colleagues_cases_pass_many_do_not() {
        let colleague = |fact: Fact| Fact { who: "bob".into(), ..fact };
        let mut facts = vec![colleague(fact(0, "GET /{institute}"))];
        facts.extend((0..5).map(|n| colleague(case(n, &format!("c{n}")))));
        facts.extend((0..4).map(|n| case(10 + n, &format!("c{n}"))));
        assert!(taken(&facts).is_empty());
        facts.push(case(15, "c4"));
        let found = taken(&facts);
        assert_eq!(found.len(), 1);
        assert!(found[0].reason.contains("5 cases"), "{}", found[0].reason);
        assert_eq!(found[0].entries.len(), 5);
        facts.truncate(6);
        facts.push(case(15 * 24 * 60, "c0"));
        assert_eq!(taken(&facts).len(), 1, "the colleague's work was long ago");
    }
}
