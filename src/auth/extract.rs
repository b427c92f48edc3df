use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use super::cookie;
use super::csrf::CsrfToken;
use super::principal::Principal;
use crate::app::AppState;
use crate::audit;
use crate::error::{AppError, AppResult};

/// What the session layer found out about a request; kept so that one request looks itself up once.
#[derive(Clone)]
struct Resolved(Option<Principal>);

impl FromRequestParts<AppState> for Principal {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        if let Some(Resolved(known)) = parts.extensions.get::<Resolved>() {
            return known.clone().ok_or(AppError::SignInRequired);
        }
        let found = resolve(parts, app).await?;
        if let Some(principal) = &found {
            audit::note_principal(parts, principal);
        }
        parts.extensions.insert(Resolved(found.clone()));
        found.ok_or(AppError::SignInRequired)
    }
}

async fn resolve(parts: &Parts, app: &AppState) -> AppResult<Option<Principal>> {
    let now = app.clock.now();
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let Some(text) = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")) else { return Ok(None) };
        let found = app.tokens.find(text.trim(), now).await?;
        return Ok(found.map(|(token, user)| Principal::of_token(user, &token)));
    }
    let Some(id) = cookie::read(&parts.headers) else { return Ok(None) };
    let Some((session, user)) = app.sessions.find(id, now).await? else { return Ok(None) };
    let sessions = app.sessions.clone();
    tokio::spawn(async move {
        if let Err(error) = sessions.touch(&session, now).await {
            tracing::warn!("a session's last use was not noted: {error}");
        }
    });
    Ok(Some(Principal::of_session(user, CsrfToken::of_session(id))))
}
