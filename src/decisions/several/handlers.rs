use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::form::{Of, Sent, undone};
use super::page::AskPage;
use super::plan::Plan;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseEditor};
use crate::casework::follow;
use crate::db::unless_conflict;
use crate::error::{AppError, AppResult};
use crate::variants::search::{Search, search};
use crate::variants::{Together, VariantState};
use crate::web::{CsrfForm, Page, Params, see_other, urls};

/// `POST /{institute}/{case}/variants/dismiss`: asks once, with count and reasons, before it dismisses more than one variant.
pub(crate) async fn decide(
    State(app): State<AppState>,
    editor: CaseEditor,
    page: Page,
    params: Params,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let sent = Sent::read(&pairs)?;
    let found = search(&app, editor.access(), &params).await?;
    let plan = Plan::new(&found, &sent)?;
    let seen = plan.seen(&found, &sent);
    let agreed = match &sent.seen {
        Some(known) => *known == seen,
        None => plan.needs_no_asking(&sent),
    };
    if plan.is_done() && sent.seen.is_some() {
        return Ok(see_other(&back(&editor, &params, &found, &sent))); // sent twice
    }
    if !agreed || plan.rows.is_empty() {
        let status = if sent.seen.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
        let case = editor.access().case();
        let asked = page.render(|layout| {
            AskPage::new(layout.with_case(editor.access().bar()), case, &params, &found, &plan, &sent, seen)
        })?;
        return Ok((status, asked).into_response());
    }
    let now = app.clock.now();
    let undecided = |id| VariantState::undecided(editor.access(), id, now);
    trail.note_rows(plan.rows.len());
    let mut read = editor.access().case().clone();
    for _ in 0..TRIES {
        let changes = plan.changes(&found, &sent, app.states.present(&editor).await?, undecided);
        let unchanged = read.lists == editor.access().case().lists;
        let changes = changes.filter(|_| unchanged).ok_or(MEANWHILE)?;
        if store(&app, &editor, &read, changes).await? {
            return Ok(see_other(&back(&editor, &params, &found, &sent)));
        }
        read = app.cases.again(&editor, now).await?;
    }
    Err(MEANWHILE)
}

/// Tries when others change the case at the same time.
const TRIES: usize = 8;
const MEANWHILE: AppError = AppError::Conflict { rev: None };

/// `POST /{institute}/{case}/variants/undo`: every variant of one decision becomes what it was, unless somebody decided about
/// it since.
pub(crate) async fn undo(
    State(app): State<AppState>,
    editor: CaseEditor,
    params: Params,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let id = undone(&pairs)?;
    let mut read = editor.access().case().clone();
    for _ in 0..TRIES {
        let now = app.clock.now();
        let changes = app.states.before_together(&editor, &app.events, &id, now).await?;
        trail.note_rows(changes.len());
        if changes.is_empty() {
            return Err(AppError::NotFound("decision that could be undone"));
        }
        if store(&app, &editor, &read, changes).await? {
            return Ok(see_other(&urls::variants(&read, &params.to_query())));
        }
        read = app.cases.again(&editor, now).await?;
    }
    Err(MEANWHILE)
}

/// Stores changes on the case as it was read; `false` when it is another one by now.
async fn store(
    app: &AppState,
    editor: &CaseEditor,
    read: &Case,
    changes: Vec<(Option<VariantState>, VariantState)>,
) -> AppResult<bool> {
    // What follows for the case is the same for each of them, as none becomes or ceases to be causative.
    let Some((_, first)) = changes.first() else { return Ok(true) };
    let moves = follow(app, editor, read, first, first).await?;
    let together = Together { read, changes, moves: moves.as_ref(), look: false };
    let written = app.states.decide_together(editor, &app.cases, &app.events, together, app.clock.now()).await;
    Ok(unless_conflict(written)?)
}

/// The list, at the row after the last one that was ticked.
fn back(editor: &CaseEditor, params: &Params, found: &Search, sent: &Sent) -> String {
    let list = urls::variants(editor.access().case(), &params.to_query());
    let Of::Ticked(ids) = &sent.of else { return list };
    let id = |row: &usize| found.columns.row(*row).id();
    let page = found.page();
    let last = page.iter().rposition(|row| ids.contains(&id(row)));
    let next = last.and_then(|last| page.get(last + 1).or(page.get(last)));
    next.map_or(list.clone(), |row| format!("{list}#v-{}", id(row)))
}
