use std::collections::BTreeMap;

use bson::{Binary, doc};
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::removal::Removal;
use crate::db::{Stored, index, unique_index};
use crate::ids::{InstituteId, UserId};

/// One line of the trail. Appended, never changed.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// `<log>-<sequence>`; writing the same entry twice is harmless.
    #[serde(rename = "_id")]
    pub id: String,
    /// Version of this layout.
    pub v: i32,
    /// The process that wrote it.
    pub log_id: String,
    /// Place in that process's log, from 0, without gaps.
    pub seq: i64,
    /// Before or after the work.
    pub kind: EntryKind,
    /// When it happened.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub occurred_at: Timestamp,
    /// Joins the intent and the outcome of one request or command.
    pub request_id: String,
    /// Program version.
    pub build: String,
    /// When it was written down; later than [`Entry::occurred_at`].
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub recorded_at: Timestamp,
    /// The clock had gone back since the entry before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub clock_regressed: bool,
    /// Who, as far as known when the entry was made.
    pub agent: Option<Agent>,
    /// The institute whose auditors may see the entry.
    pub institute: Option<InstituteId>,
    /// The institute with which that one shares the case that was opened, by one of its readers; its auditors may see the
    /// entry too.
    pub guest: Option<InstituteId>,
    /// The request, by its route template.
    pub request: Option<RequestFacts>,
    /// Command line action, e.g. `load case`.
    pub command: Option<String>,
    /// How it ended; outcomes only.
    pub outcome: Option<Outcome>,
    /// Why it was refused, when it was.
    pub reason: Option<String>,
    /// HTTP status.
    pub status: Option<i32>,
    /// Microseconds from intent to outcome.
    pub duration_us: Option<i64>,
    /// Bytes of the answer before compression, when known beforehand.
    pub bytes: Option<i64>,
    /// Records shown or exported.
    pub rows: Option<i64>,
    /// Format of an export.
    pub exported: Option<String>,
    /// The first entry of a log: how far all logs had come that no earlier log names so far.
    pub heads: Option<Vec<Head>>,
    /// What was taken out of the trail, in an entry of kind [`EntryKind::Removal`].
    pub removal: Option<Removal>,
    /// What can be erased by law without breaking the chain; absent once erased.
    pub payload: Option<Payload>,
}

/// Fields of a stored entry that its public part, which the chain covers, does not contain.
pub(super) const OUTSIDE_PUBLIC: [&str; 4] = ["_id", "payload", SEAL, "erased"];
/// Where a stored entry keeps its hashes, as [`Seal`].
pub(super) const SEAL: &str = "seal";

/// The hashes of a stored entry.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// 16 random bytes in front of the payload; erased with it.
    pub salt: Option<Binary>,
    /// `H(salt || payload)`
    pub payload_hash: Binary,
    /// The chain after this entry.
    pub chain: Binary,
}

/// How far a log had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The log.
    pub log_id: String,
    /// Number of its entries.
    pub size: i64,
    /// Its chain after the last of them, in hexadecimal.
    pub chain: String,
}

/// Whom and what a request was about, and how it came.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// What was asked for, in the order it was noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// The address as typed, sealed.
    pub url: Option<String>,
    /// Names of the parameters that the page knows, with the values of those that hold no free text.
    pub view: Option<BTreeMap<String, Vec<String>>>,
    /// Headers by name: a value, `present` for a secret, or sealed.
    pub headers: Option<BTreeMap<String, String>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Before or after the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Somebody is about to be served.
    Intent,
    /// How that ended.
    Outcome,
    /// The first entry of a log.
    Opened,
    /// How often something was served that leaves no entries of its own.
    Summary,
    /// What is taken out of the trail lawfully.
    Removal,
}

/// Who acted.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// The user, once known.
    pub user: Option<UserId>,
    /// The user's name at that time; for commands the account on the machine.
    pub name: String,
    /// `session`, `token` or `command`.
    pub via: String,
    /// The role that opened the door, e.g. `clinician`.
    pub role: Option<String>,
}

/// Something that was asked for.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `institute`, `case`, `variant`, `panel`, …
    pub kind: String,
    /// As named in the request, or the identity found.
    pub id: String,
    /// Whether it was found in the asker's scope; a refused one stays `false`.
    pub granted: bool,
}

/// What is kept of a request.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// `GET`.
    pub method: String,
    /// Route template, never the path itself.
    pub route: String,
    /// Address of the person's machine.
    pub client_ip: Option<String>,
    /// Address of the last hop.
    pub peer_ip: Option<String>,
    /// Beginning of the hash of the session or token that was shown, so that entries of one can be joined.
    pub session_ref: Option<String>,
}

impl RequestFacts {
    /// Stands for many requests at once.
    pub(super) fn summary_of(what: &str) -> Self {
        Self { method: "GET".to_owned(), route: what.to_owned(), client_ip: None, peer_ip: None, session_ref: None }
    }
}

/// How a request or command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Success,
    /// Refused: not signed in, not allowed, or not in scope.
    Denied,
    /// The request was wrong.
    ClientError,
    /// The program failed.
    ServerError,
    /// The asker left before the answer.
    Abandoned,
}

impl Stored for Entry {
    const COLLECTION: &'static str = "audit";

    fn indexes() -> Vec<IndexModel> {
        vec![
            unique_index("log", doc! { "log_id": 1, "seq": 1 }),
            index("by_request", doc! { "request_id": 1 }),
            // Windows of review pages: by time alone or under a person, subject or outcome, each within an institute too. Queries name
            // no index: the embedded server reads the range of one it chooses, and the whole of one it is told.
            index("kind_time", doc! { "kind": 1, "occurred_at": -1 }),
            index("institute_kind_time", doc! { "institute": 1, "kind": 1, "occurred_at": -1 }),
            index("user_kind_time", doc! { "agent.user": 1, "kind": 1, "occurred_at": -1 }),
            index("subject_kind_time", doc! { "payload.subjects.id": 1, "kind": 1, "occurred_at": -1 }),
            index("outcome_kind_time", doc! { "outcome": 1, "kind": 1, "occurred_at": -1 }),
            index("institute_outcome_time", doc! { "institute": 1, "outcome": 1, "kind": 1, "occurred_at": -1 }),
            index("guest_kind_time", doc! { "guest": 1, "kind": 1, "occurred_at": -1 }),
            index("institute_user_time", doc! { "institute": 1, "agent.user": 1, "kind": 1, "occurred_at": -1 }),
            index(
                "institute_subject_time",
                doc! { "institute": 1, "payload.subjects.id": 1, "kind": 1, "occurred_at": -1 },
            ),
        ]
    }
}
