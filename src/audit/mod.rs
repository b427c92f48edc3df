//! The audit trail: an intent and an outcome for every request, and an entry for every command.
//!
//! Entries name who asked for what, from where and how it ended; never clinical values or secrets, and free text only
//! sealed. If the trail cannot be written, patient data are not served. Entries of one process are chained by hashes
//! ([`chain`]) and signed at [`checkpoint`]s, so that a change of what was written shows ([`verify`]).

mod access;
mod canonical;
pub mod chain;
pub mod checkpoint;
mod entry;
pub mod flags;
pub mod formats;
mod keep;
pub mod keys;
pub mod lines;
mod middleware;
pub mod removal;
mod request;
pub mod review;
mod seal;
pub mod standing;
mod store;
mod trail;
pub mod upkeep;
pub mod verification;
pub mod verify;
mod writer;

pub(crate) use access::may_review;
pub use access::{AuditAccess, AuditScope, Auditor};
pub use entry::{Agent, Entry, EntryKind, Head, Outcome, Payload, RequestFacts, Seal, Subject};
pub use keys::AuditKeys;
pub use middleware::{TrailClass, record};
pub use seal::{SealError, Sealed, seal, unseal};
pub use store::{AuditStore, collections};
pub use trail::{EMERGENCY, Trail, note_concerned, note_granted, note_guest, note_principal, note_requested};
pub use writer::{AuditWriter, Closed};
