use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use crate::app::AppState;
use crate::auth::handlers::NoFields;
use crate::auth::passkey::{self, RelyingParty, StoredPasskey};
use crate::auth::principal::Principal;
use crate::auth::recovery;
use crate::auth::session::{MOST, Session};
use crate::error::{AppError, AppResult};
use crate::mail;
use crate::web::{Access, CsrfForm, Layout, Page, Routes, see_other};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/account", Access::SignedIn, show)
        .post("/account/sessions/end", Access::SignedIn, end_session)
        .post("/account/sessions/end-others", Access::SignedIn, end_others)
        .post("/account/digest", Access::SignedIn, choose_digest)
}

#[derive(Template)]
#[template(path = "auth/account.html")]
struct AccountPage {
    layout: Layout,
    name: String,
    email: String,
    roles: Vec<String>,
    sessions: Vec<SessionRow>,
    most: usize,
    has_passphrase: bool,
    /// When the authenticator was set up.
    authenticator: Option<String>,
    codes_left: usize,
    codes: usize,
    passkeys: Vec<PasskeyRow>,
    most_passkeys: usize,
    /// Whether browsers offer passkeys here at all.
    passkeys_here: bool,
    changes: Vec<ChangeRow>,
    /// Whether this server sends mail, and at which hour that of a day.
    mail_hour: Option<u8>,
    /// Whether they get it.
    digest: bool,
    done: &'static str,
}

struct SessionRow {
    hash: String,
    device: String,
    address: String,
    began: String,
    last_seen: String,
    this: bool,
}

struct PasskeyRow {
    id: String,
    name: String,
    added: String,
    last_used: Option<String>,
    /// The host name that it was made for, if it is not this one.
    elsewhere: Option<String>,
}

struct ChangeRow {
    at: String,
    what: String,
    by: Option<String>,
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

impl SessionRow {
    fn new(session: &Session, own: &str) -> Self {
        let device = session.device.as_ref();
        Self {
            hash: session.id.clone(),
            device: device.map_or_else(|| "An unknown browser".to_owned(), |device| device.name.clone()),
            address: device.map_or_else(|| "unknown".to_owned(), |device| device.address.to_string()),
            began: minute(session.created_at),
            last_seen: minute(session.last_seen_at),
            this: session.id == own,
        }
    }
}

impl PasskeyRow {
    fn new(passkey: StoredPasskey, here: Option<&RelyingParty>) -> Self {
        Self {
            elsewhere: here.is_none_or(|party| party.host() != passkey.host).then_some(passkey.host),
            id: passkey.id,
            name: passkey.name,
            added: minute(passkey.added_at),
            last_used: passkey.last_used_at.map(minute),
        }
    }
}

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    done: String,
}

/// What was done just now, in words; only what we know is said.
fn said(done: &str) -> &'static str {
    match done {
        "passphrase" => "Your new passphrase is set. You were signed out everywhere else.",
        "ended" => "Signed out there.",
        "others" => "Signed out everywhere else.",
        "digest" => "From tomorrow on you get the daily mail.",
        "no-digest" => "You get no daily mail any more.",
        "passkey" => "Your new passkey is in use.",
        "no-passkey" => "The passkey is removed. You were signed out everywhere else.",
        _ => "",
    }
}

async fn show(
    page: Page,
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<Done>,
) -> AppResult<Response> {
    let own = principal.session().ok_or(AppError::Forbidden("This page is for people."))?.id.clone();
    let user = app.users.by_id(principal.user()).await?.ok_or(AppError::SignInRequired)?;
    let mut sessions = app.sessions.of_user(&user, app.clock.now()).await?;
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen_at));
    let present = app.sign_in.credentials.of(&user.id).await?;
    let (has_passphrase, authenticator, codes_left, passkeys, changes) = present.map_or_else(
        || (false, None, 0, Vec::new(), Vec::new()),
        |present| {
            let confirmed = present.totp.map(|totp| minute(totp.confirmed_at));
            (present.passphrase.is_some(), confirmed, present.recovery.len(), present.passkeys, present.changes)
        },
    );
    let mail = &app.config.mail;
    let digest = app.digests.is_wanted(&user.id).await?;
    let here = RelyingParty::at(&app.config.origin());
    page.render(|layout| AccountPage {
        layout,
        email: user.email.to_string(),
        roles: user.grants(),
        name: user.name,
        sessions: sessions.iter().map(|session| SessionRow::new(session, &own)).collect(),
        most: MOST,
        has_passphrase,
        authenticator,
        codes_left,
        codes: recovery::COUNT,
        passkeys: passkeys.into_iter().map(|one| PasskeyRow::new(one, here.as_ref())).collect(),
        most_passkeys: passkey::MOST,
        passkeys_here: here.is_some(),
        changes: changes
            .into_iter()
            .rev()
            .map(|change| ChangeRow { at: minute(change.at), what: change.what, by: change.by })
            .collect(),
        mail_hour: mail.is_on().then_some(mail.digest_hour),
        digest,
        done: said(&query.done),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestForm {
    wanted: bool,
}

/// `POST /account/digest`: begins or ends the daily mail.
async fn choose_digest(
    State(app): State<AppState>,
    principal: Principal,
    CsrfForm(form): CsrfForm<DigestForm>,
) -> AppResult<Response> {
    let today = mail::day(app.clock.now(), app.config.mail.digest_hour);
    app.digests.choose(principal.user(), form.wanted, today).await?;
    Ok(see_other(if form.wanted { "/account?done=digest" } else { "/account?done=no-digest" }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndForm {
    session: String,
}

async fn end_session(
    State(app): State<AppState>,
    principal: Principal,
    CsrfForm(form): CsrfForm<EndForm>,
) -> AppResult<Response> {
    if app.sessions.end_one(principal.user(), &form.session).await? {
        Ok(see_other("/account?done=ended"))
    } else {
        Err(AppError::NotFound("session"))
    }
}

async fn end_others(State(app): State<AppState>, principal: Principal, _: CsrfForm<NoFields>) -> AppResult<Response> {
    let own = principal.session().ok_or(AppError::SignInRequired)?;
    app.sessions.end_others(principal.user(), &own.id).await?;
    Ok(see_other("/account?done=others"))
}
