//! What of a variant is told, given who carries it and who consents. Pure.

use std::collections::BTreeSet;

use super::secondary::ListedGene;
use crate::vcf::consequence;
use crate::vcf::model::Zygosity;

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

/// Who carries a variant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    /// Somebody in whom the genes are closed does, or may.
    pub outside: bool,
    /// Somebody else does.
    pub within: bool,
}

impl Carried {
    /// By one more individual. `closed`: whether the genes are closed in them.
    #[must_use]
    pub fn and(self, closed: bool, zygosity: Zygosity, low_fraction: bool) -> Self {
        let carries = zygosity.carries() || low_fraction;
        if closed {
            Self { outside: self.outside || carries || zygosity.is_open(), ..self }
        } else {
            Self { within: self.within || carries, ..self }
        }
    }
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

    /// What is told of a variant with these genes, each with number, symbol and most severe term.
    ///
    /// A variant whose effect on other genes is at least as severe stays, without the closed genes: a deletion of many
    /// genes, or a missense change beside one. A term that is not in our table counts as severe in a closed gene and as
    /// mild in another. What somebody carries who allows to be told of it stays for them, whoever else has it.
    #[must_use]
    pub fn told<'a>(&self, carried: Carried, genes: impl Iterator<Item = (Option<u32>, &'a str, &'a str)>) -> Told {
        if !carried.outside {
            return Told::Whole;
        }
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
            _ if carried.within => Told::OfSome,
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
        brca1().told(Carried { outside: true, within: false }, genes.iter().copied())
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
    fn who_does_not_carry_it_withholds_nothing() {
        let told = |carried| brca1().told(carried, [(CLOSED, "BRCA1", "stop_gained")].into_iter());
        assert_eq!(told(Carried { outside: false, within: false }), Told::Whole);
        assert_eq!(told(Carried { outside: false, within: true }), Told::Whole);
        assert_eq!(told(Carried { outside: true, within: true }), Told::OfSome, "of those who allow it");
    }

    #[test]
    fn an_open_call_may_be_a_carriers_where_genes_are_closed_and_is_none_elsewhere() {
        use Zygosity::{Heterozygous, NoCall, OtherAllele, PartialReference, Reference};
        for (zygosity, low_fraction, outside, within) in [
            (Heterozygous, false, true, true),
            (Reference, false, false, false),
            (Reference, true, true, true),
            (NoCall, false, true, false),
            (PartialReference, false, true, false),
            (OtherAllele, false, false, false),
        ] {
            let by = |closed| Carried::default().and(closed, zygosity, low_fraction);
            assert_eq!((by(true).outside, by(true).within), (outside, false), "{zygosity:?}");
            assert_eq!((by(false).outside, by(false).within), (false, within), "{zygosity:?}");
        }
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
