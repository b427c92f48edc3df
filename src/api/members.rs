use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openapi::{AdminRefusals, CsrfHeader, OfInstitute, OfUser};
use super::people::{InvitationJson, Nothing};
use super::session::BySession;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, SteppedUp};
use crate::error::{AppError, AppResult};
use crate::ids::{InstituteId, UserId};
use crate::institutes::InstituteAdmin;
use crate::users::{
    Added, Decided, MemberAdmin, NewMemberForm, Role, User, add_member, decide_here, invite_member, read_roles,
};
use crate::web::{CsrfJson, problem};

#[derive(Serialize, ToSchema)]
pub(super) struct Members {
    members: Vec<MemberLine>,
}

/// A member with what an institute's admins see of how they sign in.
#[derive(Serialize, ToSchema)]
pub(super) struct MemberLine {
    #[serde(flatten)]
    member: MemberJson,
    /// Whether an authenticator is set up.
    authenticator: bool,
    /// Whether a reset of it waits for a second administrator.
    reset_waiting: bool,
    /// How many tokens of the person reach this institute.
    tokens: usize,
}

/// What concerns this institute of somebody, and nothing else.
#[derive(Serialize, ToSchema)]
pub(super) struct MemberJson {
    id: String,
    email: String,
    name: String,
    /// In this institute: `clinician`, `geneticist`, `researcher`, `admin`, `auditor`.
    roles: Vec<&'static str>,
    disabled: bool,
}

/// All roles of somebody in this institute, in place of those that were shown. None ends the membership.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberRolesBody {
    /// The roles here that the change was made from.
    shown: Vec<String>,
    roles: Vec<String>,
}

/// Members of an institute, by name.
#[utoipa::path(
    get, path = "/api/v1/{institute}/members", security(("session" = [])), params(OfInstitute),
    responses((status = 200, body = Members), AdminRefusals)
)]
pub(super) async fn list(_: BySession, admin: InstituteAdmin, State(app): State<AppState>) -> AppResult<Json<Members>> {
    let institute = &admin.institute().id;
    let now = app.clock.now();
    let users = app.users.members(institute).await?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
    let ways = app.ways_in.among(&ids, now).await?;
    let tokens = app.tokens.count_in(institute, now).await?;
    let members = users.iter().map(|user| {
        let ways = ways.get(&user.id);
        MemberLine {
            member: MemberJson::new(user, institute),
            authenticator: ways.is_some_and(|ways| ways.authenticator.is_some()),
            reset_waiting: ways.is_some_and(|ways| ways.reset.is_some()),
            tokens: tokens.get(&user.id).copied().unwrap_or(0),
        }
    });
    Ok(Json(Members { members: members.collect() }))
}

/// Adds a member: a new person, or somebody who has an account already, of whom nothing else is told.
#[utoipa::path(
    post, path = "/api/v1/{institute}/members", security(("session" = [])), params(OfInstitute, CsrfHeader),
    request_body = NewMemberForm, responses((status = 201, body = MemberJson), AdminRefusals)
)]
pub(super) async fn add(
    _: BySession,
    admin: InstituteAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(form): CsrfJson<NewMemberForm>,
) -> AppResult<(StatusCode, Json<MemberJson>)> {
    let wanted = form.parse().map_err(AppError::Unprocessable)?;
    let added = add_member(&app, &admin, &trail, wanted).await?.map_err(AppError::Unprocessable)?;
    let (Added::New(user) | Added::Joined(user)) = added;
    Ok((StatusCode::CREATED, Json(MemberJson::new(&user, &admin.institute().id))))
}

/// Puts roles in this institute in place of those that were shown. The person's sessions and open invitations end, and
/// tokens with the membership.
#[utoipa::path(
    post, path = "/api/v1/{institute}/members/{user}/roles", security(("session" = [])),
    params(OfInstitute, OfUser, CsrfHeader), request_body = MemberRolesBody,
    responses((status = 200, body = MemberJson), AdminRefusals)
)]
pub(super) async fn change_roles(
    _: BySession,
    member: MemberAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<MemberRolesBody>,
) -> AppResult<Json<MemberJson>> {
    let read = |field: &str, texts: &[String]| read_roles(field, texts).map_err(AppError::Unprocessable);
    let (shown, roles) = (read("shown", &body.shown)?, read("roles", &body.roles)?);
    let institute = &member.institute().id;
    match decide_here(&app, &member, &trail, &shown, &roles).await? {
        Decided::Stored(now) | Decided::AsBefore(now) => Ok(Json(MemberJson::new(&now, institute))),
        // A revision would tell of changes elsewhere.
        Decided::Conflict(_) => Err(AppError::Conflict { rev: None }),
        Decided::Refused(why) => Err(problem("roles", "", why)),
    }
}

/// Makes a link by which somebody, all of whose roles are here, sets up how they sign in; earlier links end.
#[utoipa::path(
    post, path = "/api/v1/{institute}/members/{user}/invite", security(("session" = [])),
    params(OfInstitute, OfUser, CsrfHeader), request_body = Nothing,
    responses((status = 200, body = InvitationJson), AdminRefusals)
)]
pub(super) async fn invite(
    _: BySession,
    member: MemberAdmin,
    _: SteppedUp<Administration>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(Nothing {}): CsrfJson<Nothing>,
) -> AppResult<Json<InvitationJson>> {
    let made = invite_member(&app, &member, &trail).await?;
    made.map(|made| Json(made.into())).map_err(|why| problem("user", "", why))
}

impl MemberJson {
    fn new(user: &User, institute: &InstituteId) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.clone(),
            roles: user.standing().roles_in(institute).into_iter().map(Role::as_str).collect(),
            disabled: user.disabled,
        }
    }
}
