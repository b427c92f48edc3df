use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{AdminRefusals, CsrfHeader, OfInstitute};
use super::session::BySession;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, SteppedUp};
use crate::error::{AppError, AppResult};
use crate::institutes::{
    Changed, Institute, ListedInstitute, NameForm, NewInstituteForm, Overview, add_by, overview, rename,
};
use crate::users::SystemAdmin;
use crate::web::{CsrfJson, problem};

#[derive(Serialize, ToSchema)]
pub(super) struct AllInstitutes {
    institutes: Vec<OverviewJson>,
}

/// An institute with what is counted in it.
#[derive(Serialize, ToSchema)]
pub(super) struct OverviewJson {
    #[serde(flatten)]
    institute: ListedJson,
    /// How many people hold each role and may sign in.
    members: BTreeMap<String, u64>,
    /// How many cases it owns.
    cases: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ListedJson {
    id: String,
    name: String,
    /// Counts changes of name and settings; a change names the one it was made from.
    rev: i64,
    created_at: String,
}

/// All institutes, by id.
#[utoipa::path(
    get, path = "/api/v1/admin/institutes", security(("session" = [])),
    responses((status = 200, body = AllInstitutes), AdminRefusals)
)]
pub(super) async fn list(
    _: BySession,
    admin: SystemAdmin,
    State(app): State<AppState>,
) -> AppResult<Json<AllInstitutes>> {
    let institutes = overview(&app, &admin).await?.into_iter().map(OverviewJson::from).collect();
    Ok(Json(AllInstitutes { institutes }))
}

/// Adds an institute.
#[utoipa::path(
    post, path = "/api/v1/admin/institutes", security(("session" = [])), params(CsrfHeader),
    request_body = NewInstituteForm, responses((status = 201, body = ListedJson), AdminRefusals)
)]
pub(super) async fn add(
    _: BySession,
    admin: SystemAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(form): CsrfJson<NewInstituteForm>,
) -> AppResult<(StatusCode, Json<ListedJson>)> {
    let institute = add_by(&app, &admin, &trail, &form).await?.map_err(AppError::Unprocessable)?;
    Ok((StatusCode::CREATED, Json((&institute).into())))
}

/// Gives an institute another name.
#[utoipa::path(
    put, path = "/api/v1/admin/institutes/{institute}", security(("session" = [])), params(OfInstitute, CsrfHeader),
    request_body = NameForm, responses((status = 200, body = ListedJson), AdminRefusals)
)]
pub(super) async fn save_name(
    _: BySession,
    listed: ListedInstitute,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(form): CsrfJson<NameForm>,
) -> AppResult<Json<ListedJson>> {
    match rename(&app, &listed, &trail, &form).await?.map_err(AppError::Unprocessable)? {
        Changed::Stored(now) => Ok(Json((&now).into())),
        Changed::AsBefore => Ok(Json(listed.institute().into())),
        Changed::Conflict(now) => Err(AppError::Conflict { rev: Some(now.rev) }),
        Changed::Partners(message) => Err(problem("name", &form.name, message)), // a name changes no agreement
        Changed::NotAllowed => Err(AppError::NotFound("page")),
    }
}

impl From<&Institute> for ListedJson {
    fn from(institute: &Institute) -> Self {
        Self {
            id: institute.id.to_string(),
            name: institute.name.clone(),
            rev: institute.rev,
            created_at: institute.created_at.to_string(),
        }
    }
}

impl From<Overview> for OverviewJson {
    fn from(one: Overview) -> Self {
        Self {
            institute: (&one.institute).into(),
            members: one.members.iter().map(|(role, count)| (role.as_str().to_owned(), *count)).collect(),
            cases: one.cases,
        }
    }
}
