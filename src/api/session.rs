use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::Principal;
use crate::error::{AppError, AppResult};

/// Somebody who is signed in with a browser. A token never administers: it is refused before anything is looked up, so that
/// the answer tells nothing of what there is.
pub(super) struct BySession;

impl FromRequestParts<AppState> for BySession {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.is_script() {
            let Ok(trail) = Trail::from_request_parts(parts, app).await;
            trail.note_reason("a token never administers");
            return Err(AppError::Forbidden(
                "This is for people who are signed in with a browser. An API token never administers, whoever made it.",
            ));
        }
        Ok(Self)
    }
}
