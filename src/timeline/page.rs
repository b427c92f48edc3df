use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::facts::{self, AboutVariant, Fact};
use super::query::{Place, TimelineQuery, Topic};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseAccess};
use crate::db::StoreError;
use crate::error::AppResult;
use crate::events::{Actor, Event};
use crate::ids::VariantId;
use crate::users::Colleague;
use crate::web::{Layout, Page, Params, filters, urls};

/// Events of a page.
const SHOWN: usize = 100;

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
    // One more than is shown tells whether there are older ones.
    let asked = query.events(i64::try_from(SHOWN).unwrap_or(i64::MAX) + 1);
    let (mut events, colleagues) =
        tokio::try_join!(app.events.of_case(&access, &asked), app.users.readers(access.reader()))?;
    let more = events.len() > SHOWN;
    events.truncate(SHOWN);
    trail.note_rows(events.len());
    let oldest = events.last().map(Place::of);
    let is_kept = keeps(&app, &access).await?;
    let read = events.len();
    let events =
        events.into_iter().map(|event| Ok((is_kept(&event)?, event))).collect::<Result<Vec<_>, StoreError>>()?;
    let events: Vec<Event> = events.into_iter().filter_map(|(kept, event)| (!kept).then_some(event)).collect();
    let keeps_back = events.len() < read && query.variant.is_none();
    let about: Vec<Option<AboutVariant>> = events.iter().map(facts::variant).collect::<Result<_, _>>()?;
    let mut ids: Vec<VariantId> = about.iter().flatten().map(|about| about.id().clone()).collect();
    ids.extend(query.variant.clone());
    ids.sort();
    ids.dedup();
    let names = app.variants.names(&access, &ids).await?;
    let url = |query: TimelineQuery| urls::timeline(case, &query.pairs());
    let mut days: Vec<Day> = Vec::new();
    for (event, about) in events.iter().zip(&about) {
        let day = filters::date(event.at);
        let variant = about.as_ref().map(|about| VariantLink::new(case, &query, about, &names));
        let line = Line::new(case, &query, event, variant, &colleagues)?;
        match days.last_mut() {
            Some(last) if last.day == day => last.lines.push(line),
            _ => days.push(Day { day, lines: vec![line] }),
        }
    }
    let older = oldest.filter(|_| more).map(|oldest| url(TimelineQuery { before: Some(oldest), ..query.clone() }));
    let variant = query.variant.as_ref().map(|id| {
        let name = names.get(id);
        let page = name.map(|_| urls::variant(case, id, &[]));
        (id.to_string(), name.cloned().unwrap_or_else(|| GONE.to_owned()), page)
    });
    page.render(|layout| TimelinePage {
        layout: layout.with_case(access.bar()),
        case: case.name.to_string(),
        url: urls::timeline(case, &[]),
        guest: access.is_guest(),
        kinds: kinds(&query),
        people: people(&query, &colleagues, &events),
        variant,
        filtered: query.is_filtered(),
        shown: events.len(),
        keeps_back,
        days,
        older,
        newest: query.before.as_ref().map(|_| url(TimelineQuery { before: None, ..query.clone() })),
    })
}

/// Tells which events speak of a mark that the reader is to come to by themselves.
async fn keeps(app: &AppState, access: &CaseAccess) -> AppResult<impl Fn(&Event) -> Result<bool, StoreError>> {
    let kept = app.states.kept_back(access).await?;
    let user = access.principal().user().clone();
    Ok(move |event: &Event| {
        let id = event.subject.strip_prefix("variant/").and_then(|id| id.parse::<VariantId>().ok());
        if id.is_some_and(|id| kept.contains(&id)) { facts::is_kept_from(event, &user) } else { Ok(false) }
    })
}

const GONE: &str = "a variant that the lists do not hold any more";

impl AboutVariant {
    fn id(&self) -> &VariantId {
        match self {
            Self::Id(id) | Self::Named(id, _) => id,
        }
    }
}

impl Line {
    fn new(
        case: &Case,
        query: &TimelineQuery,
        event: &Event,
        variant: Option<VariantLink>,
        people: &[Colleague],
    ) -> Result<Self, StoreError> {
        let by = |user| TimelineQuery { person: Some(user), before: None, ..query.clone() };
        let comment = event.subject.strip_prefix("comment/").and_then(|id| id.parse().ok());
        Ok(Self {
            time: filters::time_of_day(event.at),
            who: event.actor.name.clone(),
            who_url: event.actor.user.clone().map(|user| urls::timeline(case, &by(user).pairs())),
            what: event.kind.words(),
            comment_url: comment.map(|id| urls::comment(case, &id)),
            variant,
            facts: facts::of(event, people)?,
        })
    }
}

impl VariantLink {
    fn new(case: &Case, query: &TimelineQuery, about: &AboutVariant, names: &HashMap<VariantId, String>) -> Self {
        let id = about.id();
        let of_it = TimelineQuery { variant: Some(id.clone()), before: None, ..query.clone() };
        let known = names.get(id);
        let said = match about {
            AboutVariant::Id(_) => None,
            AboutVariant::Named(_, name) => Some(name),
        };
        Self {
            name: known.or(said).cloned().unwrap_or_else(|| GONE.to_owned()),
            url: known.map(|_| urls::variant(case, id, &[])),
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
fn people(query: &TimelineQuery, colleagues: &[Colleague], events: &[Event]) -> Vec<Choice> {
    let colleagues = colleagues.iter().map(|one| (one.id.clone(), one.name.clone()));
    let actors =
        events.iter().filter_map(|Event { actor: Actor { user, name }, .. }| Some((user.clone()?, name.clone())));
    let mut people: Vec<Choice> = Vec::new();
    for (id, words) in colleagues.chain(actors) {
        let value = id.to_string();
        if people.iter().all(|known| known.value != value) {
            people.push(Choice { chosen: query.person.as_ref() == Some(&id), value, words });
        }
    }
    people
}
