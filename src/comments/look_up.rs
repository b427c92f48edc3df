//! A comment as a request names it.

use serde::Deserialize;

use super::model::Comment;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseCommenter};
use crate::error::{AppError, AppResult};
use crate::ids::CommentId;

/// What is said of a comment that cannot be changed any more.
pub(crate) const OVER: &str = "This comment was taken back or erased; write a new one.";

/// The path of a comment in its case.
#[derive(Deserialize)]
pub(crate) struct CommentPath {
    #[serde(rename = "institute")]
    _institute: String,
    #[serde(rename = "case")]
    _case: String,
    pub comment: CommentId,
}

/// A comment that is there for the reader.
pub(super) async fn found(app: &AppState, access: &CaseAccess, trail: &Trail, id: &CommentId) -> AppResult<Comment> {
    let comment = app.comments.find(access, id).await?.ok_or(AppError::NotFound("comment"))?;
    trail.note_done("comment", id.as_str(), None);
    Ok(comment)
}

/// A comment that its author wants to change.
pub(crate) async fn own(
    app: &AppState,
    commenter: &CaseCommenter,
    trail: &Trail,
    id: &CommentId,
) -> AppResult<Comment> {
    let access = commenter.access();
    let comment = found(app, access, trail, id).await?;
    if comment.is_by(access.principal().user()) {
        return Ok(comment);
    }
    trail.note_reason("somebody else's comment");
    Err(AppError::Forbidden("Only its author changes a comment or takes it back."))
}
