use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openapi::{CsrfHeader, DecisionRefusals, OfCase, OfFilter, OfInstitute, Refusals};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::CaseEditor;
use crate::error::{AppError, AppResult};
use crate::institutes::InstituteAccess;
use crate::saved_filters::{Changed, FilterAccess, NOT_YOURS, SaveForm, SavedFilter, keep, kept_by_its_owner};
use crate::web::{CsrfJson, Params};

#[derive(Serialize, ToSchema)]
pub(super) struct SavedFilters {
    filters: Vec<FilterJson>,
}

/// A filter that an institute keeps.
#[derive(Serialize, ToSchema)]
pub(super) struct FilterJson {
    id: String,
    name: String,
    /// Of which lists: `snv`.
    category: &'static str,
    /// The query of a list that it narrows; panels name their version.
    query: String,
    /// What it keeps, one sentence for each clause; `null` when this version of the program does not understand it.
    words: Option<Vec<String>>,
    version: i64,
    /// Who saved it first.
    owner: String,
    /// Whether nobody else changes it.
    locked: bool,
    /// Whether lists offer it no more.
    retired: bool,
    changed_at: String,
    rev: i64,
}

impl From<&SavedFilter> for FilterJson {
    fn from(filter: &SavedFilter) -> Self {
        Self {
            id: filter.id.to_string(),
            name: filter.name.clone(),
            category: filter.category.as_str(),
            query: filter.query.clone(),
            words: filter.words(),
            version: filter.version,
            owner: filter.owner_name.clone(),
            locked: filter.locked,
            retired: filter.retired,
            changed_at: filter.at.to_string(),
            rev: filter.rev,
        }
    }
}

/// The saved filters of an institute, by name.
#[utoipa::path(
    get, path = "/api/v1/{institute}/cases/filters", params(OfInstitute),
    responses((status = 200, body = SavedFilters), Refusals)
)]
pub(super) async fn list(
    access: InstituteAccess,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Json<SavedFilters>> {
    let all = app.filters.of_institute(&access).await?;
    trail.note_rows(all.len());
    Ok(Json(SavedFilters { filters: all.iter().map(FilterJson::from).collect() }))
}

/// How a filter is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MarksBody {
    /// Whether nobody but its owner changes it; its owner's to say.
    locked: bool,
    /// Whether lists offer it no more.
    retired: bool,
    /// Revision that was read.
    rev: i64,
}

/// Keeps the filter that the list's parameters make under a name of the institute's; of a name that is there the next version,
/// in place of the revision that was read.
#[utoipa::path(
    post, path = "/api/v1/{institute}/{case}/filters", security(("session" = [])),
    params(OfCase, CsrfHeader), request_body = SaveForm, responses((status = 200, body = FilterJson), DecisionRefusals)
)]
pub(super) async fn save(
    editor: CaseEditor,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
    CsrfJson(form): CsrfJson<SaveForm>,
) -> AppResult<Json<FilterJson>> {
    match keep(&app, &editor, &params, &form).await?.0 {
        Changed::Done(saved) => {
            trail.note_done("filter", saved.id.as_str(), Some(&saved.institute));
            Ok(Json((&saved).into()))
        }
        Changed::Locked(saved) => Err(kept_by_its_owner(&saved)),
        Changed::Conflict(saved) => Err(AppError::Conflict { rev: Some(saved.rev) }),
    }
}

/// Locks a filter or opens it, takes it out of the lists or brings it back.
#[utoipa::path(
    put, path = "/api/v1/{institute}/cases/filters/{filter}", security(("session" = [])),
    params(OfInstitute, OfFilter, CsrfHeader), request_body = MarksBody,
    responses((status = 200, body = FilterJson), DecisionRefusals)
)]
pub(super) async fn change(
    at: FilterAccess,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<MarksBody>,
) -> AppResult<Json<FilterJson>> {
    match at.mark(&app, (body.locked, body.retired), body.rev).await? {
        Changed::Done(saved) => {
            trail.note_done("filter", saved.id.as_str(), Some(&saved.institute));
            Ok(Json((&saved).into()))
        }
        Changed::Conflict(saved) => Err(AppError::Conflict { rev: Some(saved.rev) }),
        Changed::Locked(_) => Err(AppError::Forbidden(NOT_YOURS)),
    }
}
