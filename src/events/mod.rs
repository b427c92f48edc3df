//! The only history of clinical facts, of the settings by which they are shown and of who may do what from where:
//! what was, what became of it, who changed it and when.

mod history;
mod model;
mod store;

pub use history::{BrokenHistory, Difference, History, compare};
pub use model::{Actor, Event, EventKind};
pub use store::{
    CaseEvents, Change, EventStore, addresses_subject, comment_subject, consent_subject, emergency_subject, fact,
    filter_subject, filter_use_subject, institute_subject, research_subject, restriction_subject, share_subject,
    together_subject, user_subject, variant_subject, work_subject,
};
