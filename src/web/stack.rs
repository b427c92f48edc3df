use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;
use tracing::{Level, Span, info_span};

use super::{client, context, errors, headers, limits};
use crate::app::AppState;
use crate::web::RequestContext;
use crate::{audit, auth};

/// Puts all layers around the router; the first one named is the outermost.
pub fn stack(router: Router<AppState>, app: &AppState) -> Router {
    let body_limit = app.config.server.body_limit_kb * 1024;
    let layers = ServiceBuilder::new()
        // Everything below may use the request's id and nonce.
        .layer(from_fn(context::give))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(
            |response: &axum::response::Response, latency: std::time::Duration, _: &Span| {
                tracing::event!(
                    Level::INFO,
                    status = response.status().as_u16(),
                    latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
                    "answered"
                );
            },
        ))
        .layer(from_fn(count))
        // Outside audit, which records it.
        .layer(from_fn_with_state(app.clone(), client::find))
        // Outside audit, panics and limits, so that their answers carry headers and are pages too.
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(app.clone(), headers::protect))
        .layer(from_fn_with_state(app.clone(), errors::render))
        // Audit asks the door first; it is outside of everything else that can refuse, end or fail a request.
        .layer(from_fn_with_state(app.clone(), audit::record))
        .layer(CatchPanicLayer::custom(limits::panicked))
        .layer(from_fn_with_state(app.clone(), limits::within_time))
        .layer(DefaultBodyLimit::max(body_limit))
        // Inside audit, so that the refusal is recorded.
        .layer(from_fn(client::refuse_unreadable))
        .layer(from_fn_with_state(app.clone(), limits::own_pages_only))
        .layer(from_fn_with_state(app.clone(), auth::keep_refused));
    router.fallback(not_found).layer(layers).with_state(app.clone())
}

async fn not_found() -> crate::error::AppError {
    crate::error::AppError::NotFound("page")
}

/// A request's log lines name its route template, never its path or query.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str);
    let id = request.extensions().get::<RequestContext>().map_or("", |context| context.request_id.as_str());
    info_span!("request", method = %request.method(), route, request.id = id)
}

async fn count(request: Request, next: axum::middleware::Next) -> axum::response::Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(no route)".to_owned(), |path| path.as_str().to_owned());
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let labels = [("route", route), ("status", response.status().as_u16().to_string())];
    metrics::counter!("lodestone_requests_total", &labels).increment(1);
    metrics::histogram!("lodestone_request_seconds", &labels[..1]).record(started.elapsed().as_secs_f64());
    response
}
