//! The page that names who reads a case, for the owner's people who read it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::change::{Became, By, Wanted, names, restrict};
use super::forms::{REASON, RestrictionForm, read_rev};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseEditor, Restriction, Stale};
use crate::error::{AppError, AppResult, FieldError};
use crate::users::Colleague;
use crate::web::{CsrfForm, Layout, Page, Saved, filters, see_other, urls};

#[derive(Template)]
#[template(path = "cases/restriction.html")]
struct RestrictionPage {
    layout: Layout,
    name: String,
    institute: String,
    case_url: String,
    url: String,
    timeline_url: String,
    saved: bool,
    restricted: Option<Restricted>,
    people: Vec<PersonChoice>,
    reason: String,
    longest: usize,
    rev: String,
    /// With whom the case is shared, which restricting it ends.
    shared_with: Vec<String>,
    errors: Vec<FieldError>,
}

impl RestrictionPage {
    fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|error| error.field == field)
    }
}

/// How it stands.
struct Restricted {
    names: Vec<String>,
    reason: String,
    by: String,
    at: String,
    lift_url: String,
    /// The revision that is lifted.
    rev: i64,
}

struct PersonChoice {
    id: String,
    name: String,
    chosen: bool,
    /// Whether they have to be named: the reader, and who works on the case.
    why: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiftForm {
    rev: String,
}

/// `GET /{institute}/{case}/restriction`
pub(super) async fn show(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    Query(saved): Query<Saved>,
) -> AppResult<Response> {
    render(&editor, page, &app, None, saved.is_so()).await
}

/// `POST /{institute}/{case}/restriction`
pub(super) async fn name_people(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let form = RestrictionForm::of(&pairs).map_err(AppError::Unprocessable)?;
    let refused = match form.read() {
        Err(wrong) => wrong,
        Ok((wanted, rev)) => {
            let url = urls::restriction(editor.access().case());
            match set(&app, &editor, &trail, &wanted, rev).await? {
                Became::Done => return Ok(see_other(&format!("{url}?saved=1"))),
                Became::Refused(why) => vec![FieldError::new("person", "", why)],
                Became::Stale(now, rev) => return stale(&app, &editor, page, &wanted, (now, rev), (url, pairs)).await,
            }
        }
    };
    let mut shown = render(&editor, page, &app, Some((form, refused)), false).await?;
    *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(shown)
}

/// `POST /{institute}/{case}/restriction/lift`
pub(super) async fn lift(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<LiftForm>,
) -> AppResult<Response> {
    let rev = read_rev(&form.rev).map_err(|wrong| AppError::Unprocessable(vec![wrong]))?;
    let wanted = Wanted::Everybody;
    let case = editor.access().case();
    match set(&app, &editor, &trail, &wanted, rev).await? {
        Became::Done => Ok(see_other(&format!("{}?saved=1", urls::restriction(case)))),
        Became::Refused(why) => Err(AppError::Unprocessable(vec![FieldError::new("rev", &form.rev, why)])),
        Became::Stale(now, rev) => {
            let again = (urls::lift_restriction(case), Vec::new());
            stale(&app, &editor, page, &wanted, (now, rev), again).await
        }
    }
}

async fn set(app: &AppState, editor: &CaseEditor, trail: &Trail, wanted: &Wanted, rev: i64) -> AppResult<Became> {
    let case = editor.access().case();
    if let Wanted::Named { people, .. } = wanted {
        for user in people {
            trail.note_done("user", user.as_str(), Some(&case.institute));
        }
    }
    Ok(Box::pin(restrict(app, By::Editor(editor), case, wanted, Some(rev))).await?)
}

/// Somebody else changed it: what stands beside what was wanted.
async fn stale(
    app: &AppState,
    editor: &CaseEditor,
    page: Page,
    wanted: &Wanted,
    (now, rev): (Option<Restriction>, i64),
    again: (String, Vec<(String, String)>),
) -> AppResult<Response> {
    let case = editor.access().case();
    let readers = app.users.readers(&case.institute).await?;
    let told = |restriction: &Restriction| {
        super::in_words(restriction, &readers).into_iter().map(|(what, value)| format!("{what}: {value}")).collect()
    };
    let everybody = || format!("read by everybody who reads cases of {}", case.institute);
    let wanted = match wanted {
        Wanted::Named { people, reason } => {
            let named = readers.iter().filter(|one| people.contains(&one.id)).map(|one| one.name.as_str());
            format!("read by {}: {reason}", named.collect::<Vec<_>>().join(", "))
        }
        Wanted::Everybody => everybody(),
    };
    let stale = Stale {
        of: format!("case {}", case.name),
        what: "Somebody changed who reads this case after you opened the page.".to_owned(),
        now: now.as_ref().map_or_else(|| vec![everybody()], told),
        wanted,
        again: Some(again),
        back: urls::restriction(case),
    };
    stale.told(editor.access(), page, rev)
}

async fn render(
    editor: &CaseEditor,
    page: Page,
    app: &AppState,
    refused: Option<(RestrictionForm, Vec<FieldError>)>,
    saved: bool,
) -> AppResult<Response> {
    let access = editor.access();
    let case = access.case();
    let readers = app.users.readers(&case.institute).await?;
    let (form, errors) = refused.map_or((None, Vec::new()), |(form, errors)| (Some(form), errors));
    let is_chosen = |one: &Colleague| match (&form, &case.restriction) {
        (Some(form), _) => form.people.contains(one.id.as_str()),
        (None, Some(restriction)) => restriction.names(&one.id),
        (None, None) => one.id == *access.principal().user() || case.assignees.contains(&one.id),
    };
    let people = readers.iter().map(|one| PersonChoice {
        id: one.id.to_string(),
        name: one.name.clone(),
        chosen: is_chosen(one),
        why: match () {
            () if one.id == *access.principal().user() => "you",
            () if case.assignees.contains(&one.id) => "works on the case",
            () => "",
        },
    });
    let people = people.collect();
    let restricted = case.restriction.as_ref().map(|restriction| Restricted {
        names: names(restriction, &readers),
        reason: restriction.reason.clone(),
        by: restriction.by.name.clone(),
        at: filters::moment(restriction.at),
        lift_url: urls::lift_restriction(case),
        rev: case.restriction_rev,
    });
    let reason = case.restriction.as_ref().map(|restriction| restriction.reason.clone()).unwrap_or_default();
    let now = app.clock.now();
    page.render(|layout| RestrictionPage {
        layout: layout.with_case(access.bar()),
        name: case.name.to_string(),
        institute: case.institute.to_string(),
        case_url: urls::case(case),
        url: urls::restriction(case),
        timeline_url: urls::timeline(case, &[("kind", "readers".to_owned())]),
        saved,
        restricted,
        people,
        reason: form.as_ref().map_or(reason, |form| form.reason.clone()),
        longest: *REASON.end(),
        rev: form.map_or_else(|| case.restriction_rev.to_string(), |form| form.rev),
        shared_with: case
            .shares
            .iter()
            .filter(|share| share.is_running(now))
            .map(|share| share.with.to_string())
            .collect(),
        errors,
    })
}
