//! Restricting a case to named people of its institute, and opening it to all of them again.
//!
//! A restriction is a value on the case ([`crate::cases::Restriction`]), so whoever looks a case up finds in the same step
//! whether it is closed to them.

mod change;
mod forms;
mod page;

pub use change::{Became, By, Wanted, restrict};
pub(crate) use change::{first, in_words};
pub(crate) use forms::{REASON, read_reason, read_rev};

use crate::web::{Access, Routes};

/// The page that names a case's readers, and its forms.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/{institute}/{case}/restriction", Access::CaseEditor, page::show)
        .post("/{institute}/{case}/restriction", Access::CaseEditor, page::name_people)
        .post("/{institute}/{case}/restriction/lift", Access::CaseEditor, page::lift)
}
