use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Form, Json};
use serde::Deserialize;

use super::provider::{self, Choice};
use super::{CodeForm, HalfForm, WRONG_CODE, WRONG_FACTOR, refused, with_half, with_session};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::ceremony::Purpose;
use crate::auth::half::AwaitingSecondFactor;
use crate::auth::handlers::NoFields;
use crate::auth::password::Passphrase;
use crate::auth::second_factor::{self, Given};
use crate::auth::sign_in::{Anonymous, Proof};
use crate::auth::target::Target;
use crate::error::{AppError, AppResult};
use crate::web::{Access, Layout, Page, Routes, see_other};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/login", Access::Public, show)
        .post("/login", Access::Public, give_passphrase)
        .get("/login/code", Access::SecondFactor, show_code)
        .post("/login/code", Access::SecondFactor, give_second_factor)
        .post("/login/passkey", Access::SecondFactor, ask_passkey)
        .get("/login/recovery", Access::SecondFactor, show_recovery)
        .post("/login/recovery", Access::SecondFactor, give_recovery)
}

#[derive(Template)]
#[template(path = "auth/sign_in.html")]
struct SignInPage {
    layout: Layout,
    demo: bool,
    local: bool,
    providers: Vec<Choice>,
    email: String,
    /// What is said beside the passphrase after a try that failed.
    again: &'static str,
}

async fn show(page: Page, State(app): State<AppState>) -> AppResult<Response> {
    let local = app.config.sign_in.local_accounts;
    let providers = provider::choices(&app);
    page.render(|layout| SignInPage { layout, demo: app.demo, local, providers, email: String::new(), again: "" })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    email: String,
    passphrase: Passphrase,
}

/// `POST /login`. Nobody is known yet whose token the form could carry: that it comes from our own page is shown by
/// `Origin` or `Sec-Fetch-Site`, which every unsafe request must have.
async fn give_passphrase(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    Form(form): Form<SignInForm>,
) -> AppResult<Response> {
    if !app.config.sign_in.local_accounts {
        return Err(AppError::NotFound("page"));
    }
    match anonymous.prove_passphrase(&app, &trail, &form.email, form.passphrase).await? {
        Proof::Right(half) => Ok(with_half("/login/code", &half)),
        Proof::Wrong => {
            let email = form.email.chars().take(254).collect();
            let shown = page.render(|layout| SignInPage {
                layout,
                demo: app.demo,
                local: true,
                providers: provider::choices(&app),
                email,
                again: "Write it once more.",
            });
            refused(shown, StatusCode::FORBIDDEN)
        }
    }
}

#[derive(Template)]
#[template(path = "auth/code.html")]
struct CodePage {
    layout: Layout,
    /// Whether a passkey may stand for the code.
    passkeys: bool,
    error: &'static str,
}

impl CodePage {
    fn new(mut layout: Layout, csrf: &str, passkeys: bool, error: &'static str) -> Self {
        csrf.clone_into(&mut layout.csrf);
        Self { layout, passkeys, error }
    }
}

async fn show_code(page: Page, State(app): State<AppState>, awaiting: AwaitingSecondFactor) -> AppResult<Response> {
    let passkeys = second_factor::has_passkeys(&app, &awaiting.0.user.id).await?;
    page.render(|layout| CodePage::new(layout, awaiting.0.csrf.as_str(), passkeys, ""))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecondFactorForm {
    code: Option<String>,
    passkey: Option<String>,
}

async fn give_second_factor(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    headers: HeaderMap,
    HalfForm(awaiting, form): HalfForm<AwaitingSecondFactor, SecondFactorForm>,
) -> AppResult<Response> {
    let given = Given::read(form.code, form.passkey)?;
    let (csrf, user) = (awaiting.0.csrf.clone(), awaiting.0.user.id.clone());
    match awaiting.prove(&app, &trail, anonymous, &given).await? {
        Proof::Right(session) => Ok(with_session(see_other(Target::of(&headers).path()), &session)),
        Proof::Wrong => {
            let passkeys = second_factor::has_passkeys(&app, &user).await?;
            let error = if passkeys { WRONG_FACTOR } else { WRONG_CODE };
            let shown = page.render(|layout| CodePage::new(layout, csrf.as_str(), passkeys, error));
            refused(shown, StatusCode::FORBIDDEN)
        }
    }
}

/// `POST /login/passkey`: what the browser asks one of the person's passkeys.
async fn ask_passkey(
    State(app): State<AppState>,
    HalfForm(awaiting, NoFields {}): HalfForm<AwaitingSecondFactor, NoFields>,
) -> AppResult<Json<serde_json::Value>> {
    let half = &awaiting.0;
    second_factor::ask(&app, &half.user.id, Purpose::SignIn, &half.session.id).await.map(Json)
}

#[derive(Template)]
#[template(path = "auth/recovery.html")]
struct RecoveryPage {
    layout: Layout,
    error: &'static str,
}

impl RecoveryPage {
    fn new(mut layout: Layout, csrf: &str, error: &'static str) -> Self {
        csrf.clone_into(&mut layout.csrf);
        Self { layout, error }
    }
}

async fn show_recovery(page: Page, awaiting: AwaitingSecondFactor) -> AppResult<Response> {
    page.render(|layout| RecoveryPage::new(layout, awaiting.0.csrf.as_str(), ""))
}

async fn give_recovery(
    page: Page,
    State(app): State<AppState>,
    anonymous: Anonymous,
    trail: Trail,
    HalfForm(awaiting, form): HalfForm<AwaitingSecondFactor, CodeForm>,
) -> AppResult<Response> {
    let csrf = awaiting.0.csrf.clone();
    match awaiting.prove_recovery(&app, &trail, &anonymous, &form.code).await? {
        Proof::Right(half) => Ok(with_half("/auth/enrol", &half)),
        Proof::Wrong => {
            refused(page.render(|layout| RecoveryPage::new(layout, csrf.as_str(), WRONG_CODE)), StatusCode::FORBIDDEN)
        }
    }
}
