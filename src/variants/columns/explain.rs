use super::bits::Bits;
use super::clauses::{Clause, Evaluated};
use super::filter::{Filter, PARAMETERS};
use super::limits::{NOTABLE_SPLICEAI, People};
use super::preset::in_words;
use super::row::{is_pathogenic, known};
use super::table::Columns;
use crate::cases::Phenotype;

/// Why a row is shown or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// It passes the filter.
    pub shown: bool,
    /// Every clause that is false for it.
    pub false_clauses: Vec<Clause>,
    /// The fewest clauses whose removal shows it; empty when it is shown.
    pub remove: Vec<Clause>,
}

/// Explains one row under a filter.
///
/// Clauses are joined by AND, so every false one has to go, but for those that `clinvar_first` makes up for. Then a
/// compound may still wait for a partner; lifting that clause, whose removal never hides anything, always does.
#[must_use]
pub fn explain(evaluated: &Evaluated, row: usize) -> Explanation {
    let false_clauses = evaluated.false_clauses(row);
    if evaluated.shows_without(row, &[]) {
        return Explanation { shown: true, false_clauses, remove: Vec::new() };
    }
    let mut remove = evaluated.hindrances(row);
    if !evaluated.shows_without(row, &remove) {
        remove.push(Clause::CompoundFiltered);
    }
    Explanation { shown: false, false_clauses, remove }
}

impl Clause {
    /// The parameters that say this clause; without them it is lifted.
    #[must_use]
    pub fn parameters(self) -> Vec<&'static str> {
        match self {
            Self::Genes => vec!["panel", "gene", "exclude_genes"],
            Self::Clinvar => vec!["clinvar", "clinvar_trusted", "clinvar_exclude", "clinvar_first"],
            Self::Size => vec!["size_min", "size_max"],
            Self::Limit(limit) => {
                let missing = PARAMETERS
                    .iter()
                    .map(|(name, _)| *name)
                    .filter(|name| name.strip_suffix("_missing") == Some(limit.parameter()));
                std::iter::once(limit.parameter()).chain(missing).collect()
            }
            one => vec![one.parameter()],
        }
    }
}

impl Filter {
    /// The same filter with these clauses lifted; order and rows on a page stay.
    #[must_use]
    pub fn without(&self, lifted: &[Clause]) -> Self {
        let mut filter = self.clone();
        for clause in lifted {
            match clause {
                Clause::Genes => {
                    filter.panels.clear();
                    filter.genes.clear();
                    filter.exclude_genes = false;
                }
                Clause::Region => filter.regions.clear(),
                Clause::AffectedOnly => filter.affected_only = false,
                Clause::Filter => filter.filters.clear(),
                Clause::HideFilter => filter.hide_filters.clear(),
                Clause::Dismissed => filter.dismissed = People::Show,
                Clause::Pinned => filter.pinned_only = false,
                Clause::Classified => filter.classified_only = false,
                Clause::Commented => filter.commented_only = false,
                Clause::Clinvar => {
                    filter.clinvar.clear();
                    filter.clinvar_trusted = false;
                    filter.clinvar_exclude = false;
                    filter.clinvar_first = false;
                }
                Clause::ClinvarOnly => filter.clinvar_only = false,
                Clause::Consequence => filter.consequences.clear(),
                Clause::RegionAnnotation => filter.region_annotations.clear(),
                Clause::Model => filter.models.clear(),
                Clause::GeneModel => filter.gene_models.clear(),
                Clause::Genotype => filter.genotypes.clear(),
                Clause::Limit(limit) => {
                    filter.limits.remove(limit);
                    filter.drop_missing.remove(limit);
                }
                Clause::Spidex => filter.spidex.clear(),
                Clause::Size => {
                    filter.size_min = None;
                    filter.size_max = None;
                }
                Clause::CompoundFiltered => filter.compound_filtered = false,
            }
        }
        if filter.consequences.is_empty() && filter.region_annotations.is_empty() {
            filter.rescue.clear(); // passes what these two would hide; without them it says nothing
        }
        filter
    }

    /// One clause of this filter as a sentence. `all` are the clauses that the filter has.
    #[must_use]
    pub fn clause_in_words(&self, clause: Clause, all: &[Clause]) -> String {
        let others: Vec<Clause> = all.iter().copied().filter(|other| *other != clause).collect();
        in_words(&self.without(&others)).join("; ")
    }
}

impl Columns {
    /// What a row has where a clause looks; empty where there is nothing to say beyond the clause.
    #[must_use]
    pub fn fact(&self, clause: Clause, at: usize) -> String {
        let row = self.row(at);
        let or_none =
            |words: Vec<String>, none: &str| if words.is_empty() { none.to_owned() } else { words.join(", ") };
        let of_genes = |text: &dyn Fn(&super::row::RowGene<'_>) -> String, none: &str| {
            let mut words: Vec<String> = row.genes().map(|gene| text(&gene)).filter(|text| !text.is_empty()).collect();
            words.dedup();
            or_none(words, none)
        };
        match clause {
            Clause::Genes => of_genes(&|gene| gene.symbol.to_owned(), "no gene"),
            Clause::Region => format!("{}:{}", row.chromosome(), row.position()),
            Clause::AffectedOnly | Clause::Genotype => {
                let watched = row.calls().filter(|call| call.phenotype != Phenotype::Unaffected);
                or_none(watched.map(|call| format!("{} {}", call.name, call.genotype)).collect(), "nobody affected")
            }
            Clause::Filter | Clause::HideFilter => or_none(row.filters().map(str::to_owned).collect(), "no FILTER"),
            Clause::Clinvar | Clause::ClinvarOnly => {
                let words = row.clinvar().map(|record| {
                    let trusted = if record.trusted { " of trusted status" } else { "" };
                    format!("{}{trusted}", record.significance)
                });
                or_none(words.collect(), "no ClinVar record")
            }
            Clause::Consequence => of_genes(&|gene| gene.consequence.replace('_', " "), "no consequence"),
            Clause::RegionAnnotation => of_genes(&|gene| gene.region.to_owned(), "no gene"),
            Clause::Model => or_none(row.models().map(str::to_owned).collect(), "no model"),
            Clause::GeneModel => of_genes(&|gene| gene.inheritance.replace(',', " "), "inheritance not known"),
            Clause::Limit(limit) => {
                known(limit.values(self)[at]).map_or_else(|| "no value".to_owned(), |value| value.to_string())
            }
            Clause::Spidex => {
                known(self.numbers.spidex[at]).map_or_else(|| "no value".to_owned(), |value| value.to_string())
            }
            Clause::Size => format!("{} bases", self.lengths[at]),
            Clause::CompoundFiltered => "no partner passes".to_owned(),
            Clause::Dismissed | Clause::Pinned | Clause::Classified | Clause::Commented => String::new(),
        }
    }

    /// Rows that nobody should miss without knowing: ClinVar (likely) pathogenic, or SpliceAI of at least 0.2.
    #[must_use]
    pub fn notable(&self) -> Bits {
        Bits::from_fn(self.len(), |row| {
            self.numbers.spliceai[row] >= NOTABLE_SPLICEAI
                || self.clinvar.of(row).iter().any(|record| is_pathogenic(record.code))
        })
    }
}
