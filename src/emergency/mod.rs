//! Emergency access: somebody opens one case that their roles do not open, with a reason and a fresh code, for an hour, to
//! be read. Administrators open any case so, readers of an institute one that is restricted to others.
//!
//! It is a value on the case ([`crate::cases::Emergency`]), seen by the case's people, kept in its history and flagged for
//! review ([`crate::audit::flags`]).

mod access;
mod change;
mod page;

pub use access::{CaseOpener, EmergencyUser};
pub use change::{Opened, end, open};

use crate::web::{Access, Routes};

/// The page that opens a case, and the end of it.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/break-glass", Access::EmergencyUser, page::show)
        .post("/break-glass", Access::EmergencyUser, page::open_case)
        .post("/{institute}/{case}/break-glass/end", Access::EmergencyUser, page::stop)
}
