//! Closed lists of what can be chosen. Numbers are stored and are those that laboratories know from Scout.

/// Reasons to put a variant aside that every institute knows; it may leave some out and add its own ([`super::Dismissals`]).
pub const DISMISSALS: [(u16, &str); 14] = [
    (2, "common in public databases"),
    (3, "common in the local archive"),
    (5, "phenotype does not fit"),
    (7, "inheritance does not fit"),
    (11, "no plausible compound"),
    (13, "not in a disease transcript"),
    (17, "not in a RefSeq transcript"),
    (19, "splicing unaffected"),
    (23, "inherited from an unaffected relative"),
    (29, "technical artefact"),
    (31, "protein function unaffected"),
    (37, "reported as benign"),
    (41, "common type of variation"),
    (43, "type of variation that is not studied"),
];

/// What is held of mosaicism.
pub const MOSAICS: [(u8, &str); 5] = [
    (1, "suspected in a parent"),
    (2, "suspected in an affected"),
    (3, "confirmed in a parent"),
    (4, "confirmed in an affected"),
    (5, "not evident in a parent’s reads"),
];

/// Ranks given by hand, from the highest.
pub const RANKS: [(u8, &str, &str); 15] = [
    (8, "KP", "known pathogenic"),
    (7, "P", "pathogenic"),
    (6, "NVP", "novel, validated pathogenic"),
    (5, "PPP", "pathogenic, partial phenotype"),
    (4, "LP", "likely pathogenic"),
    (3, "PP", "possibly pathogenic"),
    (9, "VUS", "uncertain significance"),
    (2, "LB", "likely benign"),
    (1, "B", "benign"),
    (13, "PLP", "pathogenic, low penetrance"),
    (14, "LPLP", "likely pathogenic, low penetrance"),
    (10, "RF", "established risk factor"),
    (11, "LRF", "likely risk factor"),
    (12, "URF", "uncertain risk factor"),
    (0, "O", "other"),
];

/// What is held of mosaicism, in words.
#[must_use]
pub fn mosaics(codes: &[u8]) -> String {
    let word = |code: &u8| {
        let known = MOSAICS.iter().find(|(number, _)| number == code);
        known.map_or_else(
            || format!("mosaic {code}, which this version does not know"),
            |(_, words)| (*words).to_owned(),
        )
    };
    codes.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A rank in words.
#[must_use]
pub fn rank(code: u8) -> String {
    let known = RANKS.iter().find(|(number, ..)| *number == code);
    known.map_or_else(
        || format!("rank {code}, which this version does not know"),
        |(_, short, words)| format!("{short}, {words}"),
    )
}

/// A rank as rows show it.
#[must_use]
pub fn rank_code(code: u8) -> String {
    let known = RANKS.iter().find(|(number, ..)| *number == code);
    known.map_or_else(|| code.to_string(), |(_, short, _)| (*short).to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_and_word_stands_once() {
        let numbers: BTreeSet<u16> = DISMISSALS.iter().map(|(number, _)| *number).collect();
        let ranks: BTreeSet<u8> = RANKS.iter().map(|(number, ..)| *number).collect();
        let short: BTreeSet<&str> = RANKS.iter().map(|(_, short, _)| *short).collect();
        assert_eq!((numbers.len(), ranks.len(), short.len()), (DISMISSALS.len(), RANKS.len(), RANKS.len()));
        let mosaic: BTreeSet<u8> = MOSAICS.iter().map(|(number, _)| *number).collect();
        assert_eq!(mosaic.len(), MOSAICS.len());
        assert_eq!(rank(0), "O, other", "0 is a rank, not its absence");
    }
}
