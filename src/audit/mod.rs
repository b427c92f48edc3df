//! The audit trail: an intent and an outcome for every request, and an entry for every command.
//!
//! Entries name who asked for what, from where and how it ended; never clinical values, query strings or secrets. If
//! the trail cannot be written, patient data are not served.

mod entry;
mod middleware;
mod trail;
mod writer;

pub use entry::{Agent, Entry, EntryKind, Outcome, RequestFacts, Subject};
pub use middleware::{TrailClass, record};
pub use trail::{Trail, note_granted, note_principal, note_requested};
pub use writer::{AuditWriter, Closed};
