//! A worklist on paper: what a clinic works from while the server is down.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::access::InstituteAccess;
use super::query::query_of;
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{CaseQuery, CaseSummary, Phenotype, Status};
use crate::error::AppResult;
use crate::ids::UserId;
use crate::users::Colleague;
use crate::web::{Layout, Page, Params, filters};

/// Cases on one list; more of them are said to be missing.
const CASES: i64 = 1_000;
/// What is to be read, when no status is asked for.
const OPEN: [Status; 3] = [Status::Prioritized, Status::Active, Status::Inactive];

#[derive(Template)]
#[template(path = "institutes/worklist.html")]
struct WorklistPage {
    layout: Layout,
    institute: String,
    made: String,
    statuses: String,
    cases: Vec<Entry>,
    cut: bool,
}

struct Entry {
    name: String,
    family: String,
    status: &'static str,
    build: &'static str,
    individuals: Vec<(String, &'static str)>,
    assigned: String,
    panels: String,
    lists: String,
    analysed: String,
    changed: String,
}

impl Entry {
    fn new(case: &CaseSummary, colleagues: &[Colleague]) -> Self {
        let name = |id: &UserId| Colleague::name_of(id, colleagues);
        let order = |phenotype: Phenotype| match phenotype {
            Phenotype::Affected => 0,
            Phenotype::Unaffected => 1,
            Phenotype::Unknown => 2,
        };
        let mut individuals: Vec<_> = case.individuals.iter().collect();
        individuals.sort_by_key(|one| order(one.phenotype));
        let joined = |words: Vec<&str>| words.join(", ");
        let lists = case
            .clinical_lists()
            .map(|list| format!("{} {}", filters::thousands(u64::from(list.shown())), list.category));
        Self {
            name: case.name.to_string(),
            family: case.family.clone(),
            status: case.status.as_str(),
            build: case.build.name(),
            individuals: individuals.into_iter().map(|one| (one.name.clone(), one.phenotype.as_str())).collect(),
            assigned: joined(case.assignees.iter().map(name).collect()),
            panels: joined(case.panels.iter().filter(|panel| panel.default).map(|panel| panel.name.as_str()).collect()),
            lists: lists.collect::<Vec<_>>().join(", "),
            analysed: case.analysis_date.map(filters::date).unwrap_or_default(),
            changed: filters::date(case.updated_at),
        }
    }
}

/// `GET /{institute}/cases/worklist`, with the parameters of the cases page; without a status, what is to be read.
pub(super) async fn show(
    access: InstituteAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let colleagues = app.users.readers(&access.institute().id).await?;
    let mut query = CaseQuery { limit: CASES, ..query_of(&params, access.principal().user(), &colleagues)? };
    if query.status.is_empty() {
        query.status = OPEN.to_vec();
    }
    let (mut found, cut) = app.cases.search(&access, &query).await?;
    trail.note_export("worklist", found.len());
    found.sort_by_key(|case| Status::ALL.iter().position(|status| *status == case.status));
    page.render(|layout| WorklistPage {
        layout,
        institute: access.institute().name.clone(),
        made: filters::moment(app.clock.now()),
        statuses: query.status.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", "),
        cases: found.iter().map(|case| Entry::new(case, &colleagues)).collect(),
        cut,
    })
}
