use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::rules::{CaseWork, Finding, Person, Rule, Shared};
use crate::db::{Stored, index};
use crate::ids::{InstituteId, UserId};

/// A note of fewer words says nothing that a reader could use later.
pub const NOTE_WORDS: usize = 3;
/// Longest note.
pub const NOTE_LENGTH: usize = 2_000;

/// What a reviewer made of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// There is a good reason.
    Fine,
    /// Somebody is being asked.
    FollowUp,
    /// It was misuse, or may have been.
    Incident,
}

impl Decision {
    /// All decisions, in the order of the form.
    pub const ALL: [Self; 3] = [Self::Fine, Self::FollowUp, Self::Incident];

    /// The word in forms and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::FollowUp => "follow_up",
            Self::Incident => "incident",
        }
    }

    /// The words on pages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Fine => "Fine",
            Self::FollowUp => "Follow up",
            Self::Incident => "Incident",
        }
    }
}

/// One review. Added, never changed.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who.
    pub by: UserId,
    /// Name at that time.
    pub name: String,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// What came of it.
    pub decision: Decision,
    /// Why.
    pub note: String,
}

/// Something an auditor should look at.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Derived from rule and cause, so that the same thing is flagged once whoever reads the trail.
    #[serde(rename = "_id")]
    pub id: String,
    /// Why.
    pub rule: Rule,
    /// The institute whose auditors are concerned; none for the system's own.
    pub institute: Option<InstituteId>,
    /// The user it is about.
    pub person: Option<String>,
    /// The user's name at that time.
    pub name: String,
    /// Identity of the case it is about.
    pub case: Option<String>,
    /// A sentence with figures.
    pub reason: String,
    /// Audit entries that caused it.
    pub entries: Vec<String>,
    /// When it happened.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub happened_at: Timestamp,
    /// When it was found.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub raised_at: Timestamp,
    /// Whether somebody still has to look: there is no review, or the last one asked to follow up.
    pub open: bool,
    /// All reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Counts changes.
    pub rev: i64,
}

impl Flag {
    /// The flag of a finding.
    #[must_use]
    pub fn new(finding: Finding, now: Timestamp) -> Self {
        let named = format!("{}\n{}", finding.rule.as_str(), finding.cause);
        Self {
            id: crate::ids::base32(&blake3::derive_key("lodestone audit flag v1", named.as_bytes())[..16]),
            rule: finding.rule,
            institute: finding.institute,
            person: finding.user,
            name: finding.name,
            case: finding.case,
            reason: finding.reason,
            entries: finding.entries,
            happened_at: finding.at,
            raised_at: now,
            open: true,
            reviews: Vec::new(),
            rev: 1,
        }
    }

    /// What the last reviewer made of it.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.reviews.last().map(|review| review.decision)
    }

    /// Whole days since it was found.
    #[must_use]
    pub fn age_days(&self, now: Timestamp) -> i64 {
        now.duration_since(self.raised_at).as_hours() / 24
    }

    /// Nobody reviews themselves.
    #[must_use]
    pub fn is_about(&self, user: &UserId) -> bool {
        self.person.as_deref() == Some(user.as_str())
    }
}

impl Stored for Flag {
    const COLLECTION: &'static str = "audit_flags";

    fn indexes() -> Vec<IndexModel> {
        vec![
            index("open_first", doc! { "open": -1, "raised_at": 1 }),
            index("of_institute", doc! { "institute": 1, "open": -1, "raised_at": 1 }),
            index("of_person", doc! { "person": 1, "rule": 1 }),
        ]
    }
}

/// The rules' memory of one person, or token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PersonState {
    #[serde(rename = "_id")]
    pub who: String,
    pub person: Person,
}

impl Stored for PersonState {
    const COLLECTION: &'static str = "audit_flag_people";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// The rules' memory of one case.
#[serde_as]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CaseState {
    #[serde(rename = "_id")]
    pub case: String,
    pub work: CaseWork,
}

impl Stored for CaseState {
    const COLLECTION: &'static str = "audit_flag_cases";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// Where in the logs the rules stand. One document; who changes it owns the batch.
#[serde_as]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    #[serde(rename = "_id")]
    pub id: String,
    /// Logs that may still grow.
    pub logs: Vec<LogPlace>,
    /// When logs were last looked for.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub looked_at: Option<Timestamp>,
    /// What the rules remember of all.
    pub shared: Shared,
    /// Counts changes.
    pub rev: i64,
}

/// How far a log was read.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LogPlace {
    pub log: String,
    /// The next entry.
    pub next: i64,
    /// When the entry before was written.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    pub last: Option<Timestamp>,
}

impl Stored for Progress {
    const COLLECTION: &'static str = "audit_flag_progress";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(cause: &str) -> Finding {
        Finding {
            rule: Rule::Refusals,
            cause: cause.into(),
            institute: None,
            user: Some("u".into()),
            name: "Ann".into(),
            case: None,
            reason: "because".into(),
            entries: vec![],
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
        }
    }

    #[test]
    fn the_same_cause_is_the_same_flag_and_its_fields_are_what_queries_name() {
        let now: Timestamp = "2026-01-05T03:04:05Z".parse().unwrap();
        let flag = Flag::new(finding("a"), now);
        assert_eq!(flag.id, Flag::new(finding("a"), now + jiff::SignedDuration::from_hours(1)).id);
        assert_ne!(flag.id, Flag::new(finding("b"), now).id);
        assert_eq!(flag.age_days(now + jiff::SignedDuration::from_hours(49)), 2);
        let stored = bson::serialize_to_document(&flag).unwrap();
        for name in ["rule", "person", "open", "raised_at", "reviews", "rev"] {
            assert!(stored.contains_key(name), "{name}");
        }
    }
}
