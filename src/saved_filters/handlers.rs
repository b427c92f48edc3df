use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::change::{Changed, save as save_filter};
use super::choices::canonical;
use super::form::SaveForm;
use super::model::SavedFilter;
use super::usage::{Usage, note};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseEditor, Stale};
use crate::error::{AppError, AppResult};
use crate::ids::FilterId;
use crate::variants::Category;
use crate::variants::search::search;
use crate::web::{CsrfForm, Page, Params, problem, see_other, urls};

/// `POST /{institute}/{case}/filters?…`: keeps the filter of the address under a name.
pub(super) async fn save(
    editor: CaseEditor,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
    CsrfForm(form): CsrfForm<SaveForm>,
) -> AppResult<Response> {
    let access = editor.access();
    let case = access.case();
    let here = params.to_query();
    let back = urls::variants(case, &here);
    let (changed, wanted) = keep(&app, &editor, &params, &form).await?;
    match changed {
        Changed::Done(saved) => {
            trail.note_done("filter", saved.id.as_str(), Some(&case.institute));
            Ok(see_other(&urls::variants(case, &saved.params().to_query())))
        }
        Changed::Locked(saved) => Err(kept_by_its_owner(&saved)),
        Changed::Conflict(saved) => {
            let stale = Stale {
                of: format!("filter {}", saved.name),
                what: format!(
                    "Your institute has a filter of this name, version {}{}. Yours would become version {}.",
                    saved.version,
                    if saved.retired { ", out of use" } else { "" },
                    saved.version + i64::from(saved.query != wanted.query)
                ),
                now: saved.words().unwrap_or_default(),
                wanted: wanted.words().unwrap_or_default().join("; "),
                again: Some((urls::save_filter(case, &here), vec![("name".to_owned(), saved.name.clone())])),
                back,
            };
            stale.told(access, page, saved.rev)
        }
    }
}

/// Why a filter cannot take the place of one that is locked.
pub(crate) fn kept_by_its_owner(saved: &SavedFilter) -> AppError {
    let words = format!("{} keeps the filter of this name as it is; choose another name", saved.owner_name);
    problem("name", &saved.name, words)
}

/// Keeps the filter that parameters of a list make, under a name: what became of it, and what was to be kept.
pub(crate) async fn keep(
    app: &AppState,
    editor: &CaseEditor,
    params: &Params,
    form: &SaveForm,
) -> AppResult<(Changed, SavedFilter)> {
    let access = editor.access();
    let name = form.name()?;
    let found = search(app, access, params).await?;
    if let Some(unknown) = found.unknown.first() {
        return Err(problem(
            "name",
            &name,
            format!("the filter names {unknown}, which is not known; take it out first"),
        ));
    }
    let query = canonical(&found);
    if query.is_empty() {
        return Err(problem("name", &name, "there is no filter to save; narrow the list first"));
    }
    let (case, principal) = (access.case(), access.principal());
    let wanted = SavedFilter {
        id: FilterId::random(),
        institute: case.institute.clone(),
        category: Category::Snv,
        name,
        query,
        version: 1,
        owner: principal.user().clone(),
        owner_name: principal.name().to_owned(),
        locked: false,
        retired: false,
        at: app.clock.now(),
        rev: 1,
    };
    let changed = save_filter(app, principal, wanted.clone(), form.rev).await?;
    Ok((changed, wanted))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Used {
    filter: FilterId,
    /// Version of the filter, and revision of the list, that were shown.
    version: i64,
    revision: u32,
}

/// `POST /{institute}/{case}/filters/used`: notes in the case's history that a person used a version of a filter.
pub(super) async fn note_use(
    editor: CaseEditor,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<Used>,
) -> AppResult<Response> {
    let access = editor.access();
    let case = access.case();
    let filter = app.filters.find(&case.institute, &form.filter).await?.ok_or(AppError::NotFound("filter"))?;
    let params = filter.params();
    let found = search(&app, access, &params).await?;
    if (filter.version, found.revision()) != (form.version, form.revision) {
        // What would be written down is not what was seen.
        return Err(AppError::Conflict { rev: Some(filter.version) });
    }
    note(&app, &editor, &filter, &Usage::of(&filter, &found)).await?;
    trail.note_done("filter", filter.id.as_str(), Some(&case.institute));
    Ok(see_other(&urls::variants(case, &params.to_query())))
}
