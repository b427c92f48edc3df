//! More than three wrong codes or passkeys, then a right one.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use super::{Fact, Finding, Rule};

/// Where codes, and passkeys in their place, are given.
const ROUTE: &str = "/login/code";
const FAILURES: usize = 3;
const WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// Wrong codes of late.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Failures(Vec<Failed>);

#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Failed {
    entry: String,
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    at: Timestamp,
}

impl Failures {
    pub(super) fn take(&mut self, fact: &Fact) -> Option<Finding> {
        if !fact.action.starts_with("POST ") || !fact.action.ends_with(ROUTE) {
            return None;
        }
        self.0.retain(|failed| fact.at.duration_since(failed.at) <= WITHIN);
        if !fact.success {
            self.0.push(Failed { entry: fact.entry.clone(), at: fact.at });
            if self.0.len() > 50 {
                self.0.remove(0);
            }
            return None;
        }
        let failed = std::mem::take(&mut self.0);
        if failed.len() <= FAILURES {
            return None;
        }
        let reason = format!(
            "{} gave {} wrong codes or passkeys within {} min (limit {FAILURES}), then a right one.",
            fact.name,
            failed.len(),
            WITHIN.as_mins()
        );
        let mut entries: Vec<String> = failed.into_iter().map(|failed| failed.entry).collect();
        entries.push(fact.entry.clone());
        Some(Finding { entries, ..Finding::about(fact, Rule::SignIn, &fact.entry, reason) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    fn after(wrong: i64) -> Option<Finding> {
        let mut failures = Failures::default();
        for n in 0..wrong {
            failures.take(&Fact { success: false, ..fact(n, "POST /login/code") });
        }
        failures.take(&fact(wrong, "POST /login/code"))
    }

    #[test]
    fn more_than_three_wrong_codes_are_flagged_once_one_is_right() {
        assert!(after(3).is_none());
        assert_eq!(after(4).unwrap().entries.len(), 5);
    }
}
