use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::columns::{Choice, Facets, Filter, Limit, Order, People, Rescue, Sort, in_words};
use super::model::Category;
use super::search::{search, search_in};
use super::seen::{keys_across_cases, seen_in_institute};
use super::variant_page::{Around, VariantPage};
use super::variant_path::VariantPath;
use super::views::{Chip, IndividualHead, RowView, chips, individual_heads, query};
use super::{export, find};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseAccess, ListKind};
use crate::comments::{About, Discussion};
use crate::decisions::{DecisionPanel, LastDecision};
use crate::error::{AppError, AppResult};
use crate::ids::VariantId;
use crate::saved_filters::{SavedChoices, choices};
use crate::users::Role;
use crate::web::{Access, Layout, Page, Params, Path, Routes, filters, urls};

/// Lists of variants, their exports, and single variants.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/{institute}/{case}/variants", Access::Case, list)
        .get("/{institute}/{case}/variants.csv", Access::Case, export::csv)
        .get("/{institute}/{case}/variants.tsv", Access::Case, export::tsv)
        .get("/{institute}/{case}/variants.xlsx", Access::Case, export::xlsx)
        .get("/{institute}/{case}/variants/{id}", Access::Case, show)
        .get("/{institute}/{case}/find", Access::Case, find::page)
}

