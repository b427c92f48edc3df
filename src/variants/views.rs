//! Page structs of lists and variants: every decision about what is shown is made here.

use std::collections::HashSet;

use super::columns::{Columns, Filter, Limit, NOTABLE_SPLICEAI, PER_PAGE, Row, RowState, Sort};
use super::origin::origin;
use super::search::Search;
use crate::cases::{Case, ListKind, members};
use crate::pedigree;
use crate::vcf::clinvar;
use crate::vcf::model::Zygosity;
use crate::web::{filters, urls};

/// A row of the list.
pub struct RowView {
    pub id: String,
    pub url: String,
    pub rank: usize,
    pub locus: String,
    pub change: String,
    pub genes: Vec<GeneView>,
    pub more_genes: usize,
    pub frequency: String,
    pub frequency_title: String,
    pub frequency_class: &'static str,
    pub local_obs: String,
    pub cadd: ScoreView,
    pub revel: ScoreView,
    pub spliceai: ScoreView,
    pub clinvar: Vec<ClinvarView>,
    pub calls: Vec<CallView>,
    pub models: Vec<String>,
    pub compounds: Vec<CompoundView>,
    pub more_compounds: usize,
    pub score: String,
    pub filters: Vec<String>,
    pub passed: bool,
    pub state: RowState,
    /// Whether somebody else decided about it since the reader marked the case as read.
    pub is_news: bool,
    /// Where it is pinned or not; empty where the reader decides nothing.
    pub pin_url: String,
    /// Where its validation is ordered; empty where the reader orders none, or one is ordered.
    pub order_url: String,
    pub copy_text: String,
}

/// A gene of a row.
pub struct GeneView {
    pub symbol: String,
    pub in_panel: bool,
    pub inheritance: String,
    pub consequence: String,
    pub unknown_term: bool,
    pub hgvs: String,
    pub transcript: String,
    pub mane: bool,
}

/// A score with its band: colour and a word.
#[derive(Default)]
pub struct ScoreView {
    pub text: String,
    pub band: &'static str,
    pub words: &'static str,
}

/// A ClinVar record.
pub struct ClinvarView {
    pub words: String,
    pub class: &'static str,
    pub trusted: bool,
    pub status: String,
    pub accession: String,
}

/// A call of an individual.
pub struct CallView {
    pub genotype: String,
    pub depths: String,
    pub title: String,
    pub class: &'static str,
    pub mark: &'static str,
}

/// A compound partner.
pub struct CompoundView {
    pub name: String,
    pub gene: String,
    pub change: String,
    pub url: Option<String>,
    pub score: String,
    pub passes: bool,
}

/// Column heads of the individuals.
pub struct IndividualHead {
    pub name: String,
    pub relation: &'static str,
    pub phenotype: &'static str,
}

const GENES_SHOWN: usize = 2;
const COMPOUNDS_SHOWN: usize = 3;

/// Heads of the genotype columns, in page order.
#[must_use]
pub fn individual_heads(case: &Case) -> Vec<IndividualHead> {
    let relations = pedigree::relations(&members(case));
    case.individuals
        .iter()
        .zip(relations)
        .filter(|(individual, _)| individual.has_dna())
        .map(|(individual, relation)| IndividualHead {
            name: individual.name.clone(),
            relation,
            phenotype: individual.phenotype.as_str(),
        })
        .collect()
}

impl RowView {
    /// A row as the list shows it.
    #[must_use]
    pub fn new(case: &Case, found: &Search, heads: &[IndividualHead], at: usize) -> Self {
        let row = found.columns.row(at);
        let query = query(&found.filter, found.kind());
        let genes = genes(row, &found.panel_genes);
        let calls: Vec<CallView> = row.calls().zip(heads).map(|(call, head)| CallView::new(&call, head)).collect();
        let compounds = compounds(case, found, row, &query);
        let (frequency, frequency_title, frequency_class) = frequency(row);
        let filters: Vec<String> = row.filters().map(str::to_owned).collect();
        Self {
            id: row.id().to_string(),
            url: urls::variant(case, &row.id(), &query),
            rank: at + 1,
            locus: format!("{}:{}", row.chromosome(), filters::thousands(u64::from(row.position()))),
            change: change(row.reference(), row.alternative()),
            more_genes: genes.len().saturating_sub(GENES_SHOWN),
            copy_text: copy_text(row, &genes, heads),
            genes: genes.into_iter().take(GENES_SHOWN).collect(),
            frequency,
            frequency_title,
            frequency_class,
            local_obs: row.local_obs().map(filters::score).unwrap_or_default(),
            cadd: row.cadd().map(cadd).unwrap_or_default(),
            revel: row.revel().map(revel).unwrap_or_default(),
            spliceai: row.spliceai().map(spliceai).unwrap_or_default(),
            clinvar: row
                .clinvar()
                .map(|record| ClinvarView::new(record.code, record.trusted, record.review_status, record.accession))
                .collect(),
            calls,
            models: row.models().map(|model| model.replace('_', " ")).collect(),
            more_compounds: compounds.len().saturating_sub(COMPOUNDS_SHOWN),
            compounds: compounds.into_iter().take(COMPOUNDS_SHOWN).collect(),
            score: row.rank_score().map(filters::score).unwrap_or_default(),
            passed: filters.iter().all(|filter| filter == "PASS"),
            filters,
            state: found.overlay.get(&at).copied().unwrap_or_default(),
            is_news: false,
            pin_url: String::new(),
            order_url: String::new(),
        }
    }
}

