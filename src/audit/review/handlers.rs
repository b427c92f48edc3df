use askama::Template;
use axum::extract::State;
use axum::response::Response;
use futures::TryFutureExt as _;
use jiff::SignedDuration;
use jiff::Timestamp;

use super::chart::Chart;
use super::groups::{self, DayGroup, PersonGroup};
use super::openings::Waiting;
use super::query::{Ending, Group, ReviewQuery};
use super::read::{self, Found};
use super::rows::{Row, second};
use super::saved::SavedLink;
use super::words;
use crate::app::AppState;
use crate::audit::Trail;
use crate::audit::access::AuditAccess;
use crate::error::{AppError, AppResult};
use crate::web::{Layout, Page, Params, filters, urls};

#[derive(Template)]
#[template(path = "audit/trail.html")]
struct TrailPage {
    layout: Layout,
    title: String,
    /// What the page is about, when it is one person or case.
    about: Option<String>,
    form: FilterForm,
    filtered: bool,
    saved: Vec<SavedLink>,
    waiting: Vec<Waiting>,
    /// The question as a query string, to be saved.
    query: String,
    grouped: bool,
    rows: Vec<Row>,
    people: Vec<PersonGroup>,
    days: Vec<DayGroup>,
    /// All requests of the window.
    found: String,
    one: bool,
    from: String,
    to: String,
    chart: Option<Chart>,
    older: Option<String>,
    newer: Option<String>,
    latest: Option<String>,
    other_views: Vec<ViewLink>,
    csv: String,
    ndjson: String,
    live: bool,
    live_url: String,
    looked: String,
}

/// The same question shown another way.
struct ViewLink {
    words: &'static str,
    url: String,
    here: bool,
}

/// Fields of the filter, with what is chosen.
struct FilterForm {
    person: String,
    institute: String,
    institutes: Vec<String>,
    case: String,
    subject: String,
    asked: String,
    actions: Vec<Choice>,
    outcomes: Vec<Choice>,
    address: String,
    exports: bool,
    from: String,
    to: String,
    group: String,
}

struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

