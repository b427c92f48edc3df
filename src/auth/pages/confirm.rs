use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{WRONG_CODE, refused};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::attempts::Factor;
use crate::auth::principal::Principal;
use crate::auth::sign_in::Anonymous;
use crate::auth::step_up::{OPEN_FOR, StepUpClass};
use crate::auth::target::LocalPath;
use crate::error::{AppError, AppResult};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, see_other};

pub(super) fn routes() -> Routes {
    Routes::new().get("/account/confirm", Access::SignedIn, show).post("/account/confirm", Access::SignedIn, confirm)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    class: StepUpClass,
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "auth/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    class: StepUpClass,
    minutes: i64,
    to: String,
    error: &'static str,
}

impl ConfirmPage {
    fn new(layout: Layout, class: StepUpClass, to: &str, error: &'static str) -> Self {
        Self { layout, class, minutes: OPEN_FOR.as_mins(), to: back_to(to), error }
    }
}

/// One of our own pages, whatever was asked for.
fn back_to(to: &str) -> String {
    LocalPath::read(to).map_or_else(|| "/account".to_owned(), |path| path.as_str().to_owned())
}

async fn show(page: Page, _: Principal, Query(wanted): Query<Wanted>) -> AppResult<Response> {
    page.render(|layout| ConfirmPage::new(layout, wanted.class, &wanted.to, ""))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmForm {
    class: StepUpClass,
    to: String,
    code: String,
}

/// `POST /account/confirm`: a code of the authenticator opens one class for ten minutes, in this session.
async fn confirm(
    page: Page,
    State(app): State<AppState>,
    principal: Principal,
    anonymous: Anonymous,
    trail: Trail,
    CsrfForm(form): CsrfForm<ConfirmForm>,
) -> AppResult<Response> {
    let session = principal.session().ok_or(AppError::SignInRequired)?;
    let (user, now) = (principal.user(), app.clock.now());
    anonymous.within_limits(&app, &trail, user.as_str())?;
    let tried = app.sign_in.credentials.begin(user, Factor::Code, now).await?;
    let used = match &tried {
        Some(tried) => app.sign_in.credentials.use_code(tried, &form.code, now).await?,
        None => None,
    };
    if used == Some(true) && app.sessions.open(&session.id, form.class, now).await? {
        trail.note_done("step_up", form.class.as_str(), None);
        return Ok(see_other(&back_to(&form.to)));
    }
    trail.note_reason(match (tried, used) {
        (None, _) => "no authenticator is set up, or tries of codes are paused",
        (Some(_), Some(_)) => "a code that was used before",
        (Some(_), None) => "wrong code",
    });
    refused(page.render(|layout| ConfirmPage::new(layout, form.class, &form.to, WRONG_CODE)), StatusCode::FORBIDDEN)
}
