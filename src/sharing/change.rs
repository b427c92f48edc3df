//! Granting and ending a share: one transaction with its row in the history.

use jiff::Timestamp;

use super::forms::Terms;
use crate::app::AppState;
use crate::cases::{Case, CaseEditor, Share, ShareEnd};
use crate::consent::Purpose;
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, fact, share_subject};
use crate::ids::ShareId;

/// How often a case that something else changed meanwhile is looked at again.
const TRIES: usize = 8;

/// What became of granting a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The case is shared.
    Shared(Share),
    /// It was shared on the same terms already; nothing was written.
    AsBefore(Share),
    /// It is shared with this institute on other terms.
    Running(Share),
    /// It is not to be shared, as these words say.
    Refused(&'static str),
}

/// What became of ending a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It is over.
    Over(Share),
    /// It was over already; nothing was written.
    AsBefore(Share),
    /// The case has no such share.
    NotThere,
}

/// Shares a case, unless it is shared with that institute already: one share runs for one institute.
///
/// That the institute stands on the agreement list was found when the terms were read.
pub async fn grant(app: &AppState, editor: &CaseEditor, terms: &Terms) -> Result<Granted, StoreError> {
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        let now = app.clock.now();
        if case.consents.refuse(Purpose::Sharing) {
            return Ok(Granted::Refused("somebody in the case does not consent to sharing; the page Consent says who"));
        }
        if case.restriction.is_some() {
            return Ok(Granted::Refused("the case is restricted to named people; open it to its institute first"));
        }
        if let Some(running) = case.shares.iter().find(|share| share.with == terms.with && share.is_running(now)) {
            let same = terms.are_of(running);
            return Ok(if same { Granted::AsBefore(running.clone()) } else { Granted::Running(running.clone()) });
        }
        let share = terms.share(Actor::of(editor.access().principal()), now);
        let mut shares = case.shares.clone();
        shares.push(share.clone());
        if store(app, editor, &case, &shares, None, &share).await? {
            return Ok(Granted::Shared(share));
        }
        case = app.cases.again(editor, app.clock.now()).await?;
    }
    Err(StoreError::Conflict("the case"))
}

/// Ends a share now.
pub async fn end(app: &AppState, editor: &CaseEditor, id: &ShareId, reason: Option<&str>) -> Result<Ended, StoreError> {
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        let now = app.clock.now();
        let mut shares = case.shares.clone();
        let Some(share) = shares.iter_mut().find(|share| share.id == *id) else { return Ok(Ended::NotThere) };
        if !share.is_running(now) {
            return Ok(Ended::AsBefore(share.clone()));
        }
        let before = share.clone();
        share.ended =
            Some(ShareEnd { by: Actor::of(editor.access().principal()), at: now, reason: reason.map(str::to_owned) });
        let after = share.clone();
        if store(app, editor, &case, &shares, Some(&before), &after).await? {
            return Ok(Ended::Over(after));
        }
        case = app.cases.again(editor, app.clock.now()).await?;
    }
    Err(StoreError::Conflict("the case"))
}

/// Ends all shares of a case that is about to be written, for a reason; the rows of the history that go with it.
pub(crate) fn end_all(case: &mut Case, by: &Actor, at: Timestamp, reason: &str) -> Result<Vec<Change>, StoreError> {
    let (institute, id) = (case.institute.clone(), case.id.clone());
    let running = case.shares.iter_mut().filter(|share| share.is_running(at));
    running
        .map(|share| {
            let before = fact(&*share)?;
            share.ended = Some(ShareEnd { by: by.clone(), at, reason: Some(reason.to_owned()) });
            Ok(Change {
                subject: share_subject(&share.id),
                rev: 2,
                kind: EventKind::ShareEnded,
                institute: Some(institute.clone()),
                case_id: Some(id.clone()),
                before,
                after: fact(&*share)?,
            })
        })
        .collect()
}

/// Writes a case's shares with the event of the one that changed; `false` when the case is another one by now.
async fn store(
    app: &AppState,
    editor: &CaseEditor,
    case: &Case,
    shares: &[Share],
    before: Option<&Share>,
    after: &Share,
) -> Result<bool, StoreError> {
    let change = Change {
        subject: share_subject(&after.id),
        rev: if before.is_none() { 1 } else { 2 },
        kind: if before.is_none() { EventKind::Share } else { EventKind::ShareEnded },
        institute: Some(case.institute.clone()),
        case_id: Some(case.id.clone()),
        before: fact(&before)?,
        after: fact(after)?,
    };
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            app.cases.set_shares(&mut transaction.session, editor, case.rev, shares).await?;
            app.events
                .append(&mut transaction.session, &change, &Actor::of(editor.access().principal()), app.clock.now())
                .await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}
