use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::form::{Of, Sent, undone};
use super::page::AskPage;
use super::plan::Plan;
use super::write::write;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::CaseEditor;
use crate::decisions::handlers::NOT_OFFERED;
use crate::error::{AppError, AppResult};
use crate::variants::search::{Search, search};
use crate::variants::{States, VariantState};
use crate::web::{CsrfForm, Page, Params, problem, see_other, urls};

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
    if let Some(refused) = found.institute.settings.dismissals.refuses(&sent.reasons, &[]) {
        return Err(problem("reason", &refused.value(), NOT_OFFERED));
    }
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
    let changes = |present| plan.changes(&found, &sent, present, undecided).ok_or(AppError::Conflict { rev: None });
    trail.note_rows(write(&app, &editor, false, changes).await?);
    Ok(see_other(&back(&editor, &params, &found, &sent)))
}

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
    let parts = app.states.parts_of(&editor, &app.events, &id, app.clock.now()).await?;
    let told = app.states.of_case(editor.access()).await?;
    let changes = |mut present: States| {
        let standing = parts.iter().filter(|part| told.contains_key(&part.before.id)).filter_map(|part| {
            let stands = present.remove(&part.before.id).filter(|stands| stands.rev == part.rev)?;
            Some((Some(stands), part.before.clone()))
        });
        Ok(standing.collect())
    };
    let undone = write(&app, &editor, false, changes).await?;
    trail.note_rows(undone);
    if undone == 0 {
        return Err(AppError::NotFound("decision that could be undone"));
    }
    Ok(see_other(&urls::variants(editor.access().case(), &params.to_query())))
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
