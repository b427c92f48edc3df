//! Unusual volume: cases opened and records shown in a day, against the own last 30 days and the role's history.
//!
//! More than three times the own 95th percentile, or above what 99.5 % of the role's days stay below. Of the latter one
//! day in 200 is by definition, so it counts only with a margin, and when it is unusual for the person as well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Fact, Finding, Rule, date, day};

/// Small numbers never flag: a day of so many cases …
const CASES_FLOOR: u64 = 25;
/// … or records is nothing.
const ROWS_FLOOR: u64 = 20_000;
/// Days of the own history that are compared.
const OWN_DAYS: i64 = 30;
/// Days with requests before the own history counts.
const OWN_AT_LEAST: usize = 8;
/// Person-days before the role's history counts.
const ROLE_AT_LEAST: u64 = 200;
/// What is above the role's 99.5 % must be above the own 95 % by half as well.
const MARGIN: f64 = 1.5;
/// At this many days a role's history is halved, so that habits may change.
const ROLE_AT_MOST: u64 = 20_000;
const CASES_A_DAY: usize = 3_000;

/// A person's days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Days {
    today: i64,
    cases: Vec<String>,
    rows: u64,
    role: String,
    /// Day, cases, records.
    history: Vec<(i64, u64, u64)>,
}

/// What days of a role look like: counts of days by the size of their numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Roles(BTreeMap<String, History>);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct History {
    cases: Sizes,
    rows: Sizes,
}

/// Days by size, eight steps to each doubling.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sizes(Vec<u64>);

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sizes are small and positive"
)]
mod steps {
    pub(super) fn of(size: u64) -> usize {
        ((size as f64 + 1.0).log2() * 8.0).floor() as usize
    }

    /// The largest size in a step.
    pub(super) fn end(step: usize) -> u64 {
        ((step as f64 + 1.0) / 8.0).exp2().ceil() as u64
    }

    pub(super) fn times(size: u64, factor: f64) -> u64 {
        (size as f64 * factor).ceil() as u64
    }
}

impl Sizes {
    fn add(&mut self, size: u64) {
        let step = steps::of(size);
        if self.0.len() <= step {
            self.0.resize(step + 1, 0);
        }
        self.0[step] += 1;
        if self.days() >= ROLE_AT_MOST {
            self.0.iter_mut().for_each(|days| *days /= 2);
        }
    }

    fn days(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What 99.5 % of days stay below, once there are enough days.
    fn usual(&self) -> Option<u64> {
        let days = self.days();
        if days < ROLE_AT_LEAST {
            return None;
        }
        let mut below = 0;
        let step = self.0.iter().position(|count| {
            below += count;
            below * 1_000 >= days * 995
        })?;
        Some(steps::end(step))
    }
}

/// The 95th percentile by the nearest-rank method.
fn p95(sizes: impl Iterator<Item = u64>) -> Option<u64> {
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    if sizes.len() < OWN_AT_LEAST {
        return None;
    }
    sizes.get((sizes.len() * 95).div_ceil(100) - 1).copied()
}

impl Days {
    fn turn(&mut self, today: i64, roles: &mut Roles) {
        if self.today == today {
            return;
        }
        let cases = self.cases.len() as u64;
        if cases > 0 || self.rows > 0 {
            self.history.push((self.today, cases, self.rows));
            let role = roles.0.entry(std::mem::take(&mut self.role)).or_default();
            role.cases.add(cases);
            role.rows.add(self.rows);
        }
        self.history.retain(|(day, ..)| today - day <= OWN_DAYS);
        (self.today, self.rows) = (today, 0);
        self.cases.clear();
    }

    pub(super) fn take(&mut self, fact: &Fact, roles: &mut Roles) -> Option<Finding> {
        if !fact.success {
            return None;
        }
        let today = day(fact.at);
        self.turn(today, roles);
        if !fact.role.is_empty() {
            self.role.clone_from(&fact.role);
        }
        if let Some((case, _)) = &fact.case
            && self.cases.len() < CASES_A_DAY
            && !self.cases.contains(case)
        {
            self.cases.push(case.clone());
        }
        self.rows += fact.rows;
        let role = roles.0.get(&self.role);
        let measures = [
            (
                "cases",
                self.cases.len() as u64,
                CASES_FLOOR,
                p95(self.history.iter().map(|day| day.1)),
                role.and_then(|role| role.cases.usual()),
            ),
            (
                "records",
                self.rows,
                ROWS_FLOOR,
                p95(self.history.iter().map(|day| day.2)),
                role.and_then(|role| role.rows.usual()),
            ),
        ];
        measures.into_iter().find_map(|(what, count, floor, own, usual)| {
            if count < floor {
                return None;
            }
            let over_own = own.is_some_and(|own| count > 3 * own);
            let over_role = usual.is_some_and(|usual| {
                count > steps::times(usual, MARGIN) && own.is_none_or(|own| count > steps::times(own, MARGIN))
            });
            let own = own.map_or_else(
                || "no own history of 8 days yet".to_owned(),
                |own| format!("on 95 % of the own days of the last {OWN_DAYS} at most {own}"),
            );
            let usual = usual.map_or_else(
                || "no history of the role yet".to_owned(),
                |usual| format!("99.5 % of all days of the role {} stay below {usual}", self.role),
            );
            (over_own || over_role).then(|| {
                let reason = format!("{} reached {count} {what} on {}: {own}; {usual}.", fact.name, date(fact.at));
                Finding::about(fact, Rule::Volume, &format!("{what}/{today}"), reason)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{case, fact};
    use super::super::{Memory, Settings};
    use super::*;

    /// Ten days of ten cases, then one day of `cases`; what the last day brought.
    fn after_ten_days(cases: i64) -> Vec<Finding> {
        let mut memory = Memory::default();
        let mut found = Vec::new();
        for day in 0..11 {
            let list = fact(day * 1_440, "GET /{institute}");
            memory.take(&list, Settings::default());
            for n in 0..if day == 10 { cases } else { 10 } {
                let new = memory.take(&case(day * 1_440 + 1, &format!("c{day}/{n}")), Settings::default());
                found.extend(new.into_iter().filter(|_| day == 10));
            }
        }
        found
    }

    #[test]
    fn three_times_the_own_usual_is_flagged_with_its_figures() {
        assert!(after_ten_days(30).is_empty());
        let found = after_ten_days(31);
        assert_eq!(found.len(), 1);
        assert!(found[0].reason.contains("31 cases") && found[0].reason.contains("at most 10"), "{}", found[0].reason);
    }

    #[test]
    fn small_numbers_never_flag() {
        let mut memory = Memory::default();
        for day in 0..12 {
            memory.take(&fact(day * 1_440, "GET /{institute}"), Settings::default());
            for n in 0..if day == 11 { 24 } else { 1 } {
                let found = memory.take(&case(day * 1_440 + 1, &format!("c{day}/{n}")), Settings::default());
                assert!(found.is_empty(), "{found:?}");
            }
        }
    }

    #[test]
    fn a_newcomer_is_compared_with_the_role() {
        let mut memory = Memory::default();
        let role = memory.shared.roles.0.entry("clinician".into()).or_default();
        (0..300).for_each(|n| role.rows.add(8_000 + n));
        let rows = |minute, rows| Fact { rows, ..fact(minute, "GET /{institute}") };
        assert!(memory.take(&rows(0, 12_000), Settings::default()).is_empty());
        assert!(memory.take(&rows(1, 8_000), Settings::default()).iter().any(|one| one.rule == Rule::Volume));
    }
}
