//! The second factor of a person: a code of the authenticator, or what a passkey answered. Both are tries of the same
//! counter and are refused in the same words.

use super::ceremony::Purpose;
use super::credentials::Credentials;
use super::passkey::{Begun, RelyingParty};
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::{AppError, AppResult};
use crate::ids::UserId;

/// What a form gives to prove it.
pub(super) enum Given {
    /// A code of the authenticator.
    Code(String),
    /// What the browser made of a passkey, as JSON.
    Passkey(String),
}

impl Given {
    /// One of two fields, and not both.
    pub fn read(code: Option<String>, passkey: Option<String>) -> AppResult<Self> {
        match (code, passkey) {
            (Some(code), None) => Ok(Self::Code(code)),
            (None, Some(passkey)) => Ok(Self::Passkey(passkey)),
            _ => Err(AppError::BadRequest("The form's content does not fit: give a code or a passkey.".to_owned())),
        }
    }

    /// Uses it up; whether it counts. The trail knows why not.
    ///
    /// `tried`: the credentials after this try was counted. `session`: hash of the id in which it was asked for.
    pub async fn counts(
        &self,
        app: &AppState,
        trail: &Trail,
        tried: &Credentials,
        (purpose, session): (Purpose, &str),
    ) -> AppResult<bool> {
        let reason = match self {
            Self::Code(code) => match app.sign_in.credentials.use_code(tried, code, app.clock.now()).await? {
                Some(true) => return Ok(true),
                Some(false) => "a code that was used before",
                None => "wrong code",
            },
            Self::Passkey(answer) => match answered(app, tried, purpose, session, answer).await? {
                Ok(()) => return Ok(true),
                Err(reason) => reason,
            },
        };
        trail.note_reason(reason);
        Ok(false)
    }
}

async fn answered(
    app: &AppState,
    tried: &Credentials,
    purpose: Purpose,
    session: &str,
    answer: &str,
) -> AppResult<Result<(), &'static str>> {
    let (user, now) = (&tried.user, app.clock.now());
    // Before anything is compared: an answer is looked at once, whatever it is.
    let Some(state) = app.sign_in.ceremonies.take(purpose, session, user, now).await? else {
        return Ok(Err("a passkey that was not asked for here, was used before or came too late"));
    };
    let Some(party) = RelyingParty::at(&app.config.origin()).filter(|_| tried.totp.is_some()) else {
        return Ok(Err("passkeys do not count here"));
    };
    let Some(used) = party.used(user, &tried.passkeys, &state, answer)? else { return Ok(Err("wrong passkey")) };
    Ok(if app.sign_in.credentials.passkey_was_right(user, &used, now).await? {
        Ok(())
    } else {
        Err("a passkey that was removed, or used elsewhere, at the same moment")
    })
}

/// Whether somebody can use a passkey here.
pub(super) async fn has_passkeys(app: &AppState, user: &UserId) -> AppResult<bool> {
    let Some(party) = RelyingParty::at(&app.config.origin()) else { return Ok(false) };
    let held = app.sign_in.credentials.of(user).await?;
    Ok(held.is_some_and(|held| held.totp.is_some() && party.has_any(&held.passkeys)))
}

/// Asks for one of somebody's passkeys; the answer is what the browser is asked.
pub(super) async fn ask(
    app: &AppState,
    user: &UserId,
    purpose: Purpose,
    session: &str,
) -> AppResult<serde_json::Value> {
    let held = app.sign_in.credentials.of(user).await?.filter(|held| held.totp.is_some());
    let begun = match (RelyingParty::at(&app.config.origin()), held) {
        (Some(party), Some(held)) => party.begin_using(&held.passkeys)?,
        _ => None,
    };
    let Some(Begun { state, options }) = begun else { return Err(AppError::NotFound("passkey of yours")) };
    app.sign_in.ceremonies.begin(purpose, session, user, state, app.clock.now()).await?;
    Ok(options)
}
