//! The pages on which administrators decide from where things are open. Nothing is saved before whoever saves it has seen
//! whom it locks out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::AddressAdmin;
use super::change::{Changed, change, locks_out};
use super::forms::{LimitsForm, written};
use super::model::{AddressRules, Limits};
use super::preview::Preview;
use super::views::{Card, ChangeLine, Outcome};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, StepUpClass, SteppedUp};
use crate::db::StoreError;
use crate::error::{AppError, AppResult, FieldError};
use crate::institutes::InstituteAdmin;
use crate::users::SystemAdmin;
use crate::web::{Access, ClientAddress, CsrfForm, Layout, Page, Routes, filters, see_other, urls};

/// Changes shown below the forms.
const RECENT: i64 = 10;

/// Rules of the system, and of institutes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/addresses", Access::SystemAdmin, show_system)
        .post("/admin/addresses", Access::SystemAdmin, save_system)
        .get("/{institute}/settings/addresses", Access::InstituteAdmin, show_institute)
        .post("/{institute}/settings/addresses", Access::InstituteAdmin, save_institute)
}

#[derive(Template)]
#[template(path = "addresses/rules.html")]
struct RulesPage {
    layout: Layout,
    url: String,
    /// The institute; none for the system.
    institute: Option<String>,
    back: String,
    /// Where whoever looks is.
    from: String,
    saved: bool,
    problem: &'static str,
    errors: Vec<FieldError>,
    cards: Vec<Card>,
    history: Vec<ChangeLine>,
    code_first: Option<String>,
}

#[derive(Template)]
#[template(path = "addresses/preview.html")]
struct PreviewPage {
    layout: Layout,
    url: String,
    words: String,
    subject: String,
    rev: i64,
    networks: String,
    contact: String,
    seen: String,
    lines: Vec<String>,
    concerned: usize,
    outside: Vec<OutsiderLine>,
    unknown: usize,
    will_run_out: bool,
    /// Whether the people changed since the last preview.
    again: bool,
}

