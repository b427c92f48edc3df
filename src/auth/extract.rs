use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::cookie;
use super::csrf::CsrfToken;
use super::principal::Principal;
use crate::addresses::{Admitted, Refusal, admit_roles};
use crate::app::AppState;
use crate::audit::{self, Trail};
use crate::error::{AppError, AppResult};
use crate::users::RoleGrant;
use crate::web::ClientAddress;

/// How long an error page waits to learn who asks.
const PATIENCE: Duration = Duration::from_millis(500);

/// Who asks.
#[derive(Clone)]
pub(super) enum Asked {
    /// Somebody unknown.
    Nobody,
    /// Somebody signed in, or a script.
    Inside(Principal),
    /// Somebody signed in, where nothing is open to them: without any role.
    Outside(Principal, Arc<Refusal>),
}

/// What has been found out about who asks; all layers of a request share it, so that one request looks itself up once.
#[derive(Clone, Default)]
pub struct Asker(Arc<OnceLock<AppResult<Asked>>>);

impl Asker {
    /// Who asks this request.
    pub(super) async fn of(parts: &mut Parts, app: &AppState) -> AppResult<Asked> {
        let asker = parts.extensions.get_or_insert_default::<Self>().clone();
        let asked = asker.find(&parts.headers, ClientAddress::of(&parts.extensions), app).await?;
        if let Asked::Inside(principal) | Asked::Outside(principal, _) = &asked {
            audit::note_principal(parts, principal);
        }
        Ok(asked)
    }

    async fn find(&self, headers: &HeaderMap, from: ClientAddress, app: &AppState) -> AppResult<Asked> {
        if let Some(known) = self.0.get() {
            return known.clone();
        }
        let found = resolve(headers, from, app).await;
        self.0.get_or_init(|| found).clone()
    }

    /// Who asks, for a page that must be shown in any case.
    ///
    /// What is not known by now is looked up only while the database is believed to answer, and not for long.
    pub async fn for_error_page(
        &self,
        error: &AppError,
        headers: &HeaderMap,
        from: ClientAddress,
        app: &AppState,
    ) -> Option<Principal> {
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
        match tokio::time::timeout(PATIENCE, self.find(headers, from, app)).await.ok()?.ok()? {
            Asked::Nobody => None,
            Asked::Inside(principal) | Asked::Outside(principal, _) => Some(principal),
        }
    }
}

impl FromRequestParts<AppState> for Principal {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        match Asker::of(parts, app).await? {
            Asked::Nobody => Err(AppError::SignInRequired),
            Asked::Inside(principal) => Ok(principal),
            Asked::Outside(_, refusal) => {
                Trail::of(parts).note_outside(&refusal, None);
                Err(AppError::Outside(refusal))
            }
        }
    }
}

/// The answer to somebody whose roles do not lead where they ask to go as they stand: when one would that they have and
/// have not entered, that they do; when one that is closed at their address would, why it is; to all others there is
/// nothing.
pub(crate) fn shut_out(
    trail: &Trail,
    principal: &Principal,
    would_open: impl Fn(&RoleGrant) -> bool,
    what: &'static str,
) -> AppError {
    if let Some(role) = principal.enterable().iter().find(|role| would_open(role)) {
        trail.note_not_entered(role);
        return AppError::EnterFirst(Box::new(role.clone()));
    }
    let Some(closed) = principal.closed().iter().find(|closed| would_open(&closed.role)) else {
        return AppError::NotFound(what);
    };
    trail.note_outside(&closed.refusal, closed.role.institute());
    AppError::Outside(Arc::clone(&closed.refusal))
}

async fn resolve(headers: &HeaderMap, from: ClientAddress, app: &AppState) -> AppResult<Asked> {
    let now = app.clock.now();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let Some(text) = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")) else {
            return Ok(Asked::Nobody);
        };
        let Some((token, user, rules)) = app.tokens.find(text.trim(), now).await? else { return Ok(Asked::Nobody) };
        let admitted = if token.admits(from.client) {
            admit_roles(&rules, user.standing().grants(), from.client, now)
        } else {
            Err(Arc::new(Refusal::of_token(from.client)))
        };
        let asked = Asked::within(admitted, |admitted| Principal::of_token(&user, &token, admitted));
        if matches!(asked, Asked::Inside(_))
            && let Err(error) = app.tokens.touch(&token, now).await
        {
            tracing::warn!("a token's last use was not noted: {error}");
        }
        return Ok(asked);
    }
    let Some(id) = cookie::read(headers) else { return Ok(Asked::Nobody) };
    let Some((session, user, rules)) = app.sessions.find(id, now).await? else { return Ok(Asked::Nobody) };
    // Awaited, so that a request made in time never counts as idle for the next one.
    if let Err(error) = app.sessions.touch(&session, from.client, now).await {
        tracing::warn!("a session's last use was not noted: {error}");
    }
    let left = app.sessions.left(&session, &user, now);
    let admitted = admit_roles(&rules, user.standing().grants(), from.client, now);
    Ok(Asked::within(admitted, |admitted| {
        Principal::of_session(&user, CsrfToken::of_session(id), session.clone(), left, admitted, now)
    }))
}

impl Asked {
    /// A script whose every role is closed stands outside as well: there is nothing else for it here.
    fn within(admitted: Result<Admitted, Arc<Refusal>>, principal: impl Fn(Admitted) -> Principal) -> Self {
        match admitted {
            Err(refusal) => Self::Outside(principal(Admitted::default()), refusal),
            Ok(admitted) => {
                let found = principal(admitted);
                match found.closed().first() {
                    Some(closed) if found.is_script() && found.scope().institutes().next().is_none() => {
                        let refusal = Arc::clone(&closed.refusal);
                        Self::Outside(principal(Admitted::default()), refusal)
                    }
                    _ => Self::Inside(found),
                }
            }
        }
    }
}
