use super::bits::Bits;
use super::clauses::{Clause, Evaluated};
use super::limits::NOTABLE_SPLICEAI;
use super::table::Columns;

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
/// Clauses are joined by AND, so the fewest to remove are the false ones; only where `clinvar_first` offers a second
/// way in, or a compound waits for its partner, may fewer do, and these are tried.
#[must_use]
pub fn explain(evaluated: &Evaluated, row: usize) -> Explanation {
    let false_clauses = evaluated.false_clauses(row);
    if evaluated.matched().has(row) {
        return Explanation { shown: true, false_clauses, remove: Vec::new() };
    }
    let candidates = evaluated.clauses();
    let mut remove = smallest(evaluated, row, &false_clauses).unwrap_or_else(|| false_clauses.clone());
    if !evaluated.matched_without(&remove).has(row) {
        remove = candidates; // without any clause every row is shown
    }
    Explanation { shown: false, false_clauses, remove }
}

/// The smallest set out of the false clauses that shows the row, tried by size.
fn smallest(evaluated: &Evaluated, row: usize, candidates: &[Clause]) -> Option<Vec<Clause>> {
    /// More false clauses than this are all removed: nobody reads a choice among so many.
    const TRIED: usize = 12;
    if candidates.len() > TRIED {
        return None;
    }
    let mut subsets: Vec<u32> = (1..1_u32 << candidates.len()).collect();
    subsets.sort_by_key(|subset| (subset.count_ones(), *subset));
    subsets.into_iter().find_map(|subset| {
        let lifted: Vec<Clause> =
            candidates.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1).map(|(_, clause)| *clause).collect();
        evaluated.matched_without(&lifted).has(row).then_some(lifted)
    })
}

impl Columns {
    /// Rows that nobody should miss without knowing: ClinVar (likely) pathogenic, or SpliceAI of at least 0.2.
    #[must_use]
    pub fn notable(&self) -> Bits {
        Bits::from_fn(self.len(), |row| {
            self.numbers.spliceai[row] >= NOTABLE_SPLICEAI
                || self.clinvar.of(row).iter().any(|record| matches!(record.code, 4 | 5))
        })
    }
}
