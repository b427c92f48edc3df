//! The settings page of an institute, for its admins.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bson::Bson;
use serde::Deserialize;

use super::access::InstituteAdmin;
use super::change::{Changed, change};
use super::forms::{
    FREQUENCY_CUTOFF, ORDER_MAIL, OWN_REASONS, SHARE_WITH, SettingsForm, TARGET_DAYS, clinical_field, cutoff_field,
};
use super::model::{Choices, Difference, Institute};
use super::sign_out::SecondReader;
use crate::app::AppState;
use crate::db::StoreError;
use crate::decisions::terms::DISMISSALS;
use crate::error::{AppError, AppResult, FieldError};
use crate::events::{Event, EventKind, institute_subject};
use crate::saved_filters::{ClinicalFilter, SavedFilter};
use crate::variants::columns::CutoffKind;
use crate::variants::{ALWAYS_OFFERED, Category, LinkTarget};
use crate::web::{CsrfForm, Layout, Page, Params, filters, see_other, urls};

/// Changes shown below the form.
const RECENT: i64 = 10;

#[derive(Template)]
#[template(path = "institutes/settings.html")]
struct SettingsPage {
    layout: Layout,
    institute: Institute,
    reads_cases: bool,
    saved: bool,
    rev: i64,
    name: Field,
    frequency: Field,
    clinical: Vec<ClinicalChoice>,
    cutoffs: Vec<Field>,
    partners: Field,
    target: Field,
    order_mail: Field,
    /// Whether this server sends mail.
    sends_mail: bool,
    /// Known reasons to dismiss: code, words and whether offered.
    reasons: Vec<(u16, &'static str, bool)>,
    own_reasons: Field,
    /// Word, words and whether chosen.
    second_reader: Vec<(&'static str, &'static str, bool)>,
    sites: Vec<SiteChoice>,
    always: [(&'static str, &'static str); 2],
    errors: Vec<FieldError>,
    conflict: Vec<Difference>,
    history: Vec<ChangeLine>,
}

/// The clinical filter of a category.
struct ClinicalChoice {
    name: String,
    label: String,
    /// Value, words and whether chosen.
    offered: Vec<(String, String, bool)>,
    /// What the one that counts now keeps, in words.
    keeps: String,
    error: String,
}

/// A text field with what was typed and what is wrong with it.
struct Field {
    name: String,
    label: String,
    hint: &'static str,
    value: String,
    error: String,
}

struct SiteChoice {
    word: &'static str,
    site: &'static str,
    tells: &'static str,
    allowed: bool,
}

struct ChangeLine {
    at: String,
    who: String,
    what: Vec<Difference>,
    /// The revision before the change; none when there was nothing yet.
    earlier: Option<i64>,
}

/// What happened to a form before it is shown.
#[derive(Default)]
struct Outcome {
    saved: bool,
    errors: Vec<FieldError>,
    conflict: Vec<Difference>,
}

/// `GET /{institute}/settings`
pub(super) async fn show(
    admin: InstituteAdmin,
    page: Page,
    State(app): State<AppState>,
    params: Params,
) -> AppResult<Response> {
    let saved = params.pairs().iter().any(|(name, _)| name == "saved");
    let form = SettingsForm::of(admin.institute());
    render(&admin, page, &app, form, Outcome { saved, ..Outcome::default() }).await
}

/// `POST /{institute}/settings`
pub(super) async fn save(
    admin: InstituteAdmin,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let mut form = SettingsForm::read(pairs)?;
    let filters = app.filters.for_admin(&admin).await?;
    let wanted = match form.parse(admin.institute(), &filters) {
        Ok(wanted) => wanted,
        Err(errors) => {
            let shown = render(&admin, page, &app, form, Outcome { errors, ..Outcome::default() }).await?;
            return Ok(with_status(shown, StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    match change(&app, admin.institute(), form.rev, &wanted, admin.authority(), &admin.actor()).await? {
        Changed::Stored(_) | Changed::AsBefore => Ok(saved(&admin)),
        Changed::Conflict(now) => {
            // Saving again is then a choice made in sight of what is stored.
            form.rev = now.rev;
            let conflict = now.choices().differences(&wanted);
            let shown = render(&admin, page, &app, form, Outcome { conflict, ..Outcome::default() }).await?;
            Ok(with_status(shown, StatusCode::CONFLICT))
        }
        Changed::Partners(message) => wrong_partners(&admin, page, &app, form, message).await,
        Changed::NotAllowed => Err(AppError::NotFound("page")),
    }
}

async fn wrong_partners(
    admin: &InstituteAdmin,
    page: Page,
    app: &AppState,
    form: SettingsForm,
    message: String,
) -> AppResult<Response> {
    let errors = vec![FieldError::new(SHARE_WITH, &form.share_with, message)];
    let shown = render(admin, page, app, form, Outcome { errors, ..Outcome::default() }).await?;
    Ok(with_status(shown, StatusCode::UNPROCESSABLE_ENTITY))
}

/// What is put back: the state that a revision left, in place of the revision that was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutBack {
    rev: i64,
    to: i64,
}

/// `POST /{institute}/settings/restore`: an earlier state becomes a new change; 409 with the difference when somebody
/// else was faster.
pub(super) async fn restore(
    admin: InstituteAdmin,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<PutBack>,
) -> AppResult<Response> {
    let institute = admin.institute();
    let history = app.events.whole_of_institute(&admin).await?;
    let earlier = history.at_revision(form.to).filter(|state| **state != Bson::Null);
    let earlier = earlier.ok_or(AppError::NotFound("state"))?;
    let earlier = choices(earlier.clone(), &institute_subject(&institute.id))?;
    // Rights of people are given one by one, and come back with no earlier state.
    let wanted = Choices { sign_out: institute.sign_out.clone(), ..earlier };
    match change(&app, institute, form.rev, &wanted, admin.authority(), &admin.actor()).await? {
        Changed::Stored(_) | Changed::AsBefore => Ok(saved(&admin)),
        Changed::Conflict(now) => {
            let conflict = now.choices().differences(&wanted);
            let form = SettingsForm::of(&now.with(wanted));
            let shown = render(&admin, page, &app, form, Outcome { conflict, ..Outcome::default() }).await?;
            Ok(with_status(shown, StatusCode::CONFLICT))
        }
        Changed::Partners(message) => {
            let form = SettingsForm::of(&institute.with(wanted));
            wrong_partners(&admin, page, &app, form, message).await
        }
        Changed::NotAllowed => Err(AppError::NotFound("page")),
    }
}

fn saved(admin: &InstituteAdmin) -> Response {
    see_other(&format!("{}?saved=1", urls::institute_settings(&admin.institute().id)))
}

/// A state of the history, read.
fn choices(state: Bson, of: &str) -> Result<Choices, StoreError> {
    bson::deserialize_from_bson(state).map_err(|error| StoreError::Unreadable {
        collection: "events",
        id: of.to_owned(),
        reason: error.to_string(),
    })
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

async fn render(
    admin: &InstituteAdmin,
    page: Page,
    app: &AppState,
    form: SettingsForm,
    outcome: Outcome,
) -> AppResult<Response> {
    let events = app.events.of_institute(admin, RECENT).await?;
    let history = events.into_iter().map(ChangeLine::new).collect::<Result<_, _>>()?;
    let institute = admin.institute();
    let field = |name: &str, label: &str, hint: &'static str, value: String| Field {
        error: outcome.errors.iter().find(|error| error.field == name).map_or("", |error| &error.message).to_owned(),
        name: name.to_owned(),
        label: label.to_owned(),
        hint,
        value,
    };
    let filters = app.filters.for_admin(admin).await?;
    let clinical = form.clinical.iter().map(|(category, value)| {
        let name = clinical_field(*category);
        let error = outcome.errors.iter().find(|error| error.field == name).map(|error| error.message.clone());
        ClinicalChoice::new(institute, &filters, *category, value, error.unwrap_or_default())
    });
    let clinical: Vec<ClinicalChoice> = clinical.collect();
    let cutoffs = form
        .cutoffs
        .iter()
        .map(|(kind, text)| field(&cutoff_field(*kind), kind.label(), hint(*kind), text.clone()))
        .collect();
    let sites = LinkTarget::ALL.into_iter().map(|target| SiteChoice {
        word: target.as_str(),
        site: target.site(),
        tells: target.tells(),
        allowed: form.links.contains(&target),
    });
    let shown = SettingsPage {
        layout: Layout::default(),
        reads_cases: admin.principal().scope().covers(&institute.id),
        saved: outcome.saved,
        rev: form.rev,
        name: field("name", "Name", "As it stands on pages. The short name in addresses stays as it is.", form.name),
        frequency: field(
            FREQUENCY_CUTOFF,
            "Highest gnomAD frequency",
            "A fraction: 0.01 is one percent. Lodestone’s own filter hides variants above it.",
            form.frequency_cutoff,
        ),
        clinical,
        cutoffs,
        partners: field(
            SHARE_WITH,
            "May be shared with",
            "Short names of institutes, as in cust111, with spaces between. Taking one off stops new shares; a share that runs is ended on its case.",
            form.share_with,
        ),
        target: field(
            TARGET_DAYS,
            "Days from sample to answer",
            "What you aim at, counted from the analysis of the sample. Empty: cases show their age alone.",
            form.target_days,
        ),
        order_mail: field(
            ORDER_MAIL,
            "Who gets orders by mail",
            "E-mail addresses with spaces between, as in lab@clinic.example. Empty: nobody.",
            form.order_mail,
        ),
        sends_mail: app.config.mail.is_on(),
        reasons: DISMISSALS.iter().map(|(code, words)| (*code, *words, form.reasons.contains(code))).collect(),
        own_reasons: field(
            OWN_REASONS,
            "Reasons of your own",
            "One on each line, in at most 60 characters. What was dismissed for one that is taken off stays so, in its words.",
            form.own_reasons,
        ),
        second_reader: SecondReader::ALL
            .into_iter()
            .map(|way| (way.as_str(), way.words(), form.second_reader == way.as_str()))
            .collect(),
        sites: sites.collect(),
        always: ALWAYS_OFFERED,
        errors: outcome.errors.clone(),
        conflict: outcome.conflict,
        history,
        institute: institute.clone(),
    };
    page.render(|layout| SettingsPage { layout, ..shown })
}

fn hint(kind: CutoffKind) -> &'static str {
    match kind {
        CutoffKind::Frequency => "Fractions from 0 to 1, for gnomAD, ExAC, 1000 Genomes and SweGen.",
        CutoffKind::LocalObs => "How often the laboratory's archive has the variant.",
        CutoffKind::Cadd => "Scaled scores from 0 to 100.",
        CutoffKind::Revel | CutoffKind::Spliceai => "From 0 to 1.",
        CutoffKind::RankScore => "As the laboratory's rank model gives them.",
    }
}

impl ClinicalChoice {
    fn new(institute: &Institute, saved: &[SavedFilter], category: Category, value: &str, error: String) -> Self {
        let mut offered = vec![(String::new(), "Lodestone’s own".to_owned(), value.is_empty())];
        let stands = institute.settings.clinical.get(&category).cloned();
        let others = saved.iter().filter(|one| one.category == category && !one.retired).map(ClinicalFilter::of);
        for one in stands.into_iter().chain(others) {
            if !offered.iter().any(|(known, ..)| *known == one.value()) {
                offered.push((one.value(), one.title(), one.value() == value));
            }
        }
        let (name, words) = institute.clinical_filter_in_words(category);
        Self {
            name: clinical_field(category),
            label: format!("Filter of {}", category.words()),
            offered,
            keeps: format!("{name}: {}", words.join("; ")),
            error,
        }
    }
}

impl ChangeLine {
    fn new(event: Event) -> Result<Self, StoreError> {
        let after = choices(event.after, &event.id)?;
        let (what, earlier) = match event.kind {
            EventKind::InstituteAdded => (Vec::new(), None),
            _ => (choices(event.before, &event.id)?.differences(&after), Some(event.rev - 1)),
        };
        Ok(Self { at: filters::moment(event.at), who: event.actor.name, what, earlier })
    }
}
