//! Filters that an institute keeps under a name: versioned, lockable by their owner, their panels pinned to a version; and what
//! is written down when one was used for a case.

mod change;
mod choices;
mod clinical;
mod form;
mod handlers;
mod model;
mod page;
mod store;
mod usage;

pub(crate) use change::Changed;
pub(crate) use choices::{SavedChoices, choices};
pub use clinical::ClinicalFilter;
pub(crate) use form::SaveForm;
pub(crate) use handlers::{keep, kept_by_its_owner};
pub use model::SavedFilter;
pub use page::FilterAccess;
pub(crate) use page::NOT_YOURS;
pub use store::FilterStore;
pub use usage::Usage;

use crate::web::{Access, Routes};

/// Saving a filter where it is used, and the institute's filters on a page.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/{institute}/cases/filters", Access::Institute, page::list)
        .get("/{institute}/cases/filters/{filter}", Access::Institute, page::show)
        .post("/{institute}/cases/filters/{filter}", Access::Institute, page::change_marks)
        .post("/{institute}/{case}/filters", Access::CaseEditor, handlers::save)
        .post("/{institute}/{case}/filters/used", Access::CaseEditor, handlers::note_use)
}
