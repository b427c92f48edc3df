//! An account that was disabled and is enabled again: a way in that should have been closed.

use serde::{Deserialize, Serialize};

use super::{Fact, Finding, Rule, date, day};

/// Days after which enabling an account again is like making a new one.
const DAYS: i64 = 365;
const REMEMBERED: usize = 1_000;

/// Disabled accounts, with the day and the entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Disabled(Vec<(String, i64, String)>);

impl Disabled {
    pub(super) fn take(&mut self, fact: &Fact) -> Option<Finding> {
        let account = fact.account.as_ref().filter(|_| fact.success)?;
        let today = day(fact.at);
        match fact.action.as_str() {
            "user disable" | "POST /admin/users/{user}/disable" => {
                self.0.retain(|(known, ..)| known != account);
                self.0.push((account.clone(), today, fact.entry.clone()));
                if self.0.len() > REMEMBERED {
                    self.0.remove(0);
                }
                None
            }
            "user enable" | "POST /admin/users/{user}/enable" => {
                let at = self.0.iter().position(|(known, ..)| known == account)?;
                let (_, disabled, entry) = self.0.remove(at);
                let days = today - disabled;
                let reason = format!(
                    "An account was enabled again by {} on {}, {days} days after it was disabled (compared: {DAYS} days). Was it meant to be open again?",
                    fact.name,
                    date(fact.at)
                );
                (days <= DAYS).then(|| Finding {
                    user: Some(account.clone()),
                    name: String::new(),
                    entries: vec![entry, fact.entry.clone()],
                    ..Finding::about(fact, Rule::EnabledAgain, &format!("{account}/{}", fact.entry), reason)
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fact;
    use super::*;

    fn command(minute: i64, name: &str) -> Fact {
        Fact { account: Some("u1".into()), command: true, ..fact(minute, name) }
    }

    #[test]
    fn disabled_then_enabled_is_flagged() {
        let mut disabled = Disabled::default();
        assert!(disabled.take(&command(0, "user enable")).is_none(), "it was not disabled");
        assert!(disabled.take(&command(1, "user disable")).is_none());
        let found = disabled.take(&command(3 * 1_440, "user enable")).unwrap();
        assert!(found.reason.contains("3 days"), "{}", found.reason);
        assert_eq!((found.user.as_deref(), found.entries.len()), (Some("u1"), 2));
        assert!(disabled.take(&command(4 * 1_440, "user enable")).is_none());
    }

    #[test]
    fn on_a_page_as_by_a_command() {
        let mut disabled = Disabled::default();
        let page = |minute, name: &str| Fact { account: Some("u1".into()), ..fact(minute, name) };
        assert!(disabled.take(&page(0, "POST /admin/users/{user}/disable")).is_none());
        let refused = Fact { success: false, ..page(1, "POST /admin/users/{user}/enable") };
        assert!(disabled.take(&refused).is_none());
        assert!(disabled.take(&page(2, "POST /admin/users/{user}/enable")).is_some());
    }
}
