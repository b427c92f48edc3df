use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::refused;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::ceremony::Purpose;
use crate::auth::credentials::{Adding, Credentials};
use crate::auth::handlers::NoFields;
use crate::auth::passkey::{Begun, MOST, RelyingParty};
use crate::auth::session::Session;
use crate::auth::step_up::{Administration, SteppedUp};
use crate::error::{AppError, AppResult};
use crate::web::{Access, CsrfForm, Layout, Page, Routes, see_other};

/// Like one's other factors, passkeys are changed within ten minutes of a fresh code.
pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/account/passkeys", Access::SteppedUp, show)
        .post("/account/passkeys", Access::SteppedUp, add)
        .post("/account/passkeys/ask", Access::SteppedUp, ask)
        .post("/account/passkeys/remove", Access::SteppedUp, remove)
}

type Confirmed = SteppedUp<Administration>;

/// Characters of a passkey's name.
const NAME: usize = 60;
const NO_HOST: &str = "Browsers make passkeys for a host name with https only; this server is reached in another way.";
const NO_PLACE: &str = "A passkey stands beside an authenticator, and one person has at most ten passkeys.";
const NOT_MADE: &str = "The browser’s answer does not count: it came too late, or was not asked for here. Try again.";
const KNOWN: &str = "This passkey is in use already.";

#[derive(Template)]
#[template(path = "auth/passkeys.html")]
struct PasskeyPage {
    layout: Layout,
    called: String,
    wrong_name: String,
    error: &'static str,
}

fn session_of(confirmed: &Confirmed) -> AppResult<&Session> {
    confirmed.principal().session().ok_or(AppError::SignInRequired)
}

/// The party, and what a person has, beside which another passkey has a place.
async fn place(app: &AppState, confirmed: &Confirmed) -> AppResult<(RelyingParty, Credentials)> {
    let party = RelyingParty::at(&app.config.origin()).ok_or(AppError::Forbidden(NO_HOST))?;
    let held = app.sign_in.credentials.of(confirmed.principal().user()).await?;
    let held = held.filter(|held| held.totp.is_some() && held.passkeys.len() < MOST);
    Ok((party, held.ok_or(AppError::Forbidden(NO_PLACE))?))
}

/// `GET /account/passkeys`: where no passkey can be added, the account says why.
async fn show(page: Page, State(app): State<AppState>, confirmed: Confirmed) -> AppResult<Response> {
    match place(&app, &confirmed).await {
        Ok(_) => {}
        Err(AppError::Forbidden(_)) => return Ok(see_other("/account")),
        Err(error) => return Err(error),
    }
    page.render(|layout| PasskeyPage { layout, called: String::new(), wrong_name: String::new(), error: "" })
}

/// `POST /account/passkeys/ask`: what the browser asks a key to become a passkey.
async fn ask(
    State(app): State<AppState>,
    confirmed: Confirmed,
    CsrfForm(NoFields {}): CsrfForm<NoFields>,
) -> AppResult<Json<serde_json::Value>> {
    let (party, held) = place(&app, &confirmed).await?;
    let user = app.users.by_id(&held.user).await?.ok_or(AppError::SignInRequired)?;
    let Begun { state, options } = party.begin_adding(&user, &held.passkeys)?;
    let session = &session_of(&confirmed)?.id;
    app.sign_in.ceremonies.begin(Purpose::Adding, session, &user.id, state, app.clock.now()).await?;
    Ok(Json(options))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddForm {
    name: String,
    passkey: String,
}

fn read_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() {
        return Err("Give it a name, so that you know which one it is.".to_owned());
    }
    if name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(format!("Write at most {NAME} characters on one line."));
    }
    Ok(name.to_owned())
}

/// `POST /account/passkeys`
async fn add(
    page: Page,
    State(app): State<AppState>,
    confirmed: Confirmed,
    trail: Trail,
    CsrfForm(form): CsrfForm<AddForm>,
) -> AppResult<Response> {
    let (party, held) = place(&app, &confirmed).await?;
    let (user, now) = (&held.user, app.clock.now());
    let name = match read_name(&form.name) {
        Ok(name) => name,
        Err(wrong_name) => {
            let shown = page.render(|layout| PasskeyPage { layout, called: form.name, wrong_name, error: "" });
            return refused(shown, StatusCode::UNPROCESSABLE_ENTITY);
        }
    };
    let state = app.sign_in.ceremonies.take(Purpose::Adding, &session_of(&confirmed)?.id, user, now).await?;
    let made = match state {
        Some(state) => party.added(user, &state, &form.passkey, name.clone(), now)?,
        None => None,
    };
    let error = match made {
        None => NOT_MADE,
        Some(made) => match app.sign_in.credentials.add_passkey(user, &made, now).await? {
            Adding::Done => {
                trail.note_done("passkey", "added", None);
                return Ok(see_other("/account?done=passkey"));
            }
            Adding::Known => KNOWN,
            Adding::NoPlace => NO_PLACE,
        },
    };
    trail.note_reason("a new passkey that does not count");
    refused(
        page.render(|layout| PasskeyPage { layout, called: name, wrong_name: String::new(), error }),
        StatusCode::UNPROCESSABLE_ENTITY,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveForm {
    passkey: String,
}

/// `POST /account/passkeys/remove`: all other sessions end, since it may have begun one of them.
async fn remove(
    State(app): State<AppState>,
    confirmed: Confirmed,
    trail: Trail,
    CsrfForm(form): CsrfForm<RemoveForm>,
) -> AppResult<Response> {
    let (user, session) = (confirmed.principal().user(), session_of(&confirmed)?);
    let held = app.sign_in.credentials.of(user).await?.map(|held| held.passkeys).unwrap_or_default();
    let one = held.iter().find(|one| one.id == form.passkey).ok_or(AppError::NotFound("passkey"))?;
    if !app.sign_in.credentials.remove_passkey(user, one, app.clock.now()).await? {
        return Err(AppError::NotFound("passkey"));
    }
    trail.note_done("passkey", "removed", None);
    app.sessions.end_others(user, &session.id).await?;
    Ok(see_other("/account?done=no-passkey"))
}
