//! A list without what lies outside consent.

use std::collections::HashMap;

use super::builder::reorder;
use super::table::{ById, Columns, CompoundCell, GeneCell, Lists, Text};
use crate::consent::{Told, Withheld};
use crate::ids::VariantId;
use crate::variants::model::is_of_compounds;

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
        columns.withheld = withheld.clone();
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
            let (genes, strips) = (self.genes.of(at), told[at] == Told::WithoutGenes);
            let is_closed = |gene: &GeneCell| withheld.has_gene(number(gene), self.text(gene.symbol));
            columns.genes.push(genes.iter().filter(|gene| !strips || !is_closed(gene)).copied());
            // A partner lies in the same gene: where that is closed, a name that no row stands for tells too much.
            let touches = genes.iter().any(is_closed);
            let partners = self.compounds.of(at).iter().filter_map(|compound| {
                let partner = told.get(compound.row as usize);
                match (places.get(&compound.row), partner) {
                    _ if of_some => None,
                    (Some(place), Some(Told::Whole | Told::WithoutGenes)) => {
                        Some(CompoundCell { row: *place, ..*compound })
                    }
                    (None, None) if !touches => Some(*compound),
                    _ => None,
                }
            });
            let partners: Vec<CompoundCell> = partners.collect();
            // The family's pattern would tell what the others have, and a compound's model that there is another variant.
            let is_alone = touches && partners.is_empty();
            let hides = |model: &&Text| of_some || (is_alone && is_of_compounds(self.text(**model)));
            columns.models.push(self.models.of(at).iter().filter(|model| !hides(model)).copied());
            columns.compounds.push(partners);
        }
        let outside = (0..).zip(&told).filter(|(_, told)| **told == Told::Nothing);
        columns.outside = outside.map(|(row, _): (usize, _)| self.ids[row]).collect();
        columns
    }

    /// How many variants were left out for want of consent.
    #[must_use]
    pub fn count_outside(&self) -> u32 {
        u32::try_from(self.outside.len()).unwrap_or(u32::MAX)
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
}

fn number(gene: &GeneCell) -> Option<u32> {
    (gene.hgnc_id != 0).then_some(gene.hgnc_id)
}
