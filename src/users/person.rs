//! One person, for admins of the system.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::PersonAdmin;
use super::decide::{self, Decided, decide, known_institutes};
use super::forms::{AtRevision, NoFields, RolesForm};
use super::model::RoleGrant;
use super::standing::Standing;
use super::views::{self, Confirmed, RowView, WaysView, address_of, code_first, show_link, with_status};
use crate::app::AppState;
use crate::audit::Trail;
use crate::db::StoreError;
use crate::error::{AppResult, FieldError};
use crate::events::{Event, EventKind};
use crate::web::{CsrfForm, Layout, Page, filters, see_other, urls};

/// Rows for further roles.
const SPARE: usize = 2;
/// Changes shown below the forms.
const RECENT: i64 = 20;

#[derive(Template)]
#[template(path = "users/person.html")]
struct PersonPage {
    layout: Layout,
    url: String,
    name: String,
    email: String,
    added: String,
    disabled: bool,
    own: bool,
    rev: i64,
    /// Revision that the form of roles was made from.
    form_rev: i64,
    ways: WaysView,
    /// Whether whoever looks is the one who asked for the reset that waits.
    asked_self: bool,
    rows: Vec<RowView>,
    done: &'static str,
    problem: String,
    errors: Vec<FieldError>,
    conflict: Option<ConflictView>,
    history: Vec<ChangeLine>,
    code_first: Option<String>,
}

/// What is stored, and what was wanted in its place.
struct ConflictView {
    stored: String,
    wanted: String,
}

struct ChangeLine {
    at: String,
    who: String,
    what: Vec<String>,
}

/// What happened before the page is shown.
#[derive(Default)]
pub(super) struct Outcome {
    pub done: &'static str,
    pub problem: String,
    pub errors: Vec<FieldError>,
    pub form: Option<RolesForm>,
    pub wanted: Option<Standing>,
}

impl Outcome {
    /// Nothing was done, for this reason.
    pub(super) fn problem(why: impl Into<String>) -> Self {
        Self { problem: why.into(), ..Self::default() }
    }
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
        "added" => "Added. Invite this person, so that they can set up how they sign in.",
        "roles" => "The roles are saved. This person’s sessions and open invitations have ended.",
        "disabled" => "Disabled. This person’s sessions, invitations and tokens have ended.",
        "enabled" => "Enabled. This person can sign in again.",
        "asked" => {
            "The reset was asked for. Another administrator confirms it within 72 hours; nothing has changed yet."
        }
        _ => "",
    }
}

/// `GET /admin/users/{user}`
pub(super) async fn show(
    person: PersonAdmin,
    page: Page,
    State(app): State<AppState>,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    render(&person, page, &app, Outcome { done: said(&query.done), ..Outcome::default() }).await
}

/// `POST /admin/users/{user}/roles`
pub(super) async fn change_roles(
    person: PersonAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let form = RolesForm::read(pairs)?;
    match form.parse(&known_institutes(&app).await?) {
        Err(errors) => {
            let outcome = Outcome { errors, form: Some(form), ..Outcome::default() };
            Ok(with_status(render(&person, page, &app, outcome).await?, StatusCode::UNPROCESSABLE_ENTITY))
        }
        Ok(grants) => {
            let wanted = person.person().standing().with_grants(grants);
            store(&person, page, &app, &trail, form.rev, wanted, "roles").await
        }
    }
}

/// `POST /admin/users/{user}/disable`
pub(super) async fn disable(
    person: PersonAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<AtRevision>,
) -> AppResult<Response> {
    let wanted = Standing { disabled: true, ..person.person().standing() };
    store(&person, page, &app, &trail, form.rev, wanted, "disabled").await
}

/// `POST /admin/users/{user}/enable`
pub(super) async fn enable(
    person: PersonAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<AtRevision>,
) -> AppResult<Response> {
    let wanted = Standing { disabled: false, ..person.person().standing() };
    store(&person, page, &app, &trail, form.rev, wanted, "enabled").await
}

/// `POST /admin/users/{user}/invite`
pub(super) async fn invite(
    person: PersonAdmin,
    _: Confirmed,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    let user = person.person();
    match decide::invite(&app, &person, &trail).await? {
        Ok(invitation) => show_link(&app, page, user, invitation, false, urls::person(&user.id)).await,
        Err(why) => refuse(&person, page, &app, &trail, why).await,
    }
}

