//! All institutes, for admins of the system: what they are called and who works there; neither settings nor cases.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::ListedInstitute;
use super::change::{self, Changed, change};
use super::forms::{NameForm, NewInstituteForm, read_name};
use super::model::{Choices, Institute};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, SteppedUp};
use crate::db::StoreError;
use crate::error::{AppError, AppResult, FieldError};
use crate::users::{Role, SystemAdmin, code_first, error_of, with_status};
use crate::web::{CsrfForm, Layout, Page, filters, see_other, urls};

/// An institute with what is counted in it.
pub(crate) struct Overview {
    /// The institute.
    pub institute: Institute,
    /// How many people hold each role and may sign in; roles that nobody holds are left out.
    pub members: Vec<(Role, u64)>,
    /// How many cases it owns.
    pub cases: u64,
}

/// All institutes by id; a fixed number of queries for any number of institutes, people and cases.
pub(crate) async fn overview(app: &AppState, admin: &SystemAdmin) -> Result<Vec<Overview>, StoreError> {
    let institutes = app.institutes.all().await?;
    let members = app.users.role_counts(admin).await?;
    let cases = app.cases.counts(admin).await?;
    let counted = |institute: Institute| {
        let held = |role: Role| {
            let count = members.iter().find(|(held, _)| held.institute == institute.id && held.role == role);
            count.map(|(_, n)| (role, *n))
        };
        Overview {
            members: Role::ALL.into_iter().filter_map(held).collect(),
            cases: cases.iter().find(|(owner, _)| *owner == institute.id).map_or(0, |(_, n)| *n),
            institute,
        }
    };
    Ok(institutes.into_iter().map(counted).collect())
}

