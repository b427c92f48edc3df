//! The page on which research lists are opened, for the owner's people who read the case.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::change::{Became, Wanted, in_words, set};
use crate::app::AppState;
use crate::cases::{CaseEditor, CaseList, ListKind, Research, Stale};
use crate::consent::Purpose;
use crate::error::{AppError, AppResult, FieldError};
use crate::restriction::{REASON, read_reason, read_rev};
use crate::variants::VariantState;
use crate::web::{CsrfForm, Layout, Page, Saved, filters, see_other, urls};

#[derive(Template)]
#[template(path = "cases/research.html")]
struct ResearchPage {
    layout: Layout,
    name: String,
    case_url: String,
    url: String,
    close_url: String,
    consent_url: String,
    timeline_url: String,
    saved: bool,
    open: Option<Open>,
    /// When the list that waits behind the door was loaded; none when there is none.
    loaded: Option<String>,
    people: Vec<Answer>,
    /// Whether all of them consent.
    all_consent: bool,
    /// Validations of their variants that wait for a result.
    waiting: usize,
    reason: String,
    longest: usize,
    rev: String,
    errors: Vec<FieldError>,
}

impl ResearchPage {
    fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }
}

/// How the lists were opened.
struct Open {
    reason: String,
    by: String,
    at: String,
    /// Where they are read, with how many variants; none while no list is loaded.
    list: Option<(String, String)>,
}

/// What somebody whose sample is in the lists said.
struct Answer {
    name: String,
    said: &'static str,
    consents: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenForm {
    reason: String,
    rev: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseForm {
    rev: String,
}

/// `GET /{institute}/{case}/research`
pub(super) async fn show(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    Query(saved): Query<Saved>,
) -> AppResult<Response> {
    render(&editor, page, &app, None, saved.is_so()).await
}

/// `POST /{institute}/{case}/research`: opens the lists for a reason.
pub(super) async fn open(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<OpenForm>,
) -> AppResult<Response> {
    let (reason, rev) = (read_reason(&form.reason), read_rev(&form.rev));
    let wrong = match (reason, rev) {
        (Ok(reason), Ok(rev)) => {
            let wanted = Wanted::Open(reason);
            match Box::pin(set(&app, &editor, &wanted, rev)).await? {
                Became::Done => return Ok(done(&editor)),
                Became::Stale(now, rev) => return stale(&editor, page, &wanted, now.as_ref(), rev),
                Became::Refused(names) => {
                    let why = format!("{} must consent to research first, on record", names.join(", "));
                    vec![FieldError::new("consent", "", why)]
                }
            }
        }
        (reason, rev) => {
            let reason = reason.err().map(|message| FieldError::new("reason", &form.reason, message));
            reason.into_iter().chain(rev.err()).collect()
        }
    };
    let mut shown = render(&editor, page, &app, Some((form, wrong)), false).await?;
    *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(shown)
}

/// `POST /{institute}/{case}/research/close`
pub(super) async fn close(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<CloseForm>,
) -> AppResult<Response> {
    let rev = read_rev(&form.rev).map_err(|wrong| AppError::Unprocessable(vec![wrong]))?;
    match Box::pin(set(&app, &editor, &Wanted::Closed, rev)).await? {
        Became::Stale(now, rev) => stale(&editor, page, &Wanted::Closed, now.as_ref(), rev),
        // Consent is asked of who opens, not of who closes.
        Became::Done | Became::Refused(_) => Ok(done(&editor)),
    }
}

fn done(editor: &CaseEditor) -> Response {
    see_other(&format!("{}?saved=1", urls::research(editor.access().case())))
}

/// Somebody else opened or closed them: what stands beside what was wanted.
fn stale(editor: &CaseEditor, page: Page, wanted: &Wanted, now: Option<&Research>, rev: i64) -> AppResult<Response> {
    let case = editor.access().case();
    let closed = || "research lists: closed".to_owned();
    let told =
        |research: &Research| in_words(research).into_iter().map(|(what, value)| format!("{what}: {value}")).collect();
    // What is open stays so for the reason it was opened for.
    let is_open_already = now.is_some() && matches!(wanted, Wanted::Open(_));
    let (wanted, again) = match wanted {
        Wanted::Open(reason) => (
            format!("research lists: open: {reason}"),
            (urls::research(case), vec![("reason".to_owned(), reason.clone())]),
        ),
        Wanted::Closed => (closed(), (urls::close_research(case), Vec::new())),
    };
    let stale = Stale {
        of: format!("case {}", case.name),
        what: "Somebody opened or closed the research lists after you opened the page.".to_owned(),
        now: now.map_or_else(|| vec![closed()], told),
        wanted,
        again: (!is_open_already).then_some(again),
        back: urls::research(case),
    };
    stale.told(editor.access(), page, rev)
}

async fn render(
    editor: &CaseEditor,
    page: Page,
    app: &AppState,
    refused: Option<(OpenForm, Vec<FieldError>)>,
    saved: bool,
) -> AppResult<Response> {
    let access = editor.access();
    let case = access.case();
    let (form, errors) = refused.map_or((None, Vec::new()), |(form, errors)| (Some(form), errors));
    let states = app.states.of_case(access).await?;
    let waits = |state: &&VariantState| state.list() == ListKind::Research && state.is_to_validate();
    let of_research = |list: &&CaseList| list.list == ListKind::Research;
    let open = case.research.as_ref().map(|research| Open {
        reason: research.reason.clone(),
        by: research.by.name.clone(),
        at: filters::moment(research.at),
        list: case
            .lists
            .iter()
            .find(of_research)
            .map(|list| (urls::whole_list(case, list.list), filters::thousands(u64::from(list.shown())))),
    });
    let people: Vec<Answer> = case
        .individuals
        .iter()
        .filter(|one| one.has_dna())
        .map(|one| {
            let answers = case.consents.of(&one.individual_id).answers;
            let given = answers.get(&Purpose::Research);
            Answer {
                name: one.name.clone(),
                said: given.map_or("not on record", |given| given.answer.words(Purpose::Research)),
                consents: given.is_some_and(|given| given.answer.allows()),
            }
        })
        .collect();
    page.render(|layout| ResearchPage {
        layout: layout.with_case(access.bar()),
        name: case.name.to_string(),
        case_url: urls::case(case),
        url: urls::research(case),
        close_url: urls::close_research(case),
        consent_url: urls::consent(case),
        timeline_url: urls::timeline(case, &[("kind", "consent".to_owned())]),
        saved,
        loaded: case.closed_lists.iter().find(of_research).map(|list| filters::date(list.loaded_at)),
        open,
        all_consent: people.iter().all(|person| person.consents),
        waiting: states.values().filter(waits).count(),
        people,
        reason: form.as_ref().map(|form| form.reason.clone()).unwrap_or_default(),
        longest: *REASON.end(),
        rev: form.map_or_else(|| case.research_rev.to_string(), |form| form.rev),
        errors,
    })
}
