//! One list under one filter: what the page, the API and exports show.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::columns::{Bits, Columns, Evaluated, Facets, Filter, GeneSet, Overlay, RowState, RowValidation, facets};
use super::model::Category;
use super::states::States;
use super::validation::{Outcome, Validation};
use crate::app::AppState;
use crate::cases::{Case, CaseAccess, CaseList, ListKind};
use crate::cli::SystemScope;
use crate::error::{AppError, AppResult, FieldError};
use crate::ids::VariantId;
use crate::institutes::Institute;
use crate::panels::{Panel, version_key};
use crate::web::Params;

/// A list, a filter on it, and what passes.
pub struct Search {
    kind: ListKind,
    /// The list; none when the case has no variants of this category.
    pub list: Option<CaseList>,
    /// Its columns.
    pub columns: Arc<Columns>,
    /// The filter.
    pub filter: Filter,
    /// The filter, evaluated.
    pub evaluated: Evaluated,
    /// What people decided, by row.
    pub overlay: Overlay,
    /// Decisions by variant.
    pub states: Arc<States>,
    /// How many comments about a variant stand; variants without any are left out.
    pub comments: HashMap<VariantId, u32>,
    /// Rows that the page shows its part of, in order.
    pub rows: Vec<usize>,
    /// Rows that pass the filter.
    pub matched: Bits,
    /// Notable rows that the filter hides.
    pub hidden_notable: Bits,
    /// The panels used, with the version that counted.
    pub panels: Vec<(String, String)>,
    /// Names of panels and genes that are unknown; they match nothing.
    pub unknown: Vec<String>,
    /// Genes of the panels that count in this filter, for choosing which gene a row shows first.
    pub panel_genes: HashSet<u32>,
    /// The owner.
    pub institute: Institute,
    offered: Vec<(String, String, HashSet<u32>)>,
}

impl Search {
    /// Clinical or research.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.kind
    }

    /// How many variants the list has.
    #[must_use]
    pub fn total(&self) -> usize {
        self.columns.len()
    }

    /// Rows of the page asked for.
    #[must_use]
    pub fn page(&self) -> &[usize] {
        let from = self.filter.per_page.saturating_mul(self.filter.page - 1).min(self.rows.len());
        let to = from.saturating_add(self.filter.per_page).min(self.rows.len());
        &self.rows[from..to]
    }

    /// How many pages there are; at least one.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.rows.len().div_ceil(self.filter.per_page).max(1)
    }

    /// The revision of the list; 0 when there is none.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.list.as_ref().map_or(0, |list| list.revision)
    }

    /// Counts for every choice.
    #[must_use]
    pub fn facets(&self) -> Facets {
        let settings = &self.institute.settings;
        let (cutoffs, clinical) = (&settings.cutoffs, settings.frequency_cutoff);
        facets(&self.columns, &self.filter, &self.evaluated, &self.overlay, &self.offered, cutoffs, clinical)
    }
}

/// Reads the filter of a request.
pub fn filter_of(params: &Params) -> AppResult<Filter> {
    Filter::parse(params.pairs()).map_err(|wrong| {
        AppError::Unprocessable(
            wrong.iter().map(|wrong| FieldError::new(&wrong.parameter, &wrong.value, wrong.message.clone())).collect(),
        )
    })
}

/// Evaluates a filter on the small-variant list of a case that the request is about.
pub async fn search(app: &AppState, access: &CaseAccess, params: &Params) -> AppResult<Search> {
    search_in(app, access, params, list_kind(params)).await
}

/// The same on a list that is known otherwise: each variant is of one list, whatever its address says.
pub async fn search_in(app: &AppState, access: &CaseAccess, params: &Params, kind: ListKind) -> AppResult<Search> {
    let filter = filter_of(params)?;
    let case = access.case();
    let list = case.list(Category::Snv.as_str(), kind).cloned();
    if list.is_none() && !kind.is_clinical() {
        // Research lists open with a reason and consent; until then they are not there.
        return Err(AppError::NotFound("list"));
    }
    let columns = match &list {
        Some(list) => app.columns.of_list(access, list).await?,
        None => Arc::new(Columns::default()),
    };
    let (states, comments, institute) = tokio::try_join!(
        app.states.of_case(access),
        app.comments.counts(access),
        app.institutes.find(&case.institute)
    )?;
    let institute = institute.ok_or(AppError::NotFound("institute"))?;
    evaluate(app, case, filter, Stored { kind, list, columns, states, comments, institute }).await
}