/// The alleles, long ones shortened.
#[must_use]
pub fn change(reference: &str, alternative: &str) -> String {
    const LONGEST: usize = 12;
    let short = |allele: &str| {
        if allele.len() > LONGEST && allele.is_ascii() {
            format!("{}…({})", &allele[..LONGEST - 4], allele.len())
        } else {
            allele.to_owned()
        }
    };
    format!("{}>{}", short(reference), short(alternative))
}

/// `splice_donor_variant` as `splice donor`.
#[must_use]
pub fn consequence_words(term: &str) -> String {
    term.trim_end_matches("_variant").replace('_', " ")
}

/// Genes of the panels in use first, then by severity.
fn genes(row: Row<'_>, panel: &HashSet<u32>) -> Vec<GeneView> {
    let mut genes: Vec<GeneView> = row
        .genes()
        .map(|gene| GeneView {
            in_panel: gene.hgnc_id.is_some_and(|id| panel.contains(&id)),
            symbol: gene.symbol.to_owned(),
            inheritance: gene.inheritance.replace(',', " "),
            consequence: consequence_words(gene.consequence),
            unknown_term: gene.unknown_term,
            hgvs: [gene.hgvs_c, gene.hgvs_p].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "),
            transcript: gene.transcript.to_owned(),
            mane: gene.mane,
        })
        .collect();
    genes.sort_by_key(|gene| !gene.in_panel); // a stable sort keeps severity within
    genes
}

/// `GENE NM_:c. p. zygosity (origin)` of the first individual, for a report or a mail.
fn copy_text(row: Row<'_>, genes: &[GeneView], heads: &[IndividualHead]) -> String {
    let calls: Vec<_> = row.calls().collect();
    let zygosity = calls.first().map_or("", |call| zygosity_words(call.zygosity));
    let relations: Vec<&str> = heads.iter().map(|head| head.relation).collect();
    let origin = origin(&calls, &relations).map(|words| format!("({words})")).unwrap_or_default();
    let what = match genes.first() {
        Some(gene) if gene.transcript.is_empty() => format!("{} {}", gene.symbol, gene.hgvs),
        Some(gene) => format!("{} {}:{}", gene.symbol, gene.transcript, gene.hgvs),
        None => row.simple_id(),
    };
    [what, zygosity.to_owned(), origin].join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text that the page of a row copies.
#[must_use]
pub fn copy_text_of(case: &Case, found: &Search, at: usize) -> String {
    let row = found.columns.row(at);
    copy_text(row, &genes(row, &found.panel_genes), &individual_heads(case))
}

/// The parameters that say what a list shows and how, without the page.
#[must_use]
pub fn query(filter: &Filter, kind: ListKind) -> Vec<(&'static str, String)> {
    let mut pairs = filter.pairs();
    pairs.extend(urls::list_query(kind));
    if filter.sort != Sort::default() {
        pairs.push(("sort", filter.sort.as_str().to_owned()));
    }
    if let Some(order) = filter.order {
        pairs.push(("order", order.as_str().to_owned()));
    }
    if filter.per_page != PER_PAGE {
        pairs.push(("per_page", filter.per_page.to_string()));
    }
    pairs
}

/// The sign of a zygosity on pages: `het`, `hom`, `ref` or `open`.
#[must_use]
pub fn genotype_class(zygosity: Zygosity) -> &'static str {
    match zygosity {
        Zygosity::Heterozygous | Zygosity::PartialCarrier => "het",
        Zygosity::Homozygous | Zygosity::Haploid => "hom",
        Zygosity::Reference => "ref",
        _ => "open",
    }
}

/// A zygosity in words.
#[must_use]
pub fn zygosity_words(zygosity: Zygosity) -> &'static str {
    match zygosity {
        Zygosity::Reference => "reference",
        Zygosity::Heterozygous => "heterozygous",
        Zygosity::Homozygous => "homozygous",
        Zygosity::Haploid => "one copy",
        Zygosity::PartialCarrier => "carrier, other copy not called",
        Zygosity::PartialReference => "half called",
        Zygosity::OtherAllele => "another allele",
        Zygosity::NoCall => "not called",
    }
}

