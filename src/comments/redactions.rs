//! Comments whose texts are to be erased: what an auditor decides without reading them.

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;

use super::change::{Done, redact, refuse_redaction};
use super::forms::Shown;
use super::model::{Comment, Redaction};
use crate::app::AppState;
use crate::audit::{AuditAccess, Trail};
use crate::auth::{Administration, SteppedUp};
use crate::error::{AppError, AppResult};
use crate::ids::CommentId;
use crate::web::{CsrfForm, Layout, Page, Path, filters, see_other, urls};

#[derive(Template)]
#[template(path = "comments/redactions.html")]
struct RedactionsPage {
    layout: Layout,
    lines: Vec<Line>,
}

struct Line {
    id: String,
    rev: i64,
    institute: String,
    about: &'static str,
    author: String,
    written: String,
    texts: usize,
    reason: String,
    asked: String,
    /// Who agreed, and when.
    agreed: Option<String>,
    may_agree: bool,
}

impl Line {
    fn new(comment: &Comment, redaction: &Redaction, access: &AuditAccess) -> Self {
        let moment = |at: Option<jiff::Timestamp>| at.map(filters::moment).unwrap_or_default();
        Self {
            id: comment.id.to_string(),
            rev: comment.rev,
            institute: comment.owner.to_string(),
            about: if comment.variant.is_some() { "a variant" } else { "a case" },
            author: comment.author.name.clone(),
            written: filters::moment(comment.created_at),
            texts: comment.texts.len(),
            reason: redaction.reason.clone(),
            asked: format!("{}, {}", redaction.asked_by.name, filters::moment(redaction.asked_at)),
            agreed: redaction.agreed_by.as_ref().map(|by| format!("{}, {}", by.name, moment(redaction.agreed_at))),
            may_agree: !redaction.is_by(access.principal().user()),
        }
    }
}

/// `GET /audit/redactions`
pub(super) async fn list(
    access: AuditAccess,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    let comments = app.comments.redactions(&access).await?;
    trail.note_rows(comments.len());
    let line = |comment: &Comment| Some(Line::new(comment, comment.redaction.as_ref()?, &access));
    page.render(|layout| RedactionsPage { layout, lines: comments.iter().filter_map(line).collect() })
}

/// The path of a comment that is to be redacted.
#[derive(Deserialize)]
pub(super) struct RedactionPath {
    comment: CommentId,
}

async fn found(app: &AppState, access: &AuditAccess, trail: &Trail, id: &CommentId) -> AppResult<Comment> {
    let comment = app.comments.redaction(access, id).await?.ok_or(AppError::NotFound("comment"))?;
    trail.note_done("comment", id.as_str(), Some(&comment.owner));
    Ok(comment)
}

fn done(comment: &Comment, done: &Done) -> AppResult<Response> {
    match done {
        Done::There(_) => Ok(see_other(urls::redactions())),
        Done::Meanwhile(_) | Done::Over => Err(AppError::Conflict { rev: Some(comment.rev) }),
    }
}

/// An erasure that somebody else asked for, before somebody who confirmed who they are. Only the extractor builds one, and
/// only such a one is agreed to.
pub(super) struct OthersErasure {
    access: AuditAccess,
    comment: Comment,
}

impl OthersErasure {
    /// The comment.
    pub fn comment(&self) -> &Comment {
        &self.comment
    }

    /// The right to agree.
    pub fn access(&self) -> &AuditAccess {
        &self.access
    }
}

impl FromRequestParts<AppState> for OthersErasure {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let access = AuditAccess::from_request_parts(parts, app).await?;
        SteppedUp::<Administration>::from_request_parts(parts, app).await?;
        let Path(at) = Path::<RedactionPath>::from_request_parts(parts, app).await?;
        let trail = Trail::of(parts);
        let comment = found(app, &access, &trail, &at.comment).await?;
        if comment.redaction.as_ref().is_some_and(|asked| asked.is_by(access.principal().user())) {
            trail.note_reason("the same person asked");
            return Err(AppError::Forbidden("A text is erased by two people: somebody else has to agree."));
        }
        Ok(Self { access, comment })
    }
}

/// `POST /audit/redactions/{comment}/agree`
pub(super) async fn agree(
    erasure: OthersErasure,
    State(app): State<AppState>,
    CsrfForm(shown): CsrfForm<Shown>,
) -> AppResult<Response> {
    done(erasure.comment(), &redact(&app, &erasure, shown.rev).await?)
}

/// `POST /audit/redactions/{comment}/refuse`: the text stands.
pub(super) async fn refuse(
    access: AuditAccess,
    State(app): State<AppState>,
    Path(at): Path<RedactionPath>,
    trail: Trail,
    CsrfForm(shown): CsrfForm<Shown>,
) -> AppResult<Response> {
    let comment = found(&app, &access, &trail, &at.comment).await?;
    done(&comment, &refuse_redaction(&app, &access, &comment, shown.rev).await?)
}
