//! Members of an institute, for its admins.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::change::{self, Changed, change};
use super::forms::NewMemberForm;
use super::model::{Email, Membership, Role, User};
use super::standing::Standing;
use super::views::{Confirmed, WaysView, code_first, error_of, note_roles, with_status};
use crate::app::AppState;
use crate::audit::Trail;
use crate::db::StoreError;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::UserId;
use crate::institutes::{Institute, InstituteAdmin};
use crate::web::{CsrfForm, Layout, Page, see_other, urls};

/// How often an account that appears or changes meanwhile is looked at again.
const TRIES: usize = 3;

#[derive(Template)]
#[template(path = "users/members.html")]
struct MembersPage {
    layout: Layout,
    institute: Institute,
    members: Vec<MemberLine>,
    email: String,
    email_error: String,
    typed_name: String,
    name_error: String,
    role: String,
    role_error: String,
    roles: [Role; 5],
    errors: Vec<FieldError>,
    done: &'static str,
    code_first: Option<String>,
}

struct MemberLine {
    url: String,
    name: String,
    email: String,
    roles: Vec<&'static str>,
    disabled: bool,
    authenticator: bool,
    reset: bool,
    tokens: usize,
}

/// What was done just now.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /{institute}/members`
pub(super) async fn list(
    admin: InstituteAdmin,
    page: Page,
    State(app): State<AppState>,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    let done = if query.done == "ended" { "That person is no member of this institute any more." } else { "" };
    render(&admin, page, &app, NewMemberForm::default(), Vec::new(), done).await
}

/// What became of adding somebody.
enum Added {
    New(User),
    Joined(User),
    IsMember,
    NotAllowed,
}

/// `POST /{institute}/members`: a new person, or somebody who has an account already, of whom nothing else is told.
pub(super) async fn add(
    admin: InstituteAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<NewMemberForm>,
) -> AppResult<Response> {
    let errors = match form.parse() {
        Err(errors) => errors,
        Ok((email, name, role)) => {
            let institute = &admin.institute().id;
            let membership = Membership { institute: institute.clone(), role };
            let (user, done) = match join(&app, &admin, email, name, membership.clone()).await? {
                Added::New(user) => (Some(user), "added"),
                Added::Joined(user) => (Some(user), "joined"),
                Added::IsMember => (None, ""),
                Added::NotAllowed => return Err(AppError::NotFound("page")),
            };
            if let Some(user) = user {
                trail.note_done("user", user.id.as_str(), Some(institute));
                let none = Standing::new(Vec::new(), Vec::new(), false);
                note_roles(&trail, &none, &Standing { memberships: vec![membership], ..none.clone() });
                return Ok(see_other(&format!("{}?done={done}", urls::member(institute, &user.id))));
            }
            vec![FieldError::new("email", &form.email, "is a member already; change the roles on the member’s page")]
        }
    };
    let shown = render(&admin, page, &app, form, errors, "").await?;
    Ok(with_status(shown, StatusCode::UNPROCESSABLE_ENTITY))
}

async fn join(
    app: &AppState,
    admin: &InstituteAdmin,
    email: Email,
    name: String,
    membership: Membership,
) -> Result<Added, StoreError> {
    let (authority, actor) = (admin.authority(), admin.actor());
    for _ in 0..TRIES {
        let Some(known) = app.users.by_email(&email).await? else {
            let user = User {
                id: UserId::random(),
                email: email.clone(),
                name: name.clone(),
                memberships: vec![membership.clone()],
                system_roles: Vec::new(),
                disabled: false,
                created_at: app.clock.now(),
                rev: 1,
            };
            match change::add(app, &user, authority, &actor).await {
                Ok(true) => return Ok(Added::New(user)),
                Ok(false) => return Ok(Added::NotAllowed),
                // Somebody added the same address at this moment.
                Err(StoreError::Exists(_)) => continue,
                Err(error) => return Err(error),
            }
        };
        let standing = known.standing();
        // One's own account too: an admin is a member already.
        if !standing.roles_in(&membership.institute).is_empty() {
            return Ok(Added::IsMember);
        }
        let wanted = standing.with_roles_in(&membership.institute, &[membership.role]);
        match change(app, &known, known.rev, &wanted, authority, &actor).await? {
            Changed::Stored(user) => return Ok(Added::Joined(user)),
            Changed::NotAllowed => return Ok(Added::NotAllowed),
            Changed::AsBefore => return Ok(Added::IsMember),
            Changed::Conflict(_) => {}
        }
    }
    Err(StoreError::Conflict("the person"))
}

async fn render(
    admin: &InstituteAdmin,
    page: Page,
    app: &AppState,
    form: NewMemberForm,
    errors: Vec<FieldError>,
    done: &'static str,
) -> AppResult<Response> {
    let institute = admin.institute();
    let now = app.clock.now();
    let users = app.users.members(&institute.id).await?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
    let ways = app.ways_in.among(&ids, now).await?;
    let tokens = app.tokens.count_in(&institute.id, now).await?;
    let members = users
        .into_iter()
        .map(|user| {
            let ways = WaysView::new(app, ways.get(&user.id));
            MemberLine {
                url: urls::member(&institute.id, &user.id),
                roles: user.standing().roles_in(&institute.id).into_iter().map(Role::as_str).collect(),
                authenticator: ways.authenticator,
                reset: ways.reset.is_some(),
                tokens: tokens.get(&user.id).copied().unwrap_or(0),
                name: user.name,
                email: user.email.to_string(),
                disabled: user.disabled,
            }
        })
        .collect();
    let code_first = code_first(app, admin.principal(), &urls::members(&institute.id));
    page.render(|layout| MembersPage {
        layout,
        institute: institute.clone(),
        members,
        email_error: error_of(&errors, "email"),
        email: form.email,
        name_error: error_of(&errors, "name"),
        typed_name: form.name,
        role_error: error_of(&errors, "role"),
        role: form.role,
        roles: Role::ALL,
        errors,
        done,
        code_first,
    })
}
