use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::due::Due;
use super::work::Work;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::Principal;
use crate::cases::{CaseSummary, Phenotype, Status};
use crate::comments::{MentionView, mentions_of};
use crate::error::AppResult;
use crate::ids::{CaseId, InstituteId};
use crate::institutes::Institute;
use crate::users::{Role, RoleGrant};
use crate::visits::news_of;
use crate::web::{Layout, Page, filters, urls};

/// Most cases of one's own that are listed.
const MINE: usize = 200;
/// Most of those that are active or new.
const OTHERS: usize = 15;
/// Most mentions.
const MENTIONS: usize = 5;

#[derive(Template)]
#[template(path = "my_work/start.html")]
struct StartPage {
    layout: Layout,
    institutes: Vec<Institute>,
    administered: Vec<Institute>,
    enterable: Vec<RoleGrant>,
    /// Whether a case can be opened in an emergency.
    emergency: bool,
    others: Vec<String>,
    /// What is not open from this address, in sentences.
    closed: Vec<String>,
    mine: List,
    /// New ones, the newest first.
    mentions: Vec<MentionView>,
    more_mentions: bool,
    active: List,
    waiting: List,
    /// With causes that the reader may confirm.
    to_read: List,
    /// With variants that the laboratory is to validate.
    to_validate: List,
}

/// Cases of one kind.
struct List {
    lines: Vec<CaseLine>,
    /// Whether there are others, changed before those.
    cut: bool,
}

struct CaseLine {
    url: String,
    name: String,
    /// Where there are several.
    institute: Option<String>,
    status: Status,
    affected: Vec<String>,
    due: Due,
    changed: String,
    /// Whether only named people read it.
    restricted: bool,
    /// Changes by others since the reader marked the case as read.
    news: usize,
}

impl CaseLine {
    fn new(
        case: &CaseSummary,
        institutes: &HashMap<InstituteId, Institute>,
        news: &HashMap<CaseId, usize>,
        now: Timestamp,
    ) -> Self {
        let target = institutes.get(&case.institute).and_then(|institute| institute.settings.target_days);
        let affected = case.individuals.iter().filter(|one| one.phenotype == Phenotype::Affected);
        Self {
            url: urls::case_named(&case.institute, &case.name),
            name: case.name.to_string(),
            institute: (institutes.len() > 1).then(|| case.institute.to_string()),
            status: case.status,
            affected: affected.map(|one| one.name.clone()).collect(),
            due: Due::new(case.sampled_at(), target, now),
            changed: filters::date(case.updated_at),
            restricted: case.is_restricted(),
            news: news.get(&case.id).copied().unwrap_or_default(),
        }
    }
}

/// `GET /`: in a constant number of queries, however many cases there are; an institute whose cases changed since it was
/// looked at last costs one more.
pub(super) async fn start(
    principal: Principal,
    page: Page,
    State(app): State<AppState>,
    trail: Trail,
) -> AppResult<Response> {
    let now = app.clock.now();
    let scope = principal.scope();
    let readable: Vec<_> = scope.institutes().cloned().collect();
    let mut administered = principal.institutes();
    administered.retain(|institute| principal.has_role(institute, Role::Admin));
    let mentions =
        async { if readable.is_empty() { Ok(Vec::new()) } else { mentions_of(&app, &principal, &trail).await } };
    let (institutes, administered, mentions) =
        tokio::try_join!(app.institutes.among(&readable), app.institutes.among(&administered), mentions)?;
    let work = Work::of(&app, &principal, &institutes, now, (MINE + 1, OTHERS + 1)).await?;
    let Work { mine, active, waiting, to_read, to_validate } = work;
    let lists = [&mine, &active, &waiting, &to_read, &to_validate];
    trail.note_rows(lists.iter().map(|list| list.len()).sum::<usize>() + mentions.len());
    let all: Vec<&CaseSummary> = lists.into_iter().flatten().collect();
    let news = news_of(&app, &principal, &all).await?;
    let by_id: HashMap<_, _> = institutes.iter().map(|institute| (institute.id.clone(), institute.clone())).collect();
    let list = |mut cases: Vec<CaseSummary>, most: usize| {
        let cut = cases.len() > most;
        cases.truncate(most);
        List { lines: cases.iter().map(|case| CaseLine::new(case, &by_id, &news, now)).collect(), cut }
    };
    let urgent_first = |mut list: List| {
        list.lines.sort_by_key(|line| (line.status != Status::Prioritized, line.due.order()));
        list
    };
    let others: Vec<String> = principal
        .institutes()
        .into_iter()
        .filter(|institute| !readable.contains(institute))
        .map(|institute| institute.to_string())
        .collect();
    let mut closed: Vec<String> = principal.closed().iter().map(|closed| closed.refusal.sentence()).collect();
    closed.dedup();
    let mut new: Vec<MentionView> = mentions.into_iter().filter(|mention| mention.is_new).collect();
    let more_mentions = new.len() > MENTIONS;
    new.truncate(MENTIONS);
    page.render(|layout| StartPage {
        layout,
        institutes,
        administered,
        enterable: principal.enterable().to_vec(),
        emergency: scope.has_emergencies(),
        others,
        closed,
        mine: urgent_first(list(mine, MINE)),
        mentions: new,
        more_mentions,
        active: list(active, OTHERS),
        waiting: urgent_first(list(waiting, OTHERS)),
        to_read: urgent_first(list(to_read, MINE)),
        to_validate: urgent_first(list(to_validate, MINE)),
    })
}