/// `GET /audit`
pub(super) async fn trail(
    access: AuditAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let query = ReviewQuery::parse(&params)?;
    let now = app.clock.now();
    let (found, saved, waiting, institutes) = tokio::try_join!(
        read::find(&app, &access, &query, &trail),
        app.review.saved.of(&access).err_into::<AppError>(),
        app.review.openings.waiting(&access, now).err_into(),
        access.institutes(&app),
    )?;
    let institutes = institutes.iter().map(ToString::to_string).collect();
    let entries = &found.window.entries;
    let (mut people, mut days, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    match query.group {
        Some(Group::Person) => people = groups::by_person(entries),
        Some(Group::Day) => days = groups::by_day(entries),
        None => rows = found.rows().iter().map(Row::new).collect(),
    }
    let (older, newer) = neighbours(&query, &found);
    let lasting = query.lasting();
    let (csv, ndjson) = exports(&query, &found, now);
    page.render(|layout| TrailPage {
        layout,
        title: title(&query, &found),
        about: about(&query, &found),
        form: FilterForm::new(&query, institutes),
        filtered: query.is_filtered(),
        saved: saved.iter().map(|view| SavedLink::new(view, &lasting)).collect(),
        waiting,
        query: serde_urlencoded::to_string(lasting.pairs()).unwrap_or_default(),
        grouped: query.group.is_some(),
        rows,
        people,
        days,
        found: filters::thousands(entries.len() as u64),
        one: entries.len() == 1,
        from: window_start(&query, &found),
        to: found
            .window
            .to
            .filter(|_| query.before.is_some() || query.to.is_some())
            .map_or_else(|| "now".to_owned(), second),
        chart: Chart::of(entries.iter().map(|entry| entry.occurred_at)),
        older,
        newer,
        latest: (query.before.is_some() || query.after.is_some()).then(|| urls::audit(&lasting.pairs())),
        other_views: other_views(&query),
        csv,
        ndjson,
        live: query.live,
        live_url: urls::audit(&ReviewQuery { live: !query.live, ..lasting }.pairs()),
        looked: second(now),
    })
}

fn window_start(query: &ReviewQuery, found: &Found) -> String {
    match (found.window.from, query.from) {
        (Some(from), _) => second(from),
        (None, Some(from)) => from.to_string(),
        (None, None) => "the beginning".to_owned(),
    }
}

/// The windows before and after this one.
fn neighbours(query: &ReviewQuery, found: &Found) -> (Option<String>, Option<String>) {
    // Groups are made of the whole window, rows of its newest part.
    let start = if query.group.is_some() { found.window.from } else { found.listed_from };
    let url = |query: ReviewQuery| urls::audit(&query.pairs());
    let older = start.map(|before| url(ReviewQuery { before: Some(before), ..query.lasting() }));
    let end = if query.before.is_some() || query.after.is_some() { found.window.to } else { None };
    let newer = end.map(|after| url(ReviewQuery { after: Some(after), ..query.lasting() }));
    (older, newer)
}

/// Exports of exactly this window, whenever they are asked for.
fn exports(query: &ReviewQuery, found: &Found, now: Timestamp) -> (String, String) {
    let before = found.window.to.unwrap_or(now + SignedDuration::from_millis(1));
    let from = found.window.from.map(super::query::When::Moment).or(query.from);
    let pinned = ReviewQuery { before: Some(before), from, group: None, ..query.lasting() };
    let pairs = pinned.pairs();
    (urls::audit_export("csv", &pairs), urls::audit_export("ndjson", &pairs))
}

fn other_views(query: &ReviewQuery) -> Vec<ViewLink> {
    [("Requests", None), ("By person", Some(Group::Person)), ("By day and case", Some(Group::Day))]
        .into_iter()
        .map(|(words, group)| ViewLink {
            words,
            url: urls::audit(&ReviewQuery { group, live: false, ..query.clone() }.pairs()),
            here: query.group == group,
        })
        .collect()
}

fn title(query: &ReviewQuery, found: &Found) -> String {
    match (query.group, &query.case, &query.person) {
        (Some(Group::Person), Some(case), _) => format!("Who opened case {case}"),
        (Some(Group::Day), _, Some(person)) => format!("What {} did", name_of(person, found)),
        _ => "Audit trail".to_owned(),
    }
}

fn about(query: &ReviewQuery, found: &Found) -> Option<String> {
    match (query.group, &query.person) {
        (Some(Group::Day), _) => None,
        (_, Some(person)) => Some(format!("of {}", name_of(person, found))),
        (None, None) => query.case.as_ref().map(|case| format!("of case {case}")),
        _ => None,
    }
}

/// The name behind an identity, as far as the window shows it.
fn name_of(person: &str, found: &Found) -> String {
    let agents = found.window.entries.iter().filter_map(|entry| entry.agent.as_ref());
    let known = agents.into_iter().find(|agent| agent.user.as_ref().is_some_and(|user| user.as_str() == person));
    known.map_or_else(|| person.to_owned(), |agent| agent.name.clone())
}

impl FilterForm {
    fn new(query: &ReviewQuery, institutes: Vec<String>) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let chosen = text(&query.action);
        let mut actions: Vec<Choice> = words::ACTIONS
            .iter()
            .map(|(value, words)| Choice {
                value: (*value).to_owned(),
                words: (*words).to_owned(),
                chosen: chosen == *value,
            })
            .collect();
        if !chosen.is_empty() && !actions.iter().any(|action| action.chosen) {
            actions.insert(0, Choice { value: chosen.clone(), words: chosen, chosen: true });
        }
        let outcomes = Ending::ALL
            .into_iter()
            .map(|ending| Choice {
                value: ending.as_str().to_owned(),
                words: ending.words().to_owned(),
                chosen: query.outcome == Some(ending),
            })
            .collect();
        Self {
            person: text(&query.person),
            institute: query.institute.as_ref().map(ToString::to_string).unwrap_or_default(),
            institutes,
            case: text(&query.case),
            subject: text(&query.subject),
            asked: text(&query.asked),
            actions,
            outcomes,
            address: query.address.map(|address| address.to_string()).unwrap_or_default(),
            exports: query.exports,
            from: query.from.map(super::query::When::day).unwrap_or_default(),
            to: query.to.map(super::query::When::day).unwrap_or_default(),
            group: query
                .pairs()
                .into_iter()
                .find_map(|(name, value)| (name == "group").then_some(value))
                .unwrap_or_default(),
        }
    }
}
