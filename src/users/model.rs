use std::fmt;
use std::str::FromStr;

use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay, serde_as};

use crate::db::{Stored, index, unique_index};
use crate::define_id;
use crate::ids::{InstituteId, UserId};

define_id! {
    /// An e-mail address in lower case: a label for people, and the name of a local account; never what links an account of
    /// an identity provider.
    pub struct Email;
    what = "an e-mail address";
    rule = "write it as name@host in lower case, at most 254 characters, all of them ASCII";
    valid = |text| {
        // Letters of other alphabets can look like these; two people could not be told apart.
        text.len() <= 254
            && text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !matches!(b, b'<' | b'>' | b'"'))
            && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.len() >= 3 && !host.contains('@'))
    };
}

/// A person.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Opaque identity.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// Label, unique.
    pub email: Email,
    /// Name as shown to colleagues.
    pub name: String,
    /// Roles in institutes.
    pub memberships: Vec<Membership>,
    /// Roles that concern the whole system; none of them shows a case.
    pub system_roles: Vec<SystemRole>,
    /// Whether the person may not sign in.
    pub disabled: bool,
    /// When the account was made.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub created_at: Timestamp,
    /// Counts changes of the document.
    pub rev: i64,
}

/// One role in one institute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// Where.
    pub institute: InstituteId,
    /// What.
    pub role: Role,
}

/// What a member of an institute may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads, comments, triages.
    Clinician,
    /// All of that, and classifies and signs out.
    Geneticist,
    /// Works with labels and aggregates, without identities.
    Researcher,
    /// Members, settings and panels; no case content.
    Admin,
    /// Reviews the institute's audit trail; no case content.
    Auditor,
}

impl Role {
    /// All roles, in the order of the design's table.
    pub const ALL: [Self; 5] = [Self::Clinician, Self::Geneticist, Self::Researcher, Self::Admin, Self::Auditor];

    /// The word used on the command line and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clinician => "clinician",
            Self::Geneticist => "geneticist",
            Self::Researcher => "researcher",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// What it is for, in words.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            Self::Clinician => "reads, comments and triages cases",
            Self::Geneticist => "all of that, and classifies and signs out",
            Self::Researcher => "labels and aggregated data, no patient’s identity",
            Self::Admin => "members, settings and panels; no case content",
            Self::Auditor => "reviews the audit trail; no case content",
        }
    }

    /// Whether the role reads cases of its institute.
    #[must_use]
    pub fn reads_cases(self) -> bool {
        matches!(self, Self::Clinician | Self::Geneticist)
    }

    /// Whether the role counts only while its holder has entered it.
    #[must_use]
    pub fn is_elevated(self) -> bool {
        matches!(self, Self::Admin | Self::Auditor)
    }
}

/// A role that is not tied to an institute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemRole {
    /// Users, institutes, reference data.
    Admin,
    /// All audit entries.
    Auditor,
}

impl SystemRole {
    /// The word used on the command line, after `system:`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}

/// A role as given on the command line: `cust000:clinician` or `system:admin`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, SerializeDisplay, DeserializeFromStr)]
pub enum RoleGrant {
    /// In an institute.
    Member(Membership),
    /// In the system.
    System(SystemRole),
}

/// The text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a role: write INSTITUTE:ROLE with clinician, geneticist, researcher, admin or auditor, or system:admin, system:auditor"
)]
pub struct UnknownRole(String);

impl FromStr for RoleGrant {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownRole(text.to_owned());
        let (place, role) = text.split_once(':').ok_or_else(unknown)?;
        if place == "system" {
            return match role {
                "admin" => Ok(Self::System(SystemRole::Admin)),
                "auditor" => Ok(Self::System(SystemRole::Auditor)),
                _ => Err(unknown()),
            };
        }
        let role = Role::ALL.into_iter().find(|known| known.as_str() == role).ok_or_else(unknown)?;
        let institute = place.parse().map_err(|_| unknown())?;
        Ok(Self::Member(Membership { institute, role }))
    }
}

impl RoleGrant {
    /// Whether it is this role in this institute.
    #[must_use]
    pub fn is(&self, institute: &InstituteId, role: Role) -> bool {
        matches!(self, Self::Member(held) if held.institute == *institute && held.role == role)
    }

    /// Whether the role reads cases of an institute.
    #[must_use]
    pub fn reads_cases(&self) -> bool {
        matches!(self, Self::Member(held) if held.role.reads_cases())
    }

    /// Whether the role reads cases of this institute.
    #[must_use]
    pub fn reads_cases_of(&self, institute: &InstituteId) -> bool {
        matches!(self, Self::Member(held) if held.institute == *institute && held.role.reads_cases())
    }

    /// Where it is held; none for a role of the system.
    #[must_use]
    pub fn institute(&self) -> Option<&InstituteId> {
        match self {
            Self::Member(held) => Some(&held.institute),
            Self::System(_) => None,
        }
    }

