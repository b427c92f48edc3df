use std::any::Any;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::same_origin;
use crate::error::AppError;

/// Ends what takes too long.
pub(super) async fn within_time(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let limit = std::time::Duration::from_secs(app.config.server.request_timeout_s);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => AppError::TimedOut.into_response(),
    }
}

/// Unsafe requests of browsers must come from our own pages. Bearer tokens are no browser's.
pub(super) async fn own_pages_only(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let by_script = request.headers().contains_key(axum::http::header::AUTHORIZATION);
    if !request.method().is_safe() && !by_script && !same_origin(request.headers(), &app.config.origin()) {
        if let Some(trail) = request.extensions().get::<Trail>() {
            trail.note_reason("cross-site request");
        }
        return AppError::Forbidden("This request does not come from one of Lodestone's own pages.").into_response();
    }
    next.run(request).await
}

/// A panic ends one request, not the server.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the cause over")]
pub(super) fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let said = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned());
    AppError::from(anyhow::anyhow!("panic: {said}")).into_response()
}
