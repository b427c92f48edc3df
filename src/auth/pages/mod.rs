//! Pages of sign-in and of one's own account.

mod account;
mod confirm;
mod factors;
mod invitation;
mod kept;
mod login;
mod passkeys;
mod provider;
mod providers;
mod roles;
mod tokens;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use providers::look as look_at_providers;
pub use tokens::read_name as read_token_name;

use super::cookie;
use super::csrf::CsrfToken;
use super::half::{AwaitingSecondFactor, Enrolling};
use super::password::{LONGEST, SHORTEST};
use super::qr;
use super::recovery::RecoveryCode;
use super::sign_in::SignedIn;
use super::totp::TotpSecret;
use crate::app::AppState;
use crate::error::{AppError, AppResult};
use crate::users::User;
use crate::web::{Routes, read_form, see_other};

/// The routes of all of them.
pub(super) fn routes() -> Routes {
    login::routes()
        .merge(provider::routes())
        .merge(providers::routes())
        .merge(invitation::routes())
        .merge(account::routes())
        .merge(confirm::routes())
        .merge(factors::routes())
        .merge(passkeys::routes())
        .merge(tokens::routes())
        .merge(kept::routes())
        .merge(roles::routes())
}

/// A form of somebody between two factors. It yields nothing until its token matches the half session.
struct HalfForm<W, T>(W, T);

/// Somebody between two factors, with the token that forms carry.
trait Waiting: FromRequestParts<AppState, Rejection = AppError> + Send {
    fn csrf(&self) -> &CsrfToken;
}

impl Waiting for AwaitingSecondFactor {
    fn csrf(&self) -> &CsrfToken {
        &self.0.csrf
    }
}

impl Waiting for Enrolling {
    fn csrf(&self) -> &CsrfToken {
        &self.0.csrf
    }
}

impl<W: Waiting, T: DeserializeOwned> FromRequest<AppState> for HalfForm<W, T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> AppResult<Self> {
        let (mut parts, body) = request.into_parts();
        let waiting = W::from_request_parts(&mut parts, app).await?;
        let fields = read_form(Request::from_parts(parts, body), app, waiting.csrf()).await?;
        Ok(Self(waiting, fields))
    }
}

/// What is said of a code that does not count, whatever the reason.
const WRONG_CODE: &str =
    "This code does not count: it is wrong, was used before, or there were too many tries. Wait for the next code.";
/// The same, where a passkey may have been given in place of a code.
const WRONG_FACTOR: &str = "This does not count: the code or passkey is wrong, was used before, or there were too many tries. Wait for the next code.";
const WRONG_NEW_CODE: &str = "This is not the present code of this account in the app. Look at the time of your telephone, or have a new QR code shown.";
const NOT_AGAIN: &str = "This is not the same passphrase. Write it once more.";

/// What a passphrase should be like.
fn passphrase_hint() -> String {
    format!(
        "{SHORTEST} to {LONGEST} characters of any kind. A few words that do not belong together are easy to remember and hard to guess."
    )
}

/// A one-time code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    code: String,
}

/// A page that was made, as the answer to a form that did not succeed.
fn refused(page: AppResult<Response>, status: StatusCode) -> AppResult<Response> {
    let mut response = page?;
    *response.status_mut() = status;
    Ok(response)
}

/// The browser gets this session, and forgets what led to it.
pub(super) fn with_session(mut response: Response, session: &SignedIn) -> Response {
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookie::start(session.id()));
    headers.append(header::SET_COOKIE, cookie::clear_half());
    headers.append(header::SET_COOKIE, cookie::clear_target());
    response
}

/// To the next step, with this half session.
fn with_half(to: &str, half: &str) -> Response {
    let mut response = see_other(to);
    response.headers_mut().append(header::SET_COOKIE, cookie::start_half(half));
    response
}

/// The secret of a new authenticator, as a page shows it, once.
struct ShownSecret {
    outline: String,
    width: i32,
    text: String,
}

impl ShownSecret {
    fn new(secret: &TotpSecret, user: &User) -> AppResult<Self> {
        let (outline, width) = qr::outline(&secret.url(user.email.as_str()))
            .ok_or_else(|| anyhow::anyhow!("an address of an authenticator does not fit into a QR code"))?;
        Ok(Self { outline, width, text: secret.as_text() })
    }
}

/// The texts of recovery codes.
fn texts(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(RecoveryCode::as_text).collect()
}

/// Secrets on a page must not come back with the back button.
fn forget_pages(mut response: Response) -> Response {
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    response
}
