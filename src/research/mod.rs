//! Opening the research lists of a case, by a named person with a reason and everybody's consent, and closing them again.
//!
//! While they are closed, these lists stand apart on the case ([`crate::cases::Case::closed_lists`]), so that whoever reads the
//! case finds neither them nor their counts, and no search looks into them.

mod change;
mod page;

pub(crate) use change::{close_without_consent, in_words};

use crate::web::{Access, Routes};

/// The page of a case's research lists, and its forms.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/{institute}/{case}/research", Access::CaseEditor, page::show)
        .post("/{institute}/{case}/research", Access::CaseEditor, page::open)
        .post("/{institute}/{case}/research/close", Access::CaseEditor, page::close)
}
