//! Opening a case in an emergency and ending it: one transaction with its row in the history.

use super::access::{CaseOpener, EmergencyUser};
use crate::app::AppState;
use crate::cases::{Case, EMERGENCY_LASTS, Emergency};
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, emergency_subject, fact};
use crate::ids::{CaseName, EmergencyId, InstituteId};

/// How often a case that something else changed meanwhile is looked at again.
const TRIES: usize = 8;

/// What became of opening a case.
#[derive(Debug)]
pub enum Opened {
    /// It is open from now on.
    Now(Box<Case>),
    /// It was open to the person already, in an emergency or by a role; nothing was written.
    Already(Box<Case>),
    /// There is no such case that the person administers.
    NotThere,
}

/// Opens a case for [`EMERGENCY_LASTS`].
pub async fn open(app: &AppState, opener: &CaseOpener, name: &CaseName, reason: &str) -> Result<Opened, StoreError> {
    let (by, institute) = (opener.user(), opener.institute());
    let (scope, user) = (by.principal().scope(), by.principal().user());
    for _ in 0..TRIES {
        let Some(case) = app.cases.for_emergency(by, institute, name).await? else { return Ok(Opened::NotThere) };
        let now = app.clock.now();
        if case.is_open_to(scope) || case.emergencies.iter().any(|emergency| emergency.is_running(user, now)) {
            return Ok(Opened::Already(Box::new(case)));
        }
        let emergency = Emergency {
            id: EmergencyId::random(),
            by: Actor::of(by.principal()),
            reason: reason.to_owned(),
            at: now,
            until: now + EMERGENCY_LASTS,
            ended: None,
        };
        let mut all = case.emergencies.clone();
        all.push(emergency.clone());
        if store(app, by, &case, &all, None, &emergency).await? {
            return Ok(Opened::Now(Box::new(case)));
        }
    }
    Err(StoreError::Conflict("the case"))
}

/// Ends the person's own emergency access to a case, if it runs; `false` when there is no such case.
pub async fn end(
    app: &AppState,
    by: &EmergencyUser,
    institute: &InstituteId,
    name: &CaseName,
) -> Result<bool, StoreError> {
    for _ in 0..TRIES {
        let Some(case) = app.cases.for_emergency(by, institute, name).await? else { return Ok(false) };
        let now = app.clock.now();
        let mut all = case.emergencies.clone();
        let user = by.principal().user();
        let Some(own) = all.iter_mut().find(|emergency| emergency.is_running(user, now)) else { return Ok(false) };
        let before = own.clone();
        own.ended = Some(now);
        let after = own.clone();
        if store(app, by, &case, &all, Some(&before), &after).await? {
            return Ok(true);
        }
    }
    Err(StoreError::Conflict("the case"))
}

/// Writes a case's emergencies with the event of the one that changed; `false` when the case is another one by now.
async fn store(
    app: &AppState,
    by: &EmergencyUser,
    case: &Case,
    all: &[Emergency],
    before: Option<&Emergency>,
    after: &Emergency,
) -> Result<bool, StoreError> {
    let change = Change {
        subject: emergency_subject(&after.id),
        rev: if before.is_none() { 1 } else { 2 },
        kind: if before.is_none() { EventKind::BreakGlass } else { EventKind::BreakGlassEnded },
        institute: Some(case.institute.clone()),
        case_id: Some(case.id.clone()),
        before: fact(&before)?,
        after: fact(after)?,
    };
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            app.cases.set_emergencies(&mut transaction.session, by, case, all).await?;
            app.events.append(&mut transaction.session, &change, &Actor::of(by.principal()), app.clock.now()).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}
