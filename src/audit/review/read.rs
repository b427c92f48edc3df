//! From a question to the entries it is about.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::density::Direction;
use super::people::{self, People};
use super::query::{Ending, ReviewQuery};
use super::store::{Key, Selection};
use super::window::{self, Way, Window};
use crate::app::AppState;
use crate::audit::Trail;
use crate::audit::access::AuditAccess;
use crate::audit::entry::{Entry, EntryKind, Outcome};
use crate::error::AppResult;

/// Requests of one window: what chart and exports are made of …
const LISTED: usize = 200;
/// … and groups.
const GROUPED: usize = 500;
/// Rows of a table.
const ROWS: usize = 100;
/// Intents looked at when only those without outcome are asked for.
const INTENTS: usize = 500;
/// Younger intents may still be at work.
const AT_WORK: SignedDuration = SignedDuration::from_secs(60);

/// What was found.
pub(super) struct Found {
    /// Requests that fit, newest first.
    pub window: Window,
    /// How many of them the table shows.
    pub listed: usize,
    /// Where the table begins; none where nothing is older.
    pub listed_from: Option<Timestamp>,
}

/// Reads the window of a question, and notes whom and what it is about.
pub(super) async fn find(app: &AppState, access: &AuditAccess, query: &ReviewQuery, trail: &Trail) -> AppResult<Found> {
    let now = app.clock.now();
    let about = reviewed(query);
    for (kind, id) in &about {
        trail.request(kind, id);
    }
    if let Some(institute) = query.institute.as_ref().filter(|institute| access.scope().covers(Some(institute))) {
        trail.institute(institute);
    }
    let Some((selection, people)) = selection(app, access, query).await? else {
        return Ok(Found::nothing());
    };
    let way = way(query, now);
    let me = access.principal().user();
    let own_review = |entry: &Entry| {
        let mine = entry.agent.as_ref().is_some_and(|agent| agent.user.as_ref() == Some(me));
        mine && entry.request.as_ref().is_some_and(|request| request.route.starts_with("/audit"))
    };
    let is_one_of = |entry: &Entry| match (&people, &entry.agent) {
        (None, _) => true,
        (Some(People::Known(ids)), Some(agent)) => agent.user.as_ref().is_some_and(|user| ids.contains(user)),
        (Some(People::Named(name)), Some(agent)) => agent.name.to_lowercase().contains(name),
        (Some(_), None) => false,
    };
    let fits = |entry: &Entry| query.fits(entry) && is_one_of(entry) && !(query.live && own_review(entry));
    let found = if query.outcome == Some(Ending::Never) {
        unended(app, access, &selection, way, &fits).await?
    } else {
        let wanted = match (way.direction, query.group) {
            (Direction::Newer, _) => ROWS,
            (Direction::Older, None) => LISTED,
            (Direction::Older, Some(_)) => GROUPED,
        };
        let window = window::read(&app.review.entries, access, &selection, way, wanted, fits).await?;
        let mut found = Found::of(window);
        if query.takes_unended() {
            let until = way.to.min(now - AT_WORK).min(found.window.to.unwrap_or(Timestamp::MAX));
            let from = found.listed_from.unwrap_or(way.from);
            let ended: HashSet<&str> = found.window.entries.iter().map(|entry| entry.request_id.as_str()).collect();
            let mut open = if from < until {
                app.review.entries.never_ended(access, &selection, from, until, &ended).await?
            } else {
                Vec::new()
            };
            open.retain(|entry| fits(entry));
            found.add(open);
        }
        found
    };
    trail.note_rows(found.listed);
    if !found.window.entries.is_empty() {
        for (kind, id) in &about {
            trail.grant(kind, id);
        }
    }
    Ok(found)
}

