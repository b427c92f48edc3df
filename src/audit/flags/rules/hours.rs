//! Cases opened at an hour at which this person never does. Off unless asked for: on-call work is everyday.

use serde::{Deserialize, Serialize};

use super::{Fact, Finding, Rule, day};

/// Accesses before hours count as usual.
const AT_LEAST: u64 = 200;

/// Accesses by hour of the day, UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual(Vec<u64>);

impl Usual {
    pub(super) fn take(&mut self, fact: &Fact, on: bool) -> Option<Finding> {
        fact.case.as_ref().filter(|_| fact.success)?;
        self.0.resize(24, 0);
        let hour = usize::try_from(fact.at.as_second().rem_euclid(86_400) / 3_600).unwrap_or(0);
        let total: u64 = self.0.iter().sum();
        let near: u64 = [23, 0, 1].iter().map(|step| self.0[(hour + step) % 24]).sum();
        self.0[hour] += 1;
        if !on || total < AT_LEAST || near * 200 > total {
            return None;
        }
        let reason = format!(
            "{} opened a case between {hour}:00 and {}:00 UTC; of {total} earlier accesses {near} were within an hour of that.",
            fact.name,
            (hour + 1) % 24
        );
        Some(Finding::about(fact, Rule::OutsideHours, &day(fact.at).to_string(), reason))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::case;
    use super::*;

    #[test]
    fn an_unusual_hour_is_flagged_only_when_asked_for() {
        for on in [true, false] {
            let mut usual = Usual::default();
            for day in 0..250 {
                assert!(usual.take(&case(day * 1_440 + 600, "c"), on).is_none());
            }
            assert!(usual.take(&case(300 * 1_440 + 630, "c"), on).is_none());
            assert_eq!(usual.take(&case(300 * 1_440 + 180, "c"), on).is_some(), on);
        }
    }
}
