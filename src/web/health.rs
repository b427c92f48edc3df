use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::{Access, Routes};
use crate::app::AppState;

/// Marks an answer that stays plain text whatever its status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

/// `/healthz`: the process lives. `/readyz`: it can serve.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/healthz", Access::Public, alive).get("/readyz", Access::Public, ready)
}

async fn alive() -> Response {
    plain(StatusCode::OK, "alive\n")
}

async fn ready(State(app): State<AppState>) -> Response {
    if app.is_stopping() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if let Err(error) = app.db.ping().await {
        tracing::warn!("not ready: {error}");
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n");
    }
    if !app.audit.entries_well() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the audit trail cannot be written\n");
    }
    if !app.audit.checkpoints_well() {
        return plain(StatusCode::OK, "ready, but checkpoints of the audit trail cannot be stored; see the log\n");
    }
    plain(StatusCode::OK, "ready\n")
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = (status, text).into_response();
    response.extensions_mut().insert(Plain);
    response
}
