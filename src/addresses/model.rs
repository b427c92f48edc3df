use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use bson::doc;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::Network;
use crate::db::{Stored, index};
use crate::events::Actor;
use crate::ids::InstituteId;
use crate::users::RoleGrant;

/// What is open from some addresses only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// Everything behind sign-in, and signing in.
    System,
    /// An institute, for all who have a role there.
    Institute(InstituteId),
    /// One role: in an institute, or of the system.
    Role(RoleGrant),
}

/// The text names nothing that addresses could be given for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no addresses: write system, an INSTITUTE, INSTITUTE:ROLE, system:admin or system:auditor")]
pub struct UnknownSubject(String);

const SYSTEM: &str = "system";

impl Subject {
    /// Where it belongs: an institute, or `system`. Rules are looked up by it.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::System | Self::Role(RoleGrant::System(_)) => SYSTEM,
            Self::Institute(institute) => institute.as_str(),
            Self::Role(RoleGrant::Member(held)) => held.institute.as_str(),
        }
    }

    /// The institute it belongs to; none for what is the system's.
    #[must_use]
    pub fn institute(&self) -> Option<&InstituteId> {
        match self {
            Self::Institute(institute) => Some(institute),
            Self::Role(RoleGrant::Member(held)) => Some(&held.institute),
            Self::System | Self::Role(RoleGrant::System(_)) => None,
        }
    }

    /// Whether somebody acts in this role only where the subject is open.
    #[must_use]
    pub fn concerns(&self, role: &RoleGrant) -> bool {
        match (self, role) {
            (Self::System, _) => true,
            (Self::Institute(institute), RoleGrant::Member(held)) => held.institute == *institute,
            (Self::Institute(_), RoleGrant::System(_)) => false,
            (Self::Role(limited), role) => limited == role,
        }
    }

    /// At the beginning of a sentence: `Institute own`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::System => "Lodestone".to_owned(),
            Self::Institute(institute) => format!("Institute {institute}"),
            Self::Role(RoleGrant::Member(held)) => format!("The role {} in {}", held.role.as_str(), held.institute),
            Self::Role(RoleGrant::System(role)) => format!("The role {} of the system", role.as_str()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str(SYSTEM),
            Self::Institute(institute) => institute.fmt(f),
            Self::Role(role) => role.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = UnknownSubject;

    fn from_str(text: &str) -> Result<Self, UnknownSubject> {
        let unknown = || UnknownSubject(text.chars().take(80).collect());
        if text == SYSTEM {
            Ok(Self::System)
        } else if text.contains(':') {
            text.parse().map(Self::Role).map_err(|_| unknown())
        } else {
            text.parse().map(Self::Institute).map_err(|_| unknown())
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = UnknownSubject;

    fn try_from(text: String) -> Result<Self, UnknownSubject> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

/// From where a subject is open, and who says so.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedNetwork {
    /// The addresses.
    pub network: Network,
    /// What is there, or why it is allowed.
    pub reason: String,
    /// The last day (UTC) on which it counts; none: until it is taken out.
    pub last_day: Option<Date>,
    /// Who answers for it.
    pub owner: Actor,
    /// Since when.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub added_at: Timestamp,
}

impl AllowedNetwork {
    /// Whether it counts.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.last_day.is_none_or(|last| now.to_zoned(TimeZone::UTC).date() <= last)
    }
}

/// What administrators decide about a subject, and what the history holds of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Open from these only. None at all: open from everywhere.
    pub networks: Vec<AllowedNetwork>,
    /// Whom to call, for those who stand outside.
    pub contact: String,
}

impl Limits {
    /// Whether the subject is open from an address. When every network has had its last day, it is open from nowhere:
    /// what was limited is not opened to everybody by a date.
    #[must_use]
    pub fn admit(&self, from: IpAddr, now: Timestamp) -> bool {
        self.networks.is_empty() || self.current(now).any(|allowed| allowed.network.contains(from))
    }

    /// Whether there were networks, and all have had their last day.
    #[must_use]
    pub fn have_run_out(&self, now: Timestamp) -> bool {
        !self.networks.is_empty() && self.current(now).next().is_none()
    }

