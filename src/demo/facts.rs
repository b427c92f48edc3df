use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::DemoError;
use super::teaching::Teaching;

/// One row of `config/demo/genes.tsv`. Positions are 1-based and inclusive.
#[derive(Debug, Deserialize)]
pub(super) struct Gene {
    pub hgnc_id: String,
    pub symbol: String,
    pub previous_symbols: String,
    pub aliases: String,
    pub name: String,
    pub locus_type: String,
    pub ensembl_gene_id: String,
    pub entrez_id: String,
    #[serde(rename = "omim_gene")]
    pub omim_number: String,
    pub chrom: String,
    pub start_38: String,
    pub end_38: String,
    pub start_37: String,
    pub end_37: String,
    pub strand: String,
    pub cytoband: String,
    pub mane_enst: String,
    pub mane_refseq: String,
    pub pli: String,
    pub loeuf: String,
    pub mis_z: String,
}

impl Gene {
    /// The number of the HGNC id, without the prefix.
    pub fn hgnc_number(&self) -> &str {
        self.hgnc_id.trim_start_matches("HGNC:")
    }
}

/// Where a background row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// A real allele of the Scout project's demo files; mostly harmless.
    Scout,
    /// A real position with an alternative base made up for the demo.
    Invented,
    /// Listed by ClinVar as (likely) pathogenic by two or more submitters.
    Clinvar,
    /// Found in a patient of the Phenopacket Store.
    Phenopackets,
}

/// One row of `config/demo/background.tsv`; positions are 1-based, alleles as VCF writes them.
#[derive(Debug, Deserialize)]
pub(super) struct BackgroundVariant {
    pub chrom: String,
    pub pos_38: u32,
    pub pos_37: u32,
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(rename = "alt")]
    pub alternative: String,
    pub gene: String,
    pub consequence: String,
    pub hgvs_c: String,
    pub hgvs_p: String,
    pub rsid: String,
    pub af: Option<f64>,
    pub af_source: String,
    pub clinvar_id: String,
    pub clinvar_sig: String,
    pub source: Origin,
}

/// One row of `config/demo/diseases.tsv`.
#[derive(Debug, Deserialize)]
pub(super) struct Disease {
    #[serde(rename = "disease_id")]
    pub id: String,
    pub name: String,
    pub inheritance: String,
    pub hgnc_ids: String,
}

/// One row of `config/demo/hpo.tsv`: a term, unchanged, and its parents.
#[derive(Debug, Deserialize)]
pub(super) struct HpoTerm {
    pub hpo_id: String,
    pub name: String,
    pub parent_ids: String,
    pub alt_ids: String,
    pub synonyms: String,
}

/// Everything the demo is made from, as compiled in.
#[derive(Debug)]
pub(super) struct Facts {
    pub genes: Vec<Gene>,
    by_symbol: BTreeMap<String, usize>,
    by_hgnc_id: BTreeMap<String, usize>,
    pub background: Vec<BackgroundVariant>,
    pub diseases: Vec<Disease>,
    pub terms: Vec<HpoTerm>,
    pub teaching: Teaching,
}

impl Facts {
    pub fn read() -> Result<Self, DemoError> {
        let genes: Vec<Gene> = table("genes.tsv", include_str!("../../config/demo/genes.tsv"))?;
        let index = |key: fn(&Gene) -> &String| {
            genes.iter().enumerate().map(|(at, gene)| (key(gene).clone(), at)).collect::<BTreeMap<_, _>>()
        };
        let by_symbol = index(|gene| &gene.symbol);
        let by_hgnc_id = index(|gene| &gene.hgnc_id);
        Ok(Self {
            genes,
            by_symbol,
            by_hgnc_id,
            background: table("background.tsv", include_str!("../../config/demo/background.tsv"))?,
            diseases: table("diseases.tsv", include_str!("../../config/demo/diseases.tsv"))?,
            terms: table("hpo.tsv", include_str!("../../config/demo/hpo.tsv"))?,
            teaching: serde_json::from_str(include_str!("../../config/demo/cases.json"))
                .map_err(|source| DemoError::Cases { source })?,
        })
    }

    pub fn gene(&self, symbol: &str) -> Result<&Gene, DemoError> {
        let at = self.by_symbol.get(symbol).ok_or_else(|| DemoError::UnknownGene(symbol.to_owned()))?;
        Ok(&self.genes[*at])
    }

    pub fn gene_by_hgnc_id(&self, id: &str) -> Option<&Gene> {
        self.by_hgnc_id.get(id).map(|at| &self.genes[*at])
    }
}

fn table<Row: DeserializeOwned>(name: &'static str, text: &str) -> Result<Vec<Row>, DemoError> {
    csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .quoting(false)
        .from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|source| DemoError::Table { name, source })
}
