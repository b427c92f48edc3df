//! The consent page of a case, for the owner's people who read it.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use tracing::warn;

use super::change::{Became, record as put_on_record};
use super::forms::{ConsentForm, Wanted, day_field};
use super::model::{IndividualConsents, Purpose, in_words};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseEditor, Individual, Stale, members};
use crate::error::{AppError, AppResult, FieldError};
use crate::pedigree;
use crate::web::{CsrfForm, Layout, Page, Saved, filters, see_other, urls};

#[derive(Template)]
#[template(path = "cases/consent.html")]
struct ConsentPage {
    layout: Layout,
    name: String,
    case_url: String,
    url: String,
    timeline_url: String,
    saved: bool,
    /// Name of the list of secondary findings and how many of its genes no ordered panel holds; none when none is loaded.
    list: Option<(String, usize)>,
    /// In whom its genes are closed, by name.
    closed_in: Vec<String>,
    today: String,
    people: Vec<PersonForm>,
}

/// The form of one individual.
struct PersonForm {
    id: String,
    name: String,
    /// Relation and phenotype, in words.
    is: String,
    rev: String,
    lines: Vec<Line>,
    errors: Vec<FieldError>,
}

/// One purpose.
struct Line {
    field: &'static str,
    day_field: String,
    what: &'static str,
    /// Value, words and whether chosen.
    answers: Vec<(&'static str, &'static str, bool)>,
    day: String,
    /// Who put it on record, and when; empty for nothing.
    recorded: String,
    wrong: String,
}

/// `GET /{institute}/{case}/consent`
pub(super) async fn show(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    Query(saved): Query<Saved>,
) -> AppResult<Response> {
    render(&editor, page, &app, None, saved.is_so())
}

/// `POST /{institute}/{case}/consent`: what one individual said, about all purposes.
pub(super) async fn record(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let form = ConsentForm::of(&pairs).map_err(AppError::Unprocessable)?;
    let wanted = match form.read(filters::day(app.clock.now())) {
        Ok(wanted) => wanted,
        Err(wrong) => {
            let mut shown = render(&editor, page, &app, Some(&(form, wrong)), false)?;
            *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(shown);
        }
    };
    let case = editor.access().case();
    trail.note_done("individual", &wanted.individual, Some(&case.institute));
    let url = urls::consent(case);
    match Box::pin(put_on_record(&app, &editor, &wanted)).await? {
        Became::Done => {
            follow(app, editor).await?;
            Ok(see_other(&format!("{url}?saved=1")))
        }
        Became::Nobody => Err(AppError::NotFound("individual")),
        Became::Stale(now) => stale(&editor, page, &wanted, &now, (url, pairs)),
    }
}

/// How long whoever puts consent on record waits for the local frequencies to follow.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Brings the local frequencies in line. In a large case that takes longer than anybody should wait, so it goes on without
/// them; should it be cut off, putting the same on record again, or the next load, finishes it.
async fn follow(app: AppState, editor: CaseEditor) -> AppResult<()> {
    let work = tokio::spawn(async move {
        // What is on record may change while this goes on; the last word counts.
        loop {
            let case = app.cases.again(&editor, app.clock.now()).await?;
            match app.observations.follow_consent(&case).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => {
                    warn!(case.id = %case.id, "the local frequencies do not follow consent yet: {error}");
                    return Err(error);
                }
            }
        }
    });
    match tokio::time::timeout(LONGEST_WAIT, work).await {
        Ok(Ok(done)) => done.map_err(AppError::from),
        Ok(Err(failed)) => Err(anyhow::Error::new(failed).context("counting a case as its people consent").into()),
        Err(_) => Ok(()),
    }
}

/// Somebody else changed the answers: what stands beside what was wanted.
fn stale(
    editor: &CaseEditor,
    page: Page,
    wanted: &Wanted,
    now: &IndividualConsents,
    (url, pairs): (String, Vec<(String, String)>),
) -> AppResult<Response> {
    let words = |(what, said): (String, String)| format!("{what}: {said}");
    let wanted: Vec<String> = wanted
        .answers
        .iter()
        .map(|(purpose, (answer, on))| format!("{}: {}, {on}", purpose.words(), answer.words(*purpose)))
        .collect();
    let stale = Stale {
        of: format!("{} in case {}", now.individual_id, editor.access().case().name),
        what: "Somebody changed what is on record of this person’s consent after you opened the page.".to_owned(),
        now: in_words(now).into_iter().map(words).collect(),
        wanted: if wanted.is_empty() { "nothing on record".to_owned() } else { wanted.join("; ") },
        again: Some((url.clone(), pairs)),
        back: url,
    };
    stale.told(editor.access(), page, now.rev)
}

fn render(
    editor: &CaseEditor,
    page: Page,
    app: &AppState,
    refused: Option<&(ConsentForm, Vec<FieldError>)>,
    saved: bool,
) -> AppResult<Response> {
    let access = editor.access();
    let case = access.case();
    let withheld = case.withheld();
    let relations = pedigree::relations(&members(case));
    let people = case.individuals.iter().zip(&relations).map(|(individual, relation)| {
        let of_them = refused.filter(|(form, _)| form.individual == individual.individual_id);
        let known = case.consents.of(&individual.individual_id);
        PersonForm::new(individual, relation, &known, of_them)
    });
    page.render(|layout| ConsentPage {
        layout: layout.with_case(access.bar()),
        name: case.name.to_string(),
        case_url: urls::case(case),
        url: urls::consent(case),
        timeline_url: urls::timeline(case, &[("kind", "consent".to_owned())]),
        saved,
        list: case.secondary.as_ref().map(|secondary| (secondary.list.clone(), secondary.genes.len())),
        closed_in: case
            .individuals
            .iter()
            .filter(|individual| withheld.concerns(&individual.individual_id))
            .map(|individual| individual.name.clone())
            .collect(),
        today: filters::date(app.clock.now()),
        people: people.collect(),
    })
}

impl PersonForm {
    fn new(
        individual: &Individual,
        relation: &str,
        known: &IndividualConsents,
        refused: Option<&(ConsentForm, Vec<FieldError>)>,
    ) -> Self {
        let errors = refused.map(|(_, errors)| errors.clone()).unwrap_or_default();
        let line = |purpose: Purpose| {
            let given = known.answers.get(&purpose);
            let sent = refused.map(|(form, _)| form.fields.get(&purpose).cloned().unwrap_or_default());
            let (answer, day) = sent.unwrap_or_else(|| {
                given.map(|given| (given.answer.as_str().to_owned(), given.on.to_string())).unwrap_or_default()
            });
            let day_field = day_field(purpose);
            let of_line = |error: &&FieldError| error.field == purpose.as_str() || error.field == day_field;
            let wrong: Vec<&str> = errors.iter().filter(of_line).map(|error| error.message.as_str()).collect();
            Line {
                field: purpose.as_str(),
                what: purpose.words(),
                answers: purpose
                    .answers()
                    .iter()
                    .map(|known| (known.as_str(), known.words(purpose), known.as_str() == answer))
                    .collect(),
                day,
                recorded: given
                    .map(|given| format!("put on record by {}, {}", given.by.name, filters::moment(given.at)))
                    .unwrap_or_default(),
                wrong: wrong.join("; "),
                day_field,
            }
        };
        Self {
            id: individual.individual_id.clone(),
            name: individual.name.clone(),
            is: format!("{relation}, {}", individual.phenotype.as_str()),
            rev: known.rev.to_string(),
            lines: Purpose::ALL.map(line).into(),
            errors,
        }
    }
}
