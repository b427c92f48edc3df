use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::erasure::{Erasure, State as Stand};
use crate::app::AppState;
use crate::audit::Trail;
use crate::audit::access::AuditAccess;
use crate::audit::removal::kept_since;
use crate::auth::{Administration, SteppedUp};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{CaseName, InstituteId};
use crate::web::{CsrfForm, Layout, Page, Path, filters, see_other, urls};

/// A legal basis says something.
const BASIS: std::ops::RangeInclusive<usize> = 15..=500;

/// What is asked for, as submitted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskForm {
    institute: String,
    case: String,
    legal_basis: String,
}

struct Asked {
    institute: InstituteId,
    case: CaseName,
    legal_basis: String,
}

impl AskForm {
    fn parse(&self, access: &AuditAccess, known: &[InstituteId]) -> Result<Asked, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let institute = self.institute.parse::<InstituteId>().ok();
        let institute = institute.filter(|id| access.scope().covers(Some(id)) && known.contains(id));
        if institute.is_none() {
            wrong.push(FieldError::new("institute", &self.institute, "choose one of the institutes"));
        }
        let case = self.case.trim().parse::<CaseName>();
        if case.is_err() {
            wrong.push(FieldError::new("case", &self.case, "write the name of the case as it stands in its address"));
        }
        let basis = self.legal_basis.trim();
        if !BASIS.contains(&basis.chars().count()) {
            wrong.push(FieldError::new(
                "legal_basis",
                basis,
                "name the law and what was decided, in 15 to 500 characters",
            ));
        }
        match (institute, case) {
            (Some(institute), Ok(case)) if wrong.is_empty() => {
                Ok(Asked { institute, case, legal_basis: basis.to_owned() })
            }
            _ => Err(wrong),
        }
    }
}

/// One erasure on the page.
struct Line {
    id: String,
    rev: i64,
    institute: String,
    case: Option<String>,
    legal_basis: String,
    asked: String,
    agreed: Option<String>,
    state: String,
    may_agree: bool,
    may_withdraw: bool,
}

impl Line {
    fn new(erasure: Erasure, access: &AuditAccess) -> Self {
        let state = erasure.state();
        let minute = |at: Option<jiff::Timestamp>| at.map(filters::moment).unwrap_or_default();
        let words = match state {
            Stand::Asked => "waits for a second auditor".to_owned(),
            Stand::Agreed => "agreed; an administrator runs `lodestone audit erase`".to_owned(),
            Stand::Done => format!("{} entries erased, {}", erasure.entries.unwrap_or(0), minute(erasure.ended_at)),
            Stand::Withdrawn => {
                let by = erasure.withdrawn_by.as_ref().map_or("", |by| by.name.as_str());
                format!("withdrawn by {by}, {}", minute(erasure.ended_at))
            }
        };
        Self {
            rev: erasure.rev,
            institute: erasure.institute.to_string(),
            case: erasure.case.map(|case| case.to_string()),
            legal_basis: erasure.legal_basis,
            asked: format!("{}, {}", erasure.asked_by.name, filters::moment(erasure.asked_at)),
            agreed: erasure.agreed_by.map(|by| format!("{}, {}", by.name, minute(erasure.agreed_at))),
            state: words,
            may_agree: state == Stand::Asked && erasure.asked_by.user != *access.principal().user(),
            may_withdraw: matches!(state, Stand::Asked | Stand::Agreed),
            id: erasure.id,
        }
    }
}

#[derive(Template)]
#[template(path = "audit/erasures.html")]
struct ErasuresPage {
    layout: Layout,
    lines: Vec<Line>,
    institutes: Vec<InstituteId>,
    form: AskForm,
    errors: Vec<FieldError>,
    retention_years: i64,
    before: String,
}

