use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::access::CaseAccess;
use crate::error::AppResult;
use crate::web::{Layout, Page};

/// A value of a case that somebody else replaced after it was shown: what stands now beside what was wanted, and one button
/// for who wants it still.
#[derive(Debug)]
pub(crate) struct Stale {
    /// About what, e.g. a variant's name.
    pub of: String,
    /// What happened, in a sentence.
    pub what: String,
    /// How it stands; empty for nothing.
    pub now: Vec<String>,
    /// What was wanted.
    pub wanted: String,
    /// The same form on what stands now; none where there is nothing to repeat.
    pub again: Option<(String, Vec<(String, String)>)>,
    /// Where the reader came from.
    pub back: String,
}

#[derive(Template)]
#[template(path = "cases/stale.html")]
struct StalePage {
    layout: Layout,
    stale: Stale,
}

impl Stale {
    /// Told with status 409: nothing was stored.
    pub(crate) fn told(mut self, access: &CaseAccess, page: Page, rev: i64) -> AppResult<Response> {
        if let Some((_, pairs)) = &mut self.again {
            pairs.retain(|(name, _)| name != "rev" && name != "csrf");
            pairs.push(("rev".to_owned(), rev.to_string()));
        }
        let bar = access.bar();
        let page = page.render(|layout| StalePage { layout: layout.with_case(bar), stale: self })?;
        Ok((StatusCode::CONFLICT, page).into_response())
    }
}
