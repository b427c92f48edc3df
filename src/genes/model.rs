use bson::doc;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::disease::GeneDisease;
use crate::db::{Stored, index};
use crate::genome::{Chromosome, GenomeBuild};

/// A gene of the HGNC's list.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gene {
    /// Number of the HGNC.
    #[serde(rename = "_id")]
    pub hgnc_id: u32,
    /// Approved symbol.
    pub symbol: String,
    /// Approved name.
    pub name: String,
    /// Other and earlier symbols.
    pub aliases: Vec<String>,
    /// Locus type, e.g. `gene with protein product`.
    pub locus_type: Option<String>,
    /// Ensembl gene.
    pub ensembl_id: Option<String>,
    /// NCBI Gene.
    pub entrez_id: Option<u32>,
    /// OMIM entry of the gene.
    pub omim_id: Option<u32>,
    /// UniProt.
    pub uniprot_ids: Vec<String>,
    /// RefSeq transcripts the HGNC names.
    pub refseq: Vec<String>,
    /// Where it lies, one entry per build.
    pub locations: Vec<GeneLocation>,
    /// How its diseases are inherited: AD, AR, XL, XD, XR, Y, MT, …, each once; the union over `diseases`.
    pub inheritance: Vec<String>,
    /// Tolerance of variation.
    pub constraint: Option<Constraint>,
    /// Its diseases, OMIM before Orphanet, with their inheritance and who says so.
    #[serde(deserialize_with = "super::disease::of_any_version")]
    pub diseases: Vec<GeneDisease>,
    /// The list of secondary findings that it is on, with its version, e.g. `ACMG SF v3.2`.
    #[serde(default)]
    pub secondary_findings: Option<String>,
    /// Where the facts come from.
    pub source: String,
}

/// A gene's extent on one build; 1-based inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneLocation {
    /// Assembly.
    pub build: GenomeBuild,
    /// Contig.
    pub chromosome: Chromosome,
    /// First base.
    pub start: u32,
    /// Last base.
    pub end: u32,
}

/// How much variation the population shows against what is expected (gnomAD).
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// Probability of being intolerant of loss of function.
    pub pli: Option<f64>,
    /// Upper bound of the interval of observed/expected loss of function.
    pub loeuf: Option<f64>,
    /// Missense z-score.
    pub missense_z: Option<f64>,
    /// Which release.
    pub source: String,
}

/// One transcript of a gene on one build; 1-based inclusive.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscriptRecord {
    /// `<build>/<ENST>`.
    #[serde(rename = "_id")]
    pub id: String,
    /// Assembly.
    pub build: GenomeBuild,
    /// Ensembl transcript.
    pub transcript: String,
    /// Ensembl gene.
    pub ensembl_gene: String,
    /// HGNC number, when the gene is known.
    pub hgnc_id: Option<u32>,
    /// Contig.
    pub chromosome: Chromosome,
    /// First base.
    pub start: u32,
    /// Last base.
    pub end: u32,
    /// RefSeq names, curated before predicted.
    pub refseq: Vec<String>,
    /// RefSeq twin in MANE Select.
    pub mane_select: Option<String>,
    /// RefSeq twin in MANE Plus Clinical.
    pub mane_plus_clinical: Option<String>,
}

impl Stored for Gene {
    const COLLECTION: &'static str = "genes";

    fn indexes() -> Vec<IndexModel> {
        vec![
            index("symbol", doc! { "symbol": 1 }),
            index("alias", doc! { "aliases": 1 }),
            index("secondary", doc! { "secondary_findings": 1 }),
        ]
    }
}

impl Stored for TranscriptRecord {
    const COLLECTION: &'static str = "transcripts";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_gene", doc! { "hgnc_id": 1, "build": 1 })]
    }
}
