//! Flags: what the trail shows that somebody should look at, explained, reviewed, never forgotten.
//!
//! The [`rules`] are pure; the [`runner`] feeds them what is new in the trail; reviewers answer on the pages.

mod fact;
mod forms;
mod handlers;
mod model;
pub mod rules;
pub mod runner;
mod store;
mod views;

use mongodb::IndexModel;

pub use fact::fact;
pub use model::{Decision, Flag, Review};
pub use store::{FlagQuery, FlagStore};

use crate::db::Stored as _;
use crate::web::{Access, Routes};

/// The pages of flags.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/audit/flags", Access::Auditor, handlers::list)
        .get("/audit/flags/{flag}", Access::Auditor, handlers::show)
        .post("/audit/flags/{flag}/review", Access::Auditor, handlers::review)
}

/// The collections with their indexes.
#[must_use]
pub fn collections() -> Vec<(&'static str, Vec<IndexModel>)> {
    vec![
        (Flag::COLLECTION, Flag::indexes()),
        (model::PersonState::COLLECTION, model::PersonState::indexes()),
        (model::CaseState::COLLECTION, model::CaseState::indexes()),
        (model::Progress::COLLECTION, model::Progress::indexes()),
    ]
}
