//! What somebody finds when they come in: their cases and how long these wait, who asks for them, what is new.

mod due;
mod page;

use crate::web::{Access, Routes};

/// The start page.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/", Access::SignedIn, page::start)
}
