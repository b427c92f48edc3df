//! A clock that went back: times in the trail can no longer be trusted without the sequence.

use super::{Fact, Finding, Rule, day};

/// Time servers correct a clock by small steps all day; those never flag.
const FLOOR_MS: i64 = 2_000;

pub(super) fn take(fact: &Fact) -> Option<Finding> {
    let back = fact.back_ms.filter(|back| *back >= FLOOR_MS)?;
    let reason = format!(
        "The clock of the process that writes log {} went back by {}.{} s (steps below {} s are not flagged). The sequence of entries is right all the same.",
        fact.log,
        back / 1_000,
        back % 1_000 / 100,
        FLOOR_MS / 1_000
    );
    let finding = Finding::about(fact, Rule::ClockBack, &day(fact.at).to_string(), reason);
    let cause = format!("{}/{}", fact.log, day(fact.at));
    Some(Finding { cause, user: None, name: String::new(), institute: None, ..finding })
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    #[test]
    fn a_jump_is_flagged_a_correction_is_not() {
        let back = |ms| take(&Fact { back_ms: Some(ms), ..fact(0, "GET /") });
        assert!(back(1_999).is_none());
        assert!(back(600_000).unwrap().reason.contains("600.0 s"));
        assert!(take(&fact(0, "GET /")).is_none());
    }
}
