use std::collections::VecDeque;

use super::alleles::{is_symbolic, trim};

/// Alleles at the leftmost of all places where they say the same, without the bases they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aligned {
    /// 1-based position of the first base of `reference`.
    pub position: u32,
    /// Upper case unless symbolic.
    pub reference: String,
    /// Upper case unless symbolic.
    pub alternative: String,
}

/// Left-aligns and trims: Tan, Abecasis and Kang, "Unified representation of genetic variants" (2015), algorithm 1.
///
/// `position` is 1-based. `base` gives the reference's base at a 1-based position of the same contig in upper case, or
/// nothing where it has none or an ambiguous one: alleles are never moved over those, nor beyond the contig's first
/// base. Symbolic alleles come back as they are. Without a move the result is that of [`trim`].
pub fn left_align<E>(
    position: u32,
    reference: &str,
    alternative: &str,
    mut base: impl FnMut(u32) -> Result<Option<u8>, E>,
) -> Result<Aligned, E> {
    let upper = |allele: &str| if is_symbolic(allele) { allele.to_owned() } else { allele.to_ascii_uppercase() };
    let trimmed = trim(position, reference, alternative);
    let (reference, alternative) = (upper(trimmed.reference), upper(trimmed.alternative));
    let as_trimmed = Aligned { position: trimmed.position, reference, alternative };
    if is_symbolic(&as_trimmed.reference)
        || is_symbolic(&as_trimmed.alternative)
        || as_trimmed.reference == as_trimmed.alternative
    {
        return Ok(as_trimmed);
    }
    let mut position = trimmed.position;
    let mut reference: VecDeque<u8> = as_trimmed.reference.bytes().collect();
    let mut alternative: VecDeque<u8> = as_trimmed.alternative.bytes().collect();
    // After trimming, alleles that end alike are an insertion or a deletion, and one of them is a single base.
    while reference.back() == alternative.back() && position > 1 {
        let Some(left) = base(position - 1)?.filter(|base| matches!(base, b'A' | b'C' | b'G' | b'T')) else { break };
        for allele in [&mut reference, &mut alternative] {
            allele.pop_back();
            allele.push_front(left);
        }
        position -= 1;
    }
    let text = |allele: VecDeque<u8>| allele.into_iter().map(char::from).collect();
    Ok(Aligned { position, reference: text(reference), alternative: text(alternative) })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn align(genome: &str, position: u32, reference: &str, alternative: &str) -> Aligned {
        let base = |at: u32| Ok::<_, Infallible>(genome.as_bytes().get(at as usize - 1).copied());
        left_align(position, reference, alternative, base).unwrap()
    }

    fn aligned(position: u32, reference: &str, alternative: &str) -> Aligned {
        Aligned { position, reference: reference.into(), alternative: alternative.into() }
    }

    /// Figure 1 of the paper: ways to write the deletion of one CA from a short tandem repeat.
    #[test]
    fn the_papers_example() {
        let genome = "GGGCACACACAGGG";
        // The paper's first line, with an empty allele, is no VCF.
        for (position, reference, alternative) in
            [(6, "CAC", "C"), (3, "GCACA", "GCA"), (2, "GGCA", "GG"), (3, "GCA", "G")]
        {
            assert_eq!(align(genome, position, reference, alternative), aligned(3, "GCA", "G"));
        }
    }

    #[test]
    fn what_cannot_move_stays() {
        assert_eq!(align("ACGTNTTTT", 8, "TT", "T"), aligned(6, "TT", "T"), "not over an unknown base");
        assert_eq!(align("TTTT", 3, "TT", "T"), aligned(1, "TT", "T"), "not beyond the first base");
        assert_eq!(align("ACGT", 2, "c", "<DEL>"), aligned(2, "C", "<DEL>"));
        assert_eq!(align("ACGT", 2, "C", "G]17:198982]"), aligned(2, "C", "G]17:198982]"));
        assert_eq!(align("ACGT", 2, "C", "*"), aligned(2, "C", "*"));
        assert_eq!(align("ACGT", 2, "cgt", "aGt"), aligned(2, "C", "A"), "the case of letters says nothing");
    }

    /// A reference, what it becomes by one insertion, deletion or replacement, and places to write that down.
    fn edits() -> impl Strategy<Value = (String, String, Vec<(usize, usize)>)> {
        // Few letters make repeats.
        let letters = prop_oneof!["[A]{4,12}", "[AC]{4,24}", "[ACGT]{4,24}"];
        (
            letters,
            any::<prop::sample::Index>(),
            0..6_usize,
            "[ACGT]{0,5}",
            any::<bool>(),
            prop::collection::vec((0..99_usize, 0..99_usize), 8),
        )
            .prop_map(|(genome, at, gone, mut inserted, tandem, places)| {
                let start = at.index(genome.len());
                let end = (start + gone).min(genome.len());
                if tandem {
                    // A copy of what stands there makes the edit movable.
                    inserted = genome[start..(start + 2).min(genome.len())].repeat(2);
                }
                let edited = format!("{}{inserted}{}", &genome[..start], &genome[end..]);
                (genome, edited, places)
            })
    }

    /// One way to write `genome` becoming `edited`: as much shared sequence left and right as asked for, at most.
    fn written(genome: &str, edited: &str, left: usize, right: usize) -> Option<(u32, String, String)> {
        let shared = |pairs: &mut dyn Iterator<Item = (u8, u8)>| pairs.take_while(|(a, b)| a == b).count();
        let before = shared(&mut genome.bytes().zip(edited.bytes())).min(left);
        let after = shared(&mut genome.bytes().rev().zip(edited.bytes().rev())).min(right);
        let shortest = genome.len().min(edited.len());
        let after = after.min(shortest - before);
        let (reference, alternative) = (&genome[before..genome.len() - after], &edited[before..edited.len() - after]);
        (!reference.is_empty() && !alternative.is_empty())
            .then(|| (u32::try_from(before).unwrap() + 1, reference.to_owned(), alternative.to_owned()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn all_ways_to_write_an_edit_become_one((genome, edited, places) in edits()) {
            prop_assume!(genome != edited && !edited.is_empty());
            let mut found: Option<Aligned> = None;
            for (left, right) in places.into_iter().chain([(99, 99), (0, 99), (99, 0), (0, 0)]) {
                let Some((position, reference, alternative)) = written(&genome, &edited, left, right) else { continue };
                let aligned = align(&genome, position, &reference, &alternative);
                let at = aligned.position as usize - 1;
                let after = &genome[at + aligned.reference.len()..];
                prop_assert_eq!(&genome[at..at + aligned.reference.len()], &aligned.reference);
                prop_assert_eq!(format!("{}{}{after}", &genome[..at], aligned.alternative), edited.clone());
                prop_assert!(aligned.position <= trim(position, &reference, &alternative).position);
                if let Some(first) = &found {
                    prop_assert_eq!(first, &aligned);
                }
                found = Some(aligned);
            }
            prop_assert!(found.is_some());
        }
    }
}
