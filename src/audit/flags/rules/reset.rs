//! Somebody's authenticator was reset, or codes were made that stand for a second person: each one is reviewed.

use super::{Fact, Finding, Rule};

pub(super) fn take(fact: &Fact) -> Option<Finding> {
    if !fact.success {
        return None;
    }
    let what = match fact.action.as_str() {
        "user reset-totp --confirm" | "POST /admin/users/{user}/reset/confirm" => {
            "reset an authenticator as the second of two people"
        }
        "user reset-totp --break-seal" => "reset an authenticator with a break-seal code, alone",
        "user break-seal-codes" => "made break-seal codes, each of which stands for a second person",
        _ => return None,
    };
    let reason = format!("{} {what}. Each time somebody asks the owner, or whoever keeps the envelope.", fact.name);
    let finding = Finding::about(fact, Rule::FactorReset, &fact.entry, reason);
    Some(Finding { user: fact.account.clone(), name: String::new(), ..finding })
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    /// T16
    #[test]
    fn t16_each_reset_is_flagged_asking_for_one_is_not() {
        let command = |what: &str| Fact { command: true, account: Some("u1".into()), ..fact(0, what) };
        for what in ["user reset-totp --confirm", "user reset-totp --break-seal", "user break-seal-codes"] {
            assert_eq!(take(&command(what)).unwrap().user.as_deref(), Some("u1"), "{what}");
            assert!(take(&Fact { success: false, ..command(what) }).is_none(), "{what}");
        }
        assert!(take(&command("user reset-totp")).is_none());
        let page = |action: &str| Fact { account: Some("u1".into()), ..fact(0, action) };
        assert_eq!(take(&page("POST /admin/users/{user}/reset/confirm")).unwrap().user.as_deref(), Some("u1"));
        assert!(take(&page("POST /admin/users/{user}/reset")).is_none());
    }
}
