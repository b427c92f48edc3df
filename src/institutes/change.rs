//! Adding an institute, and changing its name and settings: compare-and-set, with a row in the history.

use bson::Bson;

use super::model::{Choices, Institute};
use crate::app::AppState;
use crate::db::StoreError;
use crate::events::{Actor, Change, EventKind, fact, institute_subject};
use crate::users::Authority;

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It is stored.
    Stored(Institute),
    /// Everything was so already; nothing was written.
    AsBefore,
    /// Somebody else changed it since revision `known`; this is what is stored now.
    Conflict(Institute),
    /// The agreement list names what it cannot: in words.
    Partners(String),
    /// The right to change it is gone meanwhile; nothing was written.
    NotAllowed,
}

/// Says in a [`StoreError::Conflict`] that the right to add or to change is gone.
const RIGHT: &str = "your own role";

/// Adds an institute, with the event, in one transaction; [`StoreError::Exists`] when the id is taken.
/// Whether the right to it still held.
pub async fn add(app: &AppState, institute: &Institute, by: Authority<'_>, actor: &Actor) -> Result<bool, StoreError> {
    let event = Change {
        subject: institute_subject(&institute.id),
        rev: institute.rev,
        kind: EventKind::InstituteAdded,
        institute: Some(institute.id.clone()),
        case_id: None,
        before: Bson::Null,
        after: fact(&institute.choices())?,
    };
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            let session = &mut transaction.session;
            hold(app, session, by).await?;
            app.institutes.add_in(session, institute).await?;
            app.events.append(session, &event, actor, app.clock.now()).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return match written {
                Err(StoreError::Conflict(RIGHT)) => Ok(false),
                other => other.map(|()| true),
            };
        }
    }
}

/// Stores `wanted` in place of revision `known` of an institute, with its event, in one transaction.
///
/// A form sent twice changes things once: what is so already is no conflict.
pub async fn change(
    app: &AppState,
    institute: &Institute,
    known: i64,
    wanted: &Choices,
    by: Authority<'_>,
    actor: &Actor,
) -> Result<Changed, StoreError> {
    if institute.choices() == *wanted {
        return Ok(Changed::AsBefore);
    }
    if institute.rev != known {
        return Ok(Changed::Conflict(institute.clone()));
    }
    if let Some(message) = wrong_partners(app, institute, wanted).await? {
        return Ok(Changed::Partners(message));
    }
    let after = Institute { rev: known + 1, ..institute.with(wanted.clone()) };
    let event = Change {
        subject: institute_subject(&institute.id),
        rev: after.rev,
        kind: EventKind::InstituteChanged,
        institute: Some(institute.id.clone()),
        case_id: None,
        before: fact(&institute.choices())?,
        after: fact(wanted)?,
    };
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    let written = loop {
        let work = async {
            let session = &mut transaction.session;
            hold(app, session, by).await?;
            app.institutes.replace(session, &after, known).await?;
            app.events.append(session, &event, actor, app.clock.now()).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            break written;
        }
    };
    match written {
        Ok(()) => Ok(Changed::Stored(after)),
        Err(StoreError::Conflict(RIGHT)) => Ok(Changed::NotAllowed),
        Err(StoreError::Conflict(what) | StoreError::Exists(what)) => match app.institutes.find(&institute.id).await? {
            Some(now) if now.choices() == *wanted => Ok(Changed::AsBefore),
            Some(now) => Ok(Changed::Conflict(now)),
            None => Err(StoreError::Conflict(what)),
        },
        Err(error) => Err(error),
    }
}

/// The right is looked at in the transaction, so that nobody changes anything who lost it meanwhile.
async fn hold(app: &AppState, session: &mut mongodb::ClientSession, by: Authority<'_>) -> Result<(), StoreError> {
    if app.users.still_may(session, by).await? { Ok(()) } else { Err(StoreError::Conflict(RIGHT)) }
}

/// What is wrong with institutes that are new on the agreement list.
async fn wrong_partners(app: &AppState, institute: &Institute, wanted: &Choices) -> Result<Option<String>, StoreError> {
    let added: Vec<_> = wanted.settings.share_with.difference(&institute.settings.share_with).cloned().collect();
    if added.contains(&institute.id) {
        return Ok(Some(format!("leave {} out: an institute shares with others only", institute.id)));
    }
    let found = if added.is_empty() { Vec::new() } else { app.institutes.among(&added).await? };
    let unknown = added.iter().find(|id| !found.iter().any(|institute| institute.id == **id));
    Ok(unknown.map(|id| format!("there is no institute {id}")))
}
