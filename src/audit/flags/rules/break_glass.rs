//! Emergency access: each one is reviewed.

use super::{Fact, Finding, Rule};

/// What opens a case in an emergency.
const ACTION: &str = "POST /break-glass";

pub(super) fn take(fact: &Fact) -> Option<Finding> {
    if !fact.success || fact.action != ACTION {
        return None;
    }
    // Without a case nothing was opened: it was open already, or to a role of theirs.
    let (case, name) = fact.case.as_ref()?;
    let reason =
        format!("{} took emergency access to {name}. Each emergency access is reviewed within 72 hours.", fact.name);
    let finding = Finding::about(fact, Rule::BreakGlass, &fact.entry, reason);
    Some(Finding { case: Some(case.clone()), ..finding })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{case, fact};
    use super::*;

    #[test]
    fn each_emergency_access_is_flagged_looking_at_its_page_is_not() {
        let opened = Fact { action: ACTION.into(), ..case(0, "c1") };
        assert_eq!(take(&opened).unwrap().case.as_deref(), Some("c1"));
        assert!(take(&fact(0, "GET /break-glass")).is_none());
        assert!(take(&fact(0, ACTION)).is_none(), "nothing was opened");
        assert!(take(&Fact { success: false, ..opened.clone() }).is_none());
        assert!(take(&Fact { action: "POST /{institute}/{case}/break-glass/end".into(), ..opened }).is_none());
    }
}
