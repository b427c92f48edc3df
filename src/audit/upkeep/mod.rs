//! Taking something out of the trail: what nobody may do through a page, and what the law asks for all the same.
//!
//! An erasure is asked for by one auditor and agreed to by another on pages; a command on the machine, with
//! the credential for it, carries it out ([`erase`]). Months older than the retention period are removed by command
//! ([`prune`]). Either is said in the trail, and signed, before anything is taken.

pub mod erase;
mod erasure;
mod pages;
pub mod prune;
mod store;

use mongodb::IndexModel;

pub use erasure::ErasureStore;
pub use store::UpkeepStore;

use crate::db::Stored as _;
use crate::web::{Access, Routes};

/// What auditors decided, with its indexes.
pub(super) fn collections() -> Vec<(&'static str, Vec<IndexModel>)> {
    vec![(erasure::Erasure::COLLECTION, erasure::Erasure::indexes())]
}

/// The pages on which erasures are decided; none of them erases.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/audit/erasures", Access::Auditor, pages::list)
        .post("/audit/erasures", Access::Auditor, pages::ask)
        .post("/audit/erasures/{erasure}/agree", Access::Auditor, pages::agree)
        .post("/audit/erasures/{erasure}/withdraw", Access::Auditor, pages::withdraw)
}
