//! The page on which somebody opens a case in an emergency.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::access::EmergencyUser;
use super::change::{Opened, end, open};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Administration, StepUpClass, SteppedUp};
use crate::cases::{Case, CasePath, EMERGENCY_LASTS};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::{CaseName, InstituteId};
use crate::web::{CsrfForm, Layout, Page, Path, filters, see_other, urls};

/// Fewest and most characters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;

#[derive(Template)]
#[template(path = "cases/break_glass.html")]
struct EmergencyPage {
    layout: Layout,
    form: EmergencyForm,
    errors: Vec<FieldError>,
    running: Vec<Running>,
    minutes: i64,
    longest: usize,
    code_first: Option<String>,
}

/// A case that is open.
struct Running {
    name: String,
    institute: String,
    url: String,
    until: String,
}

/// What was submitted, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmergencyForm {
    institute: String,
    case: String,
    reason: String,
}

impl EmergencyForm {
    fn reason(&self) -> Result<&str, FieldError> {
        let reason = self.reason.trim();
        if REASON.contains(&reason.chars().count()) && !reason.chars().any(char::is_control) {
            return Ok(reason);
        }
        let (least, most) = (REASON.start(), REASON.end());
        Err(FieldError::new("reason", &self.reason, format!("write why, in {least} to {most} characters on one line")))
    }

    /// A case as it can be named; what cannot be a name is as absent as a case that is not there.
    fn case(&self) -> AppResult<(InstituteId, CaseName)> {
        let absent = || AppError::NotFound("case");
        let institute = self.institute.trim().parse().map_err(|_| absent())?;
        Ok((institute, self.case.trim().parse().map_err(|_| absent())?))
    }
}

/// `GET /break-glass`
pub(super) async fn show(by: EmergencyUser, page: Page, State(app): State<AppState>) -> AppResult<Response> {
    render(&by, page, &app, EmergencyForm::default(), Vec::new()).await
}

/// `POST /break-glass`: what is wrong with the reason is told before the case is looked up, so that it tells nothing.
pub(super) async fn open_case(
    by: EmergencyUser,
    _: SteppedUp<Administration>,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<EmergencyForm>,
) -> AppResult<Response> {
    let reason = match form.reason() {
        Ok(reason) => reason,
        Err(wrong) => {
            let mut shown = render(&by, page, &app, form, vec![wrong]).await?;
            *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(shown);
        }
    };
    let (institute, name) = form.case()?;
    trail.note_asked("institute", institute.as_str());
    trail.note_asked("case", name.as_str());
    if by.principal().is_member_of(&institute) {
        trail.note_place(&institute);
    }
    match open(&app, &by.opener(institute, &trail)?, &name, reason).await? {
        Opened::Now(case) => {
            note(&trail, &case);
            // The case's identity stands in the trail for what was opened, which is what is flagged for review.
            trail.note_done("case_id", case.id.as_str(), None);
            Ok(see_other(&urls::case(&case)))
        }
        Opened::Already(case) => {
            note(&trail, &case);
            Ok(see_other(&urls::case(&case)))
        }
        Opened::NotThere => Err(AppError::NotFound("case")),
    }
}

/// `POST /{institute}/{case}/break-glass/end`
pub(super) async fn stop(
    by: EmergencyUser,
    State(app): State<AppState>,
    Path(at): Path<CasePath>,
    trail: Trail,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> AppResult<Response> {
    trail.note_asked("institute", at.institute.as_str());
    trail.note_asked("case", at.case.as_str());
    if end(&app, &by, &at.institute, &at.case).await? {
        trail.note_done("case", at.case.as_str(), Some(&at.institute));
        Ok(see_other(urls::break_glass()))
    } else {
        Err(AppError::NotFound("case"))
    }
}

/// A form whose only content is its token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFields {}

fn note(trail: &Trail, case: &Case) {
    trail.note_done("institute", case.institute.as_str(), Some(&case.institute));
    trail.note_done("case", case.name.as_str(), None);
}

async fn render(
    by: &EmergencyUser,
    page: Page,
    app: &AppState,
    form: EmergencyForm,
    errors: Vec<FieldError>,
) -> AppResult<Response> {
    let now = app.clock.now();
    let user = by.principal().user();
    let open = app.cases.open_in_emergency(by, now).await?;
    let running = open.iter().filter_map(|case| {
        let emergency = case.emergencies.iter().find(|emergency| emergency.is_running(user, now))?;
        Some(Running {
            name: case.name.to_string(),
            institute: case.institute.to_string(),
            url: urls::case_named(&case.institute, &case.name),
            until: filters::moment(emergency.until),
        })
    });
    let running = running.collect();
    let class = StepUpClass::Administration;
    let confirmed = by.principal().has_opened(class, now);
    page.render(|layout| EmergencyPage {
        layout,
        form,
        errors,
        running,
        minutes: EMERGENCY_LASTS.as_mins(),
        longest: *REASON.end(),
        code_first: (!confirmed).then(|| urls::confirm(class, urls::break_glass())),
    })
}
