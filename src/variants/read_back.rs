//! Reads back what the list's page says of a variant, from the words its template is given.

use super::search::Search;
use super::views::{CallView, RowView, consequence_words, individual_heads};
use crate::cases::{Case, Individual};
use crate::validate::{ShownCall, ShownVariant, most_severe};

/// Words of a page that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page's row {row} says `{words}`, which cannot be read back")]
pub struct Misread {
    /// Rank of the row.
    pub row: usize,
    /// What it says.
    pub words: String,
}

/// What the list's page says in the row of this rank, less one.
///
/// Place, alleles, genotypes, depths and qualities are taken from the words of `RowView`; alleles that the page
/// shortens, and consequences of genes beyond those it has room for, from the columns its words are made of.
pub fn read_back(case: &Case, found: &Search, at: usize) -> Result<ShownVariant, Misread> {
    let view = RowView::new(case, found, &individual_heads(case), at);
    let row = found.columns.row(at);
    let misread = |words: &str| Misread { row: at + 1, words: words.to_owned() };
    let (chromosome, position) = view.locus.rsplit_once(':').ok_or_else(|| misread(&view.locus))?;
    let position: u32 = position.replace('\u{202f}', "").parse().map_err(|_| misread(&view.locus))?;
    let (reference, alternative) = if view.change.contains('…') {
        (row.reference(), row.alternative())
    } else {
        view.change.split_once('>').ok_or_else(|| misread(&view.change))?
    };
    for gene in &view.genes {
        if !gene.consequence.is_empty()
            && !row.genes().any(|known| consequence_words(known.consequence) == gene.consequence)
        {
            return Err(misread(&gene.consequence));
        }
    }
    let consequence = most_severe(row.genes().map(|gene| gene.consequence)).map(str::to_owned);
    let people = case.individuals.iter().filter(|individual| individual.has_dna());
    let samples = people
        .zip(&view.calls)
        .map(|(individual, call)| call_of(individual, call).ok_or_else(|| misread(&call.title)))
        .collect::<Result<_, _>>()?;
    Ok(ShownVariant {
        chromosome: chromosome.to_owned(),
        position,
        reference: reference.to_owned(),
        alternative: alternative.to_owned(),
        consequence,
        samples,
    })
}

/// The cell of this person's column.
fn call_of(individual: &Individual, view: &CallView) -> Option<ShownCall> {
    let (who, words) = view.title.rsplit_once("): ")?;
    let (name, _) = who.rsplit_once(" (")?;
    let (_, reads) = words.rsplit_once("; reads reference:alternative ")?;
    let (reads, quality) = match reads.split_once(", quality ") {
        Some((reads, quality)) => (reads, Some(quality.parse().ok()?)),
        None => (reads, None),
    };
    let (depths, depth) = reads.split_once(" of ")?;
    // The cell itself shows the two depths when there are any; its tooltip has all three.
    let depths = if view.depths.contains(':') { view.depths.as_str() } else { depths };
    let (reference, alternative) = depths.split_once(':')?;
    Some(ShownCall {
        individual_id: individual.individual_id.clone(),
        name: name.to_owned(),
        genotype: (view.genotype != "–").then(|| view.genotype.clone()),
        ref_depth: count(reference)?,
        alt_depth: count(alternative)?,
        depth: count(depth)?,
        genotype_quality: quality,
    })
}

/// `Some(None)` for a dash; `None` when it is neither that nor a number.
#[expect(clippy::option_option, reason = "a number, none, or something else")]
fn count(words: &str) -> Option<Option<u32>> {
    if words == "–" { Some(None) } else { words.parse().ok().map(Some) }
}
