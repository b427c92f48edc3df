//! What is written down when a filter was used for a case.

use bson::Bson;
use serde::{Deserialize, Serialize};

use super::model::SavedFilter;
use crate::app::AppState;
use crate::cases::{CaseEditor, ListKind};
use crate::db::StoreError;
use crate::events::{Actor, Change, EventKind, fact, filter_use_subject};
use crate::variants::search::Search;

/// That a version of a filter was used for a case, with what it showed and hid then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The filter's name then.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// The filter in words.
    pub words: Vec<String>,
    /// Clinical or research.
    #[serde(default, skip_serializing_if = "ListKind::is_clinical")]
    pub list: ListKind,
    /// Revision of the list.
    pub revision: u32,
    /// How many variants passed.
    pub matched: u64,
    /// Of how many.
    pub total: u64,
    /// How many notable variants it hid: (likely) pathogenic in ClinVar, or SpliceAI of at least 0.2.
    pub hidden_notable: u64,
    /// The first of these, as the list names them.
    pub hidden: Vec<String>,
}

/// Hidden variants that are named; the others are counted.
const NAMED: usize = 50;

impl Usage {
    /// Of a filter whose result was found.
    pub(super) fn of(filter: &SavedFilter, found: &Search) -> Self {
        let hidden = found.hidden_notable.iter();
        Self {
            name: filter.name.clone(),
            version: filter.version,
            words: filter.words().unwrap_or_default(),
            list: found.kind(),
            revision: found.revision(),
            matched: found.rows.len() as u64,
            total: found.total() as u64,
            hidden_notable: found.hidden_notable.count() as u64,
            hidden: hidden.take(NAMED).map(|row| found.columns.row(row).simple_id()).collect(),
        }
    }
}

/// Writes it down in the case's history; a version that the same person noted for this list already stays noted.
pub(super) async fn note(
    app: &AppState,
    editor: &CaseEditor,
    filter: &SavedFilter,
    usage: &Usage,
) -> Result<(), StoreError> {
    let access = editor.access();
    let case = access.case();
    let change = Change {
        subject: filter_use_subject(&case.id, &filter.id, (usage.version, usage.revision), access.principal().user()),
        rev: 1,
        kind: EventKind::FilterUsed,
        institute: Some(case.institute.clone()),
        case_id: Some(case.id.clone()),
        before: Bson::Null,
        after: fact(usage)?,
    };
    app.events.prepare().await?;
    let (actor, now) = (Actor::of(access.principal()), app.clock.now());
    let mut transaction = app.db.begin().await?;
    loop {
        let work = app.events.append(&mut transaction.session, &change, &actor, now).await;
        if let Some(written) = transaction.end(work).await {
            return match written {
                Err(StoreError::Exists(_)) => Ok(()),
                other => other,
            };
        }
    }
}
