//! Emergency access: each one is reviewed.

use super::{Fact, Finding, Rule};

/// Part of the route of emergency access, once it exists.
const ROUTE: &str = "/break-glass";

pub(super) fn take(fact: &Fact) -> Option<Finding> {
    if !fact.success || !fact.action.starts_with("POST ") || !fact.action.ends_with(ROUTE) {
        return None;
    }
    let case = fact.case.as_ref().map_or("a case", |(_, name)| name.as_str());
    let reason =
        format!("{} took emergency access to {case}. Each emergency access is reviewed within 72 hours.", fact.name);
    let finding = Finding::about(fact, Rule::BreakGlass, &fact.entry, reason);
    Some(Finding { case: fact.case.as_ref().map(|(id, _)| id.clone()), ..finding })
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    #[test]
    fn each_emergency_access_is_flagged_looking_at_its_page_is_not() {
        assert!(take(&fact(0, "POST /{institute}/{case}/break-glass")).is_some());
        assert!(take(&fact(0, "GET /{institute}/{case}/break-glass")).is_none());
        let refused = Fact { success: false, ..fact(0, "POST /{institute}/{case}/break-glass") };
        assert!(take(&refused).is_none());
    }
}
