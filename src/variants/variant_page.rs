//! One variant: summary first, then everything the files say about it.

use std::collections::BTreeMap;

use askama::Template;

use super::columns::{Row, RowState};
use super::links::{Link, links};
use super::model::Variant;
use super::score_parts::ScoreParts;
use super::search::Search;
use super::views::{
    ClinvarView, IndividualHead, ScoreView, cadd, change, copy_text_of, genotype_class, individual_heads, neighbours,
    query, revel, spliceai, zygosity_words,
};
use crate::cases::Case;
use crate::comments::Discussion;
use crate::decisions::DecisionPanel;
use crate::genes::{Gene, GeneDisease};
use crate::vcf::model::{CancerFacts, Contribution, GeneAnnotation, LocalArchive, OtherRanks, Transcript};
use crate::web::{Layout, filters, urls};

/// The page.
#[derive(Template)]
#[template(path = "variants/variant.html")]
pub struct VariantPage {
    layout: Layout,
    title: String,
    locus: String,
    igv_url: String,
    copy_locus: String,
    copy_text: String,
    change: String,
    sub_category: String,
    length: String,
    rank: usize,
    total: usize,
    score: String,
    score_normalized: String,
    parts: ScoreParts,
    other_ranks: Vec<(&'static str, String)>,
    explanation: Vec<(String, String)>,
    models: Vec<String>,
    state: RowState,
    genes: Vec<GeneBlock>,
    frequencies: Vec<(&'static str, String)>,
    local: Vec<(&'static str, String)>,
    archives: Vec<ArchiveLine>,
    seen: Option<(u64, u64)>,
    seen_where: &'static str,
    scores: Vec<(&'static str, ScoreView)>,
    conservation: Vec<(&'static str, String, &'static str)>,
    clinvar: Vec<ClinvarView>,
    oncogenicity: Vec<String>,
    dbsnp: Vec<String>,
    cosmic: Vec<String>,
    calls: Vec<CallLine>,
    callers: Vec<(String, String)>,
    filters: Vec<String>,
    quality: String,
    compounds: Vec<CompoundLine>,
    autozygous: String,
    custom: Vec<(String, String)>,
    mitomap: String,
    hmtvar: String,
    somatic_score: String,
    msk_listed: bool,
    links: Vec<LinkGroup>,
    list_url: String,
    previous_url: Option<String>,
    next_url: Option<String>,
    place: Option<usize>,
    shown: usize,
    alleles: (u16, u16),
    discussion: Discussion,
    decisions: DecisionPanel,
}

struct GeneBlock {
    symbol: String,
    hgnc_id: Option<u32>,
    name: String,
    inheritance: String,
    diseases: Vec<DiseaseLine>,
    constraint: String,
    consequence: String,
    region: String,
    sift: String,
    polyphen: String,
    spliceai: String,
    in_panel: bool,
    transcripts: Vec<TranscriptLine>,
}

/// A disease of a gene.
struct DiseaseLine {
    id: String,
    name: String,
    /// Models, each with who says so.
    models: Vec<(String, String)>,
    /// What the gene has to do with it, where a source says more than that it causes it.
    association: String,
    /// Its inheritance is not counted as the gene's.
    apart: bool,
}

/// Sites that tell about one thing.
struct LinkGroup {
    label: String,
    sites: Vec<(&'static str, Option<String>)>,
}

struct TranscriptLine {
    id: String,
    refseq: String,
    mane: &'static str,
    canonical: bool,
    biotype: String,
    consequence: String,
    exon: String,
    hgvs: String,
    predictions: String,
    representative: bool,
}

/// An archive of tumours or of their normal samples, as the file has it.
struct ArchiveLine {
    name: &'static str,
    observations: String,
    homozygotes: String,
    frequency: String,
}

struct CallLine {
    head: IndividualHead,
    genotype: String,
    class: &'static str,
    words: &'static str,
    ref_depth: String,
    alt_depth: String,
    depth: String,
    quality: String,
    fraction: String,
    /// Width of the allele balance bar, of 100.
    bar: u32,
    phase_set: String,
}

struct CompoundLine {
    name: String,
    url: Option<String>,
    gene: String,
    change: String,
    score: String,
    partner_score: String,
    passes: bool,
}

/// Conservation cut-offs as laboratories know them from Scout: GERP 2, phastCons 0.8, phyloP 2.5.
const CONSERVED: [(&str, f64); 3] =
    [("GERP++", 2.0), ("phastCons 100 vertebrates", 0.8), ("phyloP 100 vertebrates", 2.5)];

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| filters::significant(value, digits))
}

fn counted(value: Option<u32>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

/// What is known beside the list.
pub struct Around {
    /// The variant's genes, by HGNC id.
    pub genes: BTreeMap<u32, Gene>,
    /// Cases of the reader's institute in which somebody carries the variant, and in which on all copies; none where that is
    /// not told.
    pub seen: Option<(u64, u64)>,
    /// What was said about it.
    pub discussion: Discussion,
    /// What is decided about it.
    pub decisions: DecisionPanel,
}

impl VariantPage {
    /// Puts the page together.
    #[must_use]
    pub fn new(layout: Layout, case: &Case, variant: &Variant, found: &Search, row: usize, around: Around) -> Self {
        let Around { genes: known, seen, discussion, decisions } = around;
        let (previous_url, next_url, place) = neighbours(case, found, &found.columns, row);
        let genes: Vec<GeneBlock> =
            variant.genes.iter().map(|gene| GeneBlock::new(gene, &known, &found.panel_genes)).collect();
        let title = genes.first().map_or_else(
            || variant.simple_id(),
            |gene| {
                let hgvs = gene.transcripts.iter().find(|line| line.representative).map(|line| line.hgvs.clone());
                format!("{} {}", gene.symbol, hgvs.unwrap_or_default()).trim().to_owned()
            },
        );
        let f = &variant.frequencies;
        let s = &variant.scores;
        let shared = layout.case.as_ref().is_some_and(|case| case.shared.is_some());
        let seen_where = if shared {
            "cases of your institute, besides this shared one"
        } else if !variant.list.is_clinical() {
            "cases of your institute, by their clinical lists"
        } else {
            "cases of your institute, with this one"
        };
        Self {
            layout,
            title: if title.is_empty() { variant.simple_id() } else { title },
            locus: format!("{}:{}", variant.chromosome, filters::thousands(u64::from(variant.position))),
            copy_locus: format!("{}:{}", variant.chromosome, variant.position),
            igv_url: format!(
                "http://localhost:60151/goto?locus={}:{}-{}",
                variant.chromosome,
                variant.position.saturating_sub(50).max(1),
                variant.end.saturating_add(50)
            ),
            copy_text: copy_text_of(case, found, row),
            change: change(&variant.reference, &variant.alternative),
            sub_category: variant.sub_category.clone(),
            length: variant
                .length
                .filter(|length| *length > 1)
                .map(|length| format!("{} bases", filters::thousands(u64::from(length))))
                .unwrap_or_default(),
            rank: row + 1,
            total: found.total(),
            score: variant.rank.score.map_or_else(|| "not ranked".to_owned(), filters::score),
            score_normalized: variant.rank.normalized.map(|score| filters::significant(score, 3)).unwrap_or_default(),
            other_ranks: other_ranks(&variant.other_ranks),
            explanation: explanation(&variant.other_ranks),
            parts: ScoreParts::new(case, &variant.rank.results),
            models: variant.models.iter().map(|model| model.replace('_', " ")).collect(),
            state: found.overlay.get(&row).copied().unwrap_or_default(),
            frequencies: vec![
                ("gnomAD", shown(f.gnomad, 3)),
                ("gnomAD, highest population", shown(f.gnomad_popmax, 3)),
                ("ExAC", shown(f.exac, 3)),
                ("ExAC, highest population", shown(f.exac_max, 3)),
                ("1000 Genomes", shown(f.thousand_genomes, 3)),
                ("1000 Genomes, highest population", shown(f.thousand_genomes_max, 3)),
                ("SweGen", shown(f.swegen, 3)),
                ("CoLoRSdb", shown(f.colorsdb, 3)),
                ("gnomAD mitochondrial, homoplasmic", shown(f.mt_homoplasmic, 3)),
                ("gnomAD mitochondrial, heteroplasmic", shown(f.mt_heteroplasmic, 3)),
            ]
            .into_iter()
            .filter(|(name, value)| value != "–" || matches!(*name, "gnomAD" | "gnomAD, highest population"))
            .collect(),
            local: vec![
                ("cases in the archive when annotated", counted(variant.local_archive.observations)),
                ("of these homozygous", counted(variant.local_archive.homozygotes)),
                ("fraction of the archive", shown(variant.local_archive.frequency, 3)),
            ],
            archives: archives(&variant.cancer),
            seen,
            seen_where,
            scores: vec![
                ("CADD", s.cadd.map(cadd).unwrap_or_default()),
                ("REVEL", s.revel.map(revel).unwrap_or_default()),
                ("SpliceAI", s.spliceai.map(spliceai).unwrap_or_default()),
                (
                    "SPIDEX",
                    ScoreView {
                        text: s.spidex.map(|value| filters::significant(value, 3)).unwrap_or_default(),
                        band: "neutral",
                        words: "",
                    },
                ),
            ],
            conservation: CONSERVED
                .into_iter()
                .zip([s.gerp, s.phastcons, s.phylop])
                .map(|((name, cutoff), value)| {
                    let words = match value {
                        None => "",
                        Some(value) if value >= cutoff => "conserved",
                        Some(_) => "not conserved",
                    };
                    (name, shown(value, 3), words)
                })
                .collect(),
            clinvar: variant
                .clinvar
                .iter()
                .map(|record| {
                    ClinvarView::new(
                        record.code,
                        record.trusted,
                        record.review_status.as_deref().unwrap_or_default(),
                        record.accession.as_deref().unwrap_or_default(),
                    )
                })
                .collect(),
            oncogenicity: variant
                .clinvar_oncogenicity
                .iter()
                .map(|record| record.significance.replace('_', " "))
                .collect(),
            dbsnp: variant.dbsnp.clone(),
            cosmic: variant.cosmic.clone(),
            calls: calls(case, variant, found.columns.row(row)),
            callers: variant.callers.iter().map(|caller| (caller.name.clone(), caller.status.clone())).collect(),
            filters: variant.filters.clone(),
            quality: shown(variant.quality, 5),
            compounds: compounds(case, found, row),
            autozygous: variant
                .autozygous
                .as_ref()
                .map(|region| format!("{} bases, quality {}", shown(region.length, 9), shown(region.quality, 4)))
                .unwrap_or_default(),
            custom: variant.custom.clone(),
            mitomap: variant.mitomap_diseases.clone().unwrap_or_default(),
            hmtvar: variant.hmtvar.clone().unwrap_or_default(),
            somatic_score: variant.cancer.somatic_score.map(filters::score).unwrap_or_default(),
            msk_listed: variant.cancer.msk_listed,
            links: grouped(links(variant, &found.institute.settings.link_targets)),
            list_url: list_url(case, found, row, place),
            previous_url,
            next_url,
            place,
            shown: found.rows.len(),
            alleles: variant.allele,
            genes,
            discussion,
            decisions,
        }
    }
}

impl GeneBlock {
    fn new(gene: &GeneAnnotation, known: &BTreeMap<u32, Gene>, panel: &std::collections::HashSet<u32>) -> Self {
        let reference = gene.hgnc_id.and_then(|id| known.get(&id));
        let mut transcripts: Vec<TranscriptLine> = gene
            .transcripts
            .iter()
            .enumerate()
            .map(|(at, transcript)| TranscriptLine::new(transcript, gene.representative == Some(at)))
            .collect();
        transcripts.sort_by_key(|line| (line.mane.is_empty(), !line.canonical)); // MANE first; stable otherwise
        Self {
            symbol: gene.symbol.clone().unwrap_or_else(|| "no gene".to_owned()),
            hgnc_id: gene.hgnc_id,
            name: reference.map(|gene| gene.name.clone()).unwrap_or_default(),
            inheritance: gene.inheritance.join(" "),
            diseases: reference.map(|gene| gene.diseases.iter().map(DiseaseLine::from).collect()).unwrap_or_default(),
            constraint: reference
                .and_then(|gene| gene.constraint.as_ref())
                .map(|constraint| {
                    format!(
                        "pLI {}, LOEUF {}, missense z {} ({})",
                        shown(constraint.pli, 2),
                        shown(constraint.loeuf, 3),
                        shown(constraint.missense_z, 3),
                        constraint.source
                    )
                })
                .unwrap_or_default(),
            consequence: gene.consequence.clone().unwrap_or_default().replace('_', " "),
            region: gene.region.clone().unwrap_or_default(),
            sift: gene.sift.clone().unwrap_or_default().replace('_', " "),
            polyphen: gene.polyphen.clone().unwrap_or_default().replace('_', " "),
            spliceai: gene
                .spliceai
                .as_ref()
                .map(|found| {
                    found
                        .parts
                        .iter()
                        .map(|part| {
                            let at = part.position.map(|at| format!(" at {at:+}")).unwrap_or_default();
                            format!("{} {}{at}", part.kind, shown(part.score, 2))
                        })
                        .collect::<Vec<_>>()
                        .join(", ")
                })
                .unwrap_or_default(),
            in_panel: gene.hgnc_id.is_some_and(|id| panel.contains(&id)),
            transcripts,
        }
    }
}

impl From<&GeneDisease> for DiseaseLine {
    fn from(disease: &GeneDisease) -> Self {
        let mut models: Vec<(String, String)> = Vec::new();
        for found in &disease.inheritance {
            match models.last_mut() {
                Some((model, sources)) if *model == found.model => {
                    sources.push_str(", ");
                    sources.push_str(&found.source);
                }
                _ => models.push((found.model.clone(), found.source.clone())),
            }
        }
        let mut associations: Vec<&str> = disease.links.iter().filter_map(|link| link.association.as_deref()).collect();
        associations.dedup();
        Self {
            id: disease.id.clone(),
            name: disease.name.clone().unwrap_or_default(),
            models,
            association: associations.join("; "),
            apart: !disease.is_inherited(),
        }
    }
}

impl TranscriptLine {
    fn new(transcript: &Transcript, representative: bool) -> Self {
        let refseq = transcript.mane_select.clone().or_else(|| transcript.mane_plus_clinical.clone());
        Self {
            id: transcript.id.clone(),
            refseq: refseq.unwrap_or_default(),
            mane: if transcript.mane_select.is_some() {
                "MANE Select"
            } else if transcript.mane_plus_clinical.is_some() {
                "MANE Plus Clinical"
            } else {
                ""
            },
            canonical: transcript.canonical,
            biotype: transcript.biotype.clone().unwrap_or_default().replace('_', " "),
            consequence: transcript.consequences.join(", ").replace('_', " "),
            exon: match (&transcript.exon, &transcript.intron) {
                (Some(exon), _) => format!("exon {exon}"),
                (None, Some(intron)) => format!("intron {intron}"),
                (None, None) => String::new(),
            },
            hgvs: [transcript.hgvs_c.as_deref(), transcript.hgvs_p.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            predictions: [
                transcript.sift.as_deref().map(|word| format!("SIFT {word}")),
                transcript.polyphen.as_deref().map(|word| format!("PolyPhen {word}")),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
            .replace('_', " "),
            representative,
        }
    }
}

/// The page of the list that has the variant, scrolled to it.
fn list_url(case: &Case, found: &Search, row: usize, place: Option<usize>) -> String {
    let mut pairs = query(&found.filter, found.kind());
    let Some(place) = place else { return urls::variants(case, &pairs) };
    let page = (place - 1) / found.filter.per_page + 1;
    if page > 1 {
        pairs.push(("page", page.to_string()));
    }
    format!("{}#v-{}", urls::variants(case, &pairs), found.columns.row(row).id())
}

/// Links by what they are about, in the order of first mention.
fn grouped(links: Vec<Link>) -> Vec<LinkGroup> {
    let mut groups: Vec<LinkGroup> = Vec::new();
    for link in links {
        match groups.iter_mut().find(|group| group.label == link.label) {
            Some(group) => group.sites.push((link.site, link.url)),
            None => groups.push(LinkGroup { label: link.label, sites: vec![(link.site, link.url)] }),
        }
    }
    groups
}

fn archives(cancer: &CancerFacts) -> Vec<ArchiveLine> {
    [
        ("cancer archive, normal samples", &cancer.germline),
        ("cancer archive, tumours", &cancer.somatic),
        ("cancer archive, tumours of this panel", &cancer.panel),
    ]
    .into_iter()
    .filter(|(_, archive)| **archive != LocalArchive::default())
    .map(|(name, archive)| ArchiveLine {
        name,
        observations: counted(archive.observations),
        homozygotes: counted(archive.homozygotes),
        frequency: shown(archive.frequency, 3),
    })
    .collect()
}

fn other_ranks(ranks: &OtherRanks) -> Vec<(&'static str, String)> {
    [("Mivmir", ranks.mivmir), ("Gicam", ranks.gicam)]
        .into_iter()
        .filter_map(|(name, score)| Some((name, filters::significant(score?, 4))))
        .collect()
}

/// What makes up the Mivmir score, the largest contribution first, whichever way it points.
fn explanation(ranks: &OtherRanks) -> Vec<(String, String)> {
    let mut parts: Vec<&Contribution> = ranks.mivmir_explanation.iter().collect();
    parts.sort_by(|a, b| b.impact.abs().total_cmp(&a.impact.abs())); // stable: equals stay as in the file
    parts.iter().map(|part| (part.annotation.replace('_', " "), filters::score(part.impact))).collect()
}

fn calls(case: &Case, variant: &Variant, row: Row<'_>) -> Vec<CallLine> {
    let with_dna = case.individuals.iter().filter(|individual| individual.has_dna());
    with_dna
        .zip(individual_heads(case))
        .map(|(individual, head)| {
            let sample = variant.samples.iter().find(|sample| sample.individual_id == individual.individual_id);
            let call = sample.map(|sample| sample.call.clone()).unwrap_or_default();
            let withheld = row.withholds(&individual.individual_id);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a fraction between 0 and 1, times 100"
            )]
            let bar = call.alt_fraction.map_or(0, |fraction| (fraction.clamp(0.0, 1.0) * 100.0).round() as u32);
            CallLine {
                head,
                genotype: call.genotype.clone().unwrap_or_else(|| "–".to_owned()),
                class: genotype_class(call.zygosity),
                words: if withheld { "outside consent" } else { zygosity_words(call.zygosity) },
                ref_depth: counted(call.ref_depth),
                alt_depth: counted(call.alt_depth),
                depth: counted(call.depth),
                quality: shown(call.genotype_quality, 4),
                fraction: call.alt_fraction.map(|fraction| format!("{:.0} %", fraction * 100.0)).unwrap_or_default(),
                bar,
                phase_set: call.phase_set.unwrap_or_default(),
            }
        })
        .collect()
}

fn compounds(case: &Case, found: &Search, row: usize) -> Vec<CompoundLine> {
    let query = query(&found.filter, found.kind());
    found
        .columns
        .row(row)
        .compounds()
        .map(|compound| {
            let partner = compound.row.map(|at| found.columns.row(at));
            let gene = partner.and_then(|partner| partner.genes().next());
            CompoundLine {
                name: compound.name.replace('_', " "),
                url: partner.map(|partner| urls::variant(case, &partner.id(), &query)),
                gene: gene.map(|gene| gene.symbol.to_owned()).unwrap_or_default(),
                change: gene
                    .map(|gene| {
                        format!("{} {} {}", gene.consequence.replace('_', " "), gene.hgvs_c, gene.hgvs_p)
                            .trim()
                            .to_owned()
                    })
                    .unwrap_or_default(),
                score: compound.score.map(filters::score).unwrap_or_default(),
                partner_score: partner
                    .and_then(super::columns::Row::rank_score)
                    .map(filters::score)
                    .unwrap_or_default(),
                passes: compound.row.is_some_and(|at| found.matched.has(at)),
            }
        })
        .collect()
}
