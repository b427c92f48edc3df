//! What somebody finds when they come in: their cases and how long these wait, who asks for them, what is new.

mod count;
mod due;
mod page;
mod work;

pub use count::Counts;
pub(crate) use count::count;

use crate::web::{Access, Routes};

/// The start page.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/", Access::SignedIn, page::start)
}