/// Subjects of the review itself; their kinds say that nothing was opened.
fn reviewed(query: &ReviewQuery) -> Vec<(&'static str, String)> {
    [
        ("reviewed_person", query.person.clone()),
        ("reviewed_institute", query.institute.as_ref().map(ToString::to_string)),
        ("reviewed_case", query.case.clone()),
        ("reviewed_subject", query.subject.clone()),
        ("reviewed_question", query.asked_names().into_iter().next()),
    ]
    .into_iter()
    .filter_map(|(kind, id)| id.map(|id| (kind, id)))
    .collect()
}

/// The index to read, within the scope; none when nothing can be found.
async fn selection(
    app: &AppState,
    access: &AuditAccess,
    query: &ReviewQuery,
) -> AppResult<Option<(Selection, Option<People>)>> {
    let scope = match &query.institute {
        None => access.scope().clone(),
        Some(institute) => match access.scope().narrowed(institute) {
            Some(part) => part,
            None => return Ok(None),
        },
    };
    let people = match &query.person {
        Some(text) => Some(people::find(app, access, text).await?),
        None => None,
    };
    let key = match (&people, &query.case, &query.subject) {
        (_, Some(name), _) | (_, None, Some(name)) => Key::Subjects(vec![name.clone()]),
        _ if query.asked.is_some() => Key::Subjects(query.asked_names()),
        (Some(People::Known(ids)), ..) if ids.is_empty() => return Ok(None),
        (Some(People::Known(ids)), ..) => Key::People(ids.clone()),
        _ => match query.outcome {
            // Nearly all are, so an index of them is no shorter than that of all.
            None | Some(Ending::Never | Ending::Ended(Outcome::Success)) => Key::All,
            Some(Ending::Ended(outcome)) => Key::Ending(outcome),
        },
    };
    Ok(Some((Selection { key, kind: EntryKind::Outcome, scope }, people)))
}

fn way(query: &ReviewQuery, now: Timestamp) -> Way {
    let (from, to) = query.bounds(now);
    match query.after {
        Some(after) => Way { direction: Direction::Newer, from: after.clamp(from, to), to },
        None => Way { direction: Direction::Older, from, to: query.before.map_or(to, |before| before.clamp(from, to)) },
    }
}

/// Intents whose request has no outcome.
async fn unended(
    app: &AppState,
    access: &AuditAccess,
    selection: &Selection,
    way: Way,
    fits: &impl Fn(&Entry) -> bool,
) -> AppResult<Found> {
    let way = Way { to: way.to.min(app.clock.now() - AT_WORK).max(way.from), ..way };
    let intents = Selection { kind: EntryKind::Intent, ..selection.clone() };
    let mut window = window::read(&app.review.entries, access, &intents, way, INTENTS, fits).await?;
    let asked: Vec<&str> = window.entries.iter().map(|entry| entry.request_id.as_str()).collect();
    let ended = app.review.entries.ended(&asked).await?;
    window.entries.retain(|entry| !ended.contains(&entry.request_id));
    let (listed, listed_from) = (window.entries.len(), window.from);
    Ok(Found { window, listed, listed_from })
}

impl Found {
    fn nothing() -> Self {
        Self { window: Window { entries: Vec::new(), from: None, to: None }, listed: 0, listed_from: None }
    }

    /// The table ends after [`ROWS`] rows, when their last moment is over.
    fn of(window: Window) -> Self {
        let entries = &window.entries;
        let listed = (ROWS..entries.len())
            .find(|at| entries[at - 1].occurred_at != entries[*at].occurred_at)
            .unwrap_or(entries.len());
        let listed_from = if listed < entries.len() { Some(entries[listed - 1].occurred_at) } else { window.from };
        Self { window, listed, listed_from }
    }

    fn add(&mut self, open: Vec<Entry>) {
        self.listed += open.len();
        self.window.entries.extend(open);
        // Stable, so that entries of one moment keep their order.
        self.window.entries.sort_by_key(|entry| std::cmp::Reverse(entry.occurred_at));
    }

    /// Rows of the table.
    pub(super) fn rows(&self) -> &[Entry] {
        &self.window.entries[..self.listed]
    }
}
