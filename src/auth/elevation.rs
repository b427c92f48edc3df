//! Elevated roles are entered and left: whoever is signed in reads cases as before, and administers or audits only while
//! they have said so.

use jiff::Timestamp;

use super::session::Session;
use crate::ids::InstituteId;
use crate::users::{Role, RoleGrant, SystemRole};

/// An elevated role that somebody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnteredRole {
    /// The role.
    pub role: RoleGrant,
    /// From this moment on it has to be entered again.
    pub until: Timestamp,
}

/// What somebody's roles come to in one session.
#[derive(Debug, Clone, Default)]
pub(super) struct ActingRoles {
    /// Those that count without being entered.
    plain: Vec<RoleGrant>,
    entered: Vec<EnteredRole>,
    /// Elevated ones that they are not in.
    enterable: Vec<RoleGrant>,
}

impl ActingRoles {
    /// `held`: from where the person is.
    pub(super) fn of_session(held: Vec<RoleGrant>, session: &Session, now: Timestamp) -> Self {
        let mut roles = Self::default();
        for role in held {
            match session.entered_until(&role, now) {
                _ if !role.is_elevated() => roles.plain.push(role),
                Some(until) => roles.entered.push(EnteredRole { role, until }),
                None => roles.enterable.push(role),
            }
        }
        roles
    }

    /// A script enters nothing.
    pub(super) fn of_script(mut held: Vec<RoleGrant>) -> Self {
        held.retain(|role| !role.is_elevated());
        Self { plain: held, ..Self::default() }
    }

    /// All that count.
    pub(super) fn acting(&self) -> impl Iterator<Item = &RoleGrant> {
        self.plain.iter().chain(self.entered.iter().map(|entered| &entered.role))
    }

    /// All, whether they count or have to be entered first.
    pub(super) fn held(&self) -> impl Iterator<Item = &RoleGrant> {
        self.acting().chain(&self.enterable)
    }

    pub(super) fn plain(&self) -> impl Iterator<Item = &RoleGrant> {
        self.plain.iter()
    }

    pub(super) fn entered(&self) -> &[EnteredRole] {
        &self.entered
    }

    pub(super) fn enterable(&self) -> &[RoleGrant] {
        &self.enterable
    }

    pub(super) fn is_in(&self, institute: &InstituteId, role: Role) -> bool {
        self.acting().any(|acting| acting.is(institute, role))
    }

    pub(super) fn is_in_system(&self, role: SystemRole) -> bool {
        self.acting().any(|acting| *acting == RoleGrant::System(role))
    }
}
