use rand::RngExt;

use super::DemoRng;
use super::genotypes::{Locus, bell, whole};
use super::rank_model::Evidence;
use super::site::{Kind, Site};
use crate::genome::GenomeBuild;

/// Cases that the invented local observations are counted over; also in the header as `##NrCases`.
pub(super) const LOCAL_CASES: u32 = 1200;

/// Keys of the CSQ field in the order in which the header names them.
pub(super) const CSQ_KEYS: [&str; 38] = [
    "Allele",
    "Consequence",
    "IMPACT",
    "SYMBOL",
    "Gene",
    "Feature_type",
    "Feature",
    "BIOTYPE",
    "EXON",
    "INTRON",
    "HGVSc",
    "HGVSp",
    "cDNA_position",
    "CDS_position",
    "Protein_position",
    "Amino_acids",
    "Codons",
    "Existing_variation",
    "DISTANCE",
    "STRAND",
    "FLAGS",
    "SYMBOL_SOURCE",
    "HGNC_ID",
    "CANONICAL",
    "MANE_SELECT",
    "ENSP",
    "SIFT",
    "PolyPhen",
    "HGVSg",
    "gnomADg_AF",
    "REVEL_score",
    "REVEL_rankscore",
    "SpliceAI_pred_DS_AG",
    "SpliceAI_pred_DS_AL",
    "SpliceAI_pred_DS_DG",
    "SpliceAI_pred_DS_DL",
    "SpliceAI_pred_SYMBOL",
    "pLI_gene_value",
];

