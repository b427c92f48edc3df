use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{WRONG_CODE, WRONG_FACTOR, refused};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::attempts::Factor;
use crate::auth::ceremony::Purpose;
use crate::auth::principal::Principal;
use crate::auth::second_factor::{self, Given};
use crate::auth::sign_in::Anonymous;
use crate::auth::step_up::{OPEN_FOR, StepUpClass};
use crate::auth::target::LocalPath;
use crate::error::{AppError, AppResult};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, see_other};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/account/confirm", Access::SignedIn, show)
        .post("/account/confirm", Access::SignedIn, confirm)
        .post("/account/confirm/passkey", Access::SignedIn, ask_passkey)
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
    /// Whether a passkey may stand for the code.
    passkeys: bool,
    error: &'static str,
}

impl ConfirmPage {
    fn new(layout: Layout, class: StepUpClass, to: &str, passkeys: bool, error: &'static str) -> Self {
        Self { layout, class, minutes: OPEN_FOR.as_mins(), to: back_to(to), passkeys, error }
    }
}

/// One of our own pages, whatever was asked for.
fn back_to(to: &str) -> String {
    LocalPath::read(to).map_or_else(|| "/account".to_owned(), |path| path.as_str().to_owned())
}

async fn show(
    page: Page,
    State(app): State<AppState>,
    principal: Principal,
    Query(wanted): Query<Wanted>,
) -> AppResult<Response> {
    let passkeys = second_factor::has_passkeys(&app, principal.user()).await?;
    page.render(|layout| ConfirmPage::new(layout, wanted.class, &wanted.to, passkeys, ""))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmForm {
    class: StepUpClass,
    to: String,
    code: Option<String>,
    passkey: Option<String>,
}

/// `POST /account/confirm`: a code of the authenticator, or a passkey, opens one class for ten minutes, in this session.
async fn confirm(
    page: Page,
    State(app): State<AppState>,
    principal: Principal,
    anonymous: Anonymous,
    trail: Trail,
    CsrfForm(form): CsrfForm<ConfirmForm>,
) -> AppResult<Response> {
    let given = Given::read(form.code, form.passkey)?;
    let session = principal.session().ok_or(AppError::SignInRequired)?;
    let (user, now) = (principal.user(), app.clock.now());
    anonymous.within_limits(&app, &trail, user.as_str())?;
    let right = if let Some(tried) = app.sign_in.credentials.begin(user, Factor::Code, now).await? {
        given.counts(&app, &trail, &tried, (Purpose::StepUp(form.class), &session.id)).await?
    } else {
        trail.note_reason("no authenticator is set up, or tries of codes are paused");
        false
    };
    if right && app.sessions.open(&session.id, form.class, now).await? {
        trail.note_done("step_up", form.class.as_str(), None);
        return Ok(see_other(&back_to(&form.to)));
    }
    let passkeys = second_factor::has_passkeys(&app, user).await?;
    let error = if passkeys { WRONG_FACTOR } else { WRONG_CODE };
    let shown = page.render(|layout| ConfirmPage::new(layout, form.class, &form.to, passkeys, error));
    refused(shown, StatusCode::FORBIDDEN)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskForm {
    class: StepUpClass,
}

/// `POST /account/confirm/passkey`: what the browser asks one of the person's passkeys, to open one class.
async fn ask_passkey(
    State(app): State<AppState>,
    principal: Principal,
    CsrfForm(form): CsrfForm<AskForm>,
) -> AppResult<Json<serde_json::Value>> {
    let session = principal.session().ok_or(AppError::SignInRequired)?;
    second_factor::ask(&app, principal.user(), Purpose::StepUp(form.class), &session.id).await.map(Json)
}
