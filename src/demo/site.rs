use std::collections::BTreeSet;

use rand::RngExt;

use super::facts::{Facts, Gene, Origin};
use super::family::Family;
use super::genotypes::{Genotyper, Locus};
use super::teaching::{AnalysisType, Sex, TeachingCase, TeachingVariant};
use super::{DemoError, DemoRng};
use crate::genome::{Chromosome, GenomeBuild};

/// Known disease alleles that each founder carries on one copy, in genes of recessive disease only.
const CARRIED_PER_FOUNDER: usize = 3;
/// Mitochondrial disease alleles that turn up as artefacts in a genome.
const MITOCHONDRIAL_ARTEFACTS: usize = 3;

/// Why a variant is in the file, which decides how its genotypes come about.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// Genotypes are part of the teaching case.
    Stated(&'a TeachingVariant),
    /// Drawn by frequency.
    Background,
    /// A known allele of recessive disease on one copy of one founder.
    Carrier,
    /// A mitochondrial allele in a few reads, marked so in FILTER.
    Artefact,
}

/// One variant of one case: what is known of it, not who has it. `position` is 1-based on the case's build.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub chromosome: &'a str,
    pub position: u32,
    pub reference: &'a str,
    pub alternative: &'a str,
    pub gene: &'a Gene,
    pub consequence: &'a str,
    /// Accession of the transcript that `hgvs_c` counts on; empty if not known.
    pub transcript: &'a str,
    pub hgvs_c: &'a str,
    pub hgvs_p: &'a str,
    pub rsid: &'a str,
    pub frequency: Option<f64>,
    pub frequency_popmax: Option<f64>,
    pub frequency_source: &'a str,
    pub clinvar: Option<ClinVar>,
    /// A real allele seen in people, so that a missing figure does not mean a rare one.
    pub known_in_population: bool,
    /// A disease allele by its source, whatever ClinVar says.
    pub disease_allele: bool,
    pub kind: Kind<'a>,
}

#[derive(Debug)]
pub(super) struct ClinVar {
    pub id: String,
    /// As ClinVar's VCF writes it, e.g. `Pathogenic/Likely_pathogenic`.
    pub significance: String,
    pub review_status: Option<String>,
}

impl Site<'_> {
    pub fn locus(&self, build: GenomeBuild) -> Locus {
        Locus::of(build, self.chromosome, self.position)
    }

    /// Whether the consequence changes or removes protein (or the RNA of a gene without protein).
    pub fn alters_protein(&self) -> bool {
        !matches!(
            self.consequence,
            "synonymous_variant"
                | "intron_variant"
                | "3_prime_UTR_variant"
                | "5_prime_UTR_variant"
                | "upstream_gene_variant"
                | "downstream_gene_variant"
        )
    }

    pub fn is_rare(&self) -> bool {
        self.frequency.is_none_or(|frequency| frequency < 0.01)
    }

    pub fn is_indel(&self) -> bool {
        self.reference.len() != 1 || self.alternative.len() != 1
    }

    /// Where the record stands in a sorted file.
    pub fn order(&self) -> (Chromosome, u32, &str, &str) {
        (Chromosome::parse(self.chromosome), self.position, self.reference, self.alternative)
    }
}

/// The variants of a case, sorted, without two at one place.
pub(super) fn choose<'a>(
    facts: &'a Facts,
    case: &'a TeachingCase,
    family: &Family,
    genotyper: &Genotyper,
    rng: &mut DemoRng,
) -> Result<Vec<Site<'a>>, DemoError> {
    let mut stated = Vec::new();
    for variant in &case.variants {
        stated.push(stated_site(facts, case, variant)?);
    }
    let own_genes: BTreeSet<&str> = case.variants.iter().map(|variant| variant.gene.as_str()).collect();
    let mut background = Vec::new();
    let mut carried = Vec::new();
    let mut artefacts = Vec::new();
    let share = if family.founders().len() > 1 { 0.78 } else { 0.7 };
    for row in &facts.background {
        let site = background_site(facts, case.build, row)?;
        if site.locus(case.build) == Locus::Y && family.samples.iter().all(|sample| sample.sex == Sex::Female) {
            continue;
        }
        if own_genes.contains(row.gene.as_str()) && (site.disease_allele || (site.is_rare() && site.alters_protein())) {
            continue;
        }
        if !site.disease_allele {
            if rng.random_bool(share) {
                background.push(site);
            }
        } else if site.locus(case.build) == Locus::Mitochondrial {
            artefacts.push(Site { kind: Kind::Artefact, ..site });
        } else if !genotyper.is_autozygous(site.chromosome, site.position) {
            carried.push(Site { kind: Kind::Carrier, ..site });
        }
    }
    let mut sites = stated;
    let mut carrier_genes = BTreeSet::new();
    for site in draw(carried, usize::MAX, rng) {
        let enough = carrier_genes.len() >= CARRIED_PER_FOUNDER * family.founders().len();
        if !enough && carrier_genes.insert(site.gene.symbol.as_str()) {
            sites.push(site);
        }
    }
    // A second rare allele beside a carried one would be a second diagnosis.
    background
        .retain(|site| !(carrier_genes.contains(site.gene.symbol.as_str()) && site.is_rare() && site.alters_protein()));
    if case.analysis_type == AnalysisType::Wgs {
        sites.extend(draw(artefacts, MITOCHONDRIAL_ARTEFACTS, rng));
    }
    let mut taken: BTreeSet<(&str, u32)> = sites.iter().flat_map(bases).collect();
    for site in background {
        if bases(&site).all(|base| !taken.contains(&base)) {
            taken.extend(bases(&site));
            sites.push(site);
        }
    }
    sites.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(sites)
}

