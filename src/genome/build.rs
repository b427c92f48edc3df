use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Chromosome;

/// The reference assembly that positions are counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GenomeBuild {
    /// GRCh37 (hg19, b37). Mitochondrial positions are on rCRS (`NC_012920`).
    #[serde(rename = "37")]
    Grch37,
    /// GRCh38 (hg38).
    #[serde(rename = "38")]
    Grch38,
}

impl GenomeBuild {
    /// The short name used in files, URLs and documents: `37` or `38`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grch37 => "37",
            Self::Grch38 => "38",
        }
    }

    /// The assembly's own name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grch37 => "GRCh37",
            Self::Grch38 => "GRCh38",
        }
    }
}

impl fmt::Display for GenomeBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names neither build 37 nor build 38.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("genome build must be 37 or 38, not `{0}`")]
pub struct UnknownBuild(pub String);

impl FromStr for GenomeBuild {
    type Err = UnknownBuild;

    /// Any spelling that contains exactly one of 37 and 38 (`GRCh37`, `b37`, `38`), or the UCSC names `hg19` and `hg38`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let grch37 = text.contains("37") || text.contains("hg19");
        let grch38 = text.contains("38");
        match (grch37, grch38) {
            (true, false) => Ok(Self::Grch37),
            (false, true) => Ok(Self::Grch38),
            _ => Err(UnknownBuild(text.to_owned())),
        }
    }
}

/// Whether a position lies in a pseudo-autosomal region, where a male carries two copies.
///
/// `position` is 1-based. Regions as published by the Genome Reference Consortium for each assembly.
#[must_use]
pub fn is_pseudo_autosomal(build: GenomeBuild, chromosome: &Chromosome, position: u32) -> bool {
    let regions: [(u32, u32); 2] = match (build, chromosome.as_str()) {
        (GenomeBuild::Grch37, "X") => [(60_001, 2_699_520), (154_931_044, 155_260_560)],
        (GenomeBuild::Grch37, "Y") => [(10_001, 2_649_520), (59_034_050, 59_363_566)],
        (GenomeBuild::Grch38, "X") => [(10_001, 2_781_479), (155_701_383, 156_030_895)],
        (GenomeBuild::Grch38, "Y") => [(10_001, 2_781_479), (56_887_903, 57_217_415)],
        _ => return false,
    };
    regions.iter().any(|&(start, end)| (start..=end).contains(&position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_read_from_their_usual_spellings() {
        for text in ["37", "GRCh37", "b37", "hg19"] {
            assert_eq!(text.parse(), Ok(GenomeBuild::Grch37), "{text}");
        }
        for text in ["38", "GRCh38", "hg38"] {
            assert_eq!(text.parse(), Ok(GenomeBuild::Grch38), "{text}");
        }
        for text in ["", "36", "37 and 38"] {
            assert!(text.parse::<GenomeBuild>().is_err(), "{text}");
        }
    }

    #[test]
    fn pseudo_autosomal_limits_are_inclusive_and_differ_by_build() {
        let x = Chromosome::parse("X");
        assert!(is_pseudo_autosomal(GenomeBuild::Grch37, &x, 60_001));
        assert!(!is_pseudo_autosomal(GenomeBuild::Grch37, &x, 60_000));
        assert!(is_pseudo_autosomal(GenomeBuild::Grch38, &x, 2_781_479));
        assert!(!is_pseudo_autosomal(GenomeBuild::Grch37, &x, 2_781_479));
        assert!(!is_pseudo_autosomal(GenomeBuild::Grch38, &Chromosome::parse("1"), 60_001));
    }
}