async fn show(
    app: &AppState,
    access: &AuditAccess,
    page: Page,
    trail: &Trail,
    (form, errors): (AskForm, Vec<FieldError>),
) -> AppResult<Response> {
    let erasures = app.erasures.all(access).await?;
    trail.note_rows(erasures.len());
    let institutes = access.institutes(app).await?;
    let retention_years = app.config.audit.retention_years;
    page.render(|layout| ErasuresPage {
        layout,
        lines: erasures.into_iter().map(|erasure| Line::new(erasure, access)).collect(),
        institutes,
        form,
        errors,
        retention_years,
        before: kept_since(app.clock.now(), retention_years).to_string(),
    })
}

/// `GET /audit/erasures`
pub(super) async fn list(
    access: AuditAccess,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    show(&app, &access, page, &trail, Default::default()).await
}

/// `POST /audit/erasures`: 303 back to the list, 422 with the form as it was filled in.
pub(super) async fn ask(
    access: AuditAccess,
    _: SteppedUp<Administration>,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<AskForm>,
) -> AppResult<Response> {
    let asked = match form.parse(&access, &access.institutes(&app).await?) {
        Ok(asked) => asked,
        Err(errors) => {
            let mut again = show(&app, &access, page, &trail, (form, errors)).await?;
            *again.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(again);
        }
    };
    let same = |old: &Erasure| {
        matches!(old.state(), Stand::Asked | Stand::Agreed)
            && old.institute == asked.institute
            && old.case.as_ref() == Some(&asked.case)
    };
    // Asking twice is asking once.
    if !app.erasures.all(&access).await?.iter().any(same) {
        let erasure = Erasure {
            id: crate::ids::base32(&crate::clock::random_bytes::<16>()),
            institute: asked.institute,
            case: Some(asked.case),
            legal_basis: asked.legal_basis,
            asked_by: access.auditor(),
            asked_at: app.clock.now(),
            agreed_by: None,
            agreed_at: None,
            withdrawn_by: None,
            ended_at: None,
            entries: None,
            rev: 1,
        };
        app.erasures.add(&erasure).await?;
        // By its own id: the trail is to lose the case's name, not to gain it.
        trail.note_done("erasure", &erasure.id, Some(&erasure.institute));
    }
    Ok(see_other(urls::erasures()))
}

/// The path of an erasure.
#[derive(Deserialize)]
pub(super) struct ErasurePath {
    erasure: String,
}

/// What was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    rev: i64,
}

async fn found(app: &AppState, access: &AuditAccess, trail: &Trail, id: &str) -> AppResult<Erasure> {
    let erasure = app.erasures.find(access, id).await?.ok_or(AppError::NotFound("erasure"))?;
    trail.note_done("erasure", id, Some(&erasure.institute));
    Ok(erasure)
}

/// `POST /audit/erasures/{erasure}/agree`
pub(super) async fn agree(
    access: AuditAccess,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    Path(ErasurePath { erasure }): Path<ErasurePath>,
    trail: Trail,
    CsrfForm(shown): CsrfForm<Shown>,
) -> AppResult<Response> {
    let erasure = found(&app, &access, &trail, &erasure).await?;
    let me = access.auditor();
    if erasure.asked_by.user == me.user {
        trail.note_reason("the same auditor asked");
        return Err(AppError::Forbidden("An erasure is decided by two people: somebody else has to agree."));
    }
    if !app.erasures.agree(&erasure, shown.rev, &me, app.clock.now()).await? {
        return Err(AppError::Conflict { rev: Some(erasure.rev) });
    }
    Ok(see_other(urls::erasures()))
}

/// `POST /audit/erasures/{erasure}/withdraw`
pub(super) async fn withdraw(
    access: AuditAccess,
    State(app): State<AppState>,
    Path(ErasurePath { erasure }): Path<ErasurePath>,
    trail: Trail,
    CsrfForm(shown): CsrfForm<Shown>,
) -> AppResult<Response> {
    let erasure = found(&app, &access, &trail, &erasure).await?;
    if !app.erasures.withdraw(&erasure, shown.rev, &access.auditor(), app.clock.now()).await? {
        return Err(AppError::Conflict { rev: Some(erasure.rev) });
    }
    Ok(see_other(urls::erasures()))
}
