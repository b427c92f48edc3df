//! Entering and leaving elevated roles.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::principal::Principal;
use crate::auth::session::Session;
use crate::auth::target::LocalPath;
use crate::error::{AppError, AppResult};
use crate::users::{Role, RoleGrant, SystemRole};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, filters, see_other, urls};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/account/roles", Access::SignedIn, show)
        .post("/account/roles/enter", Access::SignedIn, enter)
        .post("/account/roles/leave", Access::SignedIn, leave)
}

#[derive(Template)]
#[template(path = "auth/roles.html")]
struct RolesPage {
    layout: Layout,
    minutes: i64,
    plain: Vec<String>,
    entered: Vec<EnteredRow>,
    enterable: Vec<RoleGrant>,
    closed: Vec<String>,
}

struct EnteredRow {
    role: RoleGrant,
    until: String,
}

/// Where somebody goes who entered a role for no page in particular.
fn home(role: &RoleGrant) -> String {
    match role {
        RoleGrant::System(SystemRole::Admin) => urls::people().to_owned(),
        RoleGrant::Member(held) if held.role == Role::Admin => urls::members(&held.institute),
        RoleGrant::System(SystemRole::Auditor) | RoleGrant::Member(_) => "/audit".to_owned(),
    }
}

async fn show(page: Page, principal: Principal, State(app): State<AppState>) -> AppResult<Response> {
    session_of(&principal)?;
    let entered = principal
        .entered()
        .iter()
        .map(|entered| EnteredRow { role: entered.role.clone(), until: filters::moment(entered.until) });
    page.render(|layout| RolesPage {
        layout,
        minutes: app.sessions.elevated_for().as_mins(),
        plain: principal.plain_roles().map(RoleGrant::words).collect(),
        entered: entered.collect(),
        enterable: principal.enterable().to_vec(),
        closed: principal.closed().iter().map(|closed| closed.refusal.sentence()).collect(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterForm {
    role: RoleGrant,
    #[serde(default)]
    to: String,
}

/// `POST /account/roles/enter`: the role counts in this session from now on; entering it once more begins its time anew.
async fn enter(
    State(app): State<AppState>,
    principal: Principal,
    trail: Trail,
    CsrfForm(form): CsrfForm<EnterForm>,
) -> AppResult<Response> {
    let session = session_of(&principal)?;
    trail.note_asked("role", &form.role.to_string());
    if let Some(closed) = principal.closed().iter().find(|closed| closed.role == form.role) {
        return Err(AppError::Outside(closed.refusal.clone()));
    }
    let mut elevated = principal.enterable().iter().chain(principal.entered().iter().map(|entered| &entered.role));
    if !elevated.any(|role| *role == form.role) || !app.sessions.enter(&session.id, &form.role, app.clock.now()).await?
    {
        return Err(AppError::NotFound("role"));
    }
    trail.note_done("role", &form.role.to_string(), form.role.institute());
    Ok(see_other(&LocalPath::read(&form.to).map_or_else(|| home(&form.role), |to| to.as_str().to_owned())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaveForm {
    role: RoleGrant,
}

/// `POST /account/roles/leave`: leaving a role that one is not in is done as well.
async fn leave(
    State(app): State<AppState>,
    principal: Principal,
    trail: Trail,
    CsrfForm(form): CsrfForm<LeaveForm>,
) -> AppResult<Response> {
    let session = session_of(&principal)?;
    trail.note_asked("role", &form.role.to_string());
    if app.sessions.leave(&session.id, &form.role).await? {
        trail.note_done("role", &form.role.to_string(), form.role.institute());
    }
    Ok(see_other("/"))
}

fn session_of(principal: &Principal) -> AppResult<&Session> {
    principal.session().ok_or(AppError::Forbidden("Roles are entered by people; a script has one right and no other."))
}