/// Adds the institute that a form names, or says what is wrong with each field.
pub(crate) async fn add_by(
    app: &AppState,
    admin: &SystemAdmin,
    trail: &Trail,
    form: &NewInstituteForm,
) -> AppResult<Result<Institute, Vec<FieldError>>> {
    let (id, name) = match form.parse() {
        Ok(parsed) => parsed,
        Err(errors) => return Ok(Err(errors)),
    };
    let institute = Institute::new(id, name, app.clock.now());
    match change::add(app, &institute, admin.authority(), &admin.actor()).await {
        Ok(true) => {
            trail.note_done("institute", institute.id.as_str(), None);
            Ok(Ok(institute))
        }
        Ok(false) => Err(AppError::NotFound("page")),
        Err(StoreError::Exists(_)) => {
            let message = format!("there is an institute {} already; look in the list", institute.id);
            Ok(Err(vec![FieldError::new("id", &form.id, message)]))
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives an institute another name, or says what is wrong with it.
pub(crate) async fn rename(
    app: &AppState,
    listed: &ListedInstitute,
    trail: &Trail,
    form: &NameForm,
) -> AppResult<Result<Changed, Vec<FieldError>>> {
    let name = match read_name(&form.name) {
        Ok(name) => name,
        Err(message) => return Ok(Err(vec![FieldError::new("name", &form.name, message)])),
    };
    let institute = listed.institute();
    let wanted = Choices { name, ..institute.choices() };
    let changed =
        change(app, institute, form.rev, &wanted, listed.admin().authority(), &listed.admin().actor()).await?;
    if matches!(changed, Changed::Conflict(_)) {
        trail.note_reason("somebody else changed the institute first");
    }
    Ok(Ok(changed))
}

#[derive(Template)]
#[template(path = "institutes/all.html")]
struct AllPage {
    layout: Layout,
    institutes: Vec<InstituteLine>,
    id: String,
    id_error: String,
    typed_name: String,
    name_error: String,
    errors: Vec<FieldError>,
    code_first: Option<String>,
}

struct InstituteLine {
    url: String,
    id: String,
    name: String,
    members: Vec<String>,
    cases: String,
    added: String,
}

#[derive(Template)]
#[template(path = "institutes/listed.html")]
struct ListedPage {
    layout: Layout,
    institute: Institute,
    added: String,
    /// Revision that the form was made from.
    form_rev: i64,
    typed_name: String,
    name_error: String,
    errors: Vec<FieldError>,
    /// Whether somebody else changed the institute first.
    conflict: bool,
    done: &'static str,
    members: Vec<MemberLine>,
    code_first: Option<String>,
}

struct MemberLine {
    url: String,
    name: String,
    email: String,
    roles: Vec<&'static str>,
    disabled: bool,
}

/// What was done just now.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

/// In words; only what we know is said.
fn said(done: &str) -> &'static str {
    match done {
        "added" => "Added. Give somebody the role of its admin, who then looks after members and settings.",
        "renamed" => "The name is saved. Its admins see who changed it on its settings page.",
        _ => "",
    }
}

/// `GET /admin/institutes`
pub(super) async fn list(admin: SystemAdmin, page: Page, State(app): State<AppState>) -> AppResult<Response> {
    render_all(&admin, page, &app, NewInstituteForm::default(), Vec::new()).await
}

/// `POST /admin/institutes`
pub(super) async fn add(
    admin: SystemAdmin,
    _: SteppedUp<Administration>,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<NewInstituteForm>,
) -> AppResult<Response> {
    match add_by(&app, &admin, &trail, &form).await? {
        Ok(institute) => Ok(see_other(&format!("{}?done=added", urls::listed_institute(&institute.id)))),
        Err(errors) => {
            let shown = render_all(&admin, page, &app, form, errors).await?;
            Ok(with_status(shown, StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `GET /admin/institutes/{institute}`
pub(super) async fn show(
    listed: ListedInstitute,
    page: Page,
    State(app): State<AppState>,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    let outcome = Outcome { done: said(&query.done), ..Outcome::default() };
    render_one(&listed, listed.institute(), page, &app, outcome).await
}

/// `POST /admin/institutes/{institute}`: another name.
pub(super) async fn save_name(
    listed: ListedInstitute,
    _: SteppedUp<Administration>,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<NameForm>,
) -> AppResult<Response> {
    let (now, outcome, status) = match rename(&app, &listed, &trail, &form).await? {
        Ok(Changed::Stored(_) | Changed::AsBefore) => {
            return Ok(see_other(&format!("{}?done=renamed", urls::listed_institute(&listed.institute().id))));
        }
        Ok(Changed::Conflict(now)) => {
            // Saving again is then a choice made in sight of what is stored.
            let form = NameForm { rev: now.rev, ..form };
            (now, Outcome { form: Some(form), conflict: true, ..Outcome::default() }, StatusCode::CONFLICT)
        }
        // A name changes no agreement.
        Ok(Changed::Partners(_) | Changed::NotAllowed) => return Err(AppError::NotFound("page")),
        Err(errors) => {
            let outcome = Outcome { form: Some(form), errors, ..Outcome::default() };
            (listed.institute().clone(), outcome, StatusCode::UNPROCESSABLE_ENTITY)
        }
    };
    Ok(with_status(render_one(&listed, &now, page, &app, outcome).await?, status))
}

/// What happened before the page is shown.
#[derive(Default)]
struct Outcome {
    done: &'static str,
    form: Option<NameForm>,
    errors: Vec<FieldError>,
    conflict: bool,
}

async fn render_all(
    admin: &SystemAdmin,
    page: Page,
    app: &AppState,
    form: NewInstituteForm,
    errors: Vec<FieldError>,
) -> AppResult<Response> {
    let institutes = overview(app, admin).await?.into_iter().map(InstituteLine::new).collect();
    let code_first = code_first(app, admin.principal(), urls::institutes());
    page.render(|layout| AllPage {
        layout,
        institutes,
        id_error: error_of(&errors, "id"),
        id: form.id,
        name_error: error_of(&errors, "name"),
        typed_name: form.name,
        errors,
        code_first,
    })
}

/// `institute`: as it is stored by now.
async fn render_one(
    listed: &ListedInstitute,
    institute: &Institute,
    page: Page,
    app: &AppState,
    outcome: Outcome,
) -> AppResult<Response> {
    let members = app.users.members(&institute.id).await?.into_iter().map(|user| MemberLine {
        url: urls::person(&user.id),
        roles: user.standing().roles_in(&institute.id).into_iter().map(Role::as_str).collect(),
        name: user.name,
        email: user.email.to_string(),
        disabled: user.disabled,
    });
    let members = members.collect();
    let code_first = code_first(app, listed.admin().principal(), &urls::listed_institute(&institute.id));
    let form = outcome.form.unwrap_or_else(|| NameForm { rev: institute.rev, name: institute.name.clone() });
    page.render(|layout| ListedPage {
        layout,
        institute: institute.clone(),
        added: filters::moment(institute.created_at),
        form_rev: form.rev,
        typed_name: form.name,
        name_error: error_of(&outcome.errors, "name"),
        errors: outcome.errors,
        conflict: outcome.conflict,
        done: outcome.done,
        members,
        code_first,
    })
}

impl InstituteLine {
    fn new(one: Overview) -> Self {
        Self {
            url: urls::listed_institute(&one.institute.id),
            id: one.institute.id.to_string(),
            name: one.institute.name,
            members: one.members.iter().map(|(role, count)| format!("{count} {}", role.as_str())).collect(),
            cases: filters::thousands(one.cases),
            added: filters::date(one.institute.created_at),
        }
    }
}
