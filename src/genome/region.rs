use std::fmt;
use std::str::FromStr;

use super::Chromosome;

/// A stretch of one chromosome; 1-based, both ends inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The contig.
    pub chromosome: Chromosome,
    /// First base, 1-based.
    pub start: u32,
    /// Last base, 1-based inclusive; `u32::MAX` for a whole chromosome.
    pub end: u32,
}

/// Why a text is not a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// Nothing before the colon.
    #[error("a region is written as 7, 7:1000 or 7:1000-2000")]
    Empty,
    /// A position that is not a number from 1 up.
    #[error("`{0}` is not a position; positions are whole numbers from 1 up")]
    Position(String),
    /// The end lies before the start.
    #[error("the region ends ({end}) before it starts ({start})")]
    Reversed {
        /// First base as given.
        start: u32,
        /// Last base as given.
        end: u32,
    },
}

impl Region {
    /// Whether a feature from `start` to `end` (1-based inclusive) shares a base with this region.
    #[must_use]
    pub fn overlaps(&self, chromosome: &Chromosome, start: u32, end: u32) -> bool {
        self.chromosome == *chromosome && start <= self.end && end >= self.start
    }
}

impl FromStr for Region {
    type Err = RegionError;

    /// `[chr]C`, `C:P` or `C:A-B`; commas and thin spaces between thousands are allowed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (name, range) = match text.rsplit_once(':') {
            Some((name, range)) => (name, Some(range)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(RegionError::Empty);
        }
        let chromosome = Chromosome::parse(name);
        let Some(range) = range else {
            return Ok(Self { chromosome, start: 1, end: u32::MAX });
        };
        let (start, end) = range.split_once('-').unwrap_or((range, range));
        let (start, end) = (position(start)?, position(end)?);
        if end < start {
            return Err(RegionError::Reversed { start, end });
        }
        Ok(Self { chromosome, start, end })
    }
}

fn position(text: &str) -> Result<u32, RegionError> {
    let digits: String = text.chars().filter(|c| !matches!(c, ',' | ' ' | '\u{202f}' | '\u{2009}')).collect();
    match digits.parse::<u32>() {
        Ok(number) if number > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(RegionError::Position(text.to_owned())),
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (1, u32::MAX) => write!(f, "{}", self.chromosome),
            (start, end) if start == end => write!(f, "{}:{start}", self.chromosome),
            (start, end) => write!(f, "{}:{start}-{end}", self.chromosome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read_as_people_write_them() {
        let region: Region = "chr7:124,491,972-124,491,980".parse().unwrap();
        assert_eq!(region.to_string(), "7:124491972-124491980");
        assert_eq!("X".parse::<Region>().unwrap().to_string(), "X");
        assert_eq!("chrM:73".parse::<Region>().unwrap().to_string(), "MT:73");
    }

    #[test]
    fn bad_regions_say_why() {
        assert_eq!("".parse::<Region>(), Err(RegionError::Empty));
        assert_eq!("7:0".parse::<Region>(), Err(RegionError::Position("0".into())));
        assert_eq!("7:9-3".parse::<Region>(), Err(RegionError::Reversed { start: 9, end: 3 }));
        assert!("7:-5".parse::<Region>().is_err());
        assert!("7:+5".parse::<Region>().is_err());
    }

    #[test]
    fn both_ends_count() {
        let region: Region = "7:10-20".parse().unwrap();
        let seven = Chromosome::parse("7");
        assert!(region.overlaps(&seven, 20, 25));
        assert!(region.overlaps(&seven, 1, 10));
        assert!(!region.overlaps(&seven, 21, 25));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            if let Ok(region) = text.parse::<Region>() {
                proptest::prop_assert!(region.start >= 1 && region.start <= region.end);
            }
        }
    }
}