#[derive(Template)]
#[template(path = "variants/list.html")]
struct ListPage {
    layout: Layout,
    kind: &'static str,
    /// The case's other lists, with where they are.
    other_lists: Vec<(String, String)>,
    find_url: String,
    /// The filter, for the form that finds a variant under it.
    find_hidden: Vec<(&'static str, String)>,
    case_url: String,
    list_loaded: bool,
    total: String,
    matched: String,
    hidden_notable: usize,
    notable_url: String,
    showing_notable: bool,
    back_url: String,
    words: Vec<String>,
    chips: Vec<Chip>,
    clear_url: String,
    clinical_url: String,
    /// The filter is the clinical preset.
    is_clinical: bool,
    unknown: Vec<String>,
    panels: Vec<String>,
    groups: Vec<FacetGroup>,
    form: FormView,
    heads: Vec<IndividualHead>,
    rows: Vec<RowView>,
    /// Place of the first and last row shown, from 1.
    first: usize,
    last: usize,
    page: usize,
    pages: usize,
    previous_url: Option<String>,
    next_url: Option<String>,
    sorts: Vec<SortLink>,
    exports: Vec<(&'static str, String)>,
    not_assessed: Vec<String>,
    /// What lies outside consent, in words.
    closed: Option<String>,
    /// Where consent is put on record, for those who do.
    consent_url: Option<String>,
    /// Where several variants are dismissed together, for who decides about variants.
    dismiss_url: Option<String>,
    /// Why variants may be put aside: value and words.
    reasons: Vec<(String, String)>,
    last_decision: Option<LastDecision>,
    /// Filters that the institute keeps; none for whoever only reads the case.
    saved: Option<SavedChoices>,
}

/// A group of check boxes.
struct FacetGroup {
    parameter: &'static str,
    title: &'static str,
    open: bool,
    /// How many are chosen.
    chosen: usize,
    choices: Vec<Choice>,
}

/// Everything of the filter form that is no check box.
struct FormView {
    action: String,
    genes: String,
    regions: String,
    limits: Vec<LimitView>,
    limited: bool,
    flags: Vec<Flag>,
    flagged: bool,
    dismissed: Vec<Choice>,
    hidden: Vec<(&'static str, String)>,
}

struct LimitView {
    parameter: &'static str,
    title: &'static str,
    choices: Vec<Choice>,
    can_drop: bool,
    drops: bool,
    missing: String,
}

struct Flag {
    parameter: &'static str,
    value: &'static str,
    title: &'static str,
    on: bool,
}

struct SortLink {
    key: &'static str,
    label: &'static str,
    url: String,
    active: bool,
    /// For `aria-sort`.
    direction: &'static str,
}

const GROUPS: [(&str, &str); 10] = [
    ("panel", "Gene panels"),
    ("model", "Model in the family"),
    ("genotype", "Genotype when affected"),
    ("clinvar", "ClinVar"),
    ("region_annotation", "Part of the gene"),
    ("consequence", "Consequence"),
    ("gene_model", "Model of the gene's diseases"),
    ("filter", "Only FILTER"),
    ("hide_filter", "Hide FILTER"),
    ("spidex", "SPIDEX"),
];

/// `GET /{institute}/{case}/variants`
async fn list(
    access: CaseAccess,
    page: Page,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Response> {
    let found = search(&app, &access, &params).await?;
    trail.note_rows(found.page().len());
    let case = access.case();
    let facets = found.facets();
    let heads = individual_heads(case);
    let filter = &found.filter;
    let kind = found.kind();
    let link = |filter: &Filter, page: usize| urls::variants(case, &at_page(filter, kind, page));
    let clinical = found.institute.clinical_filter(Category::Snv, Some(case));
    let first = filter.per_page.saturating_mul(filter.page - 1) + 1;
    let bar = access.bar();
    let here = at_page(filter, kind, filter.page);
    let decides = access.may_edit();
    let orders = decides && access.principal().has_role(&case.institute, Role::Geneticist);
    let mut rows: Vec<RowView> = found.page().iter().map(|row| RowView::new(case, &found, &heads, *row)).collect();
    let since = app.visits.read_until(&access).await?;
    for (view, row) in rows.iter_mut().zip(found.page()) {
        let id = found.columns.row(*row).id();
        let state = found.states.get(&id).filter(|state| state.user != *access.principal().user() && !state.kept_back);
        view.is_news = state.zip(since).is_some_and(|(state, since)| state.at > since);
        if decides {
            view.pin_url = urls::decision(case, &id, "pin", &here);
        }
        if orders && view.state.validation.is_none() {
            view.order_url = urls::decision(case, &id, "order", &here);
        }
    }
    let named = |id: &VariantId| found.columns.find(id).map(|row| found.columns.row(row).simple_id());
    let saved = choices(&app, &access, &found, &here).await?;
    let offered = found.institute.settings.dismissals.offered();
    let last_decision = LastDecision::of(&access, &found.states, named, &here, app.clock.now());
    page.render(|layout| ListPage {
        kind: kind.as_str(),
        other_lists: other_lists(case, kind),
        find_url: urls::find(case, &[]),
        find_hidden: query(filter, kind),
        case_url: bar.url.clone(),
        layout: layout.with_case(bar),
        list_loaded: found.list.is_some(),
        total: filters::thousands(found.total() as u64),
        matched: filters::thousands(found.rows.len() as u64),
        hidden_notable: found.hidden_notable.count(),
        notable_url: link(&Filter { notable_hidden: true, ..filter.clone() }, 1),
        showing_notable: filter.notable_hidden,
        back_url: link(&Filter { notable_hidden: false, ..filter.clone() }, 1),
        words: in_words(filter),
        chips: chips(case, filter, kind),
        clear_url: link(&Filter::default(), 1),
        clinical_url: link(&clinical, 1),
        is_clinical: same_clauses(filter, &clinical),
        unknown: found.unknown.clone(),
        panels: found.panels.iter().map(|(name, version)| format!("{name} {version}")).collect(),
        groups: groups(&facets, filter),
        form: form(case, filter, &facets, kind),
        rows,
        dismiss_url: decides.then(|| urls::dismiss_several(case, &here)),
        reasons: offered.into_iter().map(|reason| (reason.value(), reason.words())).collect(),
        last_decision,
        saved,
        heads,
        first,
        last: first + found.page().len().saturating_sub(1),
        page: filter.page,
        pages: found.pages(),
        previous_url: (filter.page > 1).then(|| link(filter, filter.page - 1)),
        next_url: (filter.page < found.pages()).then(|| link(filter, filter.page + 1)),
        sorts: sorts(filter, &link),
        exports: ["csv", "tsv", "xlsx"]
            .map(|format| (format, urls::export(case, format, &query(filter, kind))))
            .to_vec(),
        not_assessed: case.not_assessed(),
        closed: case.closed(),
        consent_url: decides.then(|| urls::consent(case)),
    })
}

/// The lists of a case but one.
fn other_lists(case: &Case, shown: ListKind) -> Vec<(String, String)> {
    let others = case.lists.iter().filter(|list| list.list != shown);
    others.map(|list| (format!("The {} list", list.list.as_str()), urls::whole_list(case, list.list))).collect()
}

/// The parameters of one page of a list.
fn at_page(filter: &Filter, kind: ListKind, page: usize) -> Vec<(&'static str, String)> {
    let mut pairs = query(filter, kind);
    if page > 1 {
        pairs.push(("page", page.to_string()));
    }
    pairs
}

/// Whether two filters have the same clauses, whatever the order of their values.
fn same_clauses(one: &Filter, other: &Filter) -> bool {
    let sorted = |filter: &Filter| {
        let mut pairs = filter.pairs();
        pairs.sort();
        pairs
    };
    sorted(one) == sorted(other)
}

/// Choices of a group that is open because it is in use.
const MOST_OPEN: usize = 12;

fn groups(facets: &Facets, filter: &Filter) -> Vec<FacetGroup> {
    let chosen_values = filter.pairs();
    GROUPS
        .into_iter()
        .filter_map(|(parameter, title)| {
            let mut choices = facets.get(parameter)?.clone();
            // What is chosen but not in this list is offered all the same, or sending the form would lose it.
            for (_, value) in chosen_values.iter().filter(|(name, _)| *name == parameter) {
                if !choices.iter().any(|choice| choice.value == *value) {
                    choices.push(Choice {
                        value: value.clone(),
                        label: value.replace('_', " "),
                        count: 0,
                        selected: true,
                    });
                }
            }
            let chosen = choices.iter().filter(|choice| choice.selected).count();
            // Open are the usual ones, and any in use that does not push the rest off the screen.
            let open = matches!(parameter, "panel" | "model") || (chosen > 0 && choices.len() <= MOST_OPEN);
            (!choices.is_empty()).then_some(FacetGroup { parameter, title, open, chosen, choices })
        })
        .collect()
}

fn form(case: &Case, filter: &Filter, facets: &Facets, kind: ListKind) -> FormView {
    let limits = Limit::ALL
        .into_iter()
        .filter_map(|limit| {
            let mut choices = facets.get(limit.parameter())?.clone();
            let missing = choices.pop().map(|choice| filters::thousands(choice.count as u64)).unwrap_or_default();
            Some(LimitView {
                parameter: limit.parameter(),
                title: limit.label(),
                choices,
                can_drop: !limit.is_maximum(),
                drops: filter.drop_missing.contains(&limit),
                missing,
            })
        })
        .collect();
    let flags: Vec<Flag> = [
        ("affected_only", "1", "carried by somebody affected", filter.affected_only),
        (
            "rescue",
            "disease_rna",
            "also exons of RNA genes with a disease",
            filter.rescue.contains(&Rescue::DiseaseRna),
        ),
        ("rescue", "spliceai", "also SpliceAI ≥ 0.2 in a gene", filter.rescue.contains(&Rescue::Spliceai)),
        ("compound_filtered", "1", "compounds only with a partner that passes", filter.compound_filtered),
        ("clinvar_trusted", "1", "ClinVar: trusted status only", filter.clinvar_trusted),
        ("clinvar_first", "1", "ClinVar match shows whatever else", filter.clinvar_first),
        ("clinvar_exclude", "1", "ClinVar match hides", filter.clinvar_exclude),
        ("clinvar_only", "1", "has a ClinVar record", filter.clinvar_only),
        ("exclude_genes", "1", "leave the chosen genes out", filter.exclude_genes),
        ("pinned", "only", "pinned", filter.pinned_only),
        ("classified", "only", "classified", filter.classified_only),
        ("commented", "only", "commented", filter.commented_only),
    ]
    .into_iter()
    .map(|(parameter, value, title, on)| Flag { parameter, value, title, on })
    .collect();
    FormView {
        action: urls::variants(case, &[]),
        genes: filter.genes.join(", "),
        regions: filter.regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        limits,
        limited: !filter.limits.is_empty() || !filter.drop_missing.is_empty(),
        flagged: flags.iter().any(|flag| flag.on) || filter.dismissed != People::Show,
        flags,
        dismissed: facets.get("dismissed").cloned().unwrap_or_default(),
        // What the form has no field for, so that submitting it keeps it.
        hidden: query(filter, kind)
            .into_iter()
            .filter(|(name, _)| matches!(*name, "list" | "size_min" | "size_max" | "sort" | "order" | "per_page"))
            .collect(),
    }
}

fn sorts(filter: &Filter, link: &dyn Fn(&Filter, usize) -> String) -> Vec<SortLink> {
    Sort::ALL
        .into_iter()
        .map(|sort| {
            let active = filter.sort == sort;
            let order = filter.order.unwrap_or_else(|| sort.usual_order());
            // The column in use turns round; any other begins with its interesting end.
            let next = match (active, order, sort.usual_order()) {
                (true, now, usual) if now == usual => Some(usual.reversed()),
                _ => None,
            };
            SortLink {
                key: sort.as_str(),
                label: match sort {
                    Sort::Rank => "rank",
                    Sort::Position => "position",
                    Sort::Gene => "gene",
                    Sort::Gnomad => "frequency",
                    Sort::Cadd => "CADD",
                    Sort::Revel => "REVEL",
                    Sort::Spliceai => "SpliceAI",
                },
                url: link(&Filter { sort, order: next, ..filter.clone() }, 1),
                active,
                direction: if order == Order::Ascending { "ascending" } else { "descending" },
            }
        })
        .collect()
}

/// `GET /{institute}/{case}/variants/{id}`
async fn show(
    access: CaseAccess,
    page: Page,
    State(app): State<AppState>,
    Path(at): Path<VariantPath>,
    params: Params,
) -> AppResult<Response> {
    let variant = app.variants.find(&access, &at.id).await?.ok_or(AppError::NotFound("variant"))?;
    let ids: Vec<u32> = variant.genes.iter().filter_map(|gene| gene.hgnc_id).collect();
    let keys = keys_across_cases(&app, &access, &variant).await;
    let (found, genes, seen) = tokio::try_join!(
        search_in(&app, &access, &params, variant.list),
        async { Ok(app.genes.by_ids(&ids).await?) },
        seen_in_institute(&app, &access, &keys),
    )?;
    let row = found.columns.find(&at.id).ok_or(AppError::NotFound("variant"))?;
    let about = About::Variant(&variant, &keys);
    let discussion = Discussion::new(&app, &access, about, seen.map(|(cases, _)| cases)).await?;
    let reached_by = query(&found.filter, found.kind());
    let discussion = discussion.reached_by(access.case(), &at.id, &reached_by);
    let decisions = DecisionPanel::new(&access, &found, row, &reached_by, app.clock.now());
    let bar = access.bar();
    page.render(|layout| {
        let around = Around { genes, seen, discussion, decisions };
        VariantPage::new(layout.with_case(bar), access.case(), &variant, &found, row, around)
    })
}
