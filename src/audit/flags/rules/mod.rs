//! What makes an auditor look twice. Pure: facts in the order of their time go in, explained findings come out.
//!
//! The rules follow `security.md` 4.6. Each keeps a bounded memory per person, so that the trail is read once; what is
//! compared, and the figures, stand in the finding's sentence. A flag that nobody has time for protects nobody:
//! together the rules stay below five flags per 100 users a week on the simulated months in `simulation`.

mod address;
mod break_glass;
mod checkpoints;
mod clock;
mod enabled;
mod hours;
mod refusals;
mod relation;
mod reset;
pub(super) mod rights;
mod sign_in;
#[cfg(test)]
mod simulation;
mod volume;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use checkpoints::{Standing, checkpoint_missing};
pub use relation::CaseWork;

use crate::ids::InstituteId;

/// Why something was flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// First access to a case without any relation to it.
    NoRelation,
    /// More cases or records in a day than usual.
    Volume,
    /// An export soon after the first use of a new address.
    NewAddress,
    /// Many refused requests.
    Refusals,
    /// Emergency access.
    BreakGlass,
    /// An account that was disabled and is enabled again.
    EnabledAgain,
    /// Entries without a signed checkpoint.
    MissingCheckpoint,
    /// A clock that went back.
    ClockBack,
    /// Cases opened at an unusual hour; off unless asked for.
    OutsideHours,
    /// Wrong codes or passkeys, then a right one.
    SignIn,
    /// An authenticator that was reset, or codes that stand for a second person.
    FactorReset,
    /// Roles, or from where things are open.
    RightsChanged,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 12] = [
        Self::NoRelation,
        Self::Volume,
        Self::NewAddress,
        Self::Refusals,
        Self::BreakGlass,
        Self::EnabledAgain,
        Self::MissingCheckpoint,
        Self::ClockBack,
        Self::OutsideHours,
        Self::SignIn,
        Self::FactorReset,
        Self::RightsChanged,
    ];

    /// The word in addresses and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRelation => "no_relation",
            Self::Volume => "volume",
            Self::NewAddress => "new_address",
            Self::Refusals => "refusals",
            Self::BreakGlass => "break_glass",
            Self::EnabledAgain => "enabled_again",
            Self::MissingCheckpoint => "missing_checkpoint",
            Self::ClockBack => "clock_back",
            Self::OutsideHours => "outside_hours",
            Self::SignIn => "sign_in",
            Self::FactorReset => "factor_reset",
            Self::RightsChanged => "rights_changed",
        }
    }

    /// The words on pages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRelation => "No relation to the case",
            Self::Volume => "Unusual volume",
            Self::NewAddress => "New address, then export",
            Self::Refusals => "Many refusals",
            Self::BreakGlass => "Emergency access",
            Self::EnabledAgain => "Disabled, then enabled",
            Self::MissingCheckpoint => "Missing checkpoint",
            Self::ClockBack => "Clock went back",
            Self::OutsideHours => "Outside usual hours",
            Self::SignIn => "Wrong codes, then signed in",
            Self::FactorReset => "Authenticator reset",
            Self::RightsChanged => "Roles or addresses changed",
        }
    }
}

/// What the rules read of a request's or command's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The audit entry.
    pub entry: String,
    /// When it happened.
    pub at: Timestamp,
    /// Who: a user, a user's token or, where nobody is known, an address.
    pub who: String,
    /// The user, where known.
    pub user: Option<String>,
    /// Name at that time.
    pub name: String,
    /// The role that counted there.
    pub role: String,
    /// The institute it happened in.
    pub institute: Option<InstituteId>,
    /// The institute of the person, when that one shares a case with it.
    pub guest: Option<InstituteId>,
    /// Joins the requests of one sign-in.
    pub session: Option<String>,
    /// The person's machine.
    pub address: Option<String>,
    /// `GET /{institute}/{case}`, or a command's name.
    pub action: String,
    /// Whether it was a command on the machine.
    pub command: bool,
    /// The case it was granted: its identity and name.
    pub case: Option<(String, String)>,
    /// What it was refused.
    pub refused: Option<String>,
    /// The account it was about.
    pub account: Option<String>,
    /// Rights it changed, in words.
    pub rights: Vec<String>,
    /// Whether it was done.
    pub success: bool,
    /// HTTP status.
    pub status: i32,
    /// Records shown.
    pub rows: u64,
    /// Whether the answer left as a file.
    pub exported: bool,
    /// Milliseconds by which the clock had gone back in this entry's log.
    pub back_ms: Option<i64>,
    /// The log.
    pub log: String,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub rule: Rule,
    /// What it is about; the same cause is flagged once.
    pub cause: String,
    /// The institute whose auditors are concerned.
    pub institute: Option<InstituteId>,
    /// The user it is about.
    pub user: Option<String>,
    /// The user's name at that time.
    pub name: String,
    /// The case it is about.
    pub case: Option<String>,
    /// A sentence with the figures and what they were compared with.
    pub reason: String,
    /// Entries that caused it.
    pub entries: Vec<String>,
    /// When it happened.
    pub at: Timestamp,
}

