//! One decision about several variants of a list: put aside with reasons, or taken back. It is asked once, never touches what
//! somebody has taken up, becomes so as a whole or not at all, and is undone as one.

mod form;
mod handlers;
mod page;
mod plan;
mod write;

pub(super) use handlers::{decide, undo};
pub(super) use write::write;
