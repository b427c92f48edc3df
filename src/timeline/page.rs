use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::facts::{AboutVariant, Fact};
use super::query::{TimelineQuery, Topic};
use super::told::{Told, ToldEvent};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseAccess};
use crate::error::AppResult;
use crate::web::{Layout, Page, Params, filters, urls};

#[derive(Template)]
#[template(path = "timeline/timeline.html")]
struct TimelinePage {
    layout: Layout,
    case: String,
    url: String,
    /// Whether the reader is a guest, who sees no history.
    guest: bool,
    kinds: Vec<Choice>,
    people: Vec<Choice>,
    /// The variant that it is narrowed to, with its address where the case still has it.
    variant: Option<(String, String, Option<String>)>,
    filtered: bool,
    /// Whether changes are left out that the reader is to come to by themselves.
    keeps_back: bool,
    days: Vec<Day>,
    shown: usize,
    older: Option<String>,
    newest: Option<String>,
}

struct Choice {
    value: String,
    words: String,
    chosen: bool,
}

/// Events of one day (UTC), newest first.
struct Day {
    day: String,
    lines: Vec<Line>,
}

struct Line {
    time: String,
    /// Name, and the timeline of what they did; a command on the machine has none.
    who: String,
    who_url: Option<String>,
    what: &'static str,
    /// The comment that it is about.
    comment_url: Option<String>,
    variant: Option<VariantLink>,
    facts: Vec<Fact>,
}

struct VariantLink {
    name: String,
    /// None: the case's lists do not hold it any more.
    url: Option<String>,
    timeline: String,
}

/// `GET /{institute}/{case}/timeline`
pub(super) async fn show(
    access: CaseAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let query = TimelineQuery::parse(&params)?;
    let case = access.case();
    let told = Told::of(&app, &access, &query, &trail).await?;
    let url = |query: TimelineQuery| urls::timeline(case, &query.pairs());
    let mut days: Vec<Day> = Vec::new();
    for one in &told.events {
        let day = filters::date(one.event.at);
        let variant = one.about.as_ref().map(|about| VariantLink::new(case, &query, about, &told));
        let line = Line::new(case, &query, one, variant);
        match days.last_mut() {
            Some(last) if last.day == day => last.lines.push(line),
            _ => days.push(Day { day, lines: vec![line] }),
        }
    }
    let older = told.older.clone().map(|oldest| url(TimelineQuery { before: Some(oldest), ..query.clone() }));
    let variant = query.variant.as_ref().map(|id| {
        let page = told.names.get(id).map(|_| urls::variant(case, id, &[]));
        (id.to_string(), told.names.call(id, None).to_owned(), page)
    });
    page.render(|layout| TimelinePage {
        layout: layout.with_case(access.bar()),
        case: case.name.to_string(),
        url: urls::timeline(case, &[]),
        guest: access.is_guest(),
        kinds: kinds(&query),
        people: people(&query, &told),
        variant,
        filtered: query.is_filtered(),
        shown: told.events.len(),
        keeps_back: told.keeps_back,
        days,
        older,
        newest: query.before.as_ref().map(|_| url(TimelineQuery { before: None, ..query.clone() })),
    })
}

impl Line {
    fn new(case: &Case, query: &TimelineQuery, told: &ToldEvent, variant: Option<VariantLink>) -> Self {
        let event = &told.event;
        let by = |user| TimelineQuery { person: Some(user), before: None, ..query.clone() };
        let comment = event.subject.strip_prefix("comment/").and_then(|id| id.parse().ok());
        Self {
            time: filters::time_of_day(event.at),
            who: event.actor.name.clone(),
            who_url: event.actor.user.clone().map(|user| urls::timeline(case, &by(user).pairs())),
            what: event.kind.words(),
            comment_url: comment.map(|id| urls::comment(case, &id)),
            variant,
            facts: told.facts.clone(),
        }
    }
}

impl VariantLink {
    fn new(case: &Case, query: &TimelineQuery, about: &AboutVariant, told: &Told) -> Self {
        let id = about.id();
        let of_it = TimelineQuery { variant: Some(id.clone()), before: None, ..query.clone() };
        Self {
            name: told.name_of(about).to_owned(),
            url: told.names.get(id).map(|_| urls::variant(case, id, &[])),
            timeline: urls::timeline(case, &of_it.pairs()),
        }
    }
}

fn kinds(query: &TimelineQuery) -> Vec<Choice> {
    let choice = |topic: Topic| Choice {
        value: topic.as_str().to_owned(),
        words: topic.words().to_owned(),
        chosen: query.kind == Some(topic),
    };
    Topic::ALL.into_iter().map(choice).collect()
}

/// Who can be chosen: all who read the institute's cases now, and whoever else did something on this page.
fn people(query: &TimelineQuery, told: &Told) -> Vec<Choice> {
    let colleagues = told.colleagues.iter().map(|one| (one.id.clone(), one.name.clone()));
    let actors =
        told.events.iter().filter_map(|one| Some((one.event.actor.user.clone()?, one.event.actor.name.clone())));
    let mut people: Vec<Choice> = Vec::new();
    for (id, words) in colleagues.chain(actors) {
        let value = id.to_string();
        if people.iter().all(|known| known.value != value) {
            people.push(Choice { chosen: query.person.as_ref() == Some(&id), value, words });
        }
    }
    people
}
