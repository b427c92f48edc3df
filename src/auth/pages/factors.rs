use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{CodeForm, NOT_AGAIN, ShownSecret, WRONG_NEW_CODE, forget_pages, passphrase_hint, refused, texts};
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::attempts::Factor;
use crate::auth::credentials::NewFactor;
use crate::auth::handlers::NoFields;
use crate::auth::password::Passphrase;
use crate::auth::recovery::{self, RecoveryCode};
use crate::auth::session::Session;
use crate::auth::sign_in::Anonymous;
use crate::auth::step_up::{Administration, SteppedUp};
use crate::error::{AppError, AppResult};
use crate::users::User;
use crate::web::{Access, CsrfForm, Layout, Page, Routes, see_other};

/// One's own factors are changed within ten minutes of a fresh code of the old ones.
pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/account/passphrase", Access::SteppedUp, show_passphrase)
        .post("/account/passphrase", Access::SteppedUp, change_passphrase)
        .get("/account/recovery", Access::SteppedUp, show_recovery)
        .post("/account/recovery", Access::SteppedUp, make_recovery)
        .get("/account/totp", Access::SteppedUp, show_totp)
        .post("/account/totp/secret", Access::SteppedUp, show_secret)
        .post("/account/totp", Access::SteppedUp, confirm_totp)
}

/// Somebody may change their own factors.
type Confirmed = SteppedUp<Administration>;

impl Confirmed {
    fn session_of(&self) -> AppResult<&Session> {
        self.principal().session().ok_or(AppError::SignInRequired)
    }
}

async fn owner(app: &AppState, confirmed: &Confirmed) -> AppResult<User> {
    app.users.by_id(confirmed.principal().user()).await?.ok_or(AppError::SignInRequired)
}

#[derive(Template)]
#[template(path = "auth/enrol.html")]
pub(super) struct EnrolPage {
    layout: Layout,
    /// Address of the forms; the one that shows a secret is `/secret` below it.
    action: &'static str,
    /// Whether a code is waited for.
    begun: bool,
    secret: Option<ShownSecret>,
    error: &'static str,
}

impl EnrolPage {
    pub(super) fn new(layout: Layout, action: &'static str, begun: bool) -> Self {
        Self { layout, action, begun, secret: None, error: "" }
    }

    pub(super) fn with_token(mut self, csrf: &str) -> Self {
        csrf.clone_into(&mut self.layout.csrf);
        self
    }

