use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::OfCase;
use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::Principal;
use crate::cases::{Case, CaseAccess, CasePlace, CaseQuery, CaseSummary, Share};
use crate::error::AppResult;
use crate::institutes::{InstituteAccess, query_of};
use crate::web::Params;

/// Cases given at once.
const CASES: i64 = 1_000;

#[derive(Serialize, ToSchema)]
pub(super) struct Institutes {
    institutes: Vec<InstituteJson>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct InstituteJson {
    id: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Cases {
    cases: Vec<CaseLine>,
    /// What `after` has to be for those that follow; `null` when these are the last.
    next: Option<String>,
}

/// A case in a list of cases.
#[derive(Serialize, ToSchema)]
pub(super) struct CaseLine {
    id: String,
    family: String,
    name: String,
    institute: String,
    status: &'static str,
    build: &'static str,
    track: &'static str,
    individuals: Vec<String>,
    updated_at: String,
    /// That another institute, the one in `institute`, shares the case; `null` for an own one.
    shared: Option<SharedJson>,
}

/// By which share a case of another institute is read. What stays with its owner is `null`, empty or absent; `family` is
/// the case's name.
#[derive(Serialize, ToSchema)]
pub(super) struct SharedJson {
    /// The institute it is shared with.
    with: String,
    purpose: String,
    /// `clinical` or `clinical_and_research`.
    lists: &'static str,
    /// Whether guests may comment.
    comments: bool,
    /// From this moment on it is absent.
    until: String,
}

impl From<&Share> for SharedJson {
    fn from(share: &Share) -> Self {
        Self {
            with: share.with.to_string(),
            purpose: share.purpose.clone(),
            lists: share.lists.as_str(),
            comments: share.comments,
            until: share.until.to_string(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CaseJson {
    id: String,
    family: String,
    name: String,
    institute: String,
    status: &'static str,
    /// `37` or `38`.
    build: &'static str,
    track: &'static str,
    /// Affected, then unaffected, then unknown; within these as in the load file.
    individuals: Vec<IndividualJson>,
    panels: Vec<PanelJson>,
    lists: Vec<ListJson>,
    not_assessed: Vec<String>,
    /// The rank model of small variants as it was when the case was loaded; `null` if none was read.
    rank_model: Option<RankModelJson>,
    /// That its owner shares it with the reader's institute; `null` for an own case.
    shared: Option<SharedJson>,
}

/// What the parts of a rank score can be.
#[derive(Serialize, ToSchema)]
pub(super) struct RankModelJson {
    name: Option<String>,
    version: Option<String>,
    categories: Vec<CategoryJson>,
}

/// Least and greatest points of a category.
#[derive(Serialize, ToSchema)]
pub(super) struct CategoryJson {
    category: String,
    least: f64,
    greatest: f64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct IndividualJson {
    individual_id: String,
    name: String,
    sex: &'static str,
    phenotype: &'static str,
    father: Option<String>,
    mother: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PanelJson {
    name: String,
    version: String,
    default: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ListJson {
    category: String,
    list: &'static str,
    total: u32,
    revision: u32,
    threshold: f64,
}

/// Institutes whose cases the caller may read.
#[utoipa::path(get, path = "/api/v1/institutes", responses((status = 200, body = Institutes)))]
pub(super) async fn institutes(principal: Principal, State(app): State<AppState>) -> AppResult<Json<Institutes>> {
    let ids: Vec<_> = principal.scope().institutes().cloned().collect();
    let found = app.institutes.among(&ids).await?;
    let institutes = found
        .into_iter()
        .map(|institute| InstituteJson { id: institute.id.to_string(), name: institute.name })
        .collect();
    Ok(Json(Institutes { institutes }))
}

/// Cases of an institute, 1 000 at once, and with the first of them those that others share with it. `institute` names the
/// owner, under whose address each is read.
#[utoipa::path(
    get, path = "/api/v1/{institute}/cases",
    params(
        ("institute" = String, Path, description = "Institute id"),
        ("q" = Option<String>, Query, description = "Beginnings of names, individuals, subjects or LIMS ids"),
        ("status" = Option<Vec<String>>, Query, description = "One of these statuses"),
        ("assignee" = Option<String>, Query, description = "`me`, `nobody` or the id of a colleague"),
        ("tag" = Option<Vec<String>>, Query, description = "Marked with all of these"),
        ("sort" = Option<String>, Query, description = "`changed` (default), `loaded`, `oldest` or `name`"),
        ("after" = Option<String>, Query, description = "`next` of the answer before"),
    ),
    responses((status = 200, body = Cases), (status = 422, description = "A parameter that cannot be used"), (status = 404, description = "No such institute, or not in scope"))
)]
pub(super) async fn list(
    access: InstituteAccess,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Json<Cases>> {
    let colleagues = app.users.readers(&access.institute().id).await?;
    let query = CaseQuery { limit: CASES, ..query_of(&params, access.principal().user(), &colleagues)? };
    let (found, more) = app.cases.search(&access, &query).await?;
    let shared = match query.after {
        None => app.cases.shared_with(&access, app.clock.now(), CASES).await?,
        Some(_) => Vec::new(),
    };
    trail.note_rows(found.len() + shared.len());
    let shared =
        shared.iter().map(|one| CaseLine { shared: Some(SharedJson::from(&one.share)), ..CaseLine::from(&one.case) });
    let next = found.last().filter(|_| more).map(|last| CasePlace::of(last, query.sort).to_string());
    Ok(Json(Cases { cases: found.iter().map(CaseLine::from).chain(shared).collect(), next }))
}

/// One case.
#[utoipa::path(
    get, path = "/api/v1/{institute}/{case}",
    params(OfCase),
    responses((status = 200, body = CaseJson), (status = 404, description = "No such case, or not in scope"))
)]
pub(super) async fn show(access: CaseAccess) -> Json<CaseJson> {
    Json(CaseJson { shared: access.share().map(SharedJson::from), ..CaseJson::from(access.case()) })
}

impl From<&CaseSummary> for CaseLine {
    fn from(case: &CaseSummary) -> Self {
        Self {
            id: case.id.to_string(),
            family: case.family.clone(),
            name: case.name.to_string(),
            institute: case.institute.to_string(),
            status: case.status.as_str(),
            build: case.build.as_str(),
            track: case.track.as_str(),
            individuals: case.individuals.iter().map(|individual| individual.name.clone()).collect(),
            updated_at: case.updated_at.to_string(),
            shared: None,
        }
    }
}

impl From<&Case> for CaseJson {
    fn from(case: &Case) -> Self {
        Self {
            id: case.id.to_string(),
            family: case.family.clone(),
            name: case.name.to_string(),
            institute: case.institute.to_string(),
            status: case.status.as_str(),
            build: case.build.as_str(),
            track: case.track.as_str(),
            individuals: case
                .individuals
                .iter()
                .map(|individual| IndividualJson {
                    individual_id: individual.individual_id.clone(),
                    name: individual.name.clone(),
                    sex: individual.sex.as_str(),
                    phenotype: individual.phenotype.as_str(),
                    father: individual.father.clone(),
                    mother: individual.mother.clone(),
                })
                .collect(),
            panels: case
                .panels
                .iter()
                .map(|panel| PanelJson {
                    name: panel.name.clone(),
                    version: panel.version.clone(),
                    default: panel.default,
                })
                .collect(),
            lists: case
                .lists
                .iter()
                .map(|list| ListJson {
                    category: list.category.clone(),
                    list: list.list.as_str(),
                    total: list.shown(),
                    revision: list.revision,
                    threshold: list.threshold,
                })
                .collect(),
            not_assessed: case.not_assessed(),
            rank_model: case.rank_model.as_ref().filter(|model| !model.ranges.is_empty()).map(|model| RankModelJson {
                name: model.name.clone(),
                version: model.version.clone(),
                categories: model
                    .ranges
                    .iter()
                    .map(|range| CategoryJson {
                        category: range.category.clone(),
                        least: range.least,
                        greatest: range.greatest,
                    })
                    .collect(),
            }),
            shared: None,
        }
    }
}
