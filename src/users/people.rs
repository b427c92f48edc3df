//! All people of the system, for its admins.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::access::SystemAdmin;
use super::decide::{add_person, known_institutes};
use super::forms::NewPersonForm;
use super::views::{self, Confirmed, RowView, WaysView, code_first, error_of, with_status};
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::{AppResult, FieldError};
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
    let added = match form.parse(&known_institutes(&app).await?) {
        Err(errors) => Err(errors),
        Ok(person) => add_person(&app, &admin, &trail, person).await?,
    };
    match added {
        Ok(user) => Ok(see_other(&format!("{}?done=added", urls::person(&user.id)))),
        Err(errors) => {
            Ok(with_status(render(&admin, page, &app, form, errors).await?, StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
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
