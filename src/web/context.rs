use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::convert::Infallible;

/// Name of the header that carries the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is made anew for each request.
#[derive(Debug, Clone, Default)]
pub struct RequestContext {
    /// Ours, never the caller's: it joins log lines, audit entries and error pages.
    pub request_id: String,
    /// What script elements must show to run.
    pub nonce: String,
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The outermost layer: gives the request its id and nonce.
pub(super) async fn give(mut request: Request, next: Next) -> Response {
    let context = RequestContext {
        request_id: uuid::Uuid::now_v7().to_string(),
        nonce: crate::ids::base32(&crate::clock::random_bytes::<16>()),
    };
    let header = HeaderValue::try_from(&context.request_id).ok();
    request.extensions_mut().insert(context);
    let mut response = next.run(request).await;
    if let Some(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    response
}
