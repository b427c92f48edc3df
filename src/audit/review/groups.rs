//! Who did this, and what did this person do: rows put together.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::rows::{CaseLink, Person, case_of, second};
use super::words;
use crate::audit::entry::{Entry, Outcome};
use crate::web::filters;

/// What one person did.
pub(super) struct PersonGroup {
    pub person: Person,
    pub requests: usize,
    pub first: String,
    pub last: String,
    pub exports: usize,
    pub refused: usize,
    last_at: Timestamp,
}

/// What was done on one day about one case.
pub(super) struct DayGroup {
    pub day: String,
    pub case: Option<CaseLink>,
    pub institute: String,
    pub requests: usize,
    pub first: String,
    pub last: String,
    /// What, most often first, with how often.
    pub actions: Vec<(String, usize)>,
    pub exports: usize,
    pub refused: usize,
}

fn counted(entries: &[&Entry]) -> (usize, usize) {
    let exports = entries.iter().filter(|entry| entry.exported.is_some()).count();
    let refused = entries.iter().filter(|entry| entry.outcome == Some(Outcome::Denied)).count();
    (exports, refused)
}

/// By person, who was last there first. `entries` are newest first.
pub(super) fn by_person(entries: &[Entry]) -> Vec<PersonGroup> {
    let mut people: BTreeMap<(Option<String>, String), Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let agent = entry.agent.as_ref();
        let user = agent.and_then(|agent| agent.user.as_ref()).map(ToString::to_string);
        let name =
            if user.is_some() { String::new() } else { agent.map(|agent| agent.name.clone()).unwrap_or_default() };
        people.entry((user, name)).or_default().push(entry);
    }
    let mut groups: Vec<PersonGroup> = people
        .into_values()
        .filter_map(|of_person| {
            let (newest, oldest) = (of_person.first()?, of_person.last()?);
            let (exports, refused) = counted(&of_person);
            Some(PersonGroup {
                person: Person::of(newest),
                requests: of_person.len(),
                first: second(oldest.occurred_at),
                last: second(newest.occurred_at),
                exports,
                refused,
                last_at: newest.occurred_at,
            })
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.last_at));
    groups
}

/// Newest day first, then by case and institute.
type DayAndCase = (std::cmp::Reverse<String>, Option<String>, Option<String>);

/// By day and case, newest day first. `entries` are newest first.
pub(super) fn by_day(entries: &[Entry]) -> Vec<DayGroup> {
    let mut days: BTreeMap<DayAndCase, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let case = case_of(entry).map(|case| case.name);
        let institute = entry.institute.as_ref().map(ToString::to_string);
        days.entry((std::cmp::Reverse(filters::date(entry.occurred_at)), case, institute)).or_default().push(entry);
    }
    days.into_iter()
        .filter_map(|((day, _, institute), of_day)| {
            let (newest, oldest) = (of_day.first()?, of_day.last()?);
            let (exports, refused) = counted(&of_day);
            let mut actions: BTreeMap<String, usize> = BTreeMap::new();
            for entry in &of_day {
                *actions.entry(words::of(entry)).or_default() += 1;
            }
            let mut actions: Vec<_> = actions.into_iter().collect();
            actions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            Some(DayGroup {
                day: day.0,
                case: case_of(newest),
                institute: institute.unwrap_or_default(),
                requests: of_day.len(),
                first: time(oldest.occurred_at),
                last: time(newest.occurred_at),
                actions,
                exports,
                refused,
            })
        })
        .collect()
}

fn time(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%H:%M:%S").to_string()
}
