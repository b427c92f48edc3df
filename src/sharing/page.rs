//! The sharing page of a case, for the owner's people who read it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::change::{Ended, Granted, end, grant};
use super::forms::{EndForm, LONGEST, ShareForm, latest_day, read_reason};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{BulkExport, StepUpClass, SteppedUp};
use crate::cases::{Case, CaseEditor, Share, SharedLists};
use crate::error::{AppError, AppResult, FieldError};
use crate::institutes::Institute;
use crate::web::{CsrfForm, Layout, Page, filters, problem, see_other, urls};

#[derive(Template)]
#[template(path = "cases/sharing.html")]
struct SharingPage {
    layout: Layout,
    name: String,
    case_url: String,
    url: String,
    running: Vec<ShareLine>,
    over: Vec<ShareLine>,
    proposals: Vec<Proposal>,
    partners: Vec<Choice>,
    purpose: String,
    lists: Vec<Choice>,
    comments: bool,
    until: String,
    latest: String,
    longest: usize,
    errors: Vec<FieldError>,
    done: &'static str,
    code_first: Option<String>,
}

struct ShareLine {
    id: String,
    with: String,
    purpose: String,
    lists: &'static str,
    comments: bool,
    by: String,
    at: String,
    until: String,
    /// How it ended; empty while it runs.
    ended: String,
}

/// An institute that the load configuration proposed.
struct Proposal {
    institute: String,
    /// The form for it; none when it is not on the agreement list.
    url: Option<String>,
}

struct Choice {
    value: String,
    words: String,
    selected: bool,
}

/// Whom the form is filled in for, and what was done just now.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    with: String,
    #[serde(default)]
    done: String,
}

/// `GET /{institute}/{case}/sharing`
pub(super) async fn show(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    Query(asked): Query<Asked>,
) -> AppResult<Response> {
    let done = match asked.done.as_str() {
        "shared" => "Shared. It stands on the guests’ list of cases from now on.",
        "ended" => "Ended. The guests cannot open the case any more.",
        _ => "",
    };
    let owner = owner(&app, &editor).await?;
    let form = ShareForm::offered(&asked.with, app.clock.now());
    render(&editor, page, &app, &owner, form, Vec::new(), done)
}

/// `POST /{institute}/{case}/sharing`
pub(super) async fn share(
    editor: CaseEditor,
    _: SteppedUp<BulkExport>,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<ShareForm>,
) -> AppResult<Response> {
    let owner = owner(&app, &editor).await?;
    let errors = match form.parse(&owner.settings.share_with, app.clock.now()) {
        Err(errors) => errors,
        Ok(terms) => match grant(&app, &editor, &terms).await? {
            Granted::Shared(share) | Granted::AsBefore(share) => {
                note(&trail, &share);
                return Ok(done(editor.access().case(), "shared"));
            }
            Granted::Running(share) => {
                let words = format!(
                    "is shared with {} already, until {}; end that share first, then share it anew",
                    share.with,
                    share.last_day()
                );
                vec![FieldError::new("with", &form.with, words)]
            }
            Granted::Refused(why) => vec![FieldError::new("with", &form.with, why)],
        },
    };
    let mut shown = render(&editor, page, &app, &owner, form, errors, "")?;
    *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(shown)
}

/// `POST /{institute}/{case}/sharing/end`: quick, so it asks for no code.
pub(super) async fn stop(
    editor: CaseEditor,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<EndForm>,
) -> AppResult<Response> {
    let id = form.share.parse().map_err(|_| AppError::NotFound("share"))?;
    let reason = read_reason(&form.reason).map_err(|wrong| problem("reason", &form.reason, wrong.message))?;
    match end(&app, &editor, &id, reason).await? {
        Ended::Over(share) | Ended::AsBefore(share) => {
            note(&trail, &share);
            Ok(done(editor.access().case(), "ended"))
        }
        Ended::NotThere => Err(AppError::NotFound("share")),
    }
}

async fn owner(app: &AppState, editor: &CaseEditor) -> AppResult<Institute> {
    let owner = app.institutes.find(&editor.access().case().institute).await?;
    owner.ok_or(AppError::NotFound("institute"))
}

fn note(trail: &Trail, share: &Share) {
    trail.note_done("share", share.id.as_str(), None);
    trail.note_done("shared_with", share.with.as_str(), None);
}

fn done(case: &Case, what: &str) -> Response {
    see_other(&urls::sharing(case, &[("done", what.to_owned())]))
}

fn render(
    editor: &CaseEditor,
    page: Page,
    app: &AppState,
    owner: &Institute,
    form: ShareForm,
    errors: Vec<FieldError>,
    done: &'static str,
) -> AppResult<Response> {
    let (access, now) = (editor.access(), app.clock.now());
    let case = access.case();
    let bar = access.bar();
    let class = StepUpClass::BulkExport;
    let back = urls::sharing(case, &[("with", form.with.clone())]);
    let code_first = (!access.principal().has_opened(class, now)).then(|| urls::confirm(class, &back));
    let agreed = &owner.settings.share_with;
    let shares = |running: bool| {
        let mut lines: Vec<&Share> = case.shares.iter().filter(|share| share.is_running(now) == running).collect();
        lines.sort_by_key(|share| std::cmp::Reverse(share.at));
        lines.into_iter().map(|share| ShareLine::new(share, now)).collect()
    };
    let open = |id: &&crate::ids::InstituteId| {
        !case.shares.iter().any(|share| share.with == **id && share.is_running(now)) && **id != case.institute
    };
    page.render(|layout| SharingPage {
        layout: layout.with_case(bar),
        name: case.name.to_string(),
        case_url: urls::case(case),
        url: urls::sharing(case, &[]),
        running: shares(true),
        over: shares(false),
        proposals: case
            .share_proposals
            .iter()
            .filter(open)
            .map(|id| Proposal {
                institute: id.to_string(),
                url: agreed.contains(id).then(|| urls::sharing(case, &[("with", id.to_string())])),
            })
            .collect(),
        partners: agreed
            .iter()
            .map(|id| Choice { value: id.to_string(), words: id.to_string(), selected: id.as_str() == form.with })
            .collect(),
        purpose: form.purpose,
        lists: SharedLists::ALL
            .map(|lists| Choice {
                value: lists.as_str().to_owned(),
                words: lists.words().to_owned(),
                selected: lists.as_str() == form.lists,
            })
            .into(),
        comments: form.comments.is_some(),
        until: form.until,
        latest: latest_day(now).to_string(),
        longest: LONGEST,
        errors,
        done,
        code_first,
    })
}

impl ShareLine {
    fn new(share: &Share, now: Timestamp) -> Self {
        let ended = match &share.ended {
            Some(end) => {
                let reason = end.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("ended {} by {}{reason}", filters::moment(end.at), end.by.name)
            }
            None if share.is_running(now) => String::new(),
            None => "ran out".to_owned(),
        };
        Self {
            id: share.id.to_string(),
            with: share.with.to_string(),
            purpose: share.purpose.clone(),
            lists: share.lists.words(),
            comments: share.comments,
            by: share.by.name.clone(),
            at: filters::moment(share.at),
            until: share.last_day().to_string(),
            ended,
        }
    }
}