    pub(super) fn with_secret(mut self, secret: ShownSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    pub(super) fn wrong(mut self) -> Self {
        self.error = WRONG_NEW_CODE;
        self
    }
}

/// Ten codes, shown once.
#[derive(Template)]
#[template(path = "auth/codes.html")]
pub(super) struct CodesPage {
    pub layout: Layout,
    pub codes: Vec<String>,
    /// Where one goes on.
    pub next: &'static str,
}

#[derive(Template)]
#[template(path = "auth/passphrase.html")]
struct PassphrasePage {
    layout: Layout,
    hint: String,
    wrong_current: &'static str,
    wrong: String,
    wrong_again: String,
}

impl PassphrasePage {
    fn new(layout: Layout) -> Self {
        Self { layout, hint: passphrase_hint(), wrong_current: "", wrong: String::new(), wrong_again: String::new() }
    }
}

async fn show_passphrase(page: Page, _: Confirmed) -> AppResult<Response> {
    page.render(PassphrasePage::new)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PassphraseForm {
    current: Passphrase,
    passphrase: Passphrase,
    again: Passphrase,
}

async fn change_passphrase(
    page: Page,
    State(app): State<AppState>,
    confirmed: Confirmed,
    anonymous: Anonymous,
    trail: Trail,
    CsrfForm(form): CsrfForm<PassphraseForm>,
) -> AppResult<Response> {
    let user = owner(&app, &confirmed).await?;
    let kept = confirmed.session_of()?.id.clone();
    anonymous.within_limits(&app, &trail, user.id.as_str())?;
    if let Err(unfit) = form.passphrase.check(&user.name, user.email.as_str()) {
        let wrong = unfit.to_string();
        let shown = page.render(|layout| PassphrasePage { wrong, ..PassphrasePage::new(layout) });
        return refused(shown, StatusCode::UNPROCESSABLE_ENTITY);
    }
    if !form.passphrase.equals(&form.again) {
        let wrong_again = NOT_AGAIN.to_owned();
        let shown = page.render(|layout| PassphrasePage { wrong_again, ..PassphrasePage::new(layout) });
        return refused(shown, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let tried = app.sign_in.credentials.begin(&user.id, Factor::Passphrase, app.clock.now()).await?;
    let hash = tried.and_then(|tried| tried.passphrase);
    if !app.sign_in.hasher.enter()?.verify(form.current, hash).await? {
        trail.note_reason("wrong passphrase");
        let wrong_current = "This is not your present passphrase, or there were too many tries.";
        let shown = page.render(|layout| PassphrasePage { wrong_current, ..PassphrasePage::new(layout) });
        return refused(shown, StatusCode::FORBIDDEN);
    }
    let hash = app.sign_in.hasher.hash(form.passphrase).await?;
    app.sign_in.credentials.set_passphrase(&user.id, hash, app.clock.now()).await?;
    app.sessions.end_others(&user.id, &kept).await?;
    Ok(see_other("/account?done=passphrase"))
}

#[derive(Template)]
#[template(path = "auth/new_codes.html")]
struct NewCodesPage {
    layout: Layout,
}

async fn show_recovery(page: Page, _: Confirmed) -> AppResult<Response> {
    page.render(|layout| NewCodesPage { layout })
}

async fn make_recovery(
    page: Page,
    State(app): State<AppState>,
    confirmed: Confirmed,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    let codes = recovery::fresh_set();
    let hashes = codes.iter().map(RecoveryCode::hash).collect();
    let user = confirmed.principal().user();
    if !app.sign_in.credentials.set_recovery(user, hashes, app.clock.now()).await? {
        return Err(AppError::Forbidden("Recovery codes belong to an authenticator. Set one up first."));
    }
    Ok(forget_pages(page.render(|layout| CodesPage { layout, codes: texts(&codes), next: "/account" })?))
}

const HERE: &str = "/account/totp";

async fn show_totp(page: Page, State(app): State<AppState>, confirmed: Confirmed) -> AppResult<Response> {
    let (session, user) = (confirmed.session_of()?, confirmed.principal().user());
    let begun = app.sign_in.enrolments.secret(&session.id, user, app.clock.now()).await?.is_some();
    page.render(|layout| EnrolPage::new(layout, HERE, begun))
}

async fn show_secret(
    page: Page,
    State(app): State<AppState>,
    confirmed: Confirmed,
    _: CsrfForm<NoFields>,
) -> AppResult<Response> {
    let user = owner(&app, &confirmed).await?;
    let secret = app.sign_in.enrolments.begin(&confirmed.session_of()?.id, &user.id, app.clock.now()).await?;
    let shown = ShownSecret::new(&secret, &user)?;
    page.render(|layout| EnrolPage::new(layout, HERE, true).with_secret(shown))
}

/// `POST /account/totp`: the new authenticator takes the old one's place, with recovery codes of its own; all other sessions
/// end.
async fn confirm_totp(
    page: Page,
    State(app): State<AppState>,
    confirmed: Confirmed,
    anonymous: Anonymous,
    trail: Trail,
    CsrfForm(form): CsrfForm<CodeForm>,
) -> AppResult<Response> {
    let (session, user, now) = (confirmed.session_of()?, confirmed.principal().user(), app.clock.now());
    anonymous.within_limits(&app, &trail, user.as_str())?;
    let secret = app.sign_in.enrolments.secret(&session.id, user, now).await?;
    let Some((secret, step)) = secret.and_then(|secret| secret.matches(&form.code, now).map(|step| (secret, step)))
    else {
        trail.note_reason("wrong code for a new authenticator");
        return refused(page.render(|layout| EnrolPage::new(layout, HERE, true).wrong()), StatusCode::FORBIDDEN);
    };
    if !app.sign_in.enrolments.finish(&session.id).await? {
        return Err(AppError::Forbidden("This authenticator was confirmed already. Look at your account."));
    }
    let codes = recovery::fresh_set();
    let factor = NewFactor {
        secret: &secret,
        step,
        recovery: codes.iter().map(RecoveryCode::hash).collect(),
        passphrase: None,
        what: "A new authenticator was set up",
    };
    app.sign_in.credentials.enrol(user, factor, now).await?;
    app.sessions.end_others(user, &session.id).await?;
    Ok(forget_pages(page.render(|layout| CodesPage { layout, codes: texts(&codes), next: "/account" })?))
}
