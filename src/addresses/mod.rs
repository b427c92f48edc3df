//! From where what is open: address rules.
//!
//! A set of rules is about one [`Subject`]: the whole system, an institute, or one role. It names networks, each with a
//! reason, somebody who answers for it and perhaps a last day, and whom those outside may call. Without networks the
//! subject is open from everywhere. A network counts to the end of its last day (UTC); when all have had theirs, the
//! subject is open from nowhere, since a date must not open what was limited.
//!
//! On every request the address ([`crate::web::ClientAddress`]) is held against all rules that concern whoever asks:
//!
//! - **the system's** come first: outside, nobody signs in, and whoever is signed in gets nothing but a page that names
//!   their address and whom to call. They can sign out. Health, static files and pages for everybody stay.
//! - **an institute's** take every role in that institute away for the request, **a role's** take that role away. What
//!   only a role so taken would have opened answers 403 with the same page; to everybody else it looks absent, as before.
//!   What other roles open stays open, and the start page names what is not.
//!
//! A role acts only where *every* set that concerns it admits the address. The session stays in any case, and goes on
//! from inside. An API token acts in its owner's roles of one institute, so the same rules hold for it.
//!
//! Rules are read in the one query that reads session, user and memberships, so a change counts for the next request.

mod access;
mod change;
mod forms;
mod gate;
mod model;
mod network;
mod pages;
mod preview;
mod store;
mod views;

pub use access::AddressAdmin;
pub use change::{Changed, Maker, change, locks_out};
pub use gate::{Admitted, ClosedRole, Refusal, admit, admit_roles};
pub use model::{AddressRules, AllowedNetwork, Limits, Subject, UnknownSubject};
pub use network::{Network, NetworkError};
pub use pages::routes;
pub use store::AddressStore;
pub(crate) use store::with_rules_of_owner;
