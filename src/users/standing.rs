use serde::{Deserialize, Serialize};

use super::model::{Membership, Role, RoleGrant, SystemRole, User};
use crate::ids::InstituteId;

/// What administrators decide about a person, and what the history holds of it: each role once, in one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Roles in institutes.
    pub memberships: Vec<Membership>,
    /// Roles that concern the whole system.
    pub system_roles: Vec<SystemRole>,
    /// Whether the person may not sign in.
    pub disabled: bool,
}

impl Standing {
    /// Puts roles in order.
    #[must_use]
    pub fn new(mut memberships: Vec<Membership>, mut system_roles: Vec<SystemRole>, disabled: bool) -> Self {
        memberships.sort_by_key(|held| (held.institute.clone(), held.role.as_str()));
        memberships.dedup();
        system_roles.sort_by_key(|role| role.as_str());
        system_roles.dedup();
        Self { memberships, system_roles, disabled }
    }

    /// With these roles and no others.
    #[must_use]
    pub fn with_grants(&self, grants: Vec<RoleGrant>) -> Self {
        let (mut memberships, mut system_roles) = (Vec::new(), Vec::new());
        for grant in grants {
            match grant {
                RoleGrant::Member(membership) => memberships.push(membership),
                RoleGrant::System(role) => system_roles.push(role),
            }
        }
        Self::new(memberships, system_roles, self.disabled)
    }

    /// With these roles in one institute, and all others as they are.
    #[must_use]
    pub fn with_roles_in(&self, institute: &InstituteId, roles: &[Role]) -> Self {
        let elsewhere = self.memberships.iter().filter(|held| held.institute != *institute).cloned();
        let here = roles.iter().map(|role| Membership { institute: institute.clone(), role: *role });
        Self::new(elsewhere.chain(here).collect(), self.system_roles.clone(), self.disabled)
    }

    /// Roles in one institute.
    #[must_use]
    pub fn roles_in(&self, institute: &InstituteId) -> Vec<Role> {
        self.memberships.iter().filter(|held| held.institute == *institute).map(|held| held.role).collect()
    }

    /// All roles, those of the system first.
    #[must_use]
    pub fn grants(&self) -> Vec<RoleGrant> {
        let system = self.system_roles.iter().map(|role| RoleGrant::System(*role));
        system.chain(self.memberships.iter().cloned().map(RoleGrant::Member)).collect()
    }

    /// Roles that these have and `other` has not.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Vec<RoleGrant> {
        let others = other.grants();
        self.grants().into_iter().filter(|grant| !others.contains(grant)).collect()
    }

    /// The rule for one's own account: nobody becomes more by their own hand, and no administration is left without one.
    pub fn may_become_own(&self, wanted: &Self) -> Result<(), &'static str> {
        if wanted.disabled && !self.disabled {
            return Err("You cannot disable your own account. Another administrator does that.");
        }
        if !wanted.beyond(self).is_empty() {
            return Err("Nobody gives themselves a role. Ask another administrator.");
        }
        if self.beyond(wanted).iter().any(RoleGrant::administers) {
            return Err("You cannot end your own administrator role. Another administrator does that.");
        }
        Ok(())
    }
}

impl User {
    /// What administrators decided about this person.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::new(self.memberships.clone(), self.system_roles.clone(), self.disabled)
    }

    /// The person after another decision.
    #[must_use]
    pub(super) fn with(&self, standing: &Standing) -> Self {
        Self {
            memberships: standing.memberships.clone(),
            system_roles: standing.system_roles.clone(),
            disabled: standing.disabled,
            rev: self.rev + 1,
            ..self.clone()
        }
    }

    /// Whether all the person's roles are in this institute.
    #[must_use]
    pub fn is_only_of(&self, institute: &InstituteId) -> bool {
        self.system_roles.is_empty() && self.memberships.iter().all(|held| held.institute == *institute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(grants: &[&str]) -> Standing {
        Standing::new(vec![], vec![], false).with_grants(grants.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn order_and_repetition_say_nothing() {
        assert_eq!(
            standing(&["own:clinician", "system:admin", "own:admin"]),
            standing(&["system:admin", "own:admin", "own:clinician", "own:admin"])
        );
    }

    #[test]
    fn an_institutes_roles_change_and_all_others_stay() {
        let before = standing(&["own:clinician", "other:admin", "system:auditor"]);
        let own = "own".parse().unwrap();
        let after = before.with_roles_in(&own, &[Role::Admin]);
        assert_eq!(after, standing(&["own:admin", "other:admin", "system:auditor"]));
        assert_eq!(after.with_roles_in(&own, &[]), standing(&["other:admin", "system:auditor"]));
        let text = |grants: Vec<RoleGrant>| grants.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text(after.beyond(&before)), ["own:admin"]);
        assert_eq!(text(before.beyond(&after)), ["own:clinician"]);
    }

    #[test]
    fn nobody_becomes_more_by_their_own_hand() {
        let own = standing(&["own:admin", "own:clinician", "system:admin"]);
        assert!(own.may_become_own(&standing(&["own:admin", "system:admin"])).is_ok(), "less is free");
        for more in ["own:geneticist", "system:auditor", "other:clinician"] {
            assert!(
                own.may_become_own(&standing(&["own:admin", "own:clinician", "system:admin", more])).is_err(),
                "{more}"
            );
        }
        assert!(own.may_become_own(&standing(&["own:admin", "own:clinician"])).is_err(), "the system's admin");
        assert!(own.may_become_own(&standing(&["own:clinician", "system:admin"])).is_err(), "the institute's admin");
        assert!(own.may_become_own(&Standing { disabled: true, ..own.clone() }).is_err());
    }
}