/// A list that a case shows, with its columns.
pub struct ShownList {
    /// Clinical or research.
    pub kind: ListKind,
    /// Its revision.
    pub revision: u32,
    /// What it says.
    pub columns: Arc<Columns>,
}

/// The lists of small variants that a case shows, the clinical one first.
pub async fn shown_lists(app: &AppState, access: &CaseAccess) -> AppResult<Vec<ShownList>> {
    let mut shown = Vec::new();
    for list in &access.case().lists {
        let columns = app.columns.of_list(access, list).await?;
        shown.push(ShownList { kind: list.list, revision: list.revision, columns });
    }
    Ok(shown)
}

/// The whole clinical list of small variants, for commands on the machine; pages and API go through [`search`].
pub async fn whole_list(app: &AppState, scope: &SystemScope, case: &Case) -> AppResult<Search> {
    let kind = ListKind::Clinical;
    let list = case.list(Category::Snv.as_str(), kind).cloned();
    let columns = match &list {
        Some(list) => app.columns.of_list_for_command(scope, case, list).await?,
        None => Arc::new(Columns::default()),
    };
    let states = Arc::new(app.states.of_case_for_command(scope, &case.id).await?);
    let comments = app.comments.counts_for_command(scope, &case.id).await?;
    let institute = app.institutes.find(&case.institute).await?.ok_or(AppError::NotFound("institute"))?;
    evaluate(app, case, Filter::default(), Stored { kind, list, columns, states, comments, institute }).await
}

/// What the database holds about a list.
struct Stored {
    kind: ListKind,
    list: Option<CaseList>,
    columns: Arc<Columns>,
    states: Arc<States>,
    comments: HashMap<VariantId, u32>,
    institute: Institute,
}

async fn evaluate(app: &AppState, case: &Case, filter: Filter, stored: Stored) -> AppResult<Search> {
    let Stored { kind, list, columns, states, comments, institute } = stored;
    let revision = list.as_ref().map_or(0, |list| list.revision);
    let overlay = overlay(&columns, revision, &states, &comments);
    let sets = gene_sets(app, case, &filter, &columns).await?;
    let evaluated = Evaluated::new(&columns, &filter, &sets.genes, &overlay);
    let matched = evaluated.matched();
    let hidden_notable = columns.notable().without(&matched);
    let shown = if filter.notable_hidden { &hidden_notable } else { &matched };
    let rows = filter.sort.rows(&columns, shown, filter.order);
    Ok(Search {
        kind,
        list,
        rows,
        matched,
        hidden_notable,
        evaluated,
        overlay,
        states,
        comments,
        panels: sets.used,
        unknown: sets.unknown,
        panel_genes: sets.panel_genes,
        offered: sets.offered,
        institute,
        columns,
        filter,
    })
}

fn list_kind(params: &Params) -> ListKind {
    let research = params.pairs().iter().any(|(name, value)| name == "list" && value == "research");
    if research { ListKind::Research } else { ListKind::Clinical }
}

fn overlay(columns: &Columns, revision: u32, states: &States, comments: &HashMap<VariantId, u32>) -> Overlay {
    let ids: HashSet<&VariantId> = states.keys().chain(comments.keys()).collect();
    ids.into_iter()
        .filter_map(|id| {
            let row = columns.find(id)?;
            let state = states.get(id);
            let is_dismissed = state.is_some_and(|state| !state.dismissed.is_empty());
            let facts = state.filter(|_| is_dismissed).and_then(|state| state.facts.as_ref());
            let shown_again = facts.is_some_and(|facts| facts.shows_again(columns.row(row), revision));
            let state = RowState {
                pinned: state.is_some_and(|state| state.pinned),
                causative: state.is_some_and(|state| state.causative),
                unconfirmed: state.is_some_and(|state| state.causative && !state.is_cause()),
                partial: state.is_some_and(|state| state.partial.is_some()),
                mosaic: state.is_some_and(|state| !state.mosaic.is_empty()),
                tiers: state.map(|state| state.tiers).unwrap_or_default(),
                kept_back: state.is_some_and(|state| state.kept_back),
                validation: state.and_then(|state| state.validation.as_ref()).map(validation_of_row),
                dismissed: is_dismissed && !shown_again,
                shown_again,
                classified: state.is_some_and(|state| state.acmg.is_some()),
                rank: state.and_then(|state| state.manual_rank),
                comments: comments.get(id).copied().unwrap_or_default(),
            };
            Some((row, state))
        })
        .collect()
}

