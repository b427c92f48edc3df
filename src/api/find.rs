use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::{OfCase, Refusals};
use crate::app::AppState;
use crate::audit::Trail;
use crate::cases::CaseAccess;
use crate::error::AppResult;
use crate::variants::find::{Answer, FileAnswer, Hit, find as answer};
use crate::web::Params;

/// Where the variants asked for are, and what hides them.
#[derive(Serialize, ToSchema)]
pub(super) struct Found {
    /// The question as given.
    question: String,
    /// `region`, `variant`, `rsid`, `hgvs` or `gene`.
    kind: &'static str,
    /// What it was taken for.
    understood: String,
    /// `37` or `38`.
    build: &'static str,
    /// Variants of the list that match.
    matching: usize,
    /// The best ranked of them, at most 50.
    variants: Vec<FoundVariant>,
    /// What else is to be known, in words.
    notes: Vec<String>,
    /// Panels and genes of the filter that are unknown; they match nothing.
    unknown: Vec<String>,
    /// What the case's files have beyond the list; empty when they were not asked or add nothing.
    files: Vec<FoundFile>,
}

#[derive(Serialize, ToSchema)]
struct FoundVariant {
    id: String,
    simple_id: String,
    rank: usize,
    rank_score: Option<f64>,
    gene: Option<String>,
    consequence: Option<String>,
    hgvs_c: Option<String>,
    hgvs_p: Option<String>,
    /// Whether the active filter shows it.
    shown: bool,
    /// Every clause of the filter that is false for it.
    false_clauses: Vec<FoundClause>,
    /// The parameters to leave out so that it is shown: those of the fewest clauses. Empty when it is shown.
    remove: Vec<&'static str>,
    /// How many clauses these are.
    remove_clauses: usize,
    /// The query of the page of the list that shows it, without these parameters.
    query: String,
}

#[derive(Serialize, ToSchema)]
struct FoundClause {
    /// Name of the clause: its first parameter.
    clause: &'static str,
    /// What the clause asks for.
    words: String,
    /// What the variant has instead; empty when the words say it.
    here: String,
    /// Whether it is among those to remove.
    remove: bool,
}

#[derive(Serialize, ToSchema)]
struct FoundFile {
    /// The file's name.
    name: String,
    /// `index`, `reading`, or null when it could not be looked through.
    by: Option<&'static str>,
    /// `left_out`, `absent`, `gone`, `unreadable` or `too_long`.
    outcome: &'static str,
    words: String,
    alleles: Vec<FoundAllele>,
    /// There are more than told of.
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct FoundAllele {
    simple_id: String,
    rank_score: Option<f64>,
    threshold: Option<f64>,
    genes: Vec<String>,
    /// Why it is not in the list.
    reason: String,
}

/// Where a variant is: shown, hidden by which clauses of the filter, or left out of the list and why.
///
/// The other parameters are those of the list; `page` and `notable` are ignored.
#[utoipa::path(
    get, path = "/api/v1/{institute}/{case}/find",
    params(
        OfCase,
        ("q" = String, Query, description = "Position, range, rsID, HGVS, 7_124491972_C_A or gene; at most 200 characters")
    ),
    responses(
        (status = 200, body = Found),
        Refusals
    )
)]
pub(super) async fn find(
    access: CaseAccess,
    State(app): State<AppState>,
    params: Params,
    trail: Trail,
) -> AppResult<Json<Found>> {
    let found = answer(&app, &access, &params, &trail).await?;
    Ok(Json(Found {
        kind: found.sought.kind(),
        understood: found.sought.to_string(),
        build: access.case().build.as_str(),
        matching: found.matching,
        variants: found.hits.iter().map(|hit| FoundVariant::new(&found, hit)).collect(),
        unknown: found.search.unknown.clone(),
        files: found.files.into_iter().map(FoundFile::from).collect(),
        notes: found.notes,
        question: found.question,
    }))
}

impl FoundVariant {
    fn new(found: &Answer, hit: &Hit) -> Self {
        let row = found.search.columns.row(hit.row);
        let gene = row.genes().next();
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            id: row.id().to_string(),
            simple_id: row.simple_id(),
            rank: hit.row + 1,
            rank_score: row.rank_score(),
            gene: text(gene.map(|gene| gene.symbol)),
            consequence: text(gene.map(|gene| gene.consequence)),
            hgvs_c: text(gene.map(|gene| gene.hgvs_c)),
            hgvs_p: text(gene.map(|gene| gene.hgvs_p)),
            shown: hit.shown,
            false_clauses: hit
                .false_clauses
                .iter()
                .map(|clause| FoundClause {
                    clause: clause.clause.parameter(),
                    words: clause.words.clone(),
                    here: clause.here.clone(),
                    remove: clause.remove,
                })
                .collect(),
            remove: hit.remove.iter().flat_map(|clause| clause.parameters()).collect(),
            remove_clauses: hit.remove.len(),
            query: serde_urlencoded::to_string(hit.list_query(found.search.kind())).unwrap_or_default(),
        }
    }
}

impl From<FileAnswer> for FoundFile {
    fn from(file: FileAnswer) -> Self {
        Self {
            by: file.by,
            name: file.name,
            outcome: file.outcome,
            words: file.words,
            alleles: file
                .alleles
                .into_iter()
                .map(|allele| FoundAllele {
                    simple_id: allele.simple_id,
                    rank_score: allele.rank_score,
                    threshold: allele.threshold,
                    genes: allele.genes,
                    reason: allele.reason,
                })
                .collect(),
            more: file.more,
        }
    }
}