/// Scores and counts that a pipeline would look up and that are invented here, in the range such a variant usually has.
#[derive(Debug)]
pub(super) struct Annotation {
    pub cadd: Option<f64>,
    revel: Option<f64>,
    splice_ai: Option<[f64; 4]>,
    sift: Option<(&'static str, f64)>,
    polyphen: Option<(&'static str, f64)>,
    pub popmax: Option<f64>,
    pub observations: Option<u32>,
    pub homozygotes: Option<u32>,
}

impl Annotation {
    pub fn invent(site: &Site, locus: Locus, rng: &mut DemoRng) -> Self {
        let nuclear = locus != Locus::Mitochondrial;
        let harmful = site.disease_allele;
        let frequent = site.frequency.is_some_and(|frequency| frequency >= 0.01) && !harmful;
        let (middle, spread) = match site.consequence {
            "stop_gained" | "frameshift_variant" => (36.0, 3.0),
            "splice_donor_variant" | "splice_acceptor_variant" | "start_lost" | "stop_lost" => (32.0, 2.5),
            "missense_variant" if harmful => (27.0, 2.0),
            "missense_variant" if frequent => (11.0, 5.0),
            "missense_variant" => (20.0, 5.5),
            "inframe_deletion" | "inframe_insertion" | "protein_altering_variant" => (19.0, 3.0),
            "splice_region_variant" => (10.0, 4.0),
            _ if harmful => (18.0, 2.0),
            _ => (4.5, 2.5),
        };
        let cadd = Some(rounded((middle + spread * bell(rng)).clamp(0.001, 60.0), 3))
            .filter(|_| nuclear && (!site.is_indel() || rng.random_bool(0.7)));
        let missense = site.consequence == "missense_variant" && nuclear;
        let damage = missense.then(|| {
            let middle = if harmful { 0.87 } else { (middle_of(cadd) - 8.0) / 28.0 };
            (middle + 0.12 * bell(rng)).clamp(0.004, 0.996)
        });
        let splice_ai = nuclear.then(|| delta_scores(site, rng)).filter(|_| rng.random_bool(0.93));
        let invented = site.frequency.map(|frequency| (frequency * rng.random_range(1.05..2.4)).min(0.999));
        let popmax = site.frequency_popmax.or(invented).filter(|_| nuclear);
        let seen = site.frequency.unwrap_or(0.0) * f64::from(LOCAL_CASES);
        let homozygous = site.frequency.map_or(0.0, |frequency| frequency * frequency) * f64::from(LOCAL_CASES);
        let observations = whole((seen * 1.9 * rng.random_range(0.6..1.3)).min(f64::from(LOCAL_CASES)));
        Self {
            cadd,
            revel: damage.map(|damage| rounded(damage, 3)),
            splice_ai,
            sift: damage.map(|damage| {
                let score = rounded((1.0 - damage).powi(3), 2);
                (if score <= 0.05 { "deleterious" } else { "tolerated" }, score)
            }),
            polyphen: damage.map(|damage| {
                let score = rounded(damage.sqrt().sqrt() * damage, 3);
                let word = if score > 0.908 {
                    "probably_damaging"
                } else if score > 0.446 {
                    "possibly_damaging"
                } else {
                    "benign"
                };
                (word, score)
            }),
            popmax: popmax.map(|popmax| rounded(popmax, 7)),
            observations: Some(observations).filter(|count| *count > 0),
            homozygotes: Some(whole(homozygous)).filter(|_| observations > 0),
        }
    }

    /// What the rank model looks at.
    pub fn evidence(&self, site: &Site, models: &[&str], filter: &str) -> Evidence {
        let mut evidence = Evidence::default();
        if let Some(popmax) = self.popmax {
            evidence.add("GNOMADAF_popmax", &popmax);
        }
        if let Some(observations) = self.observations {
            evidence.add("Obs", &observations);
        }
        for model in models {
            evidence.add("GeneticModels", &model);
        }
        evidence.add("most_severe_consequence", &site.consequence);
        if let Some(clinvar) = &site.clinvar {
            evidence.add("CLNSIG", &clinvar.significance);
        }
        if let Some(cadd) = self.cadd {
            evidence.add("CADD", &cadd);
        }
        if let Some((word, _)) = self.sift {
            evidence.add("SIFT", &word);
        }
        if let Some((word, _)) = self.polyphen {
            evidence.add("PolyPhen", &word);
        }
        if let Some(revel) = self.revel {
            evidence.add("REVEL_score", &revel);
        }
        if let Some(deltas) = self.splice_ai {
            evidence.add("SpliceAI_pred_DS", &deltas.into_iter().fold(0.0, f64::max));
        }
        if !site.gene.pli.is_empty() {
            evidence.add("pLI_gene_value", &site.gene.pli);
        }
        evidence.add("FILTER", &filter);
        evidence
    }

    /// The CSQ text: one entry per transcript, keys as in [`CSQ_KEYS`].
    pub fn csq(&self, site: &Site, build: GenomeBuild) -> String {
        transcripts(site)
            .iter()
            .map(|transcript| {
                CSQ_KEYS.iter().map(|key| self.csq_value(key, site, transcript, build)).collect::<Vec<_>>().join("|")
            })
            .collect::<Vec<_>>()
            .join(",")
    }

    fn csq_value(&self, key: &str, site: &Site, transcript: &Transcript, build: GenomeBuild) -> String {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let delta = |nth: usize| number(self.splice_ai.map(|deltas| deltas[nth]));
        let word =
            |value: Option<(&str, f64)>| value.map(|(word, score)| format!("{word}({score})")).unwrap_or_default();
        match key {
            "Allele" => vep_allele(site.reference, site.alternative),
            "Consequence" => site.consequence.to_owned(),
            "IMPACT" => impact(site.consequence).to_owned(),
            "SYMBOL" => site.gene.symbol.clone(),
            "Gene" => site.gene.ensembl_gene_id.clone(),
            // Also where the transcript has no name here: the consequence is one on a transcript.
            "Feature_type" => "Transcript".to_owned(),
            "Feature" => transcript.accession.clone(),
            "BIOTYPE" => biotype(&site.gene.locus_type, &site.gene.chrom).to_owned(),
            "HGVSc" => transcript.hgvs_c.clone(),
            "HGVSp" => transcript.hgvs_p.clone(),
            "Existing_variation" => site.rsid.replace(';', "&"),
            "STRAND" => if site.gene.strand == "-" { "-1" } else { "1" }.to_owned(),
            "SYMBOL_SOURCE" => "HGNC".to_owned(),
            // VEP writes the bare number in its GRCh37 cache.
            "HGNC_ID" if build == GenomeBuild::Grch37 => site.gene.hgnc_number().to_owned(),
            "HGNC_ID" => site.gene.hgnc_id.clone(),
            "CANONICAL" if transcript.canonical => "YES".to_owned(),
            "MANE_SELECT" => transcript.mane_partner.clone(),
            "SIFT" => word(self.sift),
            "PolyPhen" => word(self.polyphen),
            "HGVSg" if site.hgvs_c.contains(":m.") => site.hgvs_c.to_owned(),
            "gnomADg_AF" => site.frequency.filter(|_| !site.gene.chrom.eq("MT")).map(plain).unwrap_or_default(),
            "REVEL_score" => number(self.revel),
            "REVEL_rankscore" => number(self.revel.map(|revel| rounded(revel.sqrt(), 3))),
            "SpliceAI_pred_DS_AG" => delta(0),
            "SpliceAI_pred_DS_AL" => delta(1),
            "SpliceAI_pred_DS_DG" => delta(2),
            "SpliceAI_pred_DS_DL" => delta(3),
            "SpliceAI_pred_SYMBOL" if self.splice_ai.is_some() => site.gene.symbol.clone(),
            "pLI_gene_value" => site.gene.pli.clone(),
            _ => String::new(),
        }
    }
}

struct Transcript {
    accession: String,
    hgvs_c: String,
    hgvs_p: String,
    canonical: bool,
    /// The same transcript in the other database, if it is MANE Select.
    mane_partner: String,
}

/// The transcripts that are known to carry this consequence. A MANE Select transcript is listed under both its names;
/// what is not known (Ensembl's protein accession, exon numbers) stays empty.
fn transcripts(site: &Site) -> Vec<Transcript> {
    let gene = site.gene;
    let change = site.hgvs_c.split_once(':').map_or("", |(_, change)| change);
    let hgvs_p = escaped(&site.hgvs_p.replace("p.(", "p.").replace(')', ""));
    let hgvs_p = if hgvs_p.contains(":p.") { hgvs_p } else { String::new() };
    let on =
        |accession: &str| if change.is_empty() { String::new() } else { escaped(&format!("{accession}:{change}")) };
    let is_mane = !gene.mane_enst.is_empty() && (site.transcript.is_empty() || site.transcript == gene.mane_refseq);
    if is_mane {
        return vec![
            Transcript {
                accession: gene.mane_enst.clone(),
                hgvs_c: on(&gene.mane_enst),
                hgvs_p: hgvs_p.clone(),
                canonical: true,
                mane_partner: gene.mane_refseq.clone(),
            },
            Transcript {
                accession: gene.mane_refseq.clone(),
                hgvs_c: on(&gene.mane_refseq),
                hgvs_p,
                canonical: false,
                mane_partner: gene.mane_enst.clone(),
            },
        ];
    }
    let genomic = change.starts_with("m.");
    vec![Transcript {
        accession: if genomic { String::new() } else { site.transcript.to_owned() },
        hgvs_c: if genomic { String::new() } else { on(site.transcript) },
        hgvs_p,
        canonical: !genomic && !site.transcript.is_empty() && matches!(site.kind, Kind::Stated(_)),
        mane_partner: String::new(),
    }]
}

/// VEP's name for the alternative allele: the shared first base of an insertion or deletion goes, nothing left is `-`.
pub(super) fn vep_allele(reference: &str, alternative: &str) -> String {
    if reference.len() == alternative.len() {
        return alternative.to_owned();
    }
    let rest =
        if reference.as_bytes().first() == alternative.as_bytes().first() { &alternative[1..] } else { alternative };
    if rest.is_empty() { "-".to_owned() } else { rest.to_owned() }
}

fn impact(consequence: &str) -> &'static str {
    match consequence {
        "stop_gained"
        | "frameshift_variant"
        | "splice_donor_variant"
        | "splice_acceptor_variant"
        | "start_lost"
        | "stop_lost" => "HIGH",
        "missense_variant" | "inframe_deletion" | "inframe_insertion" | "protein_altering_variant" => "MODERATE",
        "synonymous_variant" | "splice_region_variant" => "LOW",
        _ => "MODIFIER",
    }
}

fn biotype(locus_type: &str, chromosome: &str) -> &'static str {
    match locus_type {
        "gene with protein product" => "protein_coding",
        "RNA, transfer" if chromosome == "MT" => "Mt_tRNA",
        "RNA, small nuclear" => "snRNA",
        "pseudogene" => "processed_pseudogene",
        _ => "",
    }
}

