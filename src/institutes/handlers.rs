use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::access::InstituteAccess;
use super::model::Institute;
use super::query::query_of;
use super::{all, settings, worklist};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Assignee, CasePlace, CaseQuery, CaseSort, CaseSummary, Phenotype, SharedCase, Tag};
use crate::error::AppResult;
use crate::ids::UserId;
use crate::users::{Colleague, Role};
use crate::visits::news_of;
use crate::web::{Access, Layout, Page, Params, Routes, filters, urls};

/// Own cases on a page, and at most so many that are shared.
const CASES: i64 = 50;

/// The cases of an institute and its settings; all institutes, for admins of the system.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/institutes", Access::SystemAdmin, all::list)
        .post("/admin/institutes", Access::SystemAdmin, all::add)
        .get("/admin/institutes/{institute}", Access::SystemAdmin, all::show)
        .post("/admin/institutes/{institute}", Access::SystemAdmin, all::save_name)
        .get("/{institute}", Access::Institute, cases)
        .get("/{institute}/settings", Access::InstituteAdmin, settings::show)
        .post("/{institute}/settings", Access::InstituteAdmin, settings::save)
        .post("/{institute}/settings/restore", Access::InstituteAdmin, settings::restore)
        .get("/{institute}/cases/worklist", Access::Institute, worklist::show)
}

#[derive(Template)]
#[template(path = "institutes/cases.html")]
struct CasesPage {
    layout: Layout,
    institute: Institute,
    text: String,
    assignees: Vec<AssigneeChoice>,
    statuses: Vec<StatusChoice>,
    tags: Vec<TagChoice>,
    cohorts: Vec<LabelChoice>,
    groups: Vec<LabelChoice>,
    settings_url: Option<String>,
    worklist_url: String,
    cases: Vec<CaseLine>,
    shared: Vec<SharedLine>,
    shared_cut: bool,
    total: String,
    sorts: Vec<SortChoice>,
    sorted: &'static str,
    /// The first page, on any other.
    first_url: Option<String>,
    next_url: Option<String>,
}

/// A cohort or a group.
struct LabelChoice {
    name: String,
    selected: bool,
}

/// All names in use, and those that are asked for.
fn label_choices(known: &BTreeSet<String>, asked: &[String]) -> Vec<LabelChoice> {
    let names: BTreeSet<&String> = known.iter().chain(asked).collect();
    names.into_iter().map(|name| LabelChoice { name: name.clone(), selected: asked.contains(name) }).collect()
}

struct SortChoice {
    value: &'static str,
    words: &'static str,
    selected: bool,
}

struct StatusChoice {
    word: &'static str,
    count: String,
    selected: bool,
}

struct TagChoice {
    word: &'static str,
    name: &'static str,
    selected: bool,
}

struct AssigneeChoice {
    value: String,
    name: String,
    selected: bool,
}

struct CaseLine {
    url: String,
    variants_url: String,
    name: String,
    status: &'static str,
    tags: Vec<&'static str>,
    affected: Vec<String>,
    others: Vec<String>,
    assigned: Vec<String>,
    panels: Vec<String>,
    variants: String,
    build: &'static str,
    track: &'static str,
    analysed: String,
    updated: String,
    /// Whether only named people read it.
    restricted: bool,
    /// Changes by others since the reader marked the case as read.
    news: usize,
}

/// A case that another institute shares.
struct SharedLine {
    case: CaseLine,
    owner: String,
    until: String,
    purpose: String,
    lists: &'static str,
}

impl SharedLine {
    fn new(shared: &SharedCase) -> Self {
        Self {
            case: CaseLine::new(&shared.case, &[]),
            owner: shared.case.institute.to_string(),
            until: shared.share.last_day().to_string(),
            purpose: shared.share.purpose.clone(),
            lists: shared.share.lists.words(),
        }
    }
}