    /// The role's word, without where it is held.
    #[must_use]
    pub fn role(&self) -> &'static str {
        match self {
            Self::Member(held) => held.role.as_str(),
            Self::System(role) => role.as_str(),
        }
    }

    /// What it is for, in words.
    #[must_use]
    pub fn means(&self) -> &'static str {
        match self {
            Self::Member(held) => held.role.means(),
            Self::System(SystemRole::Admin) => "people, institutes and addresses of the whole system; no case content",
            Self::System(SystemRole::Auditor) => "reviews the audit trail of the whole system; no case content",
        }
    }

    /// For people: `admin of cust000`, `auditor of the system`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.institute() {
            Some(institute) => format!("{} of {institute}", self.role()),
            None => format!("{} of the system", self.role()),
        }
    }

    /// Whether the role counts only while its holder has entered it: those of the system, and those that decide about
    /// people, settings or the trail.
    #[must_use]
    pub fn is_elevated(&self) -> bool {
        match self {
            Self::Member(held) => held.role.is_elevated(),
            Self::System(_) => true,
        }
    }

    /// Whether the role administers this institute, or the system with all of them.
    #[must_use]
    pub fn administers_in(&self, institute: &InstituteId) -> bool {
        *self == Self::System(SystemRole::Admin) || self.is(institute, Role::Admin)
    }

    /// Whether the role looks after people.
    #[must_use]
    pub fn administers(&self) -> bool {
        match self {
            Self::Member(held) => held.role == Role::Admin,
            Self::System(role) => *role == SystemRole::Admin,
        }
    }

    /// Whether the role reviews the audit trail.
    #[must_use]
    pub fn audits(&self) -> bool {
        match self {
            Self::Member(held) => held.role == Role::Auditor,
            Self::System(role) => *role == SystemRole::Auditor,
        }
    }
}

impl fmt::Display for RoleGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(membership) => write!(f, "{}:{}", membership.institute, membership.role.as_str()),
            Self::System(role) => write!(f, "system:{}", role.as_str()),
        }
    }
}

impl User {
    /// Whether the person administers an institute or the system.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.system_roles.contains(&SystemRole::Admin)
            || self.memberships.iter().any(|membership| membership.role == Role::Admin)
    }

    /// Whether the person has any role anywhere.
    #[must_use]
    pub fn has_a_role(&self) -> bool {
        !self.memberships.is_empty() || !self.system_roles.is_empty()
    }

    /// All roles in the command line's spelling.
    #[must_use]
    pub fn grants(&self) -> Vec<String> {
        let system = self.system_roles.iter().map(|role| RoleGrant::System(*role));
        let member = self.memberships.iter().cloned().map(RoleGrant::Member);
        system.chain(member).map(|grant| grant.to_string()).collect()
    }
}

/// Names of stored fields.
pub(super) mod field {
    pub const EMAIL: &str = "email";
    pub const DISABLED: &str = "disabled";
    pub const REV: &str = "rev";
    pub const INSTITUTE: &str = "memberships.institute";
    pub const MEMBERSHIPS: &str = "memberships";
    pub const NAME: &str = "name";
    /// Where and when the person signed in last. Not part of what administrators decide, so it counts no revision.
    pub const LAST_SIGN_IN: &str = "last_sign_in";
    /// Written by transactions that depend on this person's rights, and read by nobody.
    pub const HELD: &str = "held";
}

impl Stored for User {
    const COLLECTION: &'static str = "users";

    fn indexes() -> Vec<IndexModel> {
        vec![
            unique_index("email", doc! { field::EMAIL: 1 }),
            index("members_of_institute", doc! { field::INSTITUTE: 1 }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_field_names_exist() {
        let user = User {
            id: UserId::random(),
            email: "ann@lab.example".parse().unwrap(),
            name: "Ann".into(),
            memberships: vec![Membership { institute: "cust000".parse().unwrap(), role: Role::Clinician }],
            system_roles: vec![],
            disabled: false,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            rev: 1,
        };
        let document = bson::serialize_to_document(&user).unwrap();
        for name in [field::EMAIL, field::DISABLED, field::REV, field::MEMBERSHIPS, field::NAME] {
            assert!(document.contains_key(name), "{name}");
        }
        let membership = document.get_array("memberships").unwrap()[0].as_document().unwrap();
        assert!(membership.contains_key("institute"));
        assert!(document.get_datetime("created_at").is_ok());
    }

    #[test]
    fn roles_are_read_as_the_command_line_writes_them() {
        for text in ["cust000:clinician", "system:admin", "system:auditor", "cust000:auditor"] {
            assert_eq!(text.parse::<RoleGrant>().unwrap().to_string(), text);
        }
        for text in ["clinician", "cust000:boss", "system:clinician", "X:clinician", ""] {
            assert!(text.parse::<RoleGrant>().is_err(), "{text}");
        }
    }

    #[test]
    fn administrative_roles_read_no_cases() {
        let readers: Vec<_> = Role::ALL.into_iter().filter(|role| role.reads_cases()).collect();
        assert_eq!(readers, [Role::Clinician, Role::Geneticist]);
    }
}
