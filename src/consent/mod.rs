//! What the people of a case consent to, and what of its lists stays closed without it.
//!
//! The genes of the reference's list of secondary findings that no ordered panel holds are closed in everybody who does not
//! allow to be told of them: what they carry there is no part of the case, neither of page, count, export nor API. What
//! others carry who do allow it stays, without the calls of those who do not. Decided in [`Withheld`] and applied where
//! columns and documents of variants leave their stores, so that no page has to think of it.

mod change;
mod forms;
mod model;
mod page;
mod secondary;
mod withheld;

pub(crate) use model::in_words;
pub use model::{Answer, Consent, Consents, IndividualConsents, Purpose};
pub use secondary::{ListedGene, SecondaryGenes};
pub(crate) use secondary::{counted, counted_with, refresh, secondary_genes};
pub use withheld::{Told, Withheld};

use crate::web::{Access, Routes};

/// The consent page of a case and its forms.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/{institute}/{case}/consent", Access::CaseEditor, page::show).post(
        "/{institute}/{case}/consent",
        Access::CaseEditor,
        page::record,
    )
}