fn frequency(row: Row<'_>) -> (String, String, &'static str) {
    match row.highest_frequency() {
        None => ("–".to_owned(), "no frequency in this file".to_owned(), "unknown"),
        Some((_, highest)) => {
            let (source, shown) =
                row.gnomad().map_or_else(|| row.highest_frequency().unwrap_or(("", 0.0)), |gnomad| ("gnomAD", gnomad));
            // Scout's judgement: above 5 % common, above 1 % uncommon.
            let class = if highest > 0.05 {
                "common"
            } else if highest > 0.01 {
                "uncommon"
            } else {
                "rare"
            };
            (filters::significant(shown, 2), format!("{source} {shown}; {class}"), class)
        }
    }
}

/// CADD: 20 is the top 1 %, 30 the top 0.1 % of all substitutions (Kircher et al. 2014).
#[must_use]
pub fn cadd(value: f64) -> ScoreView {
    let (band, words) = match value {
        value if value >= 30.0 => ("high", "top 0.1 % of substitutions"),
        value if value >= 20.0 => ("raised", "top 1 % of substitutions"),
        _ => ("low", "below the top 1 % of substitutions"),
    };
    ScoreView { text: filters::significant(value, 3), band, words }
}

/// REVEL bands of the `ClinGen` calibration (Pejaver et al. 2022).
#[must_use]
pub fn revel(value: f64) -> ScoreView {
    let (band, words) = match value {
        value if value >= 0.932 => ("high", "strong evidence for pathogenic"),
        value if value >= 0.773 => ("high", "moderate evidence for pathogenic"),
        value if value >= 0.644 => ("raised", "supporting evidence for pathogenic"),
        value if value > 0.29 => ("neutral", "uncertain"),
        value if value > 0.183 => ("low", "supporting evidence for benign"),
        value if value > 0.016 => ("low", "moderate evidence for benign"),
        _ => ("low", "strong evidence for benign"),
    };
    ScoreView { text: filters::significant(value, 3), band, words }
}

/// SpliceAI bands of Walker et al. 2023.
#[must_use]
pub fn spliceai(value: f64) -> ScoreView {
    let (band, words) = match value {
        value if value >= 0.2 => ("high", "splicing likely altered"),
        value if value >= 0.1 => ("neutral", "uninformative"),
        _ => ("low", "no effect on splicing predicted"),
    };
    ScoreView { text: filters::significant(value, 2), band, words }
}

impl ClinvarView {
    /// A record with its colour class.
    #[must_use]
    pub fn new(code: u16, trusted: bool, status: &str, accession: &str) -> Self {
        Self {
            words: clinvar::words(code).to_owned(),
            class: match code {
                4 | 5 => "pathogenic",
                2 | 3 => "benign",
                8 => "conflicting",
                _ => "other",
            },
            trusted,
            status: status.replace('_', " "),
            accession: accession.to_owned(),
        }
    }
}

impl CallView {
    fn new(call: &super::columns::RowCall<'_>, head: &IndividualHead) -> Self {
        let known = |value: Option<u32>| value.map_or_else(|| "–".to_owned(), |value| value.to_string());
        let depths = match (call.ref_depth, call.alt_depth, call.depth) {
            (None, None, None) => String::new(),
            (None, None, depth) => format!("depth {}", known(depth)),
            (reference, alt, _) => format!("{}:{}", known(reference), known(alt)),
        };
        let quality = call.quality.map(|quality| format!(", quality {}", filters::score(quality))).unwrap_or_default();
        let words = zygosity_words(call.zygosity);
        Self {
            genotype: if call.genotype.is_empty() { "–".to_owned() } else { call.genotype.to_owned() },
            title: format!(
                "{} ({}, {}): {words}; reads reference:alternative {}:{} of {}{quality}",
                head.name,
                head.relation,
                head.phenotype,
                known(call.ref_depth),
                known(call.alt_depth),
                known(call.depth),
            ),
            class: genotype_class(call.zygosity),
            mark: match call.zygosity {
                _ if call.withheld => "outside consent",
                Zygosity::NoCall => "no call",
                Zygosity::PartialReference => "half call",
                Zygosity::OtherAllele => "other allele",
                _ if call.low_fraction => "low fraction",
                _ => "",
            },
            depths,
        }
    }
}

