use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use super::context::RequestContext;
use crate::app::AppState;

const FIXED: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    ),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// Security headers on every answer, whoever made it.
pub(super) async fn protect(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let nonce = request.extensions().get::<RequestContext>().map(|context| context.nonce.clone()).unwrap_or_default();
    let version = request.version();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if app.is_stopping() && version <= Version::HTTP_11 {
        // The next request goes to another process.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'"
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy).expect("a nonce is base32, which a header may hold"),
    );
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.config.origin().starts_with("https://") {
        headers
            .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    // Whatever is not a static file may show patient data: no cache keeps it.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("Cookie, Authorization"));
    response
}
