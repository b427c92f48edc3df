use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::genome::GenomeBuild;

/// `config/demo/cases.json`: the families, and those left for later.
#[derive(Debug, Deserialize)]
pub(super) struct Teaching {
    pub institutes: Vec<DemoInstitute>,
    pub cases: Vec<TeachingCase>,
    pub later: Vec<LaterCase>,
}

/// An institute that owns demo cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoInstitute {
    /// The id used in URLs and as `owner`.
    pub id: String,
    /// The name shown to people.
    pub name: String,
}

/// A teaching case that needs variants of a kind this generator does not write yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterCase {
    /// Key of the case, e.g. `f-htt-str`.
    pub key: String,
    /// What the family came with.
    pub title: String,
    /// The kind of variant that is missing.
    pub needs: String,
}

/// A family around a real, published variant. Everything about its people is invented.
#[derive(Debug, Deserialize)]
pub(super) struct TeachingCase {
    pub key: String,
    pub title: String,
    pub capability: String,
    pub discover: String,
    pub synopsis: Vec<String>,
    pub owner: String,
    pub family: String,
    pub family_name: String,
    pub build: GenomeBuild,
    pub analysis_type: AnalysisType,
    pub analysis_date: String,
    pub gene_panels: Vec<String>,
    pub default_gene_panels: Vec<String>,
    /// Members in the order of the VCF's columns; on purpose not that of `people`.
    pub vcf_order: Vec<String>,
    /// Contigs are written `chr1 … chrM` and not `1 … MT`.
    pub chr_prefix: bool,
    /// Males have one allele on X and Y (`1`) and not two equal ones (`1/1`).
    pub haploid_calls: bool,
    pub people: Vec<TeachingPerson>,
    pub hpo: Vec<TeachingTerm>,
    pub diseases: TeachingDisease,
    pub autozygous: Vec<TeachingRegion>,
    pub variants: Vec<TeachingVariant>,
    pub references: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AnalysisType {
    Panel,
    Wes,
    Wgs,
}

impl AnalysisType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Wes => "wes",
            Self::Wgs => "wgs",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sex {
    Male,
    Female,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeachingPerson {
    pub member: String,
    pub sex: Sex,
    pub affected: bool,
    pub father: Option<String>,
    pub mother: Option<String>,
    pub tissue: String,
    /// Another sample of this member, not another person.
    pub same_as: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeachingTerm {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeachingDisease {
    pub name: String,
    pub omim: Option<String>,
    pub orpha: Option<String>,
}

/// `chromosome:start-end`, 1-based and inclusive, on each build.
#[derive(Debug, Deserialize)]
pub(super) struct TeachingRegion {
    pub grch38: String,
    pub grch37: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Causal,
    Secondary,
    Distractor,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeachingVariant {
    pub role: Role,
    pub gene: String,
    pub grch38: TeachingAllele,
    pub grch37: TeachingAllele,
    pub transcript: String,
    pub hgvs_c: String,
    pub hgvs_p: String,
    pub consequence: String,
    /// Genotype of every member, as it must stand in the file.
    pub genotypes: BTreeMap<String, String>,
    pub rsid: String,
    pub af: Option<f64>,
    pub af_popmax: Option<f64>,
    pub clinvar: Option<TeachingClinVar>,
    /// Model of inheritance the case is about; the file must agree, so only tests look at it.
    #[cfg(test)]
    pub model: String,
    /// Fraction of reads with the allele, where it differs from what the genotype suggests.
    pub alt_fractions: BTreeMap<String, f64>,
}

impl TeachingVariant {
    pub fn allele(&self, build: GenomeBuild) -> &TeachingAllele {
        match build {
            GenomeBuild::Grch37 => &self.grch37,
            GenomeBuild::Grch38 => &self.grch38,
        }
    }
}

/// Position is 1-based; alleles as VCF writes them.
#[derive(Debug, Deserialize)]
pub(super) struct TeachingAllele {
    pub chrom: String,
    pub pos: u32,
    #[serde(rename = "ref")]
    pub reference: String,
    #[serde(rename = "alt")]
    pub alternative: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeachingClinVar {
    pub id: u32,
    pub significance: String,
    pub review_status: String,
}
