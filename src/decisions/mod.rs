//! What people decide about the variants of a case, one by one or several together: pinned, causative, a partial cause, put
//! aside with reasons, ranked by hand, tagged as mosaic, given the tiers of a tumour's variant, ordered to be validated; what
//! a second reader says of a cause; and undoing it.

mod change;
mod changed;
mod forms;
mod handlers;
mod order;
mod panel;
mod reader;
mod reason;
mod second_reading;
mod several;
pub mod terms;
mod tiers;

pub(crate) use change::{Decided, Wanted, decide, decide_cause, undo as put_back};
pub(crate) use changed::{Changed, changed, count as count_changed};
pub(crate) use forms::{partial, terms_of};
pub(crate) use handlers::{chosen, offered};
pub(crate) use panel::{DecisionPanel, LastDecision};
pub(crate) use reason::read_all_own;
pub use reason::{Dismissals, Reason, in_words as reasons_in_words};
pub(crate) use second_reading::{SecondReadingPanel, panel as second_reading};
pub(crate) use tiers::only_of_tumours;

use crate::web::{Access, Routes};

/// One route for each decision; each leads back to where it was made.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/{institute}/{case}/changed", Access::Case, changed::show)
        .post("/{institute}/{case}/changed", Access::CaseEditor, changed::look)
        .post("/{institute}/{case}/variants/dismiss", Access::CaseEditor, several::decide)
        .post("/{institute}/{case}/variants/undo", Access::CaseEditor, several::undo)
        .post("/{institute}/{case}/variants/{id}/pin", Access::CaseEditor, handlers::pin)
        .post("/{institute}/{case}/second-reading", Access::CaseGeneticist, second_reading::finish)
        .post("/{institute}/{case}/variants/{id}/causative", Access::CaseGeneticist, handlers::hold_causative)
        .post("/{institute}/{case}/variants/{id}/second-reading", Access::CaseGeneticist, handlers::read_second)
        .get("/{institute}/{case}/variants/{id}/order", Access::CaseEditor, order::show)
        .post("/{institute}/{case}/variants/{id}/order", Access::CaseGeneticist, handlers::order)
        .post("/{institute}/{case}/variants/{id}/validated", Access::CaseGeneticist, handlers::validate)
        .post("/{institute}/{case}/variants/{id}/dismiss", Access::CaseEditor, handlers::dismiss)
        .post("/{institute}/{case}/variants/{id}/rank", Access::CaseEditor, handlers::rank)
        .post("/{institute}/{case}/variants/{id}/mosaic", Access::CaseEditor, handlers::mosaic)
        .post("/{institute}/{case}/variants/{id}/tiers", Access::CaseEditor, handlers::tiers)
        .post("/{institute}/{case}/variants/{id}/partial", Access::CaseGeneticist, handlers::hold_partial)
        .post("/{institute}/{case}/variants/{id}/undo", Access::CaseEditor, handlers::undo)
}