fn validation_of_row(validation: &Validation) -> RowValidation {
    match validation.result.as_ref().map(|result| result.outcome) {
        None => RowValidation::Waiting,
        Some(Outcome::TruePositive) => RowValidation::Confirmed,
        Some(Outcome::FalsePositive | Outcome::NotValidated) => RowValidation::Unconfirmed,
    }
}

struct GeneSets {
    genes: GeneSet,
    used: Vec<(String, String)>,
    unknown: Vec<String>,
    panel_genes: HashSet<u32>,
    offered: Vec<(String, String, HashSet<u32>)>,
}

/// Looks up what `panel` and `gene` mean. Unknown names are reported and match nothing.
async fn gene_sets(app: &AppState, case: &Case, filter: &Filter, columns: &Columns) -> AppResult<GeneSets> {
    let mut names: Vec<String> = case.panels.iter().map(|panel| panel.name.clone()).collect();
    for panel in &filter.panels {
        let name = panel.split('@').next().unwrap_or(panel).to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut panels = if names.is_empty() { Vec::new() } else { app.panels.named(&names).await? };
    panels.sort_by_key(|panel| version_key(&panel.version));
    let latest = |name: &str| panels.iter().rev().find(|panel| panel.name == name);
    let ids = |panel: &Panel| panel.genes.iter().map(|gene| gene.hgnc_id).collect::<HashSet<u32>>();
    let title = |panel: &Panel| format!("{} {}", panel.display_name, panel.version);
    let mut offered: Vec<_> = names
        .iter()
        .filter_map(|name| latest(name))
        .map(|panel| (panel.name.clone(), title(panel), ids(panel)))
        .collect();
    let (mut used, mut unknown, mut panel_genes) = (Vec::new(), Vec::new(), HashSet::new());
    for wanted in &filter.panels {
        let found = match wanted.split_once('@') {
            Some((name, version)) => panels.iter().find(|panel| panel.name == name && panel.version == version),
            None => latest(wanted),
        };
        match found {
            Some(panel) => {
                if wanted.contains('@') {
                    // A choice of its own, so that sending the form again keeps the version.
                    offered.push((wanted.clone(), format!("{}, this version", title(panel)), ids(panel)));
                }
                used.push((panel.name.clone(), panel.version.clone()));
                panel_genes.extend(ids(panel));
            }
            None => unknown.push(format!("panel {wanted}")),
        }
    }
    let mut set = panel_genes.clone();
    let mut unresolved = Vec::new();
    for gene in &filter.genes {
        match columns.gene_named(gene) {
            Some(id) => {
                set.insert(id);
            }
            None => unresolved.push(gene.clone()),
        }
    }
    if !unresolved.is_empty() {
        let known = app.genes.resolve(&unresolved).await?;
        for gene in unresolved {
            match known.resolve(&gene) {
                Some(found) => {
                    set.insert(found.hgnc_id);
                }
                None => unknown.push(format!("gene {gene}")),
            }
        }
    }
    let asked = !filter.panels.is_empty() || !filter.genes.is_empty();
    if panel_genes.is_empty() {
        // Nothing was chosen: a row still shows first the gene of the panels the case was ordered with.
        panel_genes = case.default_panels().filter_map(|panel| latest(&panel.name)).flat_map(ids).collect();
    }
    Ok(GeneSets { genes: asked.then_some(set), used, unknown, panel_genes, offered })
}
