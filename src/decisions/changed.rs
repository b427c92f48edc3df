//! Decisions about variants that a later list shows otherwise, or does not hold any more: each stands until somebody looks.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::change::in_words;
use super::several::write;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseAccess, CaseEditor, ListKind};
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::VariantId;
use crate::variants::columns::Columns;
use crate::variants::search::{ShownList, shown_lists};
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

/// All of one list, those first that somebody took up.
pub(crate) fn changed(states: &States, list: ListKind, revision: u32, columns: &Columns) -> Vec<Changed> {
    let mut found: Vec<Changed> = states
        .values()
        .filter(|state| state.keeps_variant())
        .filter_map(|state| {
            let facts = state.facts.as_ref().filter(|facts| facts.list == list && facts.revision != revision)?;
            let row = columns.find(&state.id).map(|row| columns.row(row));
            let since = facts.since(row);
            (!since.is_empty()).then(|| Changed {
                id: state.id.clone(),
                name: row.map_or_else(|| facts.name.clone(), |row| Facts::of(row, list, revision).name),
                words: in_words(state, true),
                since,
                is_held: row.is_some(),
                taken_up: state.is_taken_up(),
            })
        })
        .collect();
    sort(&mut found);
    found
}

fn sort(found: &mut [Changed]) {
    found.sort_by(|one, other| (!one.taken_up, &one.name).cmp(&(!other.taken_up, &other.name)));
}

/// All of the lists that a case shows.
fn changed_in(states: &States, lists: &[ShownList]) -> Vec<Changed> {
    let of_list = |list: &ShownList| changed(states, list.kind, list.revision, &list.columns);
    let mut found: Vec<Changed> = lists.iter().flat_map(of_list).collect();
    sort(&mut found);
    found
}

/// The newest revision of these lists: revisions are counted by case, so none is replaced without another one.
fn newest(lists: &[ShownList]) -> AppResult<u32> {
    lists.iter().map(|list| list.revision).max().ok_or(AppError::NotFound("list"))
}

/// How many there are in a case.
pub(crate) async fn count(app: &AppState, access: &CaseAccess) -> AppResult<usize> {
    let states = app.states.of_case(access).await?;
    let lists = &access.case().lists;
    let is_present = |facts: &Facts| lists.iter().any(|one| (one.list, one.revision) == (facts.list, facts.revision));
    if states.values().all(|state| state.facts.as_ref().is_none_or(is_present)) {
        return Ok(0); // nothing was loaded since
    }
    Ok(changed_in(&states, &shown_lists(app, access).await?).len())
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
    let lists = shown_lists(&app, &access).await?;
    let revision = newest(&lists)?;
    let mut all = changed_in(&states, &lists);
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
    let lists = shown_lists(&app, editor.access()).await?;
    if seen != newest(&lists)? {
        return Err(AppError::Conflict { rev: None });
    }
    let changes = |present: States| {
        let mut changes = Vec::new();
        for id in &ids {
            let state = present.get(id).ok_or(AppError::NotFound("decision"))?;
            let of_state = |list: &&ShownList| state.facts.as_ref().is_some_and(|facts| facts.list == list.kind);
            let list = lists.iter().find(of_state).ok_or(AppError::NotFound("decision"))?;
            let looked_at = looked_at(state, list);
            if state.facts != looked_at.facts {
                changes.push((Some(state.clone()), looked_at));
            }
        }
        Ok(changes)
    };
    trail.note_rows(write(&app, &editor, true, changes).await?);
    Ok(see_other(&urls::changed(editor.access().case())))
}

fn looked_at(state: &VariantState, list: &ShownList) -> VariantState {
    let (columns, revision) = (&list.columns, list.revision);
    let facts = match columns.find(&state.id) {
        Some(row) => Some(Facts { looked_at: true, ..Facts::of(columns.row(row), list.kind, revision) }),
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
