//! What one alternative allele of one VCF record says, independent of any case or database.
//!
//! These structs are also the sub-documents of a stored variant, so the reader's words and the page's words are the
//! same. Missing is `None` or an empty list, never 0 or -1.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::genome::Chromosome;

/// One alternative allele of one record, with everything that belongs to this allele and to no other.
#[derive(Debug, Clone, PartialEq)]
pub struct Allele {
    /// Line of the text file, counted from 1; for BCF the number of the record.
    pub line: u64,
    /// Contig in canonical spelling.
    pub chromosome: Chromosome,
    /// POS, 1-based.
    pub position: u32,
    /// Last reference base the record covers, 1-based inclusive: INFO END, else POS + length of REF - 1.
    pub end: u32,
    /// REF as written.
    pub reference: String,
    /// This ALT as written; `.` when the record has none.
    pub alternative: String,
    /// Which ALT of the record this is, counted from 1, and how many there are.
    pub allele: (u16, u16),
    /// `snv`, `indel` or `symbolic`.
    pub sub_category: String,
    /// Bases changed: length of ALT for substitutions of equal length, |REF - ALT| for indels, unknown for symbols.
    pub length: Option<u32>,
    /// QUAL.
    pub quality: Option<f64>,
    /// FILTER split on `;`; `PASS` alone when it passed; empty when FILTER is `.`.
    pub filters: Vec<String>,
    /// Identifiers of dbSNP, `rs…`.
    pub dbsnp: Vec<String>,
    /// Identifiers of COSMIC.
    pub cosmic: Vec<String>,
    /// What ranked it.
    pub rank: RankFacts,
    /// Ranks by other programs.
    pub other_ranks: OtherRanks,
    /// Inheritance models of the family, as written, e.g. `AR_comp_dn`.
    pub models: Vec<String>,
    /// Partners that together may explain a recessive disease.
    pub compounds: Vec<CompoundName>,
    /// One entry per gene, most severe consequence first.
    pub genes: Vec<GeneAnnotation>,
    /// How common it is in public collections.
    pub frequencies: Frequencies,
    /// How common it is in the laboratory's own archive, as the file says.
    pub local_archive: LocalArchive,
    /// What only pipelines for tumours write.
    pub cancer: CancerFacts,
    /// Predictions that are not tied to one transcript.
    pub scores: Scores,
    /// `ClinVar` germline records.
    pub clinvar: Vec<ClinvarRecord>,
    /// `ClinVar` oncogenicity records.
    pub clinvar_oncogenicity: Vec<OncogenicityRecord>,
    /// Who called it.
    pub callers: Vec<Caller>,
    /// Autozygous region the record lies in.
    pub autozygous: Option<Autozygous>,
    /// INFO `SCOUT_CUSTOM`: pairs to show as they are.
    pub custom: Vec<(String, String)>,
    /// Diseases `MitoMap` links to it.
    pub mitomap_diseases: Option<String>,
    /// Identifier in `HmtVar`.
    pub hmtvar: Option<String>,
    /// One call per sample column, in the order of the file.
    pub calls: Vec<Call>,
}

/// The rank score and what it is made of.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RankFacts {
    /// INFO `RankScore` of this family.
    pub score: Option<f64>,
    /// INFO `RankScoreNormalized` of this family, 0 to 1.
    pub normalized: Option<f64>,
    /// INFO `RankResult`: the part each category of the rank model gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RankResult>,
}

/// One category's part of a rank score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankResult {
    /// Category of the rank model, e.g. `Consequence`.
    pub category: String,
    /// Its part of the score.
    pub score: f64,
}

/// Scores of programs that rank variants beside genmod, each 0 to 1.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OtherRanks {
    /// INFO `MivmirScore`.
    pub mivmir: Option<f64>,
    /// INFO `MivmirExplanation`, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mivmir_explanation: Vec<Contribution>,
    /// INFO `GicamScore`.
    pub gicam: Option<f64>,
}

/// What one annotation adds to a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// Name of the annotation as written.
    pub annotation: String,
    /// Its part; negative where it speaks against the variant.
    pub impact: f64,
}

/// A compound partner as the file names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompoundName {
    /// `7_124537031_G_A`: contig without `chr`, position, reference, alternative.
    pub name: String,
    /// Combined score of the pair, if written.
    pub score: Option<f64>,
}

