//! Review of the trail by auditors: who looked at what, entry by entry, by person and by case.
//!
//! An auditor of an institute sees that institute's entries, an auditor of the system all; everybody else finds no such
//! page. Pages read one window of one index, bounded in time by how dense the trail is there. Reviewing is recorded too.

mod chart;
mod density;
mod entry_page;
mod export;
mod groups;
mod handlers;
mod notice;
mod openings;
mod people;
mod query;
mod read;
mod rows;
mod saved;
mod steps;
mod store;
mod window;
mod words;

use mongodb::IndexModel;

use crate::clock::Clock;
use crate::db::{Db, Stored as _};
use crate::web::{Access, Routes};

/// What auditors look at and keep.
#[derive(Clone)]
pub struct ReviewStores {
    entries: store::ReviewStore,
    openings: openings::OpeningStore,
    saved: saved::SavedViewStore,
}

impl ReviewStores {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db, clock: &Clock) -> Self {
        Self {
            entries: store::ReviewStore::new(db, clock),
            openings: openings::OpeningStore::new(db),
            saved: saved::SavedViewStore::new(db),
        }
    }
}

/// What auditors keep, with its indexes.
pub(super) fn collections() -> Vec<(&'static str, Vec<IndexModel>)> {
    vec![
        (openings::Opening::COLLECTION, openings::Opening::indexes()),
        (saved::SavedView::COLLECTION, saved::SavedView::indexes()),
    ]
}

/// The pages. None of them changes or removes an entry.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/audit", Access::Auditor, handlers::trail)
        .get("/audit/export.csv", Access::Auditor, export::csv)
        .get("/audit/export.ndjson", Access::Auditor, export::ndjson)
        .get("/audit/entries/{entry}", Access::Auditor, entry_page::show)
        .post("/audit/entries/{entry}/opening", Access::Auditor, openings::ask)
        .post("/audit/entries/{entry}/opening/agree", Access::Auditor, openings::agree)
        .post("/audit/views", Access::Auditor, saved::add)
        .post("/audit/views/{view}/delete", Access::Auditor, saved::delete)
        .get("/audit/notice", Access::SignedIn, notice::show)
}
