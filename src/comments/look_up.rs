//! A comment as a request names it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use super::model::Comment;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseCommenter};
use crate::error::{AppError, AppResult};
use crate::ids::CommentId;
use crate::web::Path;

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

/// One's own comment, in a case in which one may comment still. Only the extractor builds one; changing and taking back ask
/// for it.
pub(crate) struct OwnComment {
    commenter: CaseCommenter,
    comment: Comment,
}

impl OwnComment {
    /// The comment.
    pub fn comment(&self) -> &Comment {
        &self.comment
    }

    /// The right to read its case.
    pub fn access(&self) -> &CaseAccess {
        self.commenter.access()
    }
}

impl FromRequestParts<AppState> for OwnComment {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let commenter = CaseCommenter::from_request_parts(parts, app).await?;
        let Path(at) = Path::<CommentPath>::from_request_parts(parts, app).await?;
        let trail = Trail::of(parts);
        let comment = found(app, commenter.access(), &trail, &at.comment).await?;
        if comment.is_by(commenter.access().principal().user()) {
            return Ok(Self { commenter, comment });
        }
        trail.note_reason("somebody else's comment");
        Err(AppError::Forbidden("Only its author changes a comment or takes it back."))
    }
}

/// A comment that one may ask to be erased, or that is asked for already. Only the extractor builds one.
pub(super) struct ErasableComment {
    access: CaseAccess,
    comment: Comment,
}

impl ErasableComment {
    pub fn comment(&self) -> &Comment {
        &self.comment
    }

    pub fn access(&self) -> &CaseAccess {
        &self.access
    }
}

impl FromRequestParts<AppState> for ErasableComment {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let access = CaseAccess::from_request_parts(parts, app).await?;
        let Path(at) = Path::<CommentPath>::from_request_parts(parts, app).await?;
        let comment = found(app, &access, &Trail::of(parts), &at.comment).await?;
        if comment.redaction.is_some() || may_ask_redaction(&access, &comment) {
            return Ok(Self { access, comment });
        }
        Err(AppError::Forbidden(
            "Its author asks for a comment to be erased, or an administrator of the institute who reads the case.",
        ))
    }
}

/// Its author, or an administrator of the case's institute who reads the case.
pub(super) fn may_ask_redaction(access: &CaseAccess, comment: &Comment) -> bool {
    let principal = access.principal();
    let by_right =
        comment.is_by(principal.user()) || (access.is_own() && principal.administers(&access.case().institute));
    by_right && !principal.is_script() && comment.redaction.is_none()
}