/// A gene with the transcripts annotated for it.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneAnnotation {
    /// Number of the HGNC, when the annotation has it.
    pub hgnc_id: Option<u32>,
    /// Symbol as annotated.
    pub symbol: Option<String>,
    /// `ENSG…` as annotated.
    pub ensembl_id: Option<String>,
    /// Most severe Sequence Ontology term over all transcripts; `None` when nothing was annotated.
    pub consequence: Option<String>,
    /// Region class of `consequence`, e.g. `exonic`, `splicing`, `intronic`.
    pub region: Option<String>,
    /// SIFT's word for the most severe transcript that has one.
    pub sift: Option<String>,
    /// `PolyPhen`'s word for the most severe transcript that has one.
    pub polyphen: Option<String>,
    /// `SpliceAI` for this gene.
    pub spliceai: Option<SpliceAi>,
    /// How the gene's diseases are inherited; filled by the loader from the gene reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inheritance: Vec<String>,
    /// Whether this is an RNA gene with a disease, whose exons count as coding; filled by the loader.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disease_rna: bool,
    /// The transcript shown on rows: MANE Select, else canonical, else the most severe with HGVS, else the most severe.
    pub representative: Option<usize>,
    /// In the order of the annotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcripts: Vec<Transcript>,
}

/// One transcript's annotation.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// `ENST…` or `NM_…` as annotated, version kept if written.
    pub id: String,
    /// Sequence Ontology terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<String>,
    /// `protein_coding` and so on.
    pub biotype: Option<String>,
    /// `11/19`.
    pub exon: Option<String>,
    /// `10/18`.
    pub intron: Option<String>,
    /// `+` or `-`.
    pub strand: Option<char>,
    /// Coding or non-coding change without the transcript's name, `c.903G>T`.
    pub hgvs_c: Option<String>,
    /// Protein change without the protein's name, percent-encoding undone, `p.Gln301His`.
    pub hgvs_p: Option<String>,
    /// `ENSP…`.
    pub protein_id: Option<String>,
    /// Whether the annotation calls it canonical.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canonical: bool,
    /// The `RefSeq` twin when this is the MANE Select transcript.
    pub mane_select: Option<String>,
    /// The `RefSeq` twin when this is a MANE Plus Clinical transcript.
    pub mane_plus_clinical: Option<String>,
    /// SIFT's word without the number.
    pub sift: Option<String>,
    /// `PolyPhen`'s word without the number.
    pub polyphen: Option<String>,
    /// `UniProt`.
    pub swissprot: Option<String>,
    /// Domains by source: `pfam`, `prosite`, `smart`.
    pub pfam: Option<String>,
    /// PROSITE profile.
    pub prosite: Option<String>,
    /// SMART domain.
    pub smart: Option<String>,
    /// Fractions of segmental duplications that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superdups: Vec<f64>,
}

/// `SpliceAI`'s four delta scores (0 to 1) with their positions relative to the variant.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpliceAi {
    /// The largest of the four.
    pub max: Option<f64>,
    /// Position of the largest, in bases from the variant.
    pub position: Option<i32>,
    /// Acceptor gain, acceptor loss, donor gain, donor loss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SplicePart>,
}

/// One of `SpliceAI`'s four predictions.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplicePart {
    /// `AG`, `AL`, `DG` or `DL`.
    pub kind: String,
    /// Delta score, 0 to 1.
    pub score: Option<f64>,
    /// Bases from the variant.
    pub position: Option<i32>,
}

/// Allele frequencies as fractions, 0 to 1.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Frequencies {
    /// gnomAD, all populations.
    pub gnomad: Option<f64>,
    /// gnomAD, highest population.
    pub gnomad_popmax: Option<f64>,
    /// `ExAC`.
    pub exac: Option<f64>,
    /// `ExAC`, highest population.
    pub exac_max: Option<f64>,
    /// 1000 Genomes.
    pub thousand_genomes: Option<f64>,
    /// 1000 Genomes, highest population.
    pub thousand_genomes_max: Option<f64>,
    /// `SweGen`.
    pub swegen: Option<f64>,
    /// `CoLoRSdb`.
    pub colorsdb: Option<f64>,
    /// gnomAD mitochondrial, homoplasmic.
    pub mt_homoplasmic: Option<f64>,
    /// gnomAD mitochondrial, heteroplasmic.
    pub mt_heteroplasmic: Option<f64>,
}

/// Observations in the laboratory's own archive (loqusdb) at the time of annotation.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LocalArchive {
    /// INFO `Obs`: cases that carry it.
    pub observations: Option<u32>,
    /// INFO `Hom`: of these, homozygous.
    pub homozygotes: Option<u32>,
    /// INFO `Frq`: fraction of the archive's cases.
    pub frequency: Option<f64>,
}

