//! What people decide about the variants of a case: pinned, causative, put aside with reasons, ranked by hand; and undoing it.

mod change;
mod forms;
mod handlers;
mod panel;
pub mod terms;

pub(crate) use panel::{DecisionPanel, LastDecision};

use crate::web::{Access, Routes};

/// One route for each decision; each leads back to where it was made.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/{institute}/{case}/variants/{id}/pin", Access::CaseEditor, handlers::pin)
        .post("/{institute}/{case}/variants/{id}/causative", Access::CaseEditor, handlers::hold_causative)
        .post("/{institute}/{case}/variants/{id}/dismiss", Access::CaseEditor, handlers::dismiss)
        .post("/{institute}/{case}/variants/{id}/rank", Access::CaseEditor, handlers::rank)
        .post("/{institute}/{case}/variants/{id}/undo", Access::CaseEditor, handlers::undo)
}