    /// Whether a day will come on which the subject is open from nowhere.
    #[must_use]
    pub fn will_run_out(&self) -> bool {
        !self.networks.is_empty() && self.networks.iter().all(|allowed| allowed.last_day.is_some())
    }

    fn current(&self, now: Timestamp) -> impl Iterator<Item = &AllowedNetwork> {
        self.networks.iter().filter(move |allowed| allowed.is_current(now))
    }
}

/// The limits of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRules {
    /// What they are about.
    #[serde(rename = "_id")]
    pub subject: Subject,
    /// [`Subject::place`], to be looked up by.
    pub place: String,
    /// What was decided.
    #[serde(flatten)]
    pub limits: Limits,
    /// Counts changes; 0 before the first.
    pub rev: i64,
}

impl AddressRules {
    /// The rules of a subject about which nothing was decided: it is open from everywhere.
    #[must_use]
    pub fn none_of(subject: Subject) -> Self {
        Self { place: subject.place().to_owned(), subject, limits: Limits::default(), rev: 0 }
    }
}

/// Names of stored fields.
pub(super) mod field {
    pub const PLACE: &str = "place";
    pub const NETWORKS: &str = "networks";
    pub const CONTACT: &str = "contact";
    pub const REV: &str = "rev";
    /// Written by transactions that must not pass each other, and read by nobody.
    pub const HELD: &str = "held";
}

impl Stored for AddressRules {
    const COLLECTION: &'static str = "address_rules";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_place", doc! { field::PLACE: 1 })]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::addresses) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// `10.1.0.0/16` or `10.1.0.0/16 2026-03-04`.
    pub(in crate::addresses) fn limits(networks: &[&str]) -> Limits {
        let networks = networks.iter().map(|text| {
            let (network, last_day) = text.split_once(' ').map_or((*text, None), |(range, day)| (range, Some(day)));
            AllowedNetwork {
                network: network.parse().unwrap(),
                reason: "ward".into(),
                last_day: last_day.map(|day| day.parse().unwrap()),
                owner: Actor { user: None, name: "Ann".into() },
                added_at: at("2026-01-01T00:00:00Z"),
            }
        });
        Limits { networks: networks.collect(), contact: "the help desk, 4711".into() }
    }

    #[test]
    fn stored_field_names_exist_and_documents_read_back() {
        let rules = AddressRules {
            limits: limits(&["10.1.0.0/16 2026-03-04", "2001:db8::/32"]),
            rev: 3,
            ..AddressRules::none_of("own:admin".parse().unwrap())
        };
        let document = bson::serialize_to_document(&rules).unwrap();
        for name in [field::PLACE, field::NETWORKS, field::CONTACT, field::REV] {
            assert!(document.contains_key(name), "{name}");
        }
        assert_eq!(document.get_str("_id").unwrap(), "own:admin");
        assert_eq!(document.get_str("place").unwrap(), "own");
        assert_eq!(bson::deserialize_from_document::<AddressRules>(document).unwrap(), rules);
    }

    #[test]
    fn subjects_are_written_as_roles_are() {
        for (text, place) in [
            ("system", "system"),
            ("own", "own"),
            ("own:admin", "own"),
            ("system:admin", "system"),
            ("system:auditor", "system"),
        ] {
            let subject: Subject = text.parse().unwrap();
            assert_eq!((subject.to_string().as_str(), subject.place()), (text, place));
        }
        for bad in ["", "Own", "own:boss", "system:clinician", "own:", ":admin", "panels"] {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_last_day_counts_to_its_end_and_none_opens_anything() {
        let limits = limits(&["10.1.0.0/16 2026-03-04", "10.2.0.0/16 2026-02-01"]);
        let inside = "10.1.2.3".parse().unwrap();
        assert!(limits.admit(inside, at("2026-03-04T23:59:59Z")));
        assert!(!limits.admit("10.2.0.1".parse().unwrap(), at("2026-03-04T12:00:00Z")), "over");
        assert!(!limits.have_run_out(at("2026-03-04T23:59:59Z")));
        let after = at("2026-03-05T00:00:00Z");
        assert!(limits.have_run_out(after) && limits.will_run_out());
        assert!(!limits.admit(inside, after), "open from nowhere");
        let none = Limits::default();
        assert!(none.admit(inside, after) && !none.have_run_out(after) && !none.will_run_out());
    }
}
