use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::forms::ReviewForm;
use super::model::{Flag, Review};
use super::rules::Rule;
use super::store::{FlagQuery, FlagStore, SHOWN};
use super::views::{self, Choice, FlagPage, FlagsPage, Line};
use crate::app::AppState;
use crate::audit::Trail;
use crate::audit::access::AuditAccess;
use crate::db::StoreError;
use crate::error::{AppError, AppResult, FieldError};
use crate::web::{CsrfForm, Page, Params, Path, see_other, urls};

/// `GET /audit/flags`
pub(super) async fn list(
    reviewer: AuditAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let query = query_of(&params)?;
    let flags = FlagStore::new(&app.db).list(&reviewer, &query).await?;
    trail.note_rows(flags.len());
    let now = app.clock.now();
    let institutes = reviewer
        .institutes(&app)
        .await?
        .into_iter()
        .map(|institute| institute.to_string())
        .map(|id| Choice { words: id.clone(), selected: query.institute.as_deref() == Some(id.as_str()), value: id })
        .collect();
    let states = [("open", true), ("reviewed", false)]
        .into_iter()
        .map(|(word, open)| Choice { value: word.into(), words: word.into(), selected: query.open == Some(open) })
        .collect();
    page.render(|layout| FlagsPage {
        layout,
        rules: views::rules(query.rule),
        institutes,
        states,
        filtered: query != FlagQuery::default(),
        person: query.person.unwrap_or_default(),
        open: flags.iter().filter(|flag| flag.open).count(),
        cut: i64::try_from(flags.len()).is_ok_and(|shown| shown == SHOWN),
        lines: flags.iter().map(|flag| Line::new(flag, now)).collect(),
    })
}

fn query_of(params: &Params) -> AppResult<FlagQuery> {
    let mut query = FlagQuery::default();
    let mut wrong = Vec::new();
    for (name, value) in params.pairs().iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "rule" => match Rule::ALL.into_iter().find(|rule| rule.as_str() == value) {
                Some(rule) => query.rule = Some(rule),
                None => wrong.push(FieldError::new(name, value, "is not a rule")),
            },
            "person" if value.len() <= 200 => query.person = Some(value.trim().to_owned()),
            "institute" if value.len() <= 32 => query.institute = Some(value.clone()),
            "state" if value == "open" => query.open = Some(true),
            "state" if value == "reviewed" => query.open = Some(false),
            "person" | "institute" => wrong.push(FieldError::new(name, value, "is too long")),
            "state" => wrong.push(FieldError::new(name, value, "must be open or reviewed")),
            _ => wrong.push(FieldError::new(name, value, "this parameter is not known")),
        }
    }
    if wrong.is_empty() { Ok(query) } else { Err(AppError::Unprocessable(wrong)) }
}

#[derive(Deserialize)]
pub(super) struct FlagPath {
    flag: String,
}

async fn found(app: &AppState, reviewer: &AuditAccess, trail: &Trail, id: &str) -> AppResult<Flag> {
    let flag = FlagStore::new(&app.db).find(reviewer, id).await?.ok_or(AppError::NotFound("flag"))?;
    trail.note_done("flag", id, flag.institute.as_ref());
    Ok(flag)
}

/// `GET /audit/flags/{flag}`
pub(super) async fn show(
    reviewer: AuditAccess,
    page: Page,
    State(app): State<AppState>,
    Path(FlagPath { flag }): Path<FlagPath>,
    trail: Trail,
) -> AppResult<Response> {
    let flag = found(&app, &reviewer, &trail, &flag).await?;
    let own = flag.is_about(reviewer.principal().user());
    page.render(|layout| FlagPage::new(layout, &flag, own, app.clock.now(), &ReviewForm::default()))
}

/// `POST /audit/flags/{flag}/review`: 303 back to the flag; 409 with its present state when somebody was faster.
pub(super) async fn review(
    reviewer: AuditAccess,
    page: Page,
    State(app): State<AppState>,
    Path(FlagPath { flag: id }): Path<FlagPath>,
    trail: Trail,
    CsrfForm(form): CsrfForm<ReviewForm>,
) -> AppResult<Response> {
    let flag = found(&app, &reviewer, &trail, &id).await?;
    if flag.is_about(reviewer.principal().user()) {
        return Err(AppError::Forbidden("Nobody reviews a flag about themselves. Another auditor will."));
    }
    let now = app.clock.now();
    let again = |flag: &Flag, status: StatusCode, errors: Vec<FieldError>| -> AppResult<Response> {
        let conflict = status == StatusCode::CONFLICT;
        let mut response =
            page.render(|layout| FlagPage { errors, conflict, ..FlagPage::new(layout, flag, false, now, &form) })?;
        *response.status_mut() = status;
        Ok(response)
    };
    let change = match form.parse() {
        Ok(change) => change,
        Err(errors) => return again(&flag, StatusCode::UNPROCESSABLE_ENTITY, errors),
    };
    let principal = reviewer.principal();
    let review = Review {
        by: principal.user().clone(),
        name: principal.name().to_owned(),
        at: now,
        decision: change.decision,
        note: change.note,
    };
    match FlagStore::new(&app.db).review(&flag, change.rev, &review).await {
        Ok(()) => Ok(see_other(&urls::flag(&flag.id))),
        Err(StoreError::Conflict(_)) => {
            let present = found(&app, &reviewer, &trail, &id).await?;
            again(&present, StatusCode::CONFLICT, Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}
