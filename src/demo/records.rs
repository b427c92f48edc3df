use std::fmt::Write as _;

use rand::RngExt;

use super::annotation::{Annotation, plain};
use super::family::Family;
use super::genotypes::{Call, Genotyper, Locus};
use super::inheritance::{self, Candidate};
use super::rank_model::RankModel;
use super::site::{Kind, Site};
use super::teaching::TeachingCase;
use super::vcf::{self, Line};
use super::{DemoError, DemoRng};
use crate::genome::GenomeBuild;

/// A variant with everything that its line says.
struct Record<'a> {
    site: Site<'a>,
    calls: Vec<Call>,
    annotation: Annotation,
    filter: &'static str,
    callers: String,
    models: Vec<&'static str>,
    /// Indexes of the partners of a compound pair.
    partners: Vec<usize>,
    parts: Vec<i32>,
}

impl Record<'_> {
    fn score(&self) -> i32 {
        self.parts.iter().sum()
    }
}

/// The lines of a case's VCF, for sites that are sorted.
pub(super) fn lines(
    case: &TeachingCase,
    family: &Family,
    sites: Vec<Site>,
    genotyper: &mut Genotyper,
    model: &RankModel,
    rng: &mut DemoRng,
) -> Result<Vec<Line>, DemoError> {
    let mut records = Vec::with_capacity(sites.len());
    for site in sites {
        let locus = site.locus(case.build);
        let calls = genotyper.call(&site, rng)?;
        let annotation = Annotation::invent(&site, locus, rng);
        let filter = filter(&site, rng);
        let callers = callers(case.build, locus, filter, rng);
        let models = inheritance::models(locus, family, &calls);
        records.push(Record {
            site,
            calls,
            annotation,
            filter,
            callers,
            models,
            partners: Vec::new(),
            parts: Vec::new(),
        });
    }
    pair(case, family, &mut records);
    for record in &mut records {
        record.parts = model.score(&record.annotation.evidence(&record.site, &record.models, record.filter));
    }
    let (least, most) = model
        .ranges()
        .into_iter()
        .fold((0.0, 0.0), |(least, most), range| (least + range.least, most + range.greatest));
    let normalized = |score: i32| (f64::from(score) - least) / (most - least);
    Ok(records.iter().map(|record| line(case, family, record, &records, &normalized)).collect())
}

fn pair(case: &TeachingCase, family: &Family, records: &mut [Record]) {
    let candidates: Vec<Option<Candidate>> = records
        .iter()
        .map(|record| {
            let may_pair = record.site.locus(case.build) == Locus::Autosomal && record.site.alters_protein();
            may_pair.then(|| Candidate { gene: &record.site.gene.symbol, calls: &record.calls })
        })
        .collect();
    let partners = inheritance::compounds(family, &candidates);
    for (record, partners) in records.iter_mut().zip(partners) {
        for (name, new) in [("AR_comp", false), ("AR_comp_dn", true)] {
            if partners.iter().any(|(_, is_new)| *is_new == new) {
                record.models.push(name);
            }
        }
        record.partners = partners.into_iter().map(|(at, _)| at).collect();
    }
}

fn filter(site: &Site, rng: &mut DemoRng) -> &'static str {
    match site.kind {
        Kind::Stated(_) => "PASS",
        Kind::Artefact => "low_allele_frac",
        _ if rng.random_bool(0.92) => "PASS",
        _ if site.is_indel() => "IndelGap",
        _ if rng.random_bool(0.5) => "LowQual",
        _ => "LOW_VQSLOD",
    }
}

fn callers(build: GenomeBuild, locus: Locus, filter: &str, rng: &mut DemoRng) -> String {
    let choose = |from: &[&str], rng: &mut DemoRng| from[rng.random_range(0..from.len())].to_owned();
    match (build, locus) {
        (_, Locus::Mitochondrial) => "FOUND_IN=mutect2".to_owned(),
        (GenomeBuild::Grch38, _) => {
            choose(&["FOUND_IN=deepvariant", "FOUND_IN=deepvariant,bcftools", "FOUND_IN=deepvariant,bcftools"], rng)
        }
        (GenomeBuild::Grch37, _) if filter == "PASS" => {
            choose(&["set=Intersection", "set=gatk-freebayes", "set=gatk", "set=filterInsamtools-gatk-freebayes"], rng)
        }
        (GenomeBuild::Grch37, _) => choose(&["set=FilteredInAll", "set=filterIngatk-filterInsamtools"], rng),
    }
}

