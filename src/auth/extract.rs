use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::cookie;
use super::csrf::CsrfToken;
use super::principal::Principal;
use crate::app::AppState;
use crate::audit;
use crate::error::{AppError, AppResult};

/// How long an error page waits to learn who asks.
const PATIENCE: Duration = Duration::from_millis(500);

/// What has been found out about who asks; all layers of a request share it, so that one request looks itself up once.
#[derive(Clone, Default)]
pub struct Asker(Arc<OnceLock<AppResult<Option<Principal>>>>);

impl Asker {
    async fn find(&self, headers: &HeaderMap, app: &AppState) -> AppResult<Option<Principal>> {
        if let Some(known) = self.0.get() {
            return known.clone();
        }
        let found = resolve(headers, app).await;
        self.0.get_or_init(|| found).clone()
    }

    /// Who asks, for a page that must be shown in any case.
    ///
    /// What is not known by now is looked up only while the database is believed to answer, and not for long.
    pub async fn for_error_page(&self, error: &AppError, headers: &HeaderMap, app: &AppState) -> Option<Principal> {
        let database_answers = !matches!(
            error,
            AppError::Internal(_)
                | AppError::Overloaded
                | AppError::TrailUnavailable
                | AppError::SignedOutHereOnly
                | AppError::TimedOut
        );
        if self.0.get().is_none() && !database_answers {
            return None;
        }
        tokio::time::timeout(PATIENCE, self.find(headers, app)).await.ok()?.ok()?
    }
}

impl FromRequestParts<AppState> for Principal {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let asker = parts.extensions.get_or_insert_default::<Asker>().clone();
        let principal = asker.find(&parts.headers, app).await?.ok_or(AppError::SignInRequired)?;
        audit::note_principal(parts, &principal);
        Ok(principal)
    }
}

async fn resolve(headers: &HeaderMap, app: &AppState) -> AppResult<Option<Principal>> {
    let now = app.clock.now();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let Some(text) = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")) else { return Ok(None) };
        let found = app.tokens.find(text.trim(), now).await?;
        return Ok(found.map(|(token, user)| Principal::of_token(user, &token)));
    }
    let Some(id) = cookie::read(headers) else { return Ok(None) };
    let Some((session, user)) = app.sessions.find(id, now).await? else { return Ok(None) };
    // Once a minute; awaited, so that a request made in time never counts as idle for the next one.
    if let Err(error) = app.sessions.touch(&session, now).await {
        tracing::warn!("a session's last use was not noted: {error}");
    }
    let left = app.sessions.left(&session, &user, now);
    Ok(Some(Principal::of_session(user, CsrfToken::of_session(id), session, left)))
}
