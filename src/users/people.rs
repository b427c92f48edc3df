//! All people of the system, for its admins.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::access::SystemAdmin;
use super::change;
use super::forms::NewPersonForm;
use super::model::User;
use super::standing::Standing;
use super::views::{self, Confirmed, RowView, WaysView, code_first, error_of, with_status};
use crate::app::AppState;
use crate::audit::Trail;
use crate::db::StoreError;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{InstituteId, UserId};
use crate::web::{CsrfForm, Layout, Page, see_other, urls};

/// Roles that the form for a new person has room for.
const SPARE: usize = 3;

#[derive(Template)]
#[template(path = "users/people.html")]
struct PeoplePage {
    layout: Layout,
    people: Vec<PersonLine>,
    email: String,
    email_error: String,
    typed_name: String,
    name_error: String,
    rows: Vec<RowView>,
    errors: Vec<FieldError>,
    code_first: Option<String>,
}

struct PersonLine {
    url: String,
    name: String,
    email: String,
    roles: Vec<String>,
    disabled: bool,
    ways: WaysView,
}

/// `GET /admin/users`
pub(super) async fn list(admin: SystemAdmin, page: Page, State(app): State<AppState>) -> AppResult<Response> {
    render(&admin, page, &app, NewPersonForm::default(), Vec::new()).await
}

/// `POST /admin/users`: a new person, who can sign in once they are invited.
pub(super) async fn add(
    admin: SystemAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let form = NewPersonForm::read(pairs)?;
    let institutes = app.institutes.all().await?;
    let known: Vec<InstituteId> = institutes.iter().map(|institute| institute.id.clone()).collect();
    let errors = match form.parse(&known) {
        Err(errors) => errors,
        Ok(person) => {
            let standing = Standing::new(Vec::new(), Vec::new(), false).with_grants(person.grants);
            let user = User {
                id: UserId::random(),
                email: person.email,
                name: person.name,
                memberships: standing.memberships,
                system_roles: standing.system_roles,
                disabled: false,
                created_at: app.clock.now(),
                rev: 1,
            };
            match change::add(&app, &user, admin.authority(), &admin.actor()).await {
                Ok(true) => {
                    trail.note_done("user", user.id.as_str(), None);
                    views::note_roles(&trail, &Standing::new(Vec::new(), Vec::new(), false), &user.standing());
                    return Ok(see_other(&format!("{}?done=added", urls::person(&user.id))));
                }
                Ok(false) => return Err(AppError::NotFound("page")),
                Err(StoreError::Exists(_)) => {
                    vec![FieldError::new("email", &form.email, "somebody has this address already; look in the list")]
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(with_status(render(&admin, page, &app, form, errors).await?, StatusCode::UNPROCESSABLE_ENTITY))
}

async fn render(
    admin: &SystemAdmin,
    page: Page,
    app: &AppState,
    form: NewPersonForm,
    errors: Vec<FieldError>,
) -> AppResult<Response> {
    let users = app.users.all().await?;
    let institutes = app.institutes.all().await?;
    let ways = app.ways_in.all(app.clock.now()).await?;
    let people = users
        .into_iter()
        .map(|user| PersonLine {
            url: urls::person(&user.id),
            roles: user.standing().grants().iter().map(ToString::to_string).collect(),
            ways: WaysView::new(app, ways.get(&user.id)),
            name: user.name,
            email: user.email.to_string(),
            disabled: user.disabled,
        })
        .collect();
    let rows = views::rows(&form.rows, SPARE, &institutes, &errors);
    let code_first = code_first(app, admin.principal(), urls::people());
    page.render(|layout| PeoplePage {
        layout,
        people,
        email_error: error_of(&errors, "email"),
        email: form.email,
        name_error: error_of(&errors, "name"),
        typed_name: form.name,
        rows,
        errors,
        code_first,
    })
}
