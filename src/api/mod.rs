//! The JSON API: the same stores and access values as the pages, in a documented shape. Tokens read cases; comments, decisions
//! and administration are for people who are signed in with a browser.

mod cases;
mod comments;
mod decisions;
mod filters;
mod find;
mod institutes;
mod members;
mod openapi;
mod people;
mod providers;
mod session;
mod settings;
mod timeline;
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
        .get("/api/v1/{institute}/cases/filters", Access::Institute, filters::list)
        .put("/api/v1/{institute}/cases/filters/{filter}", Access::Institute, filters::change)
        .post("/api/v1/{institute}/{case}/filters", Access::CaseEditor, filters::save)
        .get("/api/v1/{institute}/{case}", Access::Case, cases::show)
        .get("/api/v1/{institute}/{case}/timeline", Access::Case, timeline::show)
        .get("/api/v1/{institute}/{case}/variants", Access::Case, variants::list)
        .get("/api/v1/{institute}/{case}/variants/{id}", Access::Case, variants::show)
        .post("/api/v1/{institute}/{case}/variants/{id}/decisions", Access::CaseEditor, decisions::by_reader)
        .post(
            "/api/v1/{institute}/{case}/variants/{id}/geneticist-decisions",
            Access::CaseGeneticist,
            decisions::by_geneticist,
        )
        .get("/api/v1/{institute}/{case}/find", Access::Case, find::find)
        .get("/api/v1/{institute}/{case}/comments", Access::Case, comments::list)
        .post("/api/v1/{institute}/{case}/comments", Access::CaseCommenter, comments::add)
        .put("/api/v1/{institute}/{case}/comments/{comment}", Access::CaseCommenter, comments::change)
        .post("/api/v1/{institute}/{case}/comments/{comment}/retract", Access::CaseCommenter, comments::take_back)
        .get("/api/v1/admin/users", Access::SystemAdmin, people::list)
        .post("/api/v1/admin/users", Access::SystemAdmin, people::add)
        .get("/api/v1/admin/users/{user}", Access::SystemAdmin, people::show)
        .post("/api/v1/admin/users/{user}/roles", Access::SystemAdmin, people::change_roles)
        .post("/api/v1/admin/users/{user}/disable", Access::SystemAdmin, people::disable)
        .post("/api/v1/admin/users/{user}/enable", Access::SystemAdmin, people::enable)
        .post("/api/v1/admin/users/{user}/invite", Access::SystemAdmin, people::invite)
        .get("/api/v1/admin/institutes", Access::SystemAdmin, institutes::list)
        .post("/api/v1/admin/institutes", Access::SystemAdmin, institutes::add)
        .put("/api/v1/admin/institutes/{institute}", Access::SystemAdmin, institutes::save_name)
        .get("/api/v1/admin/providers", Access::SystemAdmin, providers::list)
        .get("/api/v1/{institute}/members", Access::InstituteAdmin, members::list)
        .post("/api/v1/{institute}/members", Access::InstituteAdmin, members::add)
        .post("/api/v1/{institute}/members/{user}/roles", Access::InstituteAdmin, members::change_roles)
        .post("/api/v1/{institute}/members/{user}/invite", Access::InstituteAdmin, members::invite)
        .get("/api/v1/{institute}/settings", Access::InstituteAdmin, settings::show)
        .put("/api/v1/{institute}/settings", Access::InstituteAdmin, settings::save)
}