impl Finding {
    fn about(fact: &Fact, rule: Rule, cause: &str, reason: String) -> Self {
        Self {
            rule,
            cause: format!("{}/{cause}", fact.who),
            institute: fact.institute.clone(),
            user: fact.user.clone(),
            name: fact.name.clone(),
            case: None,
            reason,
            entries: vec![fact.entry.clone()],
            at: fact.at,
        }
    }
}

/// What the rules remember of one person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Last seen in.
    #[serde(default)]
    pub institute: Option<InstituteId>,
    /// Relations to cases.
    #[serde(default)]
    pub relations: relation::Relations,
    #[serde(default)]
    volume: volume::Days,
    #[serde(default)]
    addresses: address::Known,
    #[serde(default)]
    refusals: refusals::Recent,
    #[serde(default)]
    hours: hours::Usual,
    #[serde(default)]
    sign_in: sign_in::Failures,
}

/// What the rules remember of all together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    #[serde(default)]
    roles: volume::Roles,
    #[serde(default)]
    networks: address::Networks,
    #[serde(default)]
    disabled: enabled::Disabled,
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Whether unusual hours are flagged.
    pub outside_hours: bool,
}

/// The rules' memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// By [`Fact::who`].
    pub people: BTreeMap<String, Person>,
    /// Who worked on a case lately, by the case's identity.
    pub cases: BTreeMap<String, CaseWork>,
    /// Everything else.
    pub shared: Shared,
}

impl Memory {
    /// The next fact.
    pub fn take(&mut self, fact: &Fact, settings: Settings) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(clock::take(fact));
        found.extend(self.shared.disabled.take(fact));
        found.extend(reset::take(fact));
        found.extend(rights::take(fact));
        if fact.command {
            return found; // whoever may run commands is looked at by what they did, not by habits
        }
        let person = self.people.entry(fact.who.clone()).or_default();
        if let Some(place) = fact.guest.as_ref().or(fact.institute.as_ref()) {
            person.institute = Some(place.clone());
        }
        if let Some((case, _)) = &fact.case
            && fact.success
        {
            found.extend(person.relations.take(fact, self.cases.entry(case.clone()).or_default()));
        } else {
            person.relations.note_list(fact);
        }
        found.extend(person.volume.take(fact, &mut self.shared.roles));
        found.extend(person.addresses.take(fact, &mut self.shared.networks));
        found.extend(person.refusals.take(fact));
        found.extend(break_glass::take(fact));
        found.extend(person.hours.take(fact, settings.outside_hours));
        found.extend(person.sign_in.take(fact));
        for finding in &mut found {
            // A refused request names no institute; the person's own auditors are concerned.
            finding.institute = finding.institute.take().or_else(|| person.institute.clone());
        }
        found
    }
}

/// Whole days since 1970, UTC.
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request by Ann at a time given in minutes.
    pub(super) fn fact(minute: i64, action: &str) -> Fact {
        Fact {
            entry: format!("log-{minute}-{action}"),
            at: Timestamp::from_second(1_800_000_000 - 1_800_000_000 % 86_400 + minute * 60).unwrap(),
            who: "ann".into(),
            user: Some("ann".into()),
            name: "Ann".into(),
            role: "clinician".into(),
            institute: Some("own".parse().unwrap()),
            guest: None,
            session: Some("s1".into()),
            address: Some("10.1.1.7".into()),
            action: action.into(),
            command: false,
            case: None,
            refused: None,
            account: None,
            rights: Vec::new(),
            success: true,
            status: 200,
            rows: 0,
            exported: false,
            back_ms: None,
            log: "log".into(),
        }
    }

    pub(super) fn case(minute: i64, case: &str) -> Fact {
        Fact { case: Some((case.into(), case.into())), ..fact(minute, "GET /{institute}/{case}") }
    }
}
