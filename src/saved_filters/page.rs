//! The filters of an institute on pages of their own: all of them, and each with its versions.

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;

use super::change::{Changed, mark};
use super::form::MarksForm;
use super::model::SavedFilter;
use crate::app::AppState;
use crate::audit::Trail;
use crate::db::StoreError;
use crate::error::{AppError, AppResult};
use crate::events::Event;
use crate::ids::FilterId;
use crate::institutes::InstituteAccess;
use crate::variants::Category;
use crate::web::{CsrfForm, Layout, Page, Path, filters, see_other, urls};

#[derive(Template)]
#[template(path = "saved_filters/all.html")]
struct ListPage {
    layout: Layout,
    institute: String,
    cases_url: String,
    lines: Vec<FilterLine>,
    /// The name of the clinical filter of every case, and what it keeps beside the case's own panels.
    clinical: (String, Vec<String>),
}

struct FilterLine {
    name: String,
    url: String,
    version: i64,
    words: String,
    owner: String,
    locked: bool,
    retired: bool,
    changed: String,
}

/// A filter in words.
fn told(filter: &SavedFilter) -> String {
    filter.words().map_or_else(
        || format!("this version of Lodestone does not understand it: {}", filter.query),
        |words| words.join("; "),
    )
}

impl FilterLine {
    fn new(filter: &SavedFilter) -> Self {
        Self {
            name: filter.name.clone(),
            url: urls::saved_filter(&filter.institute, &filter.id),
            version: filter.version,
            words: told(filter),
            owner: filter.owner_name.clone(),
            locked: filter.locked,
            retired: filter.retired,
            changed: filters::date(filter.at),
        }
    }
}

/// `GET /{institute}/cases/filters`
pub(super) async fn list(
    access: InstituteAccess,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    let all = app.filters.of_institute(&access).await?;
    trail.note_rows(all.len());
    let institute = access.institute();
    let mut lines: Vec<FilterLine> = all.iter().map(FilterLine::new).collect();
    lines.sort_by_key(|line| line.retired);
    page.render(|layout| ListPage {
        layout,
        institute: institute.name.clone(),
        cases_url: urls::institute(&institute.id),
        lines,
        clinical: institute.clinical_filter_in_words(Category::Snv),
    })
}

#[derive(Deserialize)]
struct FilterPath {
    filter: FilterId,
}

/// A saved filter of an institute whose cases the person reads. Only the extractor builds one.
pub struct FilterAccess {
    access: InstituteAccess,
    filter: SavedFilter,
}

impl FilterAccess {
    /// Locks it or opens it, takes it out of the lists or brings it back.
    pub(crate) async fn mark(
        self,
        app: &AppState,
        (locked, retired): (bool, bool),
        known: i64,
    ) -> Result<Changed, StoreError> {
        mark(app, self.access.principal(), self.filter, (locked, retired), known).await
    }

    /// The filter, as it stood when the request came.
    #[must_use]
    pub fn filter(&self) -> &SavedFilter {
        &self.filter
    }
}

impl FromRequestParts<AppState> for FilterAccess {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let access = InstituteAccess::from_request_parts(parts, app).await?;
        let Path(FilterPath { filter }) = Path::from_request_parts(parts, app).await?;
        let found = app.filters.find(&access.institute().id, &filter).await?;
        Ok(Self { access, filter: found.ok_or(AppError::NotFound("filter"))? })
    }
}

#[derive(Template)]
#[template(path = "saved_filters/filter.html")]
struct FilterPage {
    layout: Layout,
    line: FilterLine,
    all_url: String,
    rev: i64,
    /// Whether the reader may lock and open it, and whether they may retire it.
    may_lock: bool,
    may_retire: bool,
    changes: Vec<ChangeLine>,
}

struct ChangeLine {
    at: String,
    who: String,
    version: i64,
    words: String,
    locked: bool,
    retired: bool,
}

impl ChangeLine {
    fn new(event: &Event) -> Result<Self, StoreError> {
        let after: SavedFilter = bson::deserialize_from_bson(event.after.clone()).map_err(|error| {
            StoreError::Unreadable { collection: "events", id: event.id.clone(), reason: error.to_string() }
        })?;
        Ok(Self {
            at: filters::moment(event.at),
            who: event.actor.name.clone(),
            version: after.version,
            words: told(&after),
            locked: after.locked,
            retired: after.retired,
        })
    }
}

/// `GET /{institute}/cases/filters/{filter}`
pub(super) async fn show(at: FilterAccess, page: Page, State(app): State<AppState>) -> AppResult<Response> {
    let events = app.events.of_filter(&at).await?;
    let changes = events.iter().map(ChangeLine::new).collect::<Result<_, _>>()?;
    let (filter, principal) = (&at.filter, at.access.principal());
    let by_person = !principal.is_script();
    page.render(|layout| FilterPage {
        layout,
        line: FilterLine::new(filter),
        all_url: urls::saved_filters(&filter.institute),
        rev: filter.rev,
        may_lock: by_person && filter.owner == *principal.user(),
        may_retire: by_person && filter.is_open_to(principal.user()),
        changes,
    })
}

/// Why somebody else's filter stays as it is.
pub(crate) const NOT_YOURS: &str = "Its owner keeps this filter as it is. Save yours under another name.";

/// `POST /{institute}/cases/filters/{filter}`: locks it or opens it, takes it out of the lists or brings it back.
pub(super) async fn change_marks(
    at: FilterAccess,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<MarksForm>,
) -> AppResult<Response> {
    let marks = form.marks()?;
    let back = urls::saved_filter(&at.filter.institute, &at.filter.id);
    match at.mark(&app, marks, form.rev).await? {
        Changed::Done(filter) => {
            trail.note_done("filter", filter.id.as_str(), Some(&filter.institute));
            Ok(see_other(&back))
        }
        Changed::Conflict(now) => Err(AppError::Conflict { rev: Some(now.rev) }),
        Changed::Locked(_) => Err(AppError::Forbidden(NOT_YOURS)),
    }
}
