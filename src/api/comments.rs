use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::openapi::{CommentRefusals, CsrfHeader, OfCase, OfComment, Refusals};
use super::people::Nothing;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseCommenter};
use crate::comments::{About, Comment, CommentForm, Done, OVER, OwnComment, edit, read_text, retract, write};
use crate::error::{AppError, AppResult};
use crate::ids::{CommentId, VariantId};
use crate::variants::keys_across_cases;
use crate::web::{CsrfJson, problem};

#[derive(Serialize, ToSchema)]
pub(super) struct Comments {
    comments: Vec<CommentJson>,
}

/// What somebody wrote about a case or one of its variants.
#[derive(Serialize, ToSchema)]
pub(super) struct CommentJson {
    id: String,
    author: String,
    /// The author's institute.
    institute: String,
    /// `null` when it is about the case.
    variant: Option<VariantJson>,
    /// `case`, or `institute`: with the same variant in all cases of the author's institute.
    reach: &'static str,
    /// Markdown; `null` when it was taken back or erased.
    text: Option<String>,
    /// All texts, oldest first; of an erased comment none.
    texts: Vec<TextJson>,
    /// Names of those it mentions.
    mentions: Vec<String>,
    created_at: String,
    retracted_at: Option<String>,
    /// `null` unless its texts are to be erased, or are.
    redaction: Option<RedactionJson>,
    rev: i64,
}

#[derive(Serialize, ToSchema)]
struct VariantJson {
    id: String,
    simple_id: String,
}

#[derive(Serialize, ToSchema)]
struct TextJson {
    text: String,
    at: String,
}

#[derive(Serialize, ToSchema)]
struct RedactionJson {
    asked_by: String,
    asked_at: String,
    reason: String,
    /// Once somebody agreed the texts are gone.
    agreed_by: Option<String>,
    agreed_at: Option<String>,
}

/// A comment to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCommentBody {
    /// 26 characters of base32 that you draw, so that a request sent twice is one comment; otherwise the server does.
    id: Option<String>,
    /// Id of the variant it is about.
    variant: Option<String>,
    /// Markdown.
    text: String,
    /// `case`, or `institute`.
    reach: Option<String>,
}

/// Another text for a comment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextBody {
    text: String,
    /// The revision that was read.
    rev: i64,
}

/// Comments of a case, oldest first.
#[utoipa::path(
    get, path = "/api/v1/{institute}/{case}/comments", params(OfCase),
    responses((status = 200, body = Comments), Refusals)
)]
pub(super) async fn list(access: CaseAccess, State(app): State<AppState>, trail: Trail) -> AppResult<Json<Comments>> {
    let comments = app.comments.of_case(&access).await?;
    trail.note_rows(comments.len());
    Ok(Json(Comments { comments: comments.iter().map(CommentJson::from).collect() }))
}

/// Writes a comment.
#[utoipa::path(
    post, path = "/api/v1/{institute}/{case}/comments", security(("session" = [])), params(OfCase, CsrfHeader),
    request_body = NewCommentBody, responses((status = 201, body = CommentJson), CommentRefusals)
)]
pub(super) async fn add(
    commenter: CaseCommenter,
    State(app): State<AppState>,
    trail: Trail,
    CsrfJson(body): CsrfJson<NewCommentBody>,
) -> AppResult<(StatusCode, Json<CommentJson>)> {
    let access = commenter.access();
    let variant = match &body.variant {
        None => None,
        Some(id) => {
            let id: VariantId = id.parse().map_err(|_| AppError::NotFound("variant"))?;
            let variant = app.variants.find(access, &id).await?.ok_or(AppError::NotFound("variant"))?;
            let keys = keys_across_cases(&app, access, &variant).await;
            Some((variant, keys))
        }
    };
    let about = variant.as_ref().map_or(About::Case, |(variant, keys)| About::Variant(variant, keys));
    let id = body.id.unwrap_or_else(|| CommentId::random().to_string());
    let form = CommentForm { id, text: body.text, reach: body.reach };
    let new = form.parse(about.may_reach_institute(access)).map_err(AppError::Unprocessable)?;
    let Some(comment) = write(&app, &commenter, about, &new).await? else {
        return Err(problem("id", &form.id, "is that of another comment; draw another one"));
    };
    trail.note_done("comment", comment.id.as_str(), None);
    Ok((StatusCode::CREATED, Json(CommentJson::from(&comment))))
}

/// Gives one's own comment another text; the former ones are kept.
#[utoipa::path(
    put, path = "/api/v1/{institute}/{case}/comments/{comment}", security(("session" = [])),
    params(OfCase, OfComment, CsrfHeader), request_body = TextBody,
    responses((status = 200, body = CommentJson), CommentRefusals)
)]
pub(super) async fn change(
    own: OwnComment,
    State(app): State<AppState>,
    CsrfJson(body): CsrfJson<TextBody>,
) -> AppResult<Json<CommentJson>> {
    let text = read_text(&body.text).map_err(|wrong| AppError::Unprocessable(vec![wrong]))?;
    became(edit(&app, &own, &text, body.rev).await?)
}

/// Takes one's own comment back.
#[utoipa::path(
    post, path = "/api/v1/{institute}/{case}/comments/{comment}/retract", security(("session" = [])),
    params(OfCase, OfComment, CsrfHeader), request_body = Nothing,
    responses((status = 200, body = CommentJson), CommentRefusals)
)]
pub(super) async fn take_back(
    own: OwnComment,
    State(app): State<AppState>,
    CsrfJson(Nothing {}): CsrfJson<Nothing>,
) -> AppResult<Json<CommentJson>> {
    became(retract(&app, &own).await?)
}

fn became(done: Done) -> AppResult<Json<CommentJson>> {
    match done {
        Done::There(comment) => Ok(Json(CommentJson::from(&comment))),
        Done::Meanwhile(comment) => Err(AppError::Conflict { rev: Some(comment.rev) }),
        Done::Over => Err(AppError::Forbidden(OVER)),
    }
}

impl From<&Comment> for CommentJson {
    fn from(comment: &Comment) -> Self {
        let redaction = comment.redaction.as_ref().map(|redaction| RedactionJson {
            asked_by: redaction.asked_by.name.clone(),
            asked_at: redaction.asked_at.to_string(),
            reason: redaction.reason.clone(),
            agreed_by: redaction.agreed_by.as_ref().map(|by| by.name.clone()),
            agreed_at: redaction.agreed_at.map(|at| at.to_string()),
        });
        let texts = comment.texts.iter();
        let read = |text: &crate::comments::Text| Some(TextJson { text: text.text.clone()?, at: text.at.to_string() });
        Self {
            id: comment.id.to_string(),
            author: comment.author.name.clone(),
            institute: comment.institute.to_string(),
            variant: comment
                .variant
                .as_ref()
                .map(|variant| VariantJson { id: variant.id.to_string(), simple_id: variant.label.clone() }),
            reach: comment.reach.as_str(),
            text: comment.text().filter(|_| comment.stands()).map(str::to_owned),
            texts: texts.filter_map(read).collect(),
            mentions: comment.mentions.iter().map(|mention| mention.name.clone()).collect(),
            created_at: comment.created_at.to_string(),
            retracted_at: comment.retracted_at.map(|at| at.to_string()),
            redaction,
            rev: comment.rev,
        }
    }
}
