//! The values that filter panels and the API offer as limits, with a count beside each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::limits::Limit;

/// Most values that one kind offers: more would not be read.
const MOST: usize = 12;

/// What is limited; the frequency resources share one set of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutoffKind {
    /// gnomAD, ExAC, 1000 Genomes and SweGen, as fractions.
    Frequency,
    /// Observations in the laboratory's archive.
    LocalObs,
    /// CADD, scaled (PHRED-like).
    Cadd,
    /// REVEL.
    Revel,
    /// SpliceAI delta score.
    Spliceai,
    /// Rank score.
    RankScore,
}

impl CutoffKind {
    /// All kinds, in the order of the filter panel.
    pub const ALL: [Self; 6] =
        [Self::Frequency, Self::LocalObs, Self::Cadd, Self::Revel, Self::Spliceai, Self::RankScore];

    /// The kind of a limit.
    #[must_use]
    pub fn of(limit: Limit) -> Self {
        match limit {
            Limit::Gnomad | Limit::GnomadPopmax | Limit::Exac | Limit::ThousandGenomes | Limit::Swegen => {
                Self::Frequency
            }
            Limit::LocalObs => Self::LocalObs,
            Limit::Cadd => Self::Cadd,
            Limit::Revel => Self::Revel,
            Limit::Spliceai => Self::Spliceai,
            Limit::RankScore => Self::RankScore,
        }
    }

    /// The word in forms and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Frequency => "frequency",
            Self::LocalObs => "local_obs",
            Self::Cadd => "cadd",
            Self::Revel => "revel",
            Self::Spliceai => "spliceai",
            Self::RankScore => "rank_score",
        }
    }

    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Frequency => "Frequencies",
            Self::LocalObs => "Local observations",
            Self::Cadd => "CADD",
            Self::Revel => "REVEL",
            Self::Spliceai => "SpliceAI",
            Self::RankScore => "Rank score",
        }
    }

    /// Smallest and largest value that makes sense.
    #[must_use]
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Frequency | Self::Revel | Self::Spliceai => (0.0, 1.0),
            Self::LocalObs => (0.0, 1_000_000.0),
            Self::Cadd => (0.0, 100.0),
            Self::RankScore => (-1000.0, 1000.0),
        }
    }

    /// Values where an institute chose none.
    fn default_values(self) -> &'static [f64] {
        match self {
            Self::Frequency => &[0.0, 0.0001, 0.001, 0.005, 0.01, 0.05],
            Self::LocalObs => &[0.0, 1.0, 5.0, 20.0],
            Self::Cadd => &[10.0, 15.0, 20.0, 25.0, 30.0],
            // Benign supporting (at most); pathogenic supporting, moderate, strong (at least): Pejaver et al. 2022, table 2.
            Self::Revel => &[0.29, 0.644, 0.773, 0.932],
            // Recommended, high-recall and high-precision cut-offs: Jaganathan et al. 2019; 0.1 from Walker et al. 2023.
            Self::Spliceai => &[0.1, 0.2, 0.5, 0.8],
            Self::RankScore => &[0.0, 5.0, 10.0, 15.0, 20.0],
        }
    }

    /// Reads values as people write them: numbers with a decimal point, with spaces between.
    ///
    /// A comma is refused: it might stand between two numbers or within one.
    pub fn read(self, text: &str) -> Result<Vec<f64>, String> {
        let (least, most) = self.range();
        let mut values = Vec::new();
        for word in text.split_whitespace() {
            let value = read_number(word)?;
            if !(least..=most).contains(&value) {
                return Err(format!("{word} is not between {least} and {most}"));
            }
            values.push(value);
        }
        values.sort_by(f64::total_cmp);
        values.dedup();
        match values.len() {
            0 => Err("write at least one number".to_owned()),
            1..=MOST => Ok(values),
            many => Err(format!("{many} values are too many to offer; write at most {MOST}")),
        }
    }
}

/// One number with a decimal point; never infinite, and never minus zero.
pub fn read_number(word: &str) -> Result<f64, String> {
    if word.contains(',') {
        return Err(format!(
            "`{word}` has a comma: write decimals with a point, as in 0.01, and spaces between numbers"
        ));
    }
    match word.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value + 0.0),
        _ => Err(format!("`{word}` is not a number such as 0.01")),
    }
}

/// Numbers as [`CutoffKind::read`] takes them.
#[must_use]
pub fn written(values: &[f64]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The values an institute offers. Kinds it left alone follow the program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cutoffs(BTreeMap<CutoffKind, Vec<f64>>);

impl Cutoffs {
    /// The values of a kind, ascending; at least one.
    #[must_use]
    pub fn get(&self, kind: CutoffKind) -> &[f64] {
        self.0.get(&kind).map_or(kind.default_values(), Vec::as_slice)
    }

    /// Chooses the values of a kind, as [`CutoffKind::read`] gives them.
    pub fn set(&mut self, kind: CutoffKind, values: Vec<f64>) {
        if values == kind.default_values() {
            self.0.remove(&kind);
        } else {
            self.0.insert(kind, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_sorted_and_each_offered_once() {
        assert_eq!(CutoffKind::Cadd.read(" 30  10 20 10 "), Ok(vec![10.0, 20.0, 30.0]));
        assert_eq!(CutoffKind::Frequency.read("1e-4 -0"), Ok(vec![0.0, 0.0001]));
        assert!(CutoffKind::Frequency.read("-0").unwrap()[0].is_sign_positive());
        assert_eq!(CutoffKind::RankScore.read("-5 0"), Ok(vec![-5.0, 0.0]));
    }

    #[test]
    fn what_might_be_misread_is_refused() {
        for (kind, text) in [
            (CutoffKind::Frequency, ""),
            (CutoffKind::Frequency, "0,01"),
            (CutoffKind::Frequency, "1.1"),
            (CutoffKind::Frequency, "1%"),
            (CutoffKind::LocalObs, "-1"),
            (CutoffKind::Cadd, "inf"),
            (CutoffKind::Cadd, "NaN"),
            (CutoffKind::RankScore, "1 2 3 4 5 6 7 8 9 10 11 12 13"),
        ] {
            assert!(kind.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_choice_equal_to_the_programs_is_no_choice() {
        let mut cutoffs = Cutoffs::default();
        for kind in CutoffKind::ALL {
            assert_eq!(kind.read(&written(cutoffs.get(kind))).as_deref(), Ok(cutoffs.get(kind)), "{kind:?}");
            cutoffs.set(kind, kind.default_values().to_vec());
        }
        assert_eq!(cutoffs, Cutoffs::default());
        cutoffs.set(CutoffKind::Cadd, vec![12.0]);
        assert_eq!(cutoffs.get(CutoffKind::of(Limit::Cadd)), [12.0]);
        let document = bson::serialize_to_document(&cutoffs).unwrap();
        assert_eq!(document, bson::doc! { "cadd": [12.0] });
        assert_eq!(bson::deserialize_from_document::<Cutoffs>(document).unwrap(), cutoffs);
    }
}
