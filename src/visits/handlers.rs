use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use crate::app::AppState;
use crate::cases::CaseAccess;
use crate::error::{AppError, AppResult, FieldError};
use crate::web::{CsrfForm, see_other, urls};

/// When the newest was written that the page showed: what came since stays new.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadForm {
    until: String,
}

/// `POST /{institute}/{case}/read`
pub(super) async fn mark_read(
    access: CaseAccess,
    State(app): State<AppState>,
    CsrfForm(form): CsrfForm<ReadForm>,
) -> AppResult<Response> {
    let until: Timestamp = form.until.parse().map_err(|_| {
        let message =
            "is not a time such as 2026-01-31T12:00:00Z; go back to the case’s page and press the button there";
        AppError::Unprocessable(vec![FieldError::new("until", &form.until, message)])
    })?;
    app.visits.mark_read(&access, until.min(app.clock.now())).await?;
    Ok(see_other(&format!("{}#comments", urls::case(access.case()))))
}
