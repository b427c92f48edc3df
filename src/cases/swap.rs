//! Whether the samples of a new list are the people whose samples the former list had.

use std::collections::HashMap;

use crate::variants::columns::{Columns, Row};

/// Genotypes that two samples must share before anything is said of them.
const ENOUGH: usize = 30;

/// Genotypes of two samples at variants that either of them carries.
#[derive(Debug, Clone, Copy, Default)]
struct Agreement {
    shared: usize,
    alike: usize,
}

impl Agreement {
    fn note(&mut self, one: &str, other: &str) {
        let called = |genotype: &str| !genotype.is_empty() && !genotype.contains('.');
        let carries = |genotype: &str| genotype.split('/').any(|allele| allele != "0");
        if called(one) && called(other) && (carries(one) || carries(other)) {
            self.shared += 1;
            self.alike += usize::from(one == other);
        }
    }

    /// Among the same people some in a hundred differ; between parent and child most do, as only one of both carries them.
    fn is_of_one_person(self) -> bool {
        self.alike * 2 >= self.shared
    }

    fn percent(self) -> usize {
        self.alike * 100 / self.shared.max(1)
    }
}

/// What is the same in a clinical and a research list of one case, where identities differ.
fn place(row: Row<'_>) -> (&str, u32, &str, &str) {
    (row.chromosome(), row.position(), row.reference(), row.alternative())
}

/// The individuals whose genotypes mostly differ from those of the former list, in a sentence each.
pub(super) fn suspected_swaps(former: &Columns, new: &Columns) -> Vec<String> {
    let names = |columns: &Columns| -> Vec<String> {
        if columns.is_empty() {
            return Vec::new();
        }
        columns.row(0).calls().map(|call| call.individual_id.to_owned()).collect()
    };
    let (before, after) = (names(former), names(new));
    let places: HashMap<_, usize> = (0..former.len()).map(|at| (place(former.row(at)), at)).collect();
    let mut agreements = vec![vec![Agreement::default(); before.len()]; after.len()];
    for at in 0..new.len() {
        let row = new.row(at);
        let Some(known) = places.get(&place(row)).copied() else { continue };
        let (now, then) = (genotypes(row), genotypes(former.row(known)));
        for (agreements, now) in agreements.iter_mut().zip(&now) {
            for (agreement, then) in agreements.iter_mut().zip(&then) {
                agreement.note(now, then);
            }
        }
    }
    let mut told = Vec::new();
    for (id, agreements) in after.iter().zip(&agreements) {
        let Some(own) = before.iter().position(|known| known == id) else { continue };
        let Agreement { shared, alike } = agreements[own];
        if shared < ENOUGH || agreements[own].is_of_one_person() {
            continue;
        }
        let like = before
            .iter()
            .zip(agreements)
            .enumerate()
            .filter(|(at, (_, other))| *at != own && other.shared >= ENOUGH && other.is_of_one_person());
        let like = like
            .max_by_key(|(_, (_, other))| other.percent())
            .map(|(_, (name, other))| format!("; {} % are those that {name} had", other.percent()));
        let differ = shared - alike;
        told.push(format!("{id} has another genotype at {differ} of {shared} variants{}", like.unwrap_or_default()));
    }
    told
}

fn genotypes(row: Row<'_>) -> Vec<String> {
    row.calls().map(|call| call.alleles()).collect()
}
