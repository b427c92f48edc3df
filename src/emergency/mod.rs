//! Emergency access: an administrator opens one case, with a reason and a fresh code, for an hour, to be read.
//!
//! It is a value on the case ([`crate::cases::Emergency`]), seen by the case's people, kept in its history and flagged for
//! review ([`crate::audit::flags`]).

mod access;
mod change;
mod page;

pub use access::{CaseOpener, EmergencyAdmin};
pub use change::{Opened, end, open};

use crate::web::{Access, Routes};

/// The page that opens a case, and the end of it.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/break-glass", Access::Administrator, page::show)
        .post("/break-glass", Access::Administrator, page::open_case)
        .post("/{institute}/{case}/break-glass/end", Access::Administrator, page::stop)
}