fn draw<'a>(mut sites: Vec<Site<'a>>, count: usize, rng: &mut DemoRng) -> Vec<Site<'a>> {
    let mut drawn = Vec::new();
    while drawn.len() < count && !sites.is_empty() {
        drawn.push(sites.swap_remove(rng.random_range(0..sites.len())));
    }
    drawn
}

/// The reference bases that a variant speaks of; two variants that share one cannot be drawn independently.
fn bases<'s, 'a>(site: &'s Site<'a>) -> impl Iterator<Item = (&'a str, u32)> + use<'a, 's> {
    let length = u32::try_from(site.reference.len()).unwrap_or(u32::MAX);
    (site.position..site.position.saturating_add(length)).map(move |at| (site.chromosome, at))
}

fn stated_site<'a>(facts: &'a Facts, case: &TeachingCase, variant: &'a TeachingVariant) -> Result<Site<'a>, DemoError> {
    let allele = variant.allele(case.build);
    Ok(Site {
        chromosome: &allele.chrom,
        position: allele.pos,
        reference: &allele.reference,
        alternative: &allele.alternative,
        gene: facts.gene(&variant.gene)?,
        consequence: &variant.consequence,
        transcript: &variant.transcript,
        hgvs_c: &variant.hgvs_c,
        hgvs_p: &variant.hgvs_p,
        rsid: &variant.rsid,
        frequency: variant.af,
        frequency_popmax: variant.af_popmax,
        frequency_source: "",
        clinvar: variant.clinvar.as_ref().map(|clinvar| ClinVar {
            id: clinvar.id.to_string(),
            significance: clinvar.significance.replace(' ', "_"),
            review_status: Some(clinvar.review_status.replace(' ', "_")),
        }),
        known_in_population: variant.af.is_some(),
        disease_allele: variant.role != super::teaching::Role::Distractor,
        kind: Kind::Stated(variant),
    })
}

fn background_site<'a>(
    facts: &'a Facts,
    build: GenomeBuild,
    row: &'a super::facts::BackgroundVariant,
) -> Result<Site<'a>, DemoError> {
    let disease_allele = matches!(row.source, Origin::Clinvar | Origin::Phenopackets);
    let transcript = row.hgvs_c.split_once(':').map_or("", |(transcript, _)| transcript);
    Ok(Site {
        chromosome: &row.chrom,
        position: match build {
            GenomeBuild::Grch37 => row.pos_37,
            GenomeBuild::Grch38 => row.pos_38,
        },
        reference: &row.reference,
        alternative: &row.alternative,
        gene: facts.gene(&row.gene)?,
        consequence: &row.consequence,
        transcript,
        hgvs_c: &row.hgvs_c,
        hgvs_p: &row.hgvs_p,
        rsid: &row.rsid,
        frequency: row.af.filter(|frequency| *frequency > 0.0),
        frequency_popmax: None,
        frequency_source: &row.af_source,
        clinvar: (!row.clinvar_id.is_empty() || !row.clinvar_sig.is_empty()).then(|| ClinVar {
            id: row.clinvar_id.clone(),
            significance: row.clinvar_sig.replace(' ', "_"),
            // The subset of ClinVar that these rows were taken from has at least two submitters for each.
            review_status: (row.source == Origin::Clinvar).then(|| "criteria_provided,_multiple_submitters".to_owned()),
        }),
        known_in_population: row.source == Origin::Scout,
        disease_allele,
        kind: Kind::Background,
    })
}
