//! Opening and closing: one transaction with its row in the history and what each list counts.

use crate::app::AppState;
use crate::cases::{Case, CaseEditor, Research};
use crate::consent::counted;
use crate::db::{StoreError, unless_conflict};
use crate::events::{Actor, Change, EventKind, fact, research_subject};

/// Tries when others change the case at the same time.
const TRIES: usize = 8;

/// How the research lists are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Open, for a reason.
    Open(String),
    /// Closed.
    Closed,
}

/// What became of it.
pub(super) enum Became {
    /// It stands so now, or stood so before.
    Done,
    /// These people, by name, do not consent to research as far as is on record.
    Refused(Vec<String>),
    /// Somebody else changed it since it was shown, or it is open for another reason: how it stands, at which revision.
    Stale(Option<Research>, i64),
}

impl Wanted {
    fn is_of(&self, known: Option<&Research>) -> bool {
        match (self, known) {
            (Self::Open(reason), Some(known)) => *reason == known.reason,
            (Self::Closed, None) => true,
            _ => false,
        }
    }
}

/// Opens the research lists, or closes them. `known`: the revision that was shown.
pub(super) async fn set(
    app: &AppState,
    editor: &CaseEditor,
    wanted: &Wanted,
    known: i64,
) -> Result<Became, StoreError> {
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        if wanted.is_of(case.research.as_ref()) {
            return Ok(Became::Done);
        }
        let is_open = case.research.is_some() && matches!(wanted, Wanted::Open(_));
        if known != case.research_rev || is_open {
            return Ok(Became::Stale(case.research, case.research_rev));
        }
        let refused: Vec<String> = case.without_research_consent().map(|one| one.name.clone()).collect();
        if matches!(wanted, Wanted::Open(_)) && !refused.is_empty() {
            return Ok(Became::Refused(refused));
        }
        if Box::pin(store(app, editor, &case, wanted)).await? {
            return Ok(Became::Done);
        }
        case = app.cases.again(editor, app.clock.now()).await?;
    }
    Err(StoreError::Conflict("the case"))
}

/// Closes the research lists when somebody in them does not consent any more; what the history keeps of that, if so.
pub(crate) fn close_without_consent(case: &mut Case) -> Result<Option<Change>, StoreError> {
    if case.research.is_none() || case.without_research_consent().next().is_none() {
        return Ok(None);
    }
    let before = case.clone();
    case.set_research(None);
    changed(&before, case).map(Some)
}

/// The row of the history.
fn changed(before: &Case, after: &Case) -> Result<Change, StoreError> {
    Ok(Change {
        subject: research_subject(&after.id),
        rev: after.research_rev,
        kind: if after.research.is_some() { EventKind::ResearchOpened } else { EventKind::ResearchClosed },
        institute: Some(after.institute.clone()),
        case_id: Some(after.id.clone()),
        before: fact(&before.research)?,
        after: fact(&after.research)?,
    })
}

/// Writes it; `false` when the case is another one by now.
async fn store(app: &AppState, editor: &CaseEditor, read: &Case, wanted: &Wanted) -> Result<bool, StoreError> {
    let (by, now) = (Actor::of(editor.access().principal()), app.clock.now());
    let mut after = read.clone();
    after.set_research(match wanted {
        Wanted::Open(reason) => Some(Research { reason: reason.clone(), by: by.clone(), at: now }),
        Wanted::Closed => None,
    });
    let after = counted(app, after).await?;
    let change = changed(read, &after)?;
    app.events.prepare().await?;
    let mut transaction = app.db.begin().await?;
    loop {
        let work = async {
            app.cases.set_research(&mut transaction.session, editor, read, &after).await?;
            app.events.append(&mut transaction.session, &change, &by, now).await
        }
        .await;
        if let Some(written) = transaction.end(work).await {
            return unless_conflict(written);
        }
    }
}

/// Why the lists are open, with its name.
pub(crate) fn in_words(research: &Research) -> Vec<(String, String)> {
    vec![("research lists".to_owned(), "open".to_owned()), ("reason".to_owned(), research.reason.clone())]
}
