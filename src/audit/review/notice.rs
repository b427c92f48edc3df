use askama::Template;
use axum::response::Response;

use crate::auth::Principal;
use crate::error::AppResult;
use crate::web::{Layout, Page};

#[derive(Template)]
#[template(path = "audit/notice.html")]
struct NoticePage {
    layout: Layout,
}

/// `GET /audit/notice`: what is recorded about the people who work here.
pub(super) async fn show(_: Principal, page: Page) -> AppResult<Response> {
    page.render(|layout| NoticePage { layout })
}
