//! Sharing a case with another institute: what its owner sees of it, confirms and ends.
//!
//! A share is a value on the case ([`crate::cases::Share`]), so whoever looks a case up finds in the same step whether it
//! is shared with them. Only the owner's people who read the case share it, with an institute of their agreement list.

mod change;
mod forms;
mod page;

pub(crate) use change::end_all;
pub use change::{Ended, Granted, end, grant};
pub use forms::Terms;

use crate::web::{Access, Routes};

/// The sharing page of a case and its forms.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/{institute}/{case}/sharing", Access::CaseEditor, page::show)
        .post("/{institute}/{case}/sharing", Access::CaseEditor, page::share)
        .post("/{institute}/{case}/sharing/end", Access::CaseEditor, page::stop)
}
