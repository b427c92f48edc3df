use axum::extract::State;
use axum::response::Response;

use super::change::{Became, Wanted, change};
use super::forms::{AssigneeForm, LabelForm, StatusForm, SynopsisForm, TagForm};
use crate::app::AppState;
use crate::cases::{CaseEditor, Stale};
use crate::error::{AppError, AppResult, FieldError};
use crate::web::{CsrfForm, Page, see_other, urls};

fn back(editor: &CaseEditor) -> String {
    format!("{}#work", urls::case(editor.access().case()))
}

/// `POST /{institute}/{case}/status`
pub(super) async fn set_status(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<StatusForm>,
) -> AppResult<Response> {
    let wanted = form.read()?;
    let became = change(&app, &editor, &wanted, Some(form.rev)).await?;
    replaced(&editor, page, became, ("status", vec![("status".to_owned(), form.status)]))
}

/// `POST /{institute}/{case}/synopsis`
pub(super) async fn write_synopsis(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<SynopsisForm>,
) -> AppResult<Response> {
    let wanted = form.read()?;
    let became = change(&app, &editor, &wanted, Some(form.rev)).await?;
    replaced(&editor, page, became, ("synopsis", vec![("text".to_owned(), form.text)]))
}

/// Back to the case, or what stands there now beside what was wanted.
fn replaced(
    editor: &CaseEditor,
    page: Page,
    became: Became,
    (what, pairs): (&str, Vec<(String, String)>),
) -> AppResult<Response> {
    let (now, wanted, rev) = match became {
        Became::Done => return Ok(see_other(&back(editor))),
        Became::Refused(why) => return Err(AppError::Unprocessable(vec![FieldError::new(what, "", why)])),
        Became::Stale { now, wanted, rev } => (now, wanted, rev),
    };
    let case = editor.access().case();
    let stale = Stale {
        of: format!("case {}", case.name),
        what: format!("Somebody changed the {what} of this case after you opened its page."),
        now: now.into_iter().filter(|value| !value.is_empty()).collect(),
        wanted: wanted.filter(|value| !value.is_empty()).unwrap_or_else(|| "nothing".to_owned()),
        again: Some((urls::case_work(case, what), pairs)),
        back: back(editor),
    };
    stale.told(editor.access(), page, rev)
}

/// `POST /{institute}/{case}/assignees`
pub(super) async fn assign(
    editor: CaseEditor,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<AssigneeForm>,
) -> AppResult<Response> {
    let readers = app.users.readers(&editor.access().case().institute).await?;
    match change(&app, &editor, &form.read(&readers)?, None).await? {
        Became::Refused(why) => Err(AppError::Unprocessable(vec![FieldError::new("user", "", why)])),
        Became::Done | Became::Stale { .. } => Ok(see_other(&back(&editor))),
    }
}

/// `POST /{institute}/{case}/tags`
pub(super) async fn tag(
    editor: CaseEditor,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<TagForm>,
) -> AppResult<Response> {
    change(&app, &editor, &form.read()?, None).await?;
    Ok(see_other(&back(&editor)))
}

/// `POST /{institute}/{case}/cohorts`
pub(super) async fn set_cohort(
    editor: CaseEditor,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<LabelForm>,
) -> AppResult<Response> {
    change(&app, &editor, &form.read(Wanted::Cohort)?, None).await?;
    Ok(see_other(&back(&editor)))
}

/// `POST /{institute}/{case}/groups`
pub(super) async fn set_group(
    editor: CaseEditor,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<LabelForm>,
) -> AppResult<Response> {
    change(&app, &editor, &form.read(Wanted::Group)?, None).await?;
    Ok(see_other(&back(&editor)))
}
