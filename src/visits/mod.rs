//! Up to when somebody has read what others wrote in a case; what is newer is marked as new. It is a person's own: nobody
//! else is told, and reading a page alone changes nothing.

mod handlers;
mod news;
mod store;

pub(crate) use news::news_of;
pub use store::{Visit, VisitStore};

use crate::web::{Access, Routes};

/// Marking as read.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().post("/{institute}/{case}/read", Access::Case, handlers::mark_read)
}