fn line(
    case: &TeachingCase,
    family: &Family,
    record: &Record,
    all: &[Record],
    normalized: &dyn Fn(i32) -> f64,
) -> Line {
    let site = &record.site;
    let contig = vcf::contig(case, site.chromosome);
    let alt_reads: u32 = record.calls.iter().map(|call| call.alt_depth).sum();
    let quality = f64::from(alt_reads.min(400)) * if record.filter == "PASS" { 27.3 } else { 3.1 };
    let rsid = if site.rsid.is_empty() { "." } else { site.rsid };
    let mut text = format!(
        "{contig}\t{}\t{rsid}\t{}\t{}\t{quality:.1}\t{}\t{}\tGT:AD:DP:GQ",
        site.position,
        site.reference,
        site.alternative,
        record.filter,
        info(case, family, record, all, normalized),
    );
    for &column in &family.columns {
        let call = &record.calls[column];
        if call.is_called() {
            let _ = write!(text, "\t{call}:{},{}:{}:{}", call.ref_depth, call.alt_depth, call.depth(), call.quality);
        } else {
            let _ = write!(text, "\t{call}:.:.:.");
        }
    }
    text.push('\n');
    Line { contig, position: site.position, reference_length: site.reference.len(), text }
}

fn info(
    case: &TeachingCase,
    family: &Family,
    record: &Record,
    all: &[Record],
    normalized: &dyn Fn(i32) -> f64,
) -> String {
    let (site, annotation) = (&record.site, &record.annotation);
    let mut info = vec![record.callers.clone()];
    if let Some(frequency) = site.frequency {
        if site.locus(case.build) == Locus::Mitochondrial {
            info.push(format!("GNOMAD_MT_AF_HET={}", plain(frequency)));
        } else {
            info.push(format!("GNOMADAF={}", plain(frequency)));
            info.extend(annotation.popmax.map(|popmax| format!("GNOMADAF_popmax={}", plain(popmax))));
        }
        let key = match site.frequency_source {
            "ExAC" => Some("EXACAF"),
            "1000G" => Some("1000GAF"),
            "SweRef" => Some("SWEGENAF"),
            _ => None,
        };
        info.extend(key.map(|key| format!("{key}={}", plain(frequency))));
    }
    info.extend(annotation.observations.map(|count| format!("Obs={count}")));
    info.extend(annotation.homozygotes.map(|count| format!("Hom={count}")));
    info.extend(annotation.cadd.map(|cadd| format!("CADD={cadd}")));
    if let Some(clinvar) = &site.clinvar {
        if !clinvar.id.is_empty() {
            info.push(format!("CLNVID={}", clinvar.id));
        }
        info.push(format!("CLNSIG={}", clinvar.significance));
        info.extend(clinvar.review_status.as_ref().map(|status| format!("CLNREVSTAT={status}")));
    }
    info.push(format!("CSQ={}", annotation.csq(site, case.build)));
    info.push(format!("most_severe_consequence={}:{}|{}", site.gene.hgnc_number(), site.alternative, site.consequence));
    if !record.models.is_empty() {
        info.push(format!("GeneticModels={}:{}", family.id, record.models.join("|")));
    }
    if !record.partners.is_empty() {
        let mut partners: Vec<(i32, String)> =
            record.partners.iter().map(|&at| (record.score() + all[at].score(), name(case, &all[at].site))).collect();
        partners.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        let partners: Vec<String> = partners.into_iter().map(|(score, name)| format!("{name}>{score}")).collect();
        info.push(format!("Compounds={}:{}", family.id, partners.join("|")));
    }
    let parts: Vec<String> = record.parts.iter().map(ToString::to_string).collect();
    info.push(format!("RankResult={}", parts.join("|")));
    info.push(format!("RankScore={}:{}", family.id, record.score()));
    info.push(format!("RankScoreNormalized={}:{:.3}", family.id, normalized(record.score())));
    info.join(";")
}

/// How genmod names a partner: contig as in the file, position, alleles.
fn name(case: &TeachingCase, site: &Site) -> String {
    format!("{}_{}_{}_{}", vcf::contig(case, site.chromosome), site.position, site.reference, site.alternative)
}