async fn store(
    person: &PersonAdmin,
    page: Page,
    app: &AppState,
    trail: &Trail,
    known: i64,
    wanted: Standing,
    done: &str,
) -> AppResult<Response> {
    let url = urls::person(&person.person().id);
    match decide(app, person, trail, known, &wanted).await? {
        Decided::Stored(_) => Ok(see_other(&format!("{url}?done={done}"))),
        Decided::AsBefore(_) => Ok(see_other(&url)),
        Decided::Refused(why) => refuse(person, page, app, trail, why).await,
        Decided::Conflict(now) => {
            let person = person.at(now);
            // Saving again is then a choice made in sight of what is stored.
            let form = RolesForm::of(person.person().rev, &wanted.grants());
            let outcome = Outcome { form: Some(form), wanted: Some(wanted), ..Outcome::default() };
            Ok(with_status(render(&person, page, app, outcome).await?, StatusCode::CONFLICT))
        }
    }
}

/// The page again, with what stands in the way.
pub(super) async fn refuse(
    person: &PersonAdmin,
    page: Page,
    app: &AppState,
    trail: &Trail,
    why: &str,
) -> AppResult<Response> {
    trail.note_reason(why);
    Ok(with_status(render(person, page, app, Outcome::problem(why)).await?, StatusCode::UNPROCESSABLE_ENTITY))
}

fn in_words(standing: &Standing) -> String {
    let grants: Vec<String> = standing.grants().iter().map(ToString::to_string).collect();
    let roles = if grants.is_empty() { "no role".to_owned() } else { grants.join(", ") };
    if standing.disabled { format!("{roles}; disabled") } else { roles }
}

async fn render(person: &PersonAdmin, page: Page, app: &AppState, outcome: Outcome) -> AppResult<Response> {
    let user = person.person();
    let institutes = app.institutes.all().await?;
    let ways = app.ways_in.among(std::slice::from_ref(&user.id), app.clock.now()).await?;
    let own_address = address_of(app, person.admin().principal()).await?;
    let events = app.events.of_person(person, RECENT).await?;
    let history = events.into_iter().map(ChangeLine::new).collect::<Result<_, _>>()?;
    let form = outcome.form.unwrap_or_else(|| RolesForm::of(user.rev, &user.standing().grants()));
    let ways = WaysView::new(app, ways.get(&user.id));
    let url = urls::person(&user.id);
    let code_first = code_first(app, person.admin().principal(), &url);
    page.render(|layout| PersonPage {
        layout,
        name: user.name.clone(),
        email: user.email.to_string(),
        added: filters::moment(user.created_at),
        disabled: user.disabled,
        own: person.is_own(),
        rev: user.rev,
        form_rev: form.rev,
        asked_self: ways.reset.as_ref().is_some_and(|asked| asked.by == own_address),
        ways,
        rows: views::rows(&form.rows, SPARE, &institutes, &outcome.errors),
        done: outcome.done,
        problem: outcome.problem,
        errors: outcome.errors,
        conflict: outcome
            .wanted
            .map(|wanted| ConflictView { stored: in_words(&user.standing()), wanted: in_words(&wanted) }),
        history,
        code_first,
        url,
    })
}

impl ChangeLine {
    fn new(event: Event) -> Result<Self, StoreError> {
        let read = |state: bson::Bson| -> Result<Standing, StoreError> {
            bson::deserialize_from_bson(state).map_err(|error| StoreError::Unreadable {
                collection: "events",
                id: event.id.clone(),
                reason: error.to_string(),
            })
        };
        let after = read(event.after)?;
        let before = match event.kind {
            EventKind::UserAdded => Standing::new(Vec::new(), Vec::new(), false),
            _ => read(event.before)?,
        };
        let mut what: Vec<String> = Vec::new();
        if event.kind == EventKind::UserAdded {
            what.push("added".to_owned());
        }
        let told = |grants: Vec<RoleGrant>, verb: &str| -> Vec<String> {
            grants.iter().map(|grant| format!("{verb} {grant}")).collect()
        };
        what.extend(told(after.beyond(&before), "given"));
        what.extend(told(before.beyond(&after), "ended"));
        match (before.disabled, after.disabled) {
            (false, true) => what.push("disabled".to_owned()),
            (true, false) => what.push("enabled".to_owned()),
            _ => {}
        }
        Ok(Self { at: filters::moment(event.at), who: event.actor.name, what })
    }
}
