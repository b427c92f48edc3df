//! Roles that were given or taken, and changed rules of addresses: each time. Whoever may change them for others can open a
//! door for themselves by way of somebody else (`security.md` section 2, administrators).

use super::{Fact, Finding, Rule};

pub(super) fn take(fact: &Fact) -> Option<Finding> {
    if !fact.success || fact.rights.is_empty() {
        return None;
    }
    let reason = format!("{} {}. Each such change is looked at by somebody else.", fact.name, fact.rights.join(", "));
    Some(Finding::about(fact, Rule::RightsChanged, &fact.entry, reason))
}

/// What a granted subject of an entry says of changed rights.
pub(in crate::audit::flags) fn in_words(kind: &str, id: &str) -> Option<String> {
    match kind {
        "role" => Some(format!("gave the role {id}")),
        "role_ended" => Some(format!("took the role {id}")),
        "addresses" => Some(format!("changed from where {id} is open")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    #[test]
    fn each_change_of_rights_is_flagged_as_its_authors() {
        let rights = ["role", "role_ended", "addresses"].map(|kind| in_words(kind, "own:admin").unwrap()).to_vec();
        let changed = Fact { rights, ..fact(0, "POST /admin/users/{user}/roles") };
        let found = take(&changed).unwrap();
        assert!(found.reason.starts_with("Ann gave the role own:admin, took the role own:admin, changed from where"));
        assert_eq!(found.user.as_deref(), Some("ann"), "the author does not review it");
        assert!(take(&Fact { success: false, ..changed }).is_none());
        assert!(take(&fact(0, "POST /admin/users/{user}/roles")).is_none(), "saved as it was");
        assert_eq!(in_words("case", "fam"), None);
    }
}
