//! Comments on cases and their variants: Markdown with mentions, every text kept, taken back instead of deleted, and erased
//! only by two people.
//!
//! A comment belongs to the institute of its author and stands in the case it was written in. What is said of a variant may
//! be for all cases of the institute; nothing is ever shown in another institute's cases, and guests see what was written in
//! the case that is shared with them.

mod change;
mod forms;
mod handlers;
mod inbox;
mod look_up;
mod markdown;
mod mentions;
mod model;
mod page;
mod redactions;
mod store;

pub use change::{About, Done, write};
pub(crate) use change::{edit, retract};
pub use forms::NewComment;
pub(crate) use forms::{CommentForm, read_text};
pub(crate) use inbox::{MentionView, mentions_of};
pub(crate) use look_up::{OVER, OwnComment};
pub use markdown::to_html;
pub use mentions::Mention;
pub use model::{Author, Comment, CommentedVariant, Reach, Redaction, Text};
pub(crate) use page::Discussion;
pub use store::CommentStore;

use crate::web::{Access, Routes};

/// Writing, changing, taking back and erasing comments; whom they mention.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .post("/{institute}/{case}/comments", Access::CaseCommenter, handlers::write_about_case)
        .post("/{institute}/{case}/variants/{id}/comments", Access::CaseCommenter, handlers::write_about_variant)
        .get("/{institute}/{case}/comments/{comment}", Access::Case, handlers::show)
        .post("/{institute}/{case}/comments/{comment}/edit", Access::CaseCommenter, handlers::change)
        .post("/{institute}/{case}/comments/{comment}/retract", Access::CaseCommenter, handlers::take_back)
        .post("/{institute}/{case}/comments/{comment}/redact", Access::Case, handlers::ask_to_erase)
        .get("/mentions", Access::SignedIn, inbox::mentions)
        .get("/audit/redactions", Access::Auditor, redactions::list)
        .post("/audit/redactions/{comment}/agree", Access::Auditor, redactions::agree)
        .post("/audit/redactions/{comment}/refuse", Access::Auditor, redactions::refuse)
}
