//! A list without what lies outside consent.

use std::collections::HashMap;

use super::builder::reorder;
use super::table::{ById, Columns, CompoundCell, GeneCell, Lists};
use crate::consent::{Told, Withheld};
use crate::ids::VariantId;

impl Columns {
    /// The list as it is without what is withheld: rows that are not told of are not there, and ranks, counts and names of
    /// genes say nothing of them.
    #[must_use]
    pub fn within(&self, withheld: &Withheld) -> Self {
        let told = self.told(withheld);
        let kept: Vec<u32> = (0..).zip(&told).filter(|(_, told)| **told != Told::Nothing).map(|(row, _)| row).collect();
        let places: HashMap<u32, u32> = kept.iter().copied().zip(0..).collect();
        let mut columns = self.clone();
        columns.by_id = ById::default();
        reorder(&mut columns, &kept);
        columns.genes = Lists::default();
        columns.models = Lists::default();
        columns.compounds = Lists::default();
        for (place, row) in kept.into_iter().enumerate() {
            let at = row as usize;
            let of_some = told[at] == Told::OfSome;
            if of_some {
                let concerned = columns.individuals.iter_mut().filter(|individual| withheld.concerns(&individual.id));
                concerned.for_each(|individual| individual.withhold(place));
            }
            // The family's pattern would tell what the others have.
            columns.models.push(self.models.of(at).iter().filter(|_| !of_some).copied());
            let genes = self.genes.of(at);
            let strips = told[at] == Told::WithoutGenes;
            let is_told = |gene: &&GeneCell| !strips || !self.is_closed(gene, withheld);
            columns.genes.push(genes.iter().filter(is_told).copied());
            // A partner lies in the same gene: where that is closed, a name that no row stands for tells too much.
            let touches = genes.iter().any(|gene| self.is_closed(gene, withheld));
            let partners = self.compounds.of(at).iter().filter_map(|compound| match places.get(&compound.row) {
                _ if of_some => None,
                Some(place) => Some(CompoundCell { row: *place, ..*compound }),
                None if touches || compound.row != u32::MAX => None,
                None => Some(*compound),
            });
            columns.compounds.push(partners);
        }
        let outside = (0..).zip(&told).filter(|(_, told)| **told == Told::Nothing);
        columns.outside = outside.map(|(row, _): (usize, _)| self.ids[row]).collect();
        columns
    }

    /// How many rows lie outside consent.
    #[must_use]
    pub fn outside(&self, withheld: &Withheld) -> u32 {
        let rows = self.told(withheld).into_iter().filter(|told| *told == Told::Nothing).count();
        u32::try_from(rows).unwrap_or(u32::MAX)
    }

    /// Whether the list holds this variant outside consent: then it is not gone, and nothing is said of it.
    #[must_use]
    pub fn is_outside(&self, id: &VariantId) -> bool {
        self.outside.contains(&id.to_hash())
    }

    fn told(&self, withheld: &Withheld) -> Vec<Told> {
        let allowing: Vec<_> =
            self.individuals.iter().filter(|individual| !withheld.concerns(&individual.id)).collect();
        let allowed = |row: usize| allowing.iter().any(|individual| individual.carries(row));
        (0..self.len())
            .map(|row| {
                let genes = self.genes.of(row).iter();
                let genes = genes.map(|gene| (number(gene), self.text(gene.symbol), self.text(gene.consequence)));
                withheld.told(allowed(row), genes)
            })
            .collect()
    }

    fn is_closed(&self, gene: &GeneCell, withheld: &Withheld) -> bool {
        withheld.has_gene(number(gene), self.text(gene.symbol))
    }
}

fn number(gene: &GeneCell) -> Option<u32> {
    (gene.hgnc_id != 0).then_some(gene.hgnc_id)
}
