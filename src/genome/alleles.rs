use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Chromosome, GenomeBuild};

/// Whether an alternative allele is a symbol (`<DEL>`, `*`, a breakend) and not a sequence of bases.
#[must_use]
pub fn is_symbolic(allele: &str) -> bool {
    !allele.bytes().all(|base| matches!(base.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T' | b'N'))
        || allele.is_empty()
}

/// A reference and an alternative allele without the bases they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trimmed<'a> {
    /// 1-based position of the first base of `reference`.
    pub position: u32,
    /// What the reference has here; at least one base.
    pub reference: &'a str,
    /// What was read here; at least one base.
    pub alternative: &'a str,
}

/// Removes shared bases from the right, then from the left, and keeps at least one base on each side.
///
/// The parsimony half of Tan, Abecasis and Kang, "Unified representation of genetic variants" (2015); left-alignment
/// needs the reference sequence and is done where one is configured. Symbolic alleles come back as they are.
#[must_use]
pub fn trim<'a>(position: u32, reference: &'a str, alternative: &'a str) -> Trimmed<'a> {
    let (mut start, mut reference, mut alternative) = (position, reference, alternative);
    if is_symbolic(reference) || is_symbolic(alternative) || reference == alternative {
        return Trimmed { position, reference, alternative };
    }
    let same = |a: Option<&u8>, b: Option<&u8>| match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    };
    while reference.len() > 1
        && alternative.len() > 1
        && same(reference.as_bytes().last(), alternative.as_bytes().last())
    {
        reference = &reference[..reference.len() - 1];
        alternative = &alternative[..alternative.len() - 1];
    }
    while reference.len() > 1
        && alternative.len() > 1
        && same(reference.as_bytes().first(), alternative.as_bytes().first())
    {
        reference = &reference[1..];
        alternative = &alternative[1..];
        start = start.saturating_add(1);
    }
    Trimmed { position: start, reference, alternative }
}

/// What a variant is called when it is compared across cases and with knowledge: category, build, contig and alleles,
/// trimmed, and left-aligned before where a reference sequence is configured (see `variants::keys`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NormKey(String);

impl NormKey {
    /// `position` is 1-based on `build`; alleles as the file has them. `category` is the stored one, e.g. `snv`.
    #[must_use]
    pub fn new(
        category: &str,
        build: GenomeBuild,
        chromosome: &Chromosome,
        position: u32,
        reference: &str,
        alternative: &str,
    ) -> Self {
        let trimmed = trim(position, reference, alternative);
        Self(format!(
            "{category}:{build}:{chromosome}:{}:{}:{}",
            trimmed.position,
            trimmed.reference.to_ascii_uppercase(),
            if is_symbolic(trimmed.alternative) {
                trimmed.alternative.to_owned()
            } else {
                trimmed.alternative.to_ascii_uppercase()
            },
        ))
    }

    /// The key as text, e.g. `snv:37:7:124491972:C:A`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NormKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bases_go_from_the_right_first() {
        let trimmed = trim(100, "CAA", "CA");
        assert_eq!(trimmed, Trimmed { position: 100, reference: "CA", alternative: "C" });
        let trimmed = trim(100, "TCTC", "TCAC");
        assert_eq!(trimmed, Trimmed { position: 102, reference: "T", alternative: "A" });
    }

    #[test]
    fn symbols_are_never_counted_as_letters() {
        for allele in ["<DEL>", "*", "G]17:198982]", ".", "", "<*>"] {
            assert!(is_symbolic(allele), "{allele}");
        }
        assert_eq!(trim(5, "A", "<DEL>").alternative, "<DEL>");
    }

    proptest::proptest! {
        #[test]
        fn trimming_keeps_the_edited_sequence(
            left in "[ACGT]{0,5}", reference in "[ACGT]{1,6}", alternative in "[ACGT]{1,6}", right in "[ACGT]{0,5}",
        ) {
            let (long_ref, long_alt) = (format!("{left}{reference}{right}"), format!("{left}{alternative}{right}"));
            let trimmed = trim(1000, &long_ref, &long_alt);
            let offset = (trimmed.position - 1000) as usize;
            let after = &long_ref[offset + trimmed.reference.len()..];
            let edited = format!("{}{}{}", &long_ref[..offset], trimmed.alternative, after);
            proptest::prop_assert_eq!(&edited, &long_alt);
            proptest::prop_assert!(!trimmed.reference.is_empty() && !trimmed.alternative.is_empty());
        }
    }
}
