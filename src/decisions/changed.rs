//! Decisions about variants that a later list shows otherwise, or does not hold any more: each stands until somebody looks.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::change::in_words;
use super::several::write;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseEditor};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::VariantId;
use crate::variants::columns::Columns;
use crate::variants::search::shown_list;
use crate::variants::{Facts, Since, States, VariantState};
use crate::web::{CsrfForm, Layout, Page, filters, see_other, urls};

/// A decision about a variant that is another one by now.
pub(crate) struct Changed {
    pub id: VariantId,
    /// As the list names it, or did.
    pub name: String,
    /// What is decided, in words.
    pub words: Vec<String>,
    pub since: Vec<Since>,
    /// Whether the list holds the variant.
    pub is_held: bool,
    taken_up: bool,
}

impl Changed {
    /// For a command's answer.
    pub(crate) fn in_words(&self) -> String {
        let since: Vec<String> = self
            .since
            .iter()
            .filter(|_| self.is_held)
            .map(|one| {
                let value = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                format!("{} {} → {}", one.what.words(), value(&one.before), value(&one.after))
            })
            .collect();
        let since = if since.is_empty() { String::new() } else { format!(": {}", since.join(", ")) };
        format!("{} ({}){since}", self.name, self.words.join("; "))
    }
}

/// Variants of a page.
const SHOWN: usize = 300;

/// All of a list, those first that somebody took up.
pub(crate) fn changed(states: &States, columns: &Columns, revision: u32) -> Vec<Changed> {
    let mut found: Vec<Changed> = states
        .values()
        .filter(|state| state.keeps_variant())
        .filter_map(|state| {
            let facts = state.facts.as_ref().filter(|facts| facts.revision != revision)?;
            let row = columns.find(&state.id).map(|row| columns.row(row));
            let since = facts.since(row);
            (!since.is_empty()).then(|| Changed {
                id: state.id.clone(),
                name: row.map_or_else(|| facts.name.clone(), |row| Facts::of(row, revision).name),
                words: in_words(state, true),
                since,
                is_held: row.is_some(),
                taken_up: state.is_taken_up(),
            })
        })
        .collect();
    found.sort_by(|one, other| (!one.taken_up, &one.name).cmp(&(!other.taken_up, &other.name)));
    found
}

/// How many there are in a case.
pub(crate) async fn count(app: &AppState, access: &CaseAccess) -> AppResult<usize> {
    let states = app.states.of_case(access).await?;
    let revisions = access.case().lists.iter().map(|list| list.revision);
    let newest = revisions.max().unwrap_or_default();
    if states.values().all(|state| state.facts.as_ref().is_none_or(|facts| facts.revision == newest)) {
        return Ok(0); // nothing was loaded since
    }
    let list = shown_list(app, access).await?;
    Ok(list.map_or(0, |(revision, columns)| changed(&states, &columns, revision).len()))
}

#[derive(Template)]
#[template(path = "cases/changed.html")]
struct ChangedPage {
    layout: Layout,
    revision: u32,
    count: String,
    /// How many are not on the page.
    more: String,
    lines: Vec<Line>,
    /// Where they are looked at, for who decides.
    look: Option<String>,
}

struct Line {
    id: String,
    name: String,
    /// None: no list holds it any more.
    url: Option<String>,
    words: String,
    since: Vec<Since>,
}

/// `GET /{institute}/{case}/changed`
pub(super) async fn show(
    access: CaseAccess,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    let case = access.case();
    let states = app.states.of_case(&access).await?;
    let (revision, columns) = shown_list(&app, &access).await?.ok_or(AppError::NotFound("list"))?;
    let mut all = changed(&states, &columns, revision);
    let count = all.len();
    all.truncate(SHOWN);
    trail.note_rows(all.len());
    let lines = all.into_iter().map(|one| Line {
        url: one.is_held.then(|| urls::variant(case, &one.id, &[])),
        id: one.id.to_string(),
        name: one.name,
        words: one.words.join("; "),
        since: one.since,
    });
    let lines: Vec<Line> = lines.collect();
    page.render(|layout| ChangedPage {
        layout: layout.with_case(access.bar()),
        revision,
        count: filters::thousands(count as u64),
        more: if count > lines.len() { filters::thousands((count - lines.len()) as u64) } else { String::new() },
        lines,
        look: access.may_edit().then(|| urls::changed(case)),
    })
}

/// `POST /{institute}/{case}/changed`: somebody looked at these, and what is decided stands.
pub(super) async fn look(
    State(app): State<AppState>,
    editor: CaseEditor,
    trail: Trail,
    CsrfForm(pairs): CsrfForm<Vec<(String, String)>>,
) -> AppResult<Response> {
    let (seen, ids) = read(&pairs)?;
    let (revision, columns) = shown_list(&app, editor.access()).await?.ok_or(AppError::NotFound("list"))?;
    if seen != revision {
        return Err(AppError::Conflict { rev: None });
    }
    let changes = |present: States| {
        let mut changes = Vec::new();
        for id in &ids {
            let state = present.get(id).ok_or(AppError::NotFound("decision"))?;
            let looked_at = looked_at(state, &columns, revision);
            if state.facts != looked_at.facts {
                changes.push((Some(state.clone()), looked_at));
            }
        }
        Ok(changes)
    };
    trail.note_rows(write(&app, &editor, true, changes).await?);
    Ok(see_other(&urls::changed(editor.access().case())))
}

fn looked_at(state: &VariantState, columns: &Columns, revision: u32) -> VariantState {
    let facts = match columns.find(&state.id) {
        Some(row) => Some(Facts { looked_at: true, ..Facts::of(columns.row(row), revision) }),
        None => state.facts.clone().map(|facts| Facts { gone: true, looked_at: true, revision, ..facts }),
    };
    VariantState { facts, ..state.clone() }
}

/// The list's revision and the variants of a form.
fn read(pairs: &[(String, String)]) -> AppResult<(u32, Vec<VariantId>)> {
    let (mut revision, mut ids, mut wrong) = (None, Vec::new(), Vec::new());
    for (name, value) in pairs {
        let known = match name.as_str() {
            "revision" => value.parse().ok().map(|value| revision = Some(value)),
            "variant" => value.parse().ok().map(|id| ids.push(id)),
            _ => None,
        };
        if known.is_none() {
            wrong.push(FieldError::new(name, value, "cannot be used here"));
        }
    }
    if ids.is_empty() && wrong.is_empty() {
        wrong.push(FieldError::new("variant", "", "tick at least one variant"));
    }
    ids.sort_unstable();
    ids.dedup();
    match revision {
        Some(revision) if wrong.is_empty() => Ok((revision, ids)),
        Some(_) => Err(AppError::Unprocessable(wrong)),
        None => {
            wrong.push(FieldError::new("revision", "", "must be the revision of the list"));
            Err(AppError::Unprocessable(wrong))
        }
    }
}