fn delta_scores(site: &Site, rng: &mut DemoRng) -> [f64; 4] {
    let mut deltas = [(); 4].map(|()| if rng.random_bool(0.8) { 0.0 } else { rounded(rng.random_range(0.0..0.06), 2) });
    let strongest = match site.consequence {
        "splice_acceptor_variant" => Some((1, 0.82..0.999)),
        "splice_donor_variant" => Some((3, 0.82..0.999)),
        "splice_region_variant" => Some((1, 0.0..0.35)),
        "intron_variant" if site.disease_allele => Some((0, 0.45..0.9)),
        _ => None,
    };
    if let Some((nth, range)) = strongest {
        deltas[nth] = rounded(rng.random_range(range), 2);
    }
    deltas
}

fn middle_of(cadd: Option<f64>) -> f64 {
    cadd.unwrap_or(18.0)
}

/// A fraction without an exponent and without trailing zeros.
pub(super) fn plain(number: f64) -> String {
    let text = format!("{number:.8}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn rounded(number: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (number * factor).round() / factor
}

/// Characters that would end an INFO value, as VCF 4.3 and VEP write them.
fn escaped(text: &str) -> String {
    text.replace('=', "%3D").replace(';', "%3B").replace(',', "%2C").replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vep_names_alleles_without_the_padding_base() {
        for (reference, alternative, expected) in
            [("A", "G", "G"), ("ATCT", "A", "-"), ("T", "TA", "A"), ("GA", "GTT", "TT"), ("AC", "GT", "GT")]
        {
            assert_eq!(vep_allele(reference, alternative), expected, "{reference}>{alternative}");
        }
    }

    #[test]
    fn fractions_have_no_exponent() {
        assert_eq!((plain(0.000_004), plain(0.25), plain(1.0)), ("0.000004".into(), "0.25".into(), "1".into()));
    }
}
