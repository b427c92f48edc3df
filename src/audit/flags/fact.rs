//! From an audit entry to what the rules read of it.

use jiff::Timestamp;

use super::rules::{Fact, rights};
use crate::audit::{Entry, EntryKind, Outcome, formats};

/// What the rules read of an entry; intents, and entries about nobody and nothing, tell them nothing.
///
/// `before` is when the entry before it in its log was written.
#[must_use]
pub fn fact(entry: &Entry, before: Option<Timestamp>) -> Option<Fact> {
    let back_ms = before
        .filter(|_| entry.clock_regressed)
        .and_then(|before| i64::try_from(before.duration_since(entry.recorded_at).as_millis()).ok());
    if entry.kind != EntryKind::Outcome && back_ms.is_none() {
        return None;
    }
    let subjects = entry.payload.as_ref().map(|payload| payload.subjects.as_slice()).unwrap_or_default();
    let named = |kind: &str, granted: bool| {
        subjects.iter().find(|subject| subject.kind == kind && subject.granted == granted).map(|one| one.id.clone())
    };
    let request = entry.request.as_ref();
    let address = request.and_then(|request| request.client_ip.clone());
    let agent = entry.agent.as_ref();
    let user = agent.and_then(|agent| agent.user.as_ref()).map(ToString::to_string);
    let token = agent.is_some_and(|agent| agent.via == "token");
    let command = entry.command.is_some();
    let who = match &user {
        // A script's habits are not those of its owner.
        Some(user) if token => format!("{user}/token"),
        Some(user) => user.clone(),
        None => format!("address {}", address.as_deref().unwrap_or("unknown")),
    };
    let success = entry.outcome == Some(Outcome::Success);
    let action = formats::action(entry);
    let refused = (!success && !command).then(|| {
        let asked: Vec<String> = subjects
            .iter()
            .filter(|subject| !subject.granted)
            .map(|subject| format!("{} {}", subject.kind, subject.id))
            .collect();
        if asked.is_empty() { action.clone() } else { asked.join(", ") }
    });
    Some(Fact {
        entry: entry.id.clone(),
        at: entry.occurred_at,
        name: agent.map_or_else(
            || format!("Somebody not signed in at {}", who.trim_start_matches("address ")),
            |agent| agent.name.clone(),
        ),
        role: agent.and_then(|agent| agent.role.clone()).unwrap_or_default(),
        institute: entry.institute.clone(),
        guest: entry.guest.clone(),
        session: request.and_then(|request| request.session_ref.clone()),
        address,
        action,
        command,
        case: named("case_id", true).map(|id| {
            let name = named("case", true).unwrap_or_else(|| id.clone());
            (id, name)
        }),
        refused,
        account: named("user", true),
        rights: subjects
            .iter()
            .filter(|subject| subject.granted)
            .filter_map(|subject| rights::in_words(&subject.kind, &subject.id))
            .collect(),
        success,
        status: entry.status.unwrap_or(0),
        rows: entry.rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0),
        exported: entry.exported.is_some(),
        back_ms,
        log: entry.log_id.clone(),
        who,
        user,
    })
}
