//! The saved filters beside a list.

use super::form::NAME;
use super::model::SavedFilter;
use crate::app::AppState;
use crate::cases::CaseAccess;
use crate::db::StoreError;
use crate::variants::columns::Filter;
use crate::variants::search::Search;
use crate::web::urls;

/// What is offered beside a list.
pub(crate) struct SavedChoices {
    /// Those in use, by name.
    pub all: Vec<SavedChoice>,
    /// The one that the list shows now.
    pub shown: Option<ShownFilter>,
    /// Where the list's filter is kept under a name; none where nothing is filtered.
    pub save: Option<String>,
    /// Most characters of a name.
    pub longest: usize,
    /// The institute's filters, with their versions.
    pub page: String,
}

/// A filter to be chosen.
pub(crate) struct SavedChoice {
    pub name: String,
    pub url: String,
    pub shown: bool,
}

/// The filter that the list shows now.
pub(crate) struct ShownFilter {
    pub id: String,
    pub name: String,
    pub version: i64,
    /// Revision of the list.
    pub revision: u32,
    /// Where its use is noted.
    pub note: String,
}

/// A list's filter as it is kept: its parameters in a fixed order, each panel with the version that was used.
pub(super) fn canonical(found: &Search) -> String {
    let (wanted, used) = (&found.filter.panels, &found.panels);
    // Each panel that is known was used in one version, in the order of the filter.
    let mut panels: Vec<String> = if wanted.len() == used.len() {
        used.iter().map(|(panel, version)| format!("{panel}@{version}")).collect()
    } else {
        wanted.clone()
    };
    panels.sort();
    panels.dedup();
    let filter = Filter { panels, notable_hidden: false, ..found.filter.clone() };
    let mut pairs = filter.pairs();
    pairs.sort();
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

/// Beside a list that was found; none for whoever only reads the case.
pub(crate) async fn choices(
    app: &AppState,
    access: &CaseAccess,
    found: &Search,
    here: &[(&str, String)],
) -> Result<Option<SavedChoices>, StoreError> {
    if !access.may_edit() {
        return Ok(None);
    }
    let case = access.case();
    let filters = app.filters.of_case(access, &found.institute).await?;
    let present = canonical(found);
    let in_use = || filters.iter().filter(|filter| !filter.retired);
    let is_shown = |filter: &&SavedFilter| filter.query == present;
    Ok(Some(SavedChoices {
        all: in_use()
            .map(|filter| SavedChoice {
                name: filter.name.clone(),
                url: urls::variants(case, &filter.params().to_query()),
                shown: is_shown(&filter),
            })
            .collect(),
        shown: in_use().find(is_shown).map(|filter| ShownFilter {
            id: filter.id.to_string(),
            name: filter.name.clone(),
            version: filter.version,
            revision: found.revision(),
            note: urls::filter_used(case),
        }),
        save: (!present.is_empty()).then(|| urls::save_filter(case, here)),
        longest: NAME,
        page: urls::saved_filters(&case.institute),
    }))
}
