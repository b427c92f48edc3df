//! The JSON API: the same stores and access values as the pages, in a documented shape.

mod cases;
mod find;
mod openapi;
mod variants;

pub(crate) use cases::CaseJson;
pub(crate) use variants::variants_json;

use crate::web::{Access, Routes};

/// The router of `/api/v1`.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/api/v1/openapi.json", Access::Public, openapi::document)
        .get("/api/v1/institutes", Access::SignedIn, cases::institutes)
        .get("/api/v1/{institute}/cases", Access::Institute, cases::list)
        .get("/api/v1/{institute}/{case}", Access::Case, cases::show)
        .get("/api/v1/{institute}/{case}/variants", Access::Case, variants::list)
        .get("/api/v1/{institute}/{case}/variants/{id}", Access::Case, variants::show)
        .get("/api/v1/{institute}/{case}/find", Access::Case, find::find)
}
