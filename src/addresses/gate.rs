use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::model::{AddressRules, Subject};
use crate::users::RoleGrant;

/// Why something is not open to somebody who would reach it from another address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is limited, for the trail: a [`Subject`], or `a token`.
    pub subject: String,
    /// Where the request comes from.
    pub address: IpAddr,
    /// The same for a sentence.
    words: String,
    /// Whom to call; may be empty.
    contact: String,
    /// Whether the subject is open from nowhere, since every network has had its last day.
    run_out: bool,
}

impl Refusal {
    fn of(rules: &AddressRules, address: IpAddr, now: Timestamp) -> Self {
        Self {
            subject: rules.subject.to_string(),
            words: rules.subject.words(),
            address,
            contact: rules.limits.contact.clone(),
            run_out: rules.limits.have_run_out(now),
        }
    }

    /// Of a script whose token counts from other addresses only.
    #[must_use]
    pub fn of_token(address: IpAddr) -> Self {
        Self {
            subject: "a token".to_owned(),
            words: "What this token opens".to_owned(),
            address,
            contact: "whoever made the token".to_owned(),
            run_out: false,
        }
    }

    /// For whoever was refused: where they are, and what to do.
    #[must_use]
    pub fn sentence(&self) -> String {
        let why = if self.run_out { " Every network it was open from has had its last day." } else { "" };
        let contact = self.contact.trim_end_matches('.');
        let call = if contact.is_empty() { "your administrator" } else { contact };
        format!("{} is not open from your address, {}.{why} Whom to call: {call}.", self.words, self.address)
    }
}

/// A role that somebody has, and in which they cannot act from where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRole {
    /// The role.
    pub role: RoleGrant,
    /// Why.
    pub refusal: Arc<Refusal>,
}

/// What somebody's roles come to at an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Roles in which they act.
    pub open: Vec<RoleGrant>,
    /// The others.
    pub closed: Vec<ClosedRole>,
}

/// Whether the system is open from an address. `rules` may hold other subjects' too.
pub fn admit(rules: &[AddressRules], from: IpAddr, now: Timestamp) -> Result<(), Arc<Refusal>> {
    let shut = rules.iter().find(|rules| rules.subject == Subject::System && !rules.limits.admit(from, now));
    shut.map_or(Ok(()), |rules| Err(Arc::new(Refusal::of(rules, from, now))))
}

/// In which of their roles somebody acts: those that all rules about them admit.
pub fn admit_roles(
    rules: &[AddressRules],
    roles: Vec<RoleGrant>,
    from: IpAddr,
    now: Timestamp,
) -> Result<Admitted, Arc<Refusal>> {
    admit(rules, from, now)?;
    let mut admitted = Admitted::default();
    for role in roles {
        let shut = rules.iter().find(|rules| rules.subject.concerns(&role) && !rules.limits.admit(from, now));
        match shut {
            None => admitted.open.push(role),
            Some(rules) => {
                let refusal = Arc::new(Refusal::of(rules, from, now));
                admitted.closed.push(ClosedRole { role, refusal });
            }
        }
    }
    Ok(admitted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::model::tests::{at, limits};
    use super::*;

    const NOW: &str = "2026-03-04T05:06:07Z";
    const SUBJECTS: [&str; 6] = ["system", "own", "own:clinician", "own:admin", "two", "system:admin"];
    const ROLES: [&str; 5] = ["own:clinician", "own:admin", "two:clinician", "system:admin", "system:auditor"];

    fn rules(subject: &str, networks: &[&str]) -> AddressRules {
        AddressRules { limits: limits(networks), rev: 1, ..AddressRules::none_of(subject.parse().unwrap()) }
    }

    fn roles() -> Vec<RoleGrant> {
        ROLES.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn open(rules: &[AddressRules], from: &str) -> Vec<String> {
        let admitted = admit_roles(rules, roles(), from.parse().unwrap(), at(NOW)).unwrap();
        admitted.open.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_rule_takes_what_it_concerns_and_nothing_else() {
        assert_eq!(open(&[], "203.0.113.9"), ROLES);
        assert_eq!(
            open(&[rules("own", &["10.0.0.0/8"])], "203.0.113.9"),
            ["two:clinician", "system:admin", "system:auditor"]
        );
        assert_eq!(open(&[rules("own", &["10.0.0.0/8"])], "10.1.1.1"), ROLES);
        assert_eq!(
            open(&[rules("own:admin", &["10.0.0.0/8"]), rules("system:admin", &["10.0.0.0/8"])], "203.0.113.9"),
            ["own:clinician", "two:clinician", "system:auditor"]
        );
        let both = [rules("own", &["10.0.0.0/8"]), rules("own:admin", &["10.1.0.0/16"])];
        assert!(!open(&both, "10.2.0.1").contains(&"own:admin".to_owned()), "every set of rules must hold");
        let system = [rules("system", &["10.0.0.0/8"])];
        let refusal = admit_roles(&system, roles(), "203.0.113.9".parse().unwrap(), at(NOW)).unwrap_err();
        assert_eq!(
            refusal.sentence(),
            "Lodestone is not open from your address, 203.0.113.9. Whom to call: the help desk, 4711."
        );
        let over = [rules("system", &["10.0.0.0/8 2026-03-03"])];
        let refusal = admit_roles(&over, roles(), "10.1.1.1".parse().unwrap(), at(NOW)).unwrap_err();
        assert!(refusal.sentence().contains("Every network it was open from has had its last day."));
    }

    proptest! {
        /// A role is open exactly when every set of rules that concerns it admits the address; none is lost.
        #[test]
        fn a_role_is_open_when_all_its_rules_admit(
            limited in prop::collection::vec((0..SUBJECTS.len(), any::<bool>()), 0..6), inside in any::<bool>(),
        ) {
            let from = if inside { "10.1.1.1" } else { "203.0.113.9" };
            let mut all: Vec<AddressRules> = Vec::new();
            for (subject, wide) in limited {
                if all.iter().all(|known| known.subject.to_string() != SUBJECTS[subject]) {
                    all.push(rules(SUBJECTS[subject], if wide { &["10.0.0.0/8", "203.0.113.0/24"] } else { &["10.0.0.0/8"] }));
                }
            }
            let shut = |rules: &AddressRules| !rules.limits.admit(from.parse().unwrap(), at(NOW));
            match admit_roles(&all, roles(), from.parse().unwrap(), at(NOW)) {
                Err(refusal) => {
                    prop_assert_eq!(&refusal.subject, "system");
                    prop_assert!(all.iter().any(|rules| rules.subject == Subject::System && shut(rules)));
                }
                Ok(admitted) => {
                    prop_assert_eq!(admitted.open.len() + admitted.closed.len(), ROLES.len());
                    for role in roles() {
                        let expected = !all.iter().any(|rules| rules.subject.concerns(&role) && shut(rules));
                        prop_assert_eq!(admitted.open.contains(&role), expected, "{}", role);
                    }
                }
            }
        }
    }
}
