//! Making accounts and changing what they may do: compare-and-set, with a row in the history, and everything ended that was
//! open by the rights of before.

use bson::{Bson, Document, doc};

use super::model::{Role, SystemRole, User};
use super::standing::Standing;
use crate::app::AppState;
use crate::auth::{end_access, prepare_to_end_access};
use crate::db::StoreError;
use crate::events::{Actor, Change, EventKind, fact, user_subject};
use crate::ids::{InstituteId, UserId};

/// By which right somebody changes accounts.
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// A command on the machine.
    Machine,
    /// This admin of the system.
    System(&'a UserId),
    /// This admin of an institute.
    Institute(&'a UserId, &'a InstituteId),
}

impl Authority<'_> {
    /// The condition under which the right still holds; none for a command on the machine.
    pub(super) fn condition(&self) -> Option<Document> {
        match self {
            Self::Machine => None,
            Self::System(user) => {
                Some(doc! { "_id": user, "disabled": false, "system_roles": SystemRole::Admin.as_str() })
            }
            Self::Institute(user, institute) => {
                let admin = doc! { "$elemMatch": { "institute": institute, "role": Role::Admin.as_str() } };
                Some(doc! { "_id": user, "disabled": false, "memberships": admin })
            }
        }
    }

    fn institute(&self) -> Option<InstituteId> {
        match self {
            Self::Institute(_, institute) => Some((*institute).clone()),
            _ => None,
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Changed {
    /// It is stored.
    Stored(User),
    /// Everything was so already; nothing was written.
    AsBefore,
    /// Somebody else changed it since revision `known`; this is what is stored now.
    Conflict(User),
    /// Whoever asked lost the right to it in the meantime.
    NotAllowed,
}

/// Says in a [`StoreError::Conflict`] that the right to a change is gone.
const RIGHT: &str = "your own role";

/// Stores `wanted` in place of revision `known` of a person, with its event, in one transaction. Their sessions and open
/// invitations end, and the tokens they may have no more.
///
/// The transaction writes to the account of whoever asks as well, on condition that the right still holds. So two
/// administrators who take each other's role away at once do not both succeed, and the last one stays.
pub async fn change(
    app: &AppState,
    user: &User,
    known: i64,
    wanted: &Standing,
    by: Authority<'_>,
    actor: &Actor,
) -> Result<Changed, StoreError> {
    let before = user.standing();
    if before == *wanted {
        return Ok(Changed::AsBefore);
    }
    if user.rev != known {
        return Ok(Changed::Conflict(user.clone()));
    }
    let after = user.with(wanted);
    let event = Change {
        subject: user_subject(&user.id),
        rev: after.rev,
        kind: EventKind::UserChanged,
        institute: by.institute(),
        case_id: None,
        before: fact(&before)?,
        after: fact(wanted)?,
    };
    app.events.prepare().await?;
    prepare_to_end_access(app).await?;
    let mut transaction = app.db.begin().await?;
    let written = loop {
        let work = async {
            let session = &mut transaction.session;
            hold(app, session, by).await?;
            app.users.put(session, &after, known).await?;
            app.events.append(session, &event, actor, app.clock.now()).await?;
            end_access(app, session, &after).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            break written;
        }
    };
    match written {
        Ok(()) => Ok(Changed::Stored(after)),
        Err(StoreError::Conflict(RIGHT)) => Ok(Changed::NotAllowed),
        Err(StoreError::Conflict(what) | StoreError::Exists(what)) => match app.users.by_id(&user.id).await? {
            Some(now) if now.standing() == *wanted => Ok(Changed::AsBefore),
            Some(now) => Ok(Changed::Conflict(now)),
            None => Err(StoreError::Conflict(what)),
        },
        Err(error) => Err(error),
    }
}

/// Adds a person, with the event, in one transaction; [`StoreError::Exists`] when the address is taken.
/// Whether the right to it still held.
pub async fn add(app: &AppState, user: &User, by: Authority<'_>, actor: &Actor) -> Result<bool, StoreError> {
    let event = Change {
        subject: user_subject(&user.id),
        rev: user.rev,
        kind: EventKind::UserAdded,
        institute: by.institute(),
        case_id: None,
        before: Bson::Null,
        after: fact(&user.standing())?,
    };
    app.events.prepare().await?;
    app.users.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            let session = &mut transaction.session;
            hold(app, session, by).await?;
            app.users.add_in(session, user).await?;
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

async fn hold(app: &AppState, session: &mut mongodb::ClientSession, by: Authority<'_>) -> Result<(), StoreError> {
    if app.users.still_may(session, by).await? { Ok(()) } else { Err(StoreError::Conflict(RIGHT)) }
}
