//! What happened in a case, as people read it: the clinical history of the case, newest first, with before and after.

mod facts;
mod page;
mod query;
mod told;

pub(crate) use query::TimelineQuery;
pub(crate) use told::Told;

use crate::web::{Access, Routes};

/// The page.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/{institute}/{case}/timeline", Access::Case, page::show)
}
