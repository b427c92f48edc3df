//! Mail: that a validation was ordered or cancelled; and each day, to who asked for it, how much waits for them.
//!
//! A mail is written to the collection `outbox` in the transaction of what it tells, and handed to the configured server
//! later, by whichever process of `serve` comes first. It says numbers and a link, and nothing of a patient, a case or a
//! variant: mail is read on its way.

pub mod delivery;
mod digest;
mod letter;
mod link;
mod model;
mod order;
mod post;
mod server;
mod standing;
mod store;

use crate::web::{Access, Routes};

pub(crate) use digest::day;
pub use model::{About, Mail, OrderOf};
pub(crate) use order::of_decision;
pub use post::{Post, is_deliverable};
pub use server::{MailServer, NoMailServer, Security};
pub(crate) use standing::in_words;
pub use store::OutboxStore;

/// Where the links of mails lead.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/orders/{number}", Access::Institute, link::show)
}
