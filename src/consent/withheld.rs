//! What of a variant is told, given who carries it and who consents. Pure.

use std::collections::BTreeSet;

use super::secondary::ListedGene;
use crate::vcf::consequence;

/// Genes that stay closed, and the individuals in whom they do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Withheld {
    numbers: BTreeSet<u32>,
    symbols: BTreeSet<String>,
    individuals: BTreeSet<String>,
}

/// How much of a variant is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// All of it.
    Whole,
    /// What it does in other genes; nothing of the closed ones.
    WithoutGenes,
    /// That people carry it who allow to be told, and nothing of the others.
    OfSome,
    /// Not that it is there.
    Nothing,
}

impl Withheld {
    /// These genes in these individuals; nothing when there are no genes, or nobody.
    #[must_use]
    pub fn new<'a>(genes: &[ListedGene], individuals: impl Iterator<Item = &'a str>) -> Self {
        let individuals: BTreeSet<String> = individuals.map(str::to_owned).collect();
        if genes.is_empty() || individuals.is_empty() {
            return Self::default();
        }
        Self {
            numbers: genes.iter().map(|gene| gene.hgnc_id).collect(),
            symbols: genes.iter().map(|gene| gene.symbol.to_uppercase()).collect(),
            individuals,
        }
    }

    /// Whether everything is told.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.individuals.is_empty()
    }

    /// Whether the genes are closed in this individual.
    #[must_use]
    pub fn concerns(&self, individual: &str) -> bool {
        self.individuals.contains(individual)
    }

    /// Whether a gene is among the closed ones: by its HGNC number, or by symbol where an annotation has no number.
    #[must_use]
    pub fn has_gene(&self, hgnc_id: Option<u32>, symbol: &str) -> bool {
        match hgnc_id {
            Some(number) => self.numbers.contains(&number),
            None => !symbol.is_empty() && self.symbols.contains(&symbol.to_uppercase()),
        }
    }

    /// What is told of a variant with these genes, each with number, symbol and most severe term. `allowed`: whether somebody
    /// carries it in whom the genes are not closed. Nothing hangs on what those have in whom they are, so that nothing of that
    /// can be concluded.
    ///
    /// A variant whose effect on other genes is at least as severe stays, without the closed genes: a deletion of many
    /// genes, or a missense change beside one. A term that is not in our table counts as severe in a closed gene and as
    /// mild in another. What somebody carries who allows to be told of it stays for them, whoever else has it.
    #[must_use]
    pub fn told<'a>(&self, allowed: bool, genes: impl Iterator<Item = (Option<u32>, &'a str, &'a str)>) -> Told {
        let (mut closed, mut other): (Option<u16>, Option<u16>) = (None, None);
        let least = |known: Option<u16>, rank: u16| Some(known.map_or(rank, |known| known.min(rank)));
        for (hgnc_id, symbol, term) in genes {
            if self.has_gene(hgnc_id, symbol) {
                closed = least(closed, consequence::rank(term).unwrap_or(0));
            } else {
                other = least(other, consequence::rank(term).unwrap_or(u16::MAX));
            }
        }
        match (closed, other) {
            (None, _) => Told::Whole,
            (Some(closed), Some(other)) if other <= closed => Told::WithoutGenes,
            _ if allowed => Told::OfSome,
            _ => Told::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brca1() -> Withheld {
        let gene = ListedGene { hgnc_id: 1100, symbol: "BRCA1".to_owned() };
        Withheld::new(&[gene], ["mother"].into_iter())
    }

    fn told(genes: &[(Option<u32>, &str, &str)]) -> Told {
        brca1().told(false, genes.iter().copied())
    }

    const CLOSED: Option<u32> = Some(1100);
    const OTHER: Option<u32> = Some(20691);

    #[test]
    fn a_variant_of_a_closed_gene_is_not_there() {
        assert_eq!(told(&[(CLOSED, "BRCA1", "missense_variant")]), Told::Nothing);
        assert_eq!(told(&[(None, "brca1", "missense_variant")]), Told::Nothing, "annotated without a number");
        assert_eq!(told(&[(CLOSED, "RNF53", "missense_variant")]), Told::Nothing, "by an earlier symbol");
        assert_eq!(
            told(&[(CLOSED, "BRCA1", "missense_variant"), (OTHER, "NBR1", "upstream_gene_variant")]),
            Told::Nothing,
            "what it does beside another gene is no reason to tell"
        );
        assert_eq!(told(&[(CLOSED, "BRCA1", "odd_term"), (OTHER, "NBR1", "missense_variant")]), Told::Nothing);
    }

    #[test]
    fn what_a_variant_does_in_other_genes_stays() {
        assert_eq!(
            told(&[(OTHER, "NBR1", "missense_variant"), (CLOSED, "BRCA1", "upstream_gene_variant")]),
            Told::WithoutGenes
        );
        assert_eq!(
            told(&[(CLOSED, "BRCA1", "transcript_ablation"), (OTHER, "NBR1", "transcript_ablation")]),
            Told::WithoutGenes,
            "a deletion of both"
        );
        assert_eq!(told(&[(OTHER, "NBR1", "missense_variant")]), Told::Whole);
        assert_eq!(told(&[]), Told::Whole, "between genes");
    }

    #[test]
    fn what_somebody_allows_to_be_told_of_stays_for_them() {
        let told = |genes: &[(Option<u32>, &str, &str)]| brca1().told(true, genes.iter().copied());
        assert_eq!(told(&[(CLOSED, "BRCA1", "stop_gained")]), Told::OfSome);
        assert_eq!(told(&[(CLOSED, "BRCA1", "stop_gained"), (OTHER, "NBR1", "stop_gained")]), Told::WithoutGenes);
    }

    #[test]
    fn nobody_or_no_gene_withholds_nothing() {
        let gene = ListedGene { hgnc_id: 1100, symbol: "BRCA1".to_owned() };
        assert!(Withheld::new(&[gene], std::iter::empty()).is_nothing());
        assert!(Withheld::new(&[], ["mother"].into_iter()).is_nothing());
        assert!(!brca1().is_nothing());
        assert!(brca1().concerns("mother") && !brca1().concerns("father"));
    }
}
