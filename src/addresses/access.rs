use super::change::Maker;
use super::model::Subject;
use crate::auth::Principal;
use crate::events::Actor;
use crate::ids::InstituteId;
use crate::institutes::InstituteAdmin;
use crate::users::{Membership, Role, RoleGrant, SystemAdmin, SystemRole};
use crate::web::{ClientAddress, urls};

/// Somebody who decides from where something is open: the system's admins what is the system's, an institute's what is the
/// institute's. Either value comes from its extractor only.
pub enum AddressAdmin {
    /// Of the whole system.
    System(SystemAdmin),
    /// Of an institute.
    Institute(InstituteAdmin),
}

impl AddressAdmin {
    /// What they decide about.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Self::System(_) => {
                let roles = [SystemRole::Admin, SystemRole::Auditor].map(|role| Subject::Role(RoleGrant::System(role)));
                [Subject::System].into_iter().chain(roles).collect()
            }
            Self::Institute(admin) => {
                let institute = &admin.institute().id;
                let role = |role| Subject::Role(RoleGrant::Member(Membership { institute: institute.clone(), role }));
                [Subject::Institute(institute.clone())].into_iter().chain(Role::ALL.map(role)).collect()
            }
        }
    }

    /// The institute; none for the system.
    #[must_use]
    pub fn institute(&self) -> Option<&InstituteId> {
        match self {
            Self::System(_) => None,
            Self::Institute(admin) => Some(&admin.institute().id),
        }
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        match self {
            Self::System(admin) => admin.principal(),
            Self::Institute(admin) => admin.principal(),
        }
    }

    /// Who is written into the history.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::System(admin) => admin.actor(),
            Self::Institute(admin) => admin.actor(),
        }
    }

    /// By which right and from where they change rules.
    #[must_use]
    pub fn maker(&self, from: ClientAddress) -> Maker<'_> {
        let authority = match self {
            Self::System(admin) => admin.authority(),
            Self::Institute(admin) => admin.authority(),
        };
        Maker { authority, from: Some(from.client) }
    }

    /// The page of their rules.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::System(_) => urls::system_addresses().to_owned(),
            Self::Institute(admin) => urls::institute_addresses(&admin.institute().id),
        }
    }
}
