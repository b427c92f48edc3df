//! Members of an institute, for its admins.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::decide::{Added, add_member};
use super::forms::NewMemberForm;
use super::model::Role;
use super::views::{Confirmed, WaysView, code_first, error_of, with_status};
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::{AppResult, FieldError};
use crate::ids::UserId;
use crate::institutes::{Institute, InstituteAdmin};
use crate::web::{CsrfForm, Layout, Page, see_other, urls};

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

/// `POST /{institute}/members`: a new person, or somebody who has an account already, of whom nothing else is told.
pub(super) async fn add(
    admin: InstituteAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<NewMemberForm>,
) -> AppResult<Response> {
    let institute = &admin.institute().id;
    let added = match form.parse() {
        Err(errors) => Err(errors),
        Ok(wanted) => add_member(&app, &admin, &trail, wanted).await?,
    };
    match added {
        Ok(Added::New(user)) => Ok(see_other(&format!("{}?done=added", urls::member(institute, &user.id)))),
        Ok(Added::Joined(user)) => Ok(see_other(&format!("{}?done=joined", urls::member(institute, &user.id)))),
        Err(errors) => {
            let shown = render(&admin, page, &app, form, errors, "").await?;
            Ok(with_status(shown, StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
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
