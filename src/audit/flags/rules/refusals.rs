//! Many refusals: somebody tries names or identities one after the other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::{Fact, Finding, Rule, day};

/// Different things refused within [`SHORT`] that are no mistake any more.
const AT_ONCE: usize = 10;
const SHORT: SignedDuration = SignedDuration::from_mins(10);
/// Different things refused within a day.
const A_DAY: usize = 30;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Different refused things of the last day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recent(Vec<Refused>);

#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Refused {
    what: String,
    entry: String,
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    at: Timestamp,
}

impl Recent {
    pub(super) fn take(&mut self, fact: &Fact) -> Option<Finding> {
        let what = fact.refused.as_ref().filter(|_| matches!(fact.status, 403 | 404))?;
        self.0.retain(|one| one.what != *what && fact.at.duration_since(one.at) <= DAY);
        self.0.push(Refused { what: what.clone(), entry: fact.entry.clone(), at: fact.at });
        if self.0.len() > A_DAY {
            self.0.remove(0);
        }
        let at_once = self.0.iter().filter(|one| fact.at.duration_since(one.at) <= SHORT).count();
        let (count, limit, time) = if at_once >= AT_ONCE {
            (at_once, AT_ONCE, "10 minutes")
        } else if self.0.len() >= A_DAY {
            (self.0.len(), A_DAY, "24 hours")
        } else {
            return None;
        };
        let reason = format!(
            "{} was refused {count} different things within {time} (limit {limit}), the last one {what}: names or identities were tried one after the other.",
            fact.name
        );
        let entries = self.0.iter().rev().take(count).rev().map(|one| one.entry.clone()).collect();
        let finding = Finding::about(fact, Rule::Refusals, &day(fact.at).to_string(), reason);
        Some(Finding { entries, ..finding })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    fn refused(second: i64, what: usize) -> Fact {
        let fact = fact(0, "GET /{institute}/{case}");
        let at = fact.at + SignedDuration::from_secs(second);
        Fact { at, refused: Some(format!("case F{what}")), success: false, status: 404, ..fact }
    }

    #[test]
    fn trying_names_in_a_row_is_flagged() {
        let mut recent = Recent::default();
        let found: Vec<_> = (0..10).filter_map(|n| recent.take(&refused(n * 5, usize::try_from(n).unwrap()))).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].entries.len(), 10);
        assert!(found[0].reason.contains("10 different things within 10 minutes"), "{}", found[0].reason);
    }

    #[test]
    fn trying_slowly_is_flagged_within_the_day() {
        let mut recent = Recent::default();
        let found: Vec<_> =
            (0..30).filter_map(|n| recent.take(&refused(n * 1_800, usize::try_from(n).unwrap()))).collect();
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn mistakes_and_a_stale_bookmark_are_not() {
        let mut recent = Recent::default();
        assert!((0..100).all(|n| recent.take(&refused(n, usize::try_from(n % 9).unwrap())).is_none()));
        let signed_out = Fact { status: 401, ..refused(0, 99) };
        assert!(recent.take(&signed_out).is_none());
    }
}