struct OutsiderLine {
    name: String,
    email: String,
    address: String,
    at: String,
}

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /admin/addresses`
async fn show_system(
    admin: SystemAdmin,
    page: Page,
    State(app): State<AppState>,
    from: ClientAddress,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    let outcome = Outcome { saved: query.done == "saved", ..Outcome::default() };
    render(&AddressAdmin::System(admin), page, &app, from, outcome).await
}

/// `GET /{institute}/settings/addresses`
async fn show_institute(
    admin: InstituteAdmin,
    page: Page,
    State(app): State<AppState>,
    from: ClientAddress,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    let outcome = Outcome { saved: query.done == "saved", ..Outcome::default() };
    render(&AddressAdmin::Institute(admin), page, &app, from, outcome).await
}

/// `POST /admin/addresses`
async fn save_system(
    admin: SystemAdmin,
    _: SteppedUp<Administration>,
    page: Page,
    State(app): State<AppState>,
    from: ClientAddress,
    trail: Trail,
    CsrfForm(form): CsrfForm<LimitsForm>,
) -> AppResult<Response> {
    save(&AddressAdmin::System(admin), page, &app, from, &trail, form).await
}

/// `POST /{institute}/settings/addresses`
async fn save_institute(
    admin: InstituteAdmin,
    _: SteppedUp<Administration>,
    page: Page,
    State(app): State<AppState>,
    from: ClientAddress,
    trail: Trail,
    CsrfForm(form): CsrfForm<LimitsForm>,
) -> AppResult<Response> {
    save(&AddressAdmin::Institute(admin), page, &app, from, &trail, form).await
}

/// Shows whom the change would lock out; once that was seen, stores it.
async fn save(
    admin: &AddressAdmin,
    page: Page,
    app: &AppState,
    from: ClientAddress,
    trail: &Trail,
    mut form: LimitsForm,
) -> AppResult<Response> {
    let subject = form.subject.clone();
    if !admin.subjects().contains(&subject) {
        return Err(AppError::NotFound("page"));
    }
    let stored = app.addresses.of(&subject).await?;
    let wanted = match form.parse(&stored.limits, &admin.actor(), app.clock.now()) {
        Ok(wanted) => wanted,
        Err(errors) => {
            let outcome = Outcome { errors, form: Some(form), ..Outcome::default() };
            return with_status(render(admin, page, app, from, outcome).await, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let saved = || Ok(see_other(&format!("{}?done=saved", admin.url())));
    if wanted == stored.limits {
        return saved();
    }
    if form.rev == stored.rev {
        if let Some(problem) = would_lock_out(app, admin, from, &stored, &wanted).await? {
            trail.note_reason(problem);
            let outcome = Outcome { problem, form: Some(form), ..Outcome::default() };
            return with_status(render(admin, page, app, from, outcome).await, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let preview = Preview::of(app, admin, &subject, &wanted).await?;
        let mark = preview.mark(&subject, form.rev, &wanted);
        if form.seen.as_ref() != Some(&mark) {
            let status = if form.seen.is_none() { StatusCode::OK } else { StatusCode::CONFLICT };
            return with_status(show_preview(admin, page, form, &wanted, preview, mark), status);
        }
    }
    let changed = change(app, &subject, form.rev, &wanted, admin.maker(from), &admin.actor()).await?;
    let (outcome, status) = match changed {
        Changed::Stored(_) => {
            trail.note_done("addresses", &subject.to_string(), subject.institute());
            return saved();
        }
        Changed::AsBefore => return saved(),
        Changed::NotAllowed => return Err(AppError::NotFound("page")),
        Changed::LocksOut(problem) => {
            trail.note_reason(problem);
            (Outcome { problem, form: Some(form), ..Outcome::default() }, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Changed::Conflict(now) => {
            trail.note_reason("somebody else changed the rules first");
            // Saving again is then a choice made in sight of what is stored.
            form.rev = now.rev;
            (Outcome { conflict: true, form: Some(form), ..Outcome::default() }, StatusCode::CONFLICT)
        }
    };
    with_status(render(admin, page, app, from, outcome).await, status)
}

fn with_status(page: AppResult<Response>, status: StatusCode) -> AppResult<Response> {
    let mut response = page?;
    *response.status_mut() = status;
    Ok(response)
}

/// Whether whoever asks would stand outside by these limits; looked at once more when they are stored.
async fn would_lock_out(
    app: &AppState,
    admin: &AddressAdmin,
    from: ClientAddress,
    stored: &AddressRules,
    wanted: &Limits,
) -> Result<Option<&'static str>, StoreError> {
    let mut rules = app.addresses.of_place(None).await?;
    if let Some(institute) = admin.institute() {
        rules.extend(app.addresses.of_place(Some(institute)).await?);
    }
    rules.retain(|rules| rules.subject != stored.subject);
    rules.push(AddressRules { limits: wanted.clone(), ..stored.clone() });
    Ok(locks_out(&rules, &stored.subject, &admin.maker(from), app.clock.now()))
}

fn show_preview(
    admin: &AddressAdmin,
    page: Page,
    form: LimitsForm,
    wanted: &Limits,
    preview: Preview,
    seen: String,
) -> AppResult<Response> {
    let outside = preview.outside.into_iter().map(|one| OutsiderLine {
        name: one.name,
        email: one.email,
        address: one.address.to_string(),
        at: filters::moment(one.at),
    });
    let outside: Vec<OutsiderLine> = outside.collect();
    page.render(|layout| PreviewPage {
        layout,
        url: admin.url(),
        words: form.subject.words(),
        subject: form.subject.to_string(),
        rev: form.rev,
        again: form.seen.is_some(),
        networks: form.networks,
        contact: wanted.contact.clone(),
        seen,
        lines: wanted.networks.iter().map(written).collect(),
        concerned: preview.concerned,
        outside,
        unknown: preview.unknown,
        will_run_out: wanted.will_run_out(),
    })
}

async fn render(
    admin: &AddressAdmin,
    page: Page,
    app: &AppState,
    from: ClientAddress,
    outcome: Outcome,
) -> AppResult<Response> {
    let mut stored = app.addresses.of_place(admin.institute()).await?;
    let history: Result<Vec<ChangeLine>, StoreError> =
        app.events.of_addresses(admin, RECENT).await?.into_iter().map(ChangeLine::new).collect();
    let cards = admin.subjects().into_iter().enumerate().map(|(number, subject)| {
        let at = stored.iter().position(|rules| rules.subject == subject);
        let rules = at.map_or_else(|| AddressRules::none_of(subject), |at| stored.swap_remove(at));
        Card::new(number, rules, &outcome, app.clock.now())
    });
    let cards: Vec<Card> = cards.collect();
    let history = history?;
    let class = StepUpClass::Administration;
    let opened = admin.principal().has_opened(class, app.clock.now());
    let back = admin.institute().map_or_else(|| urls::people().to_owned(), urls::institute_settings);
    page.render(|layout| RulesPage {
        layout,
        url: admin.url(),
        institute: admin.institute().map(ToString::to_string),
        back,
        from: from.client.to_string(),
        saved: outcome.saved,
        problem: outcome.problem,
        errors: outcome.errors,
        cards,
        history,
        code_first: (!opened).then(|| urls::confirm(class, &admin.url())),
    })
}
