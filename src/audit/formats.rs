//! The trail for other programs: a table for spreadsheets, `AuditEvent` resources of FHIR R4 for archives.

use serde_json::{Value, json};

use super::entry::{Agent, Entry, EntryKind, Outcome, Subject};
use crate::web::harmless;

/// Columns of the table.
pub const COLUMNS: [&str; 20] = [
    "log",
    "seq",
    "kind",
    "time",
    "request",
    "user",
    "name",
    "role",
    "via",
    "institute",
    "action",
    "subjects",
    "outcome",
    "reason",
    "status",
    "milliseconds",
    "rows",
    "exported",
    "client address",
    "program version",
];

/// One entry as cells, none of which a spreadsheet takes for a formula. Subjects that were refused carry a `!`.
#[must_use]
pub fn cells(entry: &Entry) -> Vec<String> {
    let agent = entry.agent.as_ref();
    let request = entry.request.as_ref();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let subject =
        |subject: &Subject| format!("{} {}{}", subject.kind, subject.id, if subject.granted { "" } else { " !" });
    let subjects: Vec<String> = subjects(entry).iter().map(subject).collect();
    [
        entry.log_id.clone(),
        entry.seq.to_string(),
        entry.kind.as_str().to_owned(),
        entry.occurred_at.to_string(),
        entry.request_id.clone(),
        agent.and_then(|agent| agent.user.as_ref()).map(ToString::to_string).unwrap_or_default(),
        agent.map(|agent| agent.name.clone()).unwrap_or_default(),
        agent.and_then(|agent| agent.role.clone()).unwrap_or_default(),
        agent.map(|agent| agent.via.clone()).unwrap_or_default(),
        entry.institute.as_ref().map(ToString::to_string).unwrap_or_default(),
        action(entry),
        subjects.join("; "),
        entry.outcome.map(|outcome| outcome.as_str().to_owned()).unwrap_or_default(),
        entry.reason.clone().unwrap_or_default(),
        entry.status.map(|status| status.to_string()).unwrap_or_default(),
        number(entry.duration_us.map(|micros| micros / 1_000)),
        number(entry.rows),
        entry.exported.clone().unwrap_or_default(),
        request.and_then(|request| request.client_ip.clone()).unwrap_or_default(),
        entry.build.clone(),
    ]
    .iter()
    .map(|cell| harmless(cell))
    .collect()
}

fn subjects(entry: &Entry) -> &[Subject] {
    entry.payload.as_ref().map(|payload| payload.subjects.as_slice()).unwrap_or_default()
}

/// What was done: `GET /{institute}/{case}`, or a command's name.
#[must_use]
pub fn action(entry: &Entry) -> String {
    match (&entry.request, &entry.command) {
        (Some(request), _) => format!("{} {}", request.method, request.route),
        (None, Some(command)) => command.clone(),
        (None, None) => entry.kind.as_str().to_owned(),
    }
}

/// `C`, `R`, `U`, `D` or `E` of FHIR's audit-event-action.
fn crude(entry: &Entry) -> &'static str {
    match entry.request.as_ref().map(|request| request.method.as_str()) {
        Some("GET" | "HEAD") => "R",
        Some("POST") => "C",
        Some("PUT" | "PATCH") => "U",
        Some("DELETE") => "D",
        _ => "E",
    }
}

/// FHIR's audit-event-outcome: 0 success, 4 minor, 8 serious failure; an intent says nothing of it.
fn fhir_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "0",
        Outcome::Denied | Outcome::ClientError | Outcome::Abandoned => "4",
        Outcome::ServerError => "8",
    }
}

/// An `AuditEvent` of FHIR R4 (hl7.org/fhir/R4/auditevent.html).
#[must_use]
pub fn fhir(entry: &Entry) -> Value {
    let (code, display) =
        if entry.request.is_some() { ("rest", "RESTful Operation") } else { ("110100", "Application Activity") };
    let system = if code == "rest" {
        "http://terminology.hl7.org/CodeSystem/audit-event-type"
    } else {
        "http://dicom.nema.org/resources/ontology/DCM"
    };
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": format!("{}-{}", entry.log_id, entry.seq),
        "type": { "system": system, "code": code, "display": display },
        "subtype": [{ "system": "urn:lodestone:action", "code": action(entry), "display": entry.kind.as_str() }],
        "action": crude(entry),
        "period": { "start": entry.occurred_at.to_string() },
        "recorded": entry.recorded_at.to_string(),
        "agent": [agent(entry)],
        "source": {
            "site": entry.log_id,
            "observer": { "display": format!("Lodestone {}", entry.build) },
            "type": [{ "system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4", "display": "Application Server" }],
        },
        "entity": entities(entry),
    });
    if let Some(outcome) = entry.outcome {
        event["outcome"] = fhir_outcome(outcome).into();
        if let Some(reason) = &entry.reason {
            event["outcomeDesc"] = reason.as_str().into();
        }
    }
    event
}

fn agent(entry: &Entry) -> Value {
    let mut agent = match &entry.agent {
        Some(Agent { user, name, via, role }) => {
            let mut agent = json!({ "requestor": true, "name": name, "altId": via });
            if let Some(user) = user {
                agent["who"] = json!({ "identifier": { "system": "urn:lodestone:user", "value": user.to_string() } });
            }
            if let Some(role) = role {
                agent["role"] = json!([{ "text": role }]);
            }
            agent
        }
        None => json!({ "requestor": true, "name": "not signed in" }),
    };
    if let Some(address) = entry.request.as_ref().and_then(|request| request.client_ip.as_ref()) {
        agent["network"] = json!({ "address": address, "type": "2" });
    }
    agent
}

fn entities(entry: &Entry) -> Value {
    let mut entities: Vec<Value> = subjects(entry)
        .iter()
        .map(|subject| {
            json!({
                "what": { "identifier": { "system": format!("urn:lodestone:{}", subject.kind), "value": subject.id } },
                "description": if subject.granted { "granted" } else { "asked for" },
            })
        })
        .collect();
    // FHIR wants a name or a query, never both; the request's id joins intent and outcome.
    entities
        .push(json!({ "what": { "identifier": { "system": "urn:lodestone:request", "value": entry.request_id } } }));
    entities.into()
}

impl EntryKind {
    /// The word in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Opened => "opened",
            Self::Summary => "summary",
            Self::Removal => "removal",
        }
    }
}

impl Outcome {
    /// The word in exports and on pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Abandoned => "abandoned",
        }
    }
}
