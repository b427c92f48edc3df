//! What a list said of a variant when somebody decided about it, so that a later list that says something else is noticed.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::columns::Row;
use super::views::change;
use crate::cases::ListKind;
use crate::vcf::clinvar;
use crate::web::filters;

/// What one revision of a list says of a variant, as far as decisions rest on it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Of the list.
    pub revision: u32,
    /// Which list.
    #[serde(default, skip_serializing_if = "ListKind::is_clinical")]
    pub list: ListKind,
    /// As pages name the variant, also when no list holds it any more: gene, place (1-based) and alleles.
    pub name: String,
    /// Symbols, most severe first.
    pub genes: Vec<String>,
    /// Rank score.
    pub rank_score: Option<f64>,
    /// ClinVar records in words, with their accessions, in the order of the alphabet.
    pub clinvar: Vec<String>,
    /// Of each individual by identity: alleles from the lowest number, without phase.
    pub genotypes: Vec<(String, String)>,
    /// Somebody looked, and the list did not hold the variant any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Somebody looked at what had changed and let the decision stand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looked_at: bool,
}

/// One fact that is another one than when somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Which.
    pub what: What,
    /// Then; empty for none.
    pub before: String,
    /// Now; empty for none.
    pub after: String,
}

/// Facts that decisions rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Whether the list holds the variant at all.
    Presence,
    /// The genotype of an individual, by identity.
    Genotype(String),
    /// What ClinVar says.
    Clinvar,
    /// The genes it lies in.
    Genes,
    /// The rank score.
    Rank,
}

impl What {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Presence => "in the list".to_owned(),
            Self::Genotype(id) => format!("genotype of {id}"),
            Self::Clinvar => "ClinVar".to_owned(),
            Self::Genes => "genes".to_owned(),
            Self::Rank => "rank score".to_owned(),
        }
    }

    /// The word in the API.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Genotype(_) => "genotype",
            Self::Clinvar => "clinvar",
            Self::Genes => "genes",
            Self::Rank => "rank_score",
        }
    }

    /// Whether a variant that was put aside is shown again for it.
    fn shows_again(&self) -> bool {
        matches!(self, Self::Presence | Self::Genotype(_) | Self::Clinvar)
    }
}

impl Facts {
    /// What a revision of a list says of a row.
    #[must_use]
    pub fn of(row: Row<'_>, list: ListKind, revision: u32) -> Self {
        let genes: Vec<String> = row.genes().map(|gene| gene.symbol.to_owned()).collect();
        let place = format!("{}:{}", row.chromosome(), filters::thousands(u64::from(row.position())));
        let gene = genes.first().map(|gene| format!("{gene} ")).unwrap_or_default();
        Self {
            revision,
            list,
            name: format!("{gene}{place} {}", change(row.reference(), row.alternative())),
            genes,
            rank_score: row.rank_score(),
            clinvar: clinvar_of(row),
            genotypes: genotypes_of(row).collect(),
            gone: false,
            looked_at: false,
        }
    }

    /// What differs from these in the row that the variant has now; none when no list holds it.
    #[must_use]
    pub fn since(&self, row: Option<Row<'_>>) -> Vec<Since> {
        let held = |gone: bool| if gone { String::new() } else { "yes".to_owned() };
        let mut found = Vec::new();
        let mut note = |what, before: String, after: String| {
            if before != after {
                found.push(Since { what, before, after });
            }
        };
        note(What::Presence, held(self.gone), held(row.is_none()));
        let Some(row) = row else { return found };
        for (id, now) in genotypes_of(row).filter(|(id, _)| !row.withholds(id)) {
            let then = self.genotypes.iter().find(|(known, _)| *known == id).map(|(_, genotype)| genotype.clone());
            note(What::Genotype(id), then.unwrap_or_default(), now);
        }
        note(What::Clinvar, self.clinvar.join(", "), clinvar_of(row).join(", "));
        let genes: Vec<&str> = row.genes().map(|gene| gene.symbol).collect();
        let then: Vec<&str> = self.genes.iter().map(String::as_str).filter(|gene| !row.withholds_gene(gene)).collect();
        let genes: Vec<&str> = genes.into_iter().filter(|gene| !row.withholds_gene(gene)).collect();
        note(What::Genes, then.join(", "), genes.join(", "));
        let score = |score: Option<f64>| score.map(filters::score).unwrap_or_default();
        note(What::Rank, score(self.rank_score), score(row.rank_score()));
        found
    }

    /// Whether a variant that was put aside is shown again, for what its row says now.
    #[must_use]
    pub fn shows_again(&self, row: Row<'_>, revision: u32) -> bool {
        self.revision != revision && self.since(Some(row)).iter().any(|since| since.what.shows_again())
    }
}

fn clinvar_of(row: Row<'_>) -> Vec<String> {
    let mut records: Vec<String> = row
        .clinvar()
        .map(|record| format!("{} {}", clinvar::words(record.code), record.accession).trim_end().to_owned())
        .collect();
    records.sort_unstable();
    records
}

fn genotypes_of(row: Row<'_>) -> impl Iterator<Item = (String, String)> {
    row.calls().map(|call| (call.individual_id.to_owned(), call.alleles()))
}
