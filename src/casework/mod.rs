//! The work on a case itself: how far it is, who does it, what it is marked with, what it is about and belongs to.
//!
//! Who works on a case, its tags, cohorts and groups are added and taken away one by one, so that two people never undo each
//! other's; a status or a synopsis that somebody else replaced meanwhile is shown to whoever comes second.

mod change;
mod forms;
mod handlers;
mod panel;

pub use change::Moved;
pub(crate) use change::{follow, in_words};
pub(crate) use panel::WorkPanel;

use crate::web::{Access, Routes};

/// One route for each thing that people set of a case; each leads back to the case.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/{institute}/{case}/status", Access::CaseEditor, handlers::set_status)
        .post("/{institute}/{case}/assignees", Access::CaseEditor, handlers::assign)
        .post("/{institute}/{case}/tags", Access::CaseEditor, handlers::tag)
        .post("/{institute}/{case}/cohorts", Access::CaseEditor, handlers::set_cohort)
        .post("/{institute}/{case}/groups", Access::CaseEditor, handlers::set_group)
        .post("/{institute}/{case}/synopsis", Access::CaseEditor, handlers::write_synopsis)
}
