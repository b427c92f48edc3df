use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A contig's name in one spelling: without `chr`, the mitochondrion as `MT`.
///
/// Ordered as people read a karyotype: 1 to 22, X, Y, MT, then all others by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chromosome(Arc<str>);

impl Chromosome {
    /// Takes any spelling: `chr7`, `7`, `chrM`, `M`, `MT`, `chrUn_KI270302v1`.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let bare = match name.get(..3) {
            Some(prefix) if prefix.eq_ignore_ascii_case("chr") && name.len() > 3 => &name[3..],
            _ => name,
        };
        let canonical = match bare {
            "M" | "m" | "mt" | "Mt" => "MT",
            "x" => "X",
            "y" => "Y",
            other => other,
        };
        Self(canonical.into())
    }

    /// The canonical name, e.g. `7`, `X`, `MT`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the mitochondrial genome.
    #[must_use]
    pub fn is_mitochondrial(&self) -> bool {
        &*self.0 == "MT"
    }

    /// Whether this is X or Y.
    #[must_use]
    pub fn is_sex_chromosome(&self) -> bool {
        matches!(&*self.0, "X" | "Y")
    }

    fn order(&self) -> (u8, &str) {
        match &*self.0 {
            "X" => (23, ""),
            "Y" => (24, ""),
            "MT" => (25, ""),
            name => match name.parse::<u8>() {
                Ok(number @ 1..=22) => (number, ""),
                _ => (u8::MAX, name),
            },
        }
    }
}

impl PartialOrd for Chromosome {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Chromosome {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order()).then_with(|| self.0.cmp(&other.0))
    }
}

impl fmt::Display for Chromosome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_one() {
        for (given, expected) in [
            ("chr7", "7"),
            ("7", "7"),
            ("CHR7", "7"),
            ("chrM", "MT"),
            ("M", "MT"),
            ("MT", "MT"),
            ("chrMT", "MT"),
            ("chrX", "X"),
            ("chr", "chr"),
            ("GL000191.1", "GL000191.1"),
        ] {
            assert_eq!(Chromosome::parse(given).as_str(), expected, "{given}");
        }
    }

    #[test]
    fn chromosomes_sort_as_in_a_karyotype() {
        let mut names: Vec<_> = ["MT", "10", "GL1", "X", "2", "Y", "1"].into_iter().map(Chromosome::parse).collect();
        names.sort();
        let names: Vec<_> = names.iter().map(Chromosome::as_str).collect();
        assert_eq!(names, ["1", "2", "10", "X", "Y", "MT", "GL1"]);
    }
}
