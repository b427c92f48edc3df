//! What all pages share: the route registry, extractors, page layout, middleware, embedded static files, URLs.

mod assets;
mod client;
mod context;
mod csrf_form;
mod csrf_json;
mod door;
mod download;
mod errors;
pub mod filters;
mod headers;
mod health;
mod limits;
mod pace;
mod page;
mod path;
mod query;
mod rates;
mod routes;
mod serving;
mod stack;
pub mod urls;

pub use assets::asset;
pub use client::ClientAddress;
pub use context::RequestContext;
pub use csrf_form::CsrfForm;
pub(crate) use csrf_form::{NOT_WHOLE, TOKEN_FIELD, is_form, read_form};
pub use csrf_json::CsrfJson;
pub use door::Door;
pub use download::{disposition, harmless};
pub use health::routes as health_routes;
pub use page::{CaseBar, EmergencyBar, EnteredBar, Layout, Notice, Page, SharedBar};
pub use path::Path;
pub use query::{Params, Saved, problem};
pub use routes::{Access, Route, Routes};
pub use serving::{Patience, serve};
pub use stack::stack;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The answer to a successful POST: the page that shows the result.
///
/// `to` is a path of this server, made by [`urls`].
#[must_use]
pub fn see_other(to: &str) -> Response {
    let location = HeaderValue::try_from(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// The routes of static files.
#[must_use]
pub fn static_routes() -> Routes {
    Routes::new().get("/static/{*file}", Access::Public, assets::serve).get(
        "/favicon.ico",
        Access::Public,
        assets::favicon,
    )
}