fn compounds(case: &Case, found: &Search, row: Row<'_>, query: &[(&str, String)]) -> Vec<CompoundView> {
    let mut compounds: Vec<CompoundView> = row
        .compounds()
        .map(|compound| {
            let partner = compound.row.map(|at| found.columns.row(at));
            let gene = partner.and_then(|partner| partner.genes().next());
            CompoundView {
                name: compound.name.replace('_', " "),
                gene: gene.map(|gene| gene.symbol.to_owned()).unwrap_or_default(),
                change: gene.map_or_else(String::new, |gene| {
                    let hgvs = if gene.hgvs_p.is_empty() { gene.hgvs_c } else { gene.hgvs_p };
                    format!("{} {hgvs}", gene.consequence.trim_end_matches("_variant").replace('_', " "))
                }),
                url: partner.map(|partner| urls::variant(case, &partner.id(), query)),
                score: compound.score.map(filters::score).unwrap_or_default(),
                passes: compound.row.is_some_and(|at| found.matched.has(at)),
            }
        })
        .collect();
    compounds.sort_by_key(|compound| !compound.passes);
    compounds
}

/// A removable part of the filter.
pub struct Chip {
    pub label: String,
    pub url: String,
}

/// One chip per value, each leading to the list without it.
#[must_use]
pub fn chips(case: &Case, filter: &Filter, kind: ListKind) -> Vec<Chip> {
    let pairs = query(filter, kind);
    pairs
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| !matches!(*name, "consequence" | "notable" | "list" | "sort" | "order" | "per_page"))
        .map(|(at, (name, value))| {
            let rest: Vec<(&str, String)> =
                pairs.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, pair)| pair.clone()).collect();
            Chip { label: chip_label(name, value), url: urls::variants(case, &rest) }
        })
        .chain(consequence_chip(case, &pairs))
        .collect()
}

/// Many terms make one chip.
fn consequence_chip(case: &Case, pairs: &[(&'static str, String)]) -> Option<Chip> {
    let (terms, rest): (Vec<_>, Vec<_>) = pairs.iter().cloned().partition(|(name, _)| *name == "consequence");
    let label = match terms.as_slice() {
        [] => return None,
        [(_, only)] => only.replace('_', " "),
        several => format!("{} consequences", several.len()),
    };
    Some(Chip { label, url: urls::variants(case, &rest) })
}

fn chip_label(name: &str, value: &str) -> String {
    if let Some(limit) = Limit::ALL.into_iter().find(|limit| limit.parameter() == name) {
        let sign = if limit.is_maximum() { "≤" } else { "≥" };
        return format!("{} {sign} {value}", limit.label());
    }
    if let Some(limit) = Limit::ALL.into_iter().find(|limit| name.strip_suffix("_missing") == Some(limit.parameter())) {
        return format!("{} must have a value", limit.label());
    }
    let text = value.replace('_', " ");
    match name {
        "gene" => value.to_owned(),
        "panel" | "region" => format!("{name} {value}"),
        "region_annotation" => text,
        "rescue" if value == "disease_rna" => "or exons of RNA genes with a disease".to_owned(),
        "rescue" => format!("or SpliceAI ≥ {NOTABLE_SPLICEAI}"),
        "model" => format!("model {text}"),
        "gene_model" => format!("gene's diseases {value}"),
        "genotype" => format!("affected are {value}"),
        "affected_only" => "carried by somebody affected".to_owned(),
        "spidex" => format!("SPIDEX {text}"),
        "clinvar" => {
            format!(
                "ClinVar {}",
                value.parse().map_or_else(|_| value.to_owned(), |code| clinvar::words(code).to_owned())
            )
        }
        "clinvar_trusted" => "ClinVar status trusted".to_owned(),
        "clinvar_exclude" => "ClinVar match hides".to_owned(),
        "clinvar_only" => "has a ClinVar record".to_owned(),
        "clinvar_first" => "ClinVar match shows whatever else".to_owned(),
        "exclude_genes" => "chosen genes left out".to_owned(),
        "compound_filtered" => "compounds with a partner that passes".to_owned(),
        "size_min" => format!("at least {value} bases"),
        "size_max" => format!("at most {value} bases"),
        "filter" => format!("FILTER {value}"),
        "hide_filter" => format!("FILTER not {value}"),
        "dismissed" if value == "only" => "dismissed only".to_owned(),
        "dismissed" => "dismissed hidden".to_owned(),
        "pinned" | "classified" | "commented" => format!("{name} only"),
        _ => format!("{} {text}", name.replace('_', " ")),
    }
}

/// Previous and next within the filter.
#[must_use]
pub fn neighbours(
    case: &Case,
    found: &Search,
    columns: &Columns,
    row: usize,
) -> (Option<String>, Option<String>, Option<usize>) {
    let Some(at) = found.rows.iter().position(|shown| *shown == row) else { return (None, None, None) };
    let query = query(&found.filter, found.kind());
    let url = |at: usize| urls::variant(case, &columns.row(found.rows[at]).id(), &query);
    (at.checked_sub(1).map(&url), (at + 1 < found.rows.len()).then(|| url(at + 1)), Some(at + 1))
}
