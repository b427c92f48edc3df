//! Saving a filter, locking it, taking it out of the lists: compare-and-set, with a row in the history.

use super::model::SavedFilter;
use crate::app::AppState;
use crate::auth::Principal;
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, fact, filter_subject};

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Changed {
    /// It is stored, or was so already.
    Done(SavedFilter),
    /// It stands otherwise than it was shown.
    Conflict(SavedFilter),
    /// Its owner keeps it as it is.
    Locked(SavedFilter),
}

/// Saves a filter: under a new name, or as the next version of the one that has it, whose revision was shown as `known`.
pub(super) async fn save(
    app: &AppState,
    principal: &Principal,
    wanted: SavedFilter,
    known: Option<i64>,
) -> Result<Changed, StoreError> {
    let Some(present) = app.filters.named(&wanted).await? else {
        return match put(app, principal, None, &wanted).await {
            Ok(true) => Ok(Changed::Done(wanted)),
            // Somebody took the name at this moment.
            Ok(false) | Err(StoreError::Exists(_)) => {
                let present = app.filters.named(&wanted).await?;
                present.map(Changed::Conflict).ok_or(StoreError::Conflict("the filter"))
            }
            Err(error) => Err(error),
        };
    };
    if present.query == wanted.query && !present.retired {
        return Ok(Changed::Done(present));
    }
    if !present.is_open_to(principal.user()) {
        return Ok(Changed::Locked(present));
    }
    if known != Some(present.rev) {
        return Ok(Changed::Conflict(present));
    }
    let version = present.version + i64::from(present.query != wanted.query);
    let after = SavedFilter { query: wanted.query, version, retired: false, ..present.clone() };
    replace(app, principal, present, after).await
}

/// Locks a filter or opens it, takes it out of the lists or brings it back.
pub(super) async fn mark(
    app: &AppState,
    principal: &Principal,
    present: SavedFilter,
    (locked, retired): (bool, bool),
    known: i64,
) -> Result<Changed, StoreError> {
    if (present.locked, present.retired) == (locked, retired) {
        return Ok(Changed::Done(present));
    }
    if !present.is_open_to(principal.user()) || (locked != present.locked && present.owner != *principal.user()) {
        return Ok(Changed::Locked(present));
    }
    if present.rev != known {
        return Ok(Changed::Conflict(present));
    }
    let after = SavedFilter { locked, retired, ..present.clone() };
    replace(app, principal, present, after).await
}

async fn replace(
    app: &AppState,
    principal: &Principal,
    present: SavedFilter,
    after: SavedFilter,
) -> Result<Changed, StoreError> {
    let after = SavedFilter { rev: present.rev + 1, at: app.clock.now(), ..after };
    if put(app, principal, Some(&present), &after).await? {
        return Ok(Changed::Done(after));
    }
    let now = app.filters.find(&present.institute, &present.id).await?;
    now.map(Changed::Conflict).ok_or(StoreError::Conflict("the filter"))
}

/// Writes it with its event; `false` when somebody was faster.
async fn put(
    app: &AppState,
    principal: &Principal,
    before: Option<&SavedFilter>,
    after: &SavedFilter,
) -> Result<bool, StoreError> {
    let change = Change {
        subject: filter_subject(&after.id),
        rev: after.rev,
        kind: EventKind::FilterSaved,
        institute: Some(after.institute.clone()),
        case_id: None,
        before: fact(&before)?,
        after: fact(after)?,
    };
    app.events.prepare().await?;
    app.filters.prepare().await?;
    let (actor, now) = (Actor::of(principal), app.clock.now());
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            let session = &mut transaction.session;
            app.filters.put(&mut *session, after, before.map(|before| before.rev)).await?;
            app.events.append(session, &change, &actor, now).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}
