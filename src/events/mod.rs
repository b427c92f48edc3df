//! The only history of clinical facts, and of the settings by which they are shown: what was, what became of it, who
//! changed it and when.

mod history;
mod model;
mod store;

pub use history::{BrokenHistory, Difference, History, compare};
pub use model::{Actor, Event, EventKind};
pub use store::{Change, EventStore, institute_subject, variant_subject};