/// What pipelines for tumours write beside the rest.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CancerFacts {
    /// INFO `SOMATICSCORE`: the caller's quality that the change is somatic (PHRED).
    pub somatic_score: Option<f64>,
    /// INFO `MSK_MVL`: the allele is on the managed variant list of MSK.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub msk_listed: bool,
    /// INFO `Cancer_Germline_…`: normal samples in the archive.
    #[serde(default)]
    pub germline: LocalArchive,
    /// INFO `Cancer_Somatic_…`: tumours in the archive.
    #[serde(default)]
    pub somatic: LocalArchive,
    /// INFO `Cancer_Somatic_Panel_…`: tumours sequenced with the same panel.
    #[serde(default)]
    pub panel: LocalArchive,
}

/// Predictions for the variant as a whole.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// CADD, scaled (PHRED).
    pub cadd: Option<f64>,
    /// REVEL, 0 to 1: the highest over transcripts.
    pub revel: Option<f64>,
    /// REVEL rank score, 0 to 1.
    pub revel_rank: Option<f64>,
    /// Highest `SpliceAI` delta score over genes, 0 to 1.
    pub spliceai: Option<f64>,
    /// SPIDEX, signed z-score.
    pub spidex: Option<f64>,
    /// GERP++ rejected substitutions.
    pub gerp: Option<f64>,
    /// phastCons, 100 vertebrates.
    pub phastcons: Option<f64>,
    /// phyloP, 100 vertebrates.
    pub phylop: Option<f64>,
}

/// One significance of one `ClinVar` record.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClinvarRecord {
    /// Code of the significance (`domain` table of `ClinVar` values): 0 uncertain … 13, 255 other.
    pub code: u16,
    /// The significance as a word, `likely_pathogenic`.
    pub significance: String,
    /// Accession or variation id.
    pub accession: Option<String>,
    /// Review status, words joined by `_`.
    pub review_status: Option<String>,
    /// Whether the review status is one or more submitters without conflict, an expert panel or a guideline.
    pub trusted: bool,
    /// The record says low penetrance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub low_penetrance: bool,
}

/// One oncogenicity classification of `ClinVar`.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OncogenicityRecord {
    /// The classification as a word, `likely_oncogenic`.
    pub significance: String,
    /// Variation id.
    pub accession: Option<String>,
    /// Review status.
    pub review_status: Option<String>,
    /// Disease names.
    pub diseases: Option<String>,
}

/// One caller's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Id of the caller, `gatk`.
    pub name: String,
    /// `Pass`, `Filtered` or `Filtered - <filter>`.
    pub status: String,
}

/// The autozygous region that holds the variant.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Autozygous {
    /// Bases.
    pub length: Option<f64>,
    /// Quality of the call.
    pub quality: Option<f64>,
}

/// What one sample column says about one allele.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// GT as written: `0/1`, `1|0`, `1`, `./.`, `0/2`. Empty text is never stored; no GT is `None`.
    pub genotype: Option<String>,
    /// How `genotype` reads for this allele.
    pub zygosity: Zygosity,
    /// Reads with the reference allele.
    pub ref_depth: Option<u32>,
    /// Reads with this allele.
    pub alt_depth: Option<u32>,
    /// FORMAT DP, else the sum over all alleles.
    pub depth: Option<u32>,
    /// Reads with this allele / reads with any allele; else FORMAT AF.
    pub alt_fraction: Option<f64>,
    /// FORMAT GQ (PHRED).
    pub genotype_quality: Option<f64>,
    /// FORMAT PS: phase set.
    pub phase_set: Option<String>,
}

/// How a genotype reads for one allele. Ploidy is the caller's: a lone `1` is one copy, whoever it was called in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zygosity {
    /// Every allele is known and none is this one (`0/0`, `0`, and `0/2` seen from allele 1 is `OtherAllele`).
    Reference,
    /// One of several copies is this allele (`0/1`, `1|2`).
    Heterozygous,
    /// All of two or more copies are this allele.
    Homozygous,
    /// A single copy, and it is this allele.
    Haploid,
    /// At least one copy is this allele and the rest is unknown (`1/.`).
    PartialCarrier,
    /// No known copy is this allele and at least one is unknown (`0/.`).
    PartialReference,
    /// Known, but another alternative allele and not this one (`0/2`, `2/2`).
    OtherAllele,
    /// Nothing is known (`./.`, `.`, no GT).
    #[default]
    NoCall,
}

impl Zygosity {
    /// Whether at least one copy is this allele.
    #[must_use]
    pub fn carries(self) -> bool {
        matches!(self, Self::Heterozygous | Self::Homozygous | Self::Haploid | Self::PartialCarrier)
    }

    /// Whether the call leaves open if this allele is there (`./.` or `0/.`).
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::NoCall | Self::PartialReference)
    }
}
