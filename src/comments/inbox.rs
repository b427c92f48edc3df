//! Comments that mention the person who asks.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::markdown::to_html;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::Principal;
use crate::cases::ListKind;
use crate::db::StoreError;
use crate::error::AppResult;
use crate::web::{Layout, Page, filters, urls};

#[derive(Template)]
#[template(path = "comments/mentions.html")]
struct MentionsPage {
    layout: Layout,
    mentions: Vec<MentionView>,
}

/// A comment that mentions the person who asks.
pub(crate) struct MentionView {
    pub institute: String,
    pub case: String,
    pub url: String,
    pub author: String,
    pub at: String,
    pub variant: String,
    pub html: String,
    /// Whether it was written since the person last marked the case's comments as read.
    pub is_new: bool,
}

/// `GET /mentions`
pub(super) async fn mentions(
    principal: Principal,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    let mentions = mentions_of(&app, &principal, &trail).await?;
    page.render(|layout| MentionsPage { layout, mentions })
}

/// What mentions somebody, newest first: only comments of cases that they read at this moment.
pub(crate) async fn mentions_of(
    app: &AppState,
    principal: &Principal,
    trail: &Trail,
) -> Result<Vec<MentionView>, StoreError> {
    let comments = app.comments.mentioning(principal).await?;
    let ids: Vec<_> = comments.iter().map(|comment| comment.case_id.clone()).collect();
    let (cases, read_until) = tokio::try_join!(
        app.cases.named_in_scope(principal.scope(), &ids, app.clock.now()),
        app.visits.read_until_in(principal, &ids),
    )?;
    let cases: HashMap<_, _> = cases.into_iter().map(|case| (case.id.clone(), case)).collect();
    let mut mentions = Vec::new();
    for comment in &comments {
        let Some(case) = cases.get(&comment.case_id) else { continue };
        if comment.variant.as_ref().is_some_and(|variant| case.kept_out.contains(&variant.id)) {
            continue; // outside consent
        }
        let of_research = comment.variant.as_ref().is_some_and(|variant| variant.list == ListKind::Research);
        if of_research && !principal.scope().covers(&case.institute) {
            continue; // guests are told of clinical lists only, whatever is shared besides
        }
        let handles: Vec<&str> = comment.mentions.iter().map(|mention| mention.handle.as_str()).collect();
        let Some(text) = comment.text() else { continue };
        trail.note_done("comment", comment.id.as_str(), Some(&case.institute));
        mentions.push(MentionView {
            institute: case.institute.to_string(),
            case: case.name.to_string(),
            url: urls::beside(&case.institute, &case.name, comment, &[]),
            author: comment.author.name.clone(),
            at: filters::moment(comment.created_at),
            variant: comment.variant.as_ref().map(|variant| variant.label.clone()).unwrap_or_default(),
            html: to_html(text, &handles),
            is_new: read_until.get(&comment.case_id).is_none_or(|until| comment.last_written() > *until),
        });
    }
    trail.note_rows(mentions.len());
    Ok(mentions)
}
