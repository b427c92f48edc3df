use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{OfInstitute, Refusals};
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::AppResult;
use crate::institutes::InstituteAccess;
use crate::saved_filters::SavedFilter;

#[derive(Serialize, ToSchema)]
pub(super) struct SavedFilters {
    filters: Vec<FilterJson>,
}

/// A filter that an institute keeps.
#[derive(Serialize, ToSchema)]
struct FilterJson {
    id: String,
    name: String,
    /// Of which lists: `snv`.
    category: &'static str,
    /// The query of a list that it narrows; panels name their version.
    query: String,
    /// What it keeps, one sentence for each clause; `null` when this version of the program does not understand it.
    words: Option<Vec<String>>,
    version: i64,
    /// Who saved it first.
    owner: String,
    /// Whether nobody else changes it.
    locked: bool,
    /// Whether lists offer it no more.
    retired: bool,
    changed_at: String,
    rev: i64,
}

impl From<&SavedFilter> for FilterJson {
    fn from(filter: &SavedFilter) -> Self {
        Self {
            id: filter.id.to_string(),
            name: filter.name.clone(),
            category: filter.category.as_str(),
            query: filter.query.clone(),
            words: filter.words(),
            version: filter.version,
            owner: filter.owner_name.clone(),
            locked: filter.locked,
            retired: filter.retired,
            changed_at: filter.at.to_string(),
            rev: filter.rev,
        }
    }
}

/// The saved filters of an institute, by name.
#[utoipa::path(
    get, path = "/api/v1/{institute}/cases/filters", params(OfInstitute),
    responses((status = 200, body = SavedFilters), Refusals)
)]
pub(super) async fn list(
    access: InstituteAccess,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Json<SavedFilters>> {
    let all = app.filters.of_institute(&access).await?;
    trail.note_rows(all.len());
    Ok(Json(SavedFilters { filters: all.iter().map(FilterJson::from).collect() }))
}