/// `GET /{institute}`
async fn cases(
    access: InstituteAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let colleagues = app.users.readers(&access.institute().id).await?;
    let query = CaseQuery { limit: CASES, ..query_of(&params, access.principal().user(), &colleagues)? };
    let now = app.clock.now();
    let ((counts, labels), (found, more), shared) = tokio::try_join!(
        app.cases.in_all(&access),
        app.cases.search(&access, &query),
        app.cases.shared_with(&access, now, CASES),
    )?;
    trail.note_rows(found.len() + shared.len());
    let news = news_of(&app, access.principal(), &found.iter().collect::<Vec<_>>()).await?;
    let line = |case: &CaseSummary| CaseLine {
        news: news.get(&case.id).copied().unwrap_or_default(),
        ..CaseLine::new(case, &colleagues)
    };
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let statuses = counts
        .iter()
        .map(|(status, count)| StatusChoice {
            word: status.as_str(),
            count: filters::thousands(*count),
            selected: query.status.contains(status),
        })
        .collect();
    let institute = &access.institute().id;
    let administers = access.principal().has_role(institute, Role::Admin);
    let settings_url = administers.then(|| urls::institute_settings(institute));
    let place = |after: Option<String>| {
        let mut pairs: Vec<_> = params.pairs().iter().filter(|(name, _)| name != "after").cloned().collect();
        pairs.extend(after.map(|after| ("after".to_owned(), after)));
        pairs
    };
    let worklist_url = urls::worklist(institute, &place(None));
    let next = found.last().filter(|_| more).map(|last| CasePlace::of(last, query.sort).to_string());
    page.render(|layout| CasesPage {
        layout,
        worklist_url,
        settings_url,
        institute: access.institute().clone(),
        assignees: assignee_choices(query.assignee.as_ref(), &colleagues, access.principal().user()),
        tags: Tag::ALL
            .into_iter()
            .map(|tag| TagChoice { word: tag.as_str(), name: tag.words(), selected: query.tags.contains(&tag) })
            .collect(),
        cohorts: label_choices(&labels.cohorts, &query.cohorts),
        groups: label_choices(&labels.groups, &query.groups),
        text: query.text,
        statuses,
        sorts: CaseSort::ALL
            .into_iter()
            .map(|sort| SortChoice { value: sort.as_str(), words: sort.words(), selected: sort == query.sort })
            .collect(),
        sorted: query.sort.words(),
        first_url: query.after.is_some().then(|| urls::cases(institute, &place(None))),
        next_url: next.map(|next| urls::cases(institute, &place(Some(next)))),
        cases: found.iter().map(line).collect(),
        shared_cut: i64::try_from(shared.len()).is_ok_and(|shown| shown == CASES),
        shared: shared.iter().map(SharedLine::new).collect(),
        total: filters::thousands(total),
    })
}

/// Everybody, oneself, nobody, then colleagues by name.
fn assignee_choices(selected: Option<&Assignee>, colleagues: &[Colleague], user: &UserId) -> Vec<AssigneeChoice> {
    let choice = |value: &str, name: &str, means: Option<Assignee>| AssigneeChoice {
        value: value.to_owned(),
        name: name.to_owned(),
        selected: means.as_ref() == selected,
    };
    let mut choices = vec![
        choice("", "anybody or nobody", None),
        choice("me", "me", Some(Assignee::User(user.clone()))),
        choice("nobody", "nobody", Some(Assignee::Nobody)),
    ];
    let others = colleagues.iter().filter(|colleague| colleague.id != *user);
    choices.extend(others.map(|one| choice(one.id.as_str(), &one.name, Some(Assignee::User(one.id.clone())))));
    choices
}

impl CaseLine {
    fn new(case: &CaseSummary, colleagues: &[Colleague]) -> Self {
        let name = |id: &UserId| Colleague::name_of(id, colleagues).to_owned();
        let named = |affected: bool| {
            case.individuals
                .iter()
                .filter(|individual| (individual.phenotype == Phenotype::Affected) == affected)
                .map(|individual| individual.name.clone())
                .collect()
        };
        let url = urls::case_named(&case.institute, &case.name);
        let panels: Vec<String> =
            case.panels.iter().filter(|panel| panel.default).map(|panel| panel.name.clone()).collect();
        let query: Vec<(&str, String)> = panels.iter().map(|panel| ("panel", panel.clone())).collect();
        Self {
            variants_url: format!("{url}/variants?{}", serde_urlencoded::to_string(&query).unwrap_or_default()),
            url,
            name: case.name.to_string(),
            status: case.status.as_str(),
            tags: case.tags.iter().map(|tag| tag.words()).collect(),
            affected: named(true),
            others: named(false),
            assigned: case.assignees.iter().map(name).collect(),
            panels,
            variants: filters::thousands(case.clinical_lists().map(|list| u64::from(list.shown())).sum()),
            build: case.build.name(),
            track: case.track.as_str(),
            analysed: case.analysis_date.map(filters::date).unwrap_or_default(),
            updated: filters::date(case.updated_at),
            restricted: case.is_restricted(),
            news: 0,
        }
    }
}
