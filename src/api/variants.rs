use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{OfCase, Refusals};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::{Case, CaseAccess};
use crate::decisions::Reason;
use crate::error::{AppError, AppResult};
use crate::ids::VariantId;
use crate::variants::columns::{Choice, Facets, Row};
use crate::variants::search::{Search, search, search_in};
use crate::variants::{AmpTier, EscatTier, PartialCause, Standing, Validation, Variant, VariantPath, VariantState};
use crate::vcf::model::{Frequencies, RankResult, Scores};
use crate::web::{Params, Path};

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct VariantList {
    /// Variants of the list.
    total: usize,
    /// What lies outside consent, in words, whether or not there is anything: it is not here, nor counted. `null` when nothing
    /// is closed.
    closed: Option<String>,
    /// Variants that pass the filter.
    matched: usize,
    page: usize,
    per_page: usize,
    /// Notable variants that the filter hides.
    hidden_notable: usize,
    /// Panels used, `name@version`.
    panels: Vec<String>,
    /// Names of panels and genes that are unknown; they match nothing.
    unknown: Vec<String>,
    #[schema(value_type = std::collections::BTreeMap<String, Vec<Choice>>)]
    facets: Facets,
    variants: Vec<VariantJson>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct VariantJson {
    id: String,
    norm_key: String,
    /// Contig without `chr`, position, reference, alternative.
    simple_id: String,
    category: &'static str,
    sub_category: String,
    build: &'static str,
    chromosome: String,
    /// 1-based.
    position: u32,
    /// 1-based inclusive.
    end: u32,
    end_chromosome: Option<String>,
    reference: String,
    alternative: String,
    length: Option<u32>,
    rank: usize,
    rank_score: Option<f64>,
    rank_score_normalized: Option<f64>,
    #[schema(value_type = Vec<Object>)]
    rank_results: Vec<RankResult>,
    models: Vec<String>,
    compounds: Vec<CompoundJson>,
    genes: Vec<GeneJson>,
    frequencies: FrequenciesJson,
    local_archive: ArchiveJson,
    scores: ScoresJson,
    clinvar: Vec<ClinvarJson>,
    dbsnp: Vec<String>,
    cosmic: Vec<String>,
    callers: Vec<CallerJson>,
    filters: Vec<String>,
    quality: Option<f64>,
    samples: Vec<SampleJson>,
    #[schema(value_type = Option<Object>)]
    str: Option<()>,
    #[schema(value_type = Option<Object>)]
    sv: Option<()>,
    #[schema(value_type = Option<Object>)]
    mei: Option<()>,
    #[schema(value_type = Option<Object>)]
    fusion: Option<()>,
    state: StateJson,
}

#[derive(Serialize, ToSchema)]
struct CompoundJson {
    /// Null when the partner is not in the list.
    id: Option<String>,
    simple_id: String,
    score: Option<f64>,
    passes_filter: bool,
}

#[derive(Serialize, ToSchema)]
struct GeneJson {
    hgnc_id: Option<u32>,
    symbol: Option<String>,
    consequence: Option<String>,
    region: Option<String>,
    hgvs_c: Option<String>,
    hgvs_p: Option<String>,
    transcript: Option<String>,
    exon: Option<String>,
    sift: Option<String>,
    polyphen: Option<String>,
    inheritance: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct FrequenciesJson {
    gnomad: Option<f64>,
    gnomad_popmax: Option<f64>,
    exac: Option<f64>,
    exac_max: Option<f64>,
    thousand_genomes: Option<f64>,
    thousand_genomes_max: Option<f64>,
    swegen: Option<f64>,
    colorsdb: Option<f64>,
    mt_homoplasmic: Option<f64>,
    mt_heteroplasmic: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct ArchiveJson {
    observations: Option<u32>,
    homozygotes: Option<u32>,
    frequency: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct ScoresJson {
    cadd: Option<f64>,
    revel: Option<f64>,
    revel_rank: Option<f64>,
    spliceai: Option<f64>,
    spidex: Option<f64>,
    gerp: Option<f64>,
    phastcons: Option<f64>,
    phylop: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct ClinvarJson {
    code: u16,
    significance: String,
    accession: Option<String>,
    review_status: Option<String>,
    trusted: bool,
}

#[derive(Serialize, ToSchema)]
struct CallerJson {
    name: String,
    status: String,
}

#[derive(Serialize, ToSchema)]
struct SampleJson {
    individual_id: String,
    name: String,
    genotype: Option<String>,
    ref_depth: Option<u32>,
    alt_depth: Option<u32>,
    depth: Option<u32>,
    alt_fraction: Option<f64>,
    genotype_quality: Option<f64>,
    /// The call lies outside consent: all of it is `null`, whatever it is.
    withheld: bool,
}

#[derive(Default, Serialize, ToSchema)]
pub(super) struct StateJson {
    rev: i64,
    pinned: bool,
    causative: bool,
    /// What others say of a causative mark: `waiting`, `agreed`, `disputed`; null where nobody is asked.
    second_reading: Option<&'static str>,
    /// Reasons: codes of the known ones, and an institute's own in its words.
    dismissed: Vec<Reason>,
    manual_rank: Option<u8>,
    /// What it explains of what the patient has; `null` when it is no partial cause.
    partial: Option<PartialJson>,
    /// Codes of what is held of mosaicism.
    mosaic: Vec<u8>,
    /// Tier of AMP, ASCO and CAP, e.g. `2C`.
    amp: Option<&'static str>,
    /// Tier of ESCAT, e.g. `1A` for its I-A.
    escat: Option<&'static str>,
    /// What the laboratory was asked, and what it found; `null` when nothing is ordered.
    validation: Option<ValidationJson>,
    acmg: Option<String>,
    comments: u32,
}

#[derive(Serialize, ToSchema)]
struct PartialJson {
    /// Phenotype terms of the case.
    phenotypes: Vec<String>,
    /// Others, in words; `null` for guests.
    words: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct ValidationJson {
    ordered_at: String,
    /// `true_positive`, `false_positive` or `not_validated`; `null` while there is none.
    outcome: Option<&'static str>,
}

impl From<&Validation> for ValidationJson {
    fn from(validation: &Validation) -> Self {
        Self {
            ordered_at: validation.at.to_string(),
            outcome: validation.result.as_ref().map(|result| result.outcome.as_str()),
        }
    }
}

/// Ranked variants of a case under a filter.
///
/// The filter parameters are those of the page's address; see the README.
#[utoipa::path(
    get, path = "/api/v1/{institute}/{case}/variants",
    params(
        OfCase,
        ("page" = Option<usize>, Query, description = "From 1"),
        ("per_page" = Option<usize>, Query, description = "At most 500")
    ),
    responses(
        (status = 200, body = VariantList),
        Refusals
    )
)]
pub(super) async fn list(
    access: CaseAccess,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Json<VariantList>> {
    let found = search(&app, &access, &params).await?;
    let ids: Vec<VariantId> = found.page().iter().map(|row| found.columns.row(*row).id()).collect();
    let documents = match &found.list {
        Some(list) if !ids.is_empty() => app.variants.of_list(&access, list.revision, &ids).await?,
        _ => Vec::new(),
    };
    trail.note_rows(documents.len());
    let variants = variants_json(access.case(), &found, found.page(), &documents);
    Ok(Json(VariantList {
        total: found.total(),
        closed: access.case().closed(),
        matched: found.matched.count(),
        page: found.filter.page,
        per_page: found.filter.per_page,
        hidden_notable: found.hidden_notable.count(),
        panels: found.panels.iter().map(|(name, version)| format!("{name}@{version}")).collect(),
        unknown: found.unknown.clone(),
        facets: found.facets(),
        variants,
    }))
}

/// Rows of a list with their documents, as every answer gives them.
pub(crate) fn variants_json(case: &Case, found: &Search, rows: &[usize], documents: &[Variant]) -> Vec<VariantJson> {
    rows.iter().zip(documents).map(|(row, document)| VariantJson::new(case, document, found, *row)).collect()
}

/// One variant of a case.
#[utoipa::path(
    get, path = "/api/v1/{institute}/{case}/variants/{id}",
    params(
        OfCase,
        ("id" = String, Path, description = "Variant id")
    ),
    responses((status = 200, body = VariantJson), (status = 404, description = "No such variant, or not in scope"))
)]
pub(super) async fn show(
    access: CaseAccess,
    State(app): State<AppState>,
    Path(at): Path<VariantPath>,
    params: Params,
) -> AppResult<Json<VariantJson>> {
    let document = app.variants.find(&access, &at.id).await?.ok_or(AppError::NotFound("variant"))?;
    let found = search_in(&app, &access, &params, document.list).await?;
    let row = found.columns.find(&at.id).ok_or(AppError::NotFound("variant"))?;
    Ok(Json(VariantJson::new(access.case(), &document, &found, row)))
}

impl VariantJson {
    fn new(case: &Case, document: &Variant, found: &Search, row: usize) -> Self {
        let shown = found.columns.row(row);
        Self {
            id: document.id().to_string(),
            norm_key: document.norm_key.to_string(),
            simple_id: document.simple_id(),
            category: document.category.as_str(),
            sub_category: document.sub_category.clone(),
            build: document.build.as_str(),
            chromosome: document.chromosome.to_string(),
            position: document.position,
            end: document.end,
            end_chromosome: None,
            reference: document.reference.clone(),
            alternative: document.alternative.clone(),
            length: document.length,
            rank: row + 1,
            rank_score: document.rank.score,
            rank_score_normalized: document.rank.normalized,
            rank_results: document.rank.results.clone(),
            models: document.models.clone(),
            compounds: compounds(shown, found),
            genes: genes(document),
            frequencies: FrequenciesJson::from(&document.frequencies),
            local_archive: ArchiveJson {
                observations: document.local_archive.observations,
                homozygotes: document.local_archive.homozygotes,
                frequency: document.local_archive.frequency,
            },
            scores: ScoresJson::from(&document.scores),
            clinvar: document
                .clinvar
                .iter()
                .map(|record| ClinvarJson {
                    code: record.code,
                    significance: record.significance.clone(),
                    accession: record.accession.clone(),
                    review_status: record.review_status.clone(),
                    trusted: record.trusted,
                })
                .collect(),
            dbsnp: document.dbsnp.clone(),
            cosmic: document.cosmic.clone(),
            callers: document
                .callers
                .iter()
                .map(|caller| CallerJson { name: caller.name.clone(), status: caller.status.clone() })
                .collect(),
            filters: document.filters.clone(),
            quality: document.quality,
            samples: samples(case, document, shown),
            str: None,
            sv: None,
            mei: None,
            fusion: None,
            state: StateJson::new(found, &document.id()),
        }
    }
}

fn compounds(row: Row<'_>, found: &Search) -> Vec<CompoundJson> {
    row.compounds()
        .map(|compound| CompoundJson {
            id: compound.row.map(|row| found.columns.row(row).id().to_string()),
            simple_id: compound.name.to_owned(),
            score: compound.score,
            passes_filter: compound.row.is_some_and(|row| found.matched.has(row)),
        })
        .collect()
}

fn genes(document: &Variant) -> Vec<GeneJson> {
    document
        .genes
        .iter()
        .map(|gene| {
            let shown = gene.representative.and_then(|at| gene.transcripts.get(at));
            GeneJson {
                hgnc_id: gene.hgnc_id,
                symbol: gene.symbol.clone(),
                consequence: gene.consequence.clone(),
                region: gene.region.clone(),
                hgvs_c: shown.and_then(|transcript| transcript.hgvs_c.clone()),
                hgvs_p: shown.and_then(|transcript| transcript.hgvs_p.clone()),
                transcript: shown.map(|transcript| transcript.id.clone()),
                exon: shown.and_then(|transcript| transcript.exon.clone()),
                sift: gene.sift.clone(),
                polyphen: gene.polyphen.clone(),
                inheritance: gene.inheritance.clone(),
            }
        })
        .collect()
}

/// Calls in the order of the case's individuals, which is the order of every page.
fn samples(case: &Case, document: &Variant, row: Row<'_>) -> Vec<SampleJson> {
    case.individuals
        .iter()
        .filter_map(|individual| {
            let sample = document.samples.iter().find(|sample| sample.individual_id == individual.individual_id)?;
            Some(SampleJson {
                individual_id: individual.individual_id.clone(),
                withheld: row.withholds(&individual.individual_id),
                name: individual.name.clone(),
                genotype: sample.call.genotype.clone(),
                ref_depth: sample.call.ref_depth,
                alt_depth: sample.call.alt_depth,
                depth: sample.call.depth,
                alt_fraction: sample.call.alt_fraction,
                genotype_quality: sample.call.genotype_quality,
            })
        })
        .collect()
}

impl From<&Frequencies> for FrequenciesJson {
    fn from(found: &Frequencies) -> Self {
        Self {
            gnomad: found.gnomad,
            gnomad_popmax: found.gnomad_popmax,
            exac: found.exac,
            exac_max: found.exac_max,
            thousand_genomes: found.thousand_genomes,
            thousand_genomes_max: found.thousand_genomes_max,
            swegen: found.swegen,
            colorsdb: found.colorsdb,
            mt_homoplasmic: found.mt_homoplasmic,
            mt_heteroplasmic: found.mt_heteroplasmic,
        }
    }
}

impl From<&Scores> for ScoresJson {
    fn from(found: &Scores) -> Self {
        Self {
            cadd: found.cadd,
            revel: found.revel,
            revel_rank: found.revel_rank,
            spliceai: found.spliceai,
            spidex: found.spidex,
            gerp: found.gerp,
            phastcons: found.phastcons,
            phylop: found.phylop,
        }
    }
}

impl StateJson {
    fn new(found: &Search, id: &VariantId) -> Self {
        let comments = found.comments.get(id).copied().unwrap_or_default();
        Self::of(found.states.get(id), comments)
    }

    /// Of what is decided, with how many comments stand.
    pub(super) fn of(state: Option<&VariantState>, comments: u32) -> Self {
        let Some(state) = state else { return Self { comments, ..Self::default() } };
        Self {
            rev: state.rev,
            pinned: state.pinned,
            causative: state.causative,
            second_reading: state.standing().map(Standing::as_str),
            dismissed: state.dismissed.clone(),
            manual_rank: state.manual_rank,
            partial: state
                .partial
                .clone()
                .map(|PartialCause { phenotypes, words, .. }| PartialJson { phenotypes, words }),
            mosaic: state.mosaic.clone(),
            amp: state.tiers.amp.map(AmpTier::code),
            escat: state.tiers.escat.map(EscatTier::code),
            validation: state.validation.as_ref().map(ValidationJson::from),
            acmg: state.acmg.clone(),
            comments,
        }
    }
}
