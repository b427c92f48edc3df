//! The breakdown of a rank score: each part beside what the rank model lets it be.

use crate::cases::{Case, CaseRankModel};
use crate::ranking::CategoryRange;
use crate::vcf::model::RankResult;
use crate::web::filters;

/// The breakdown as the page shows it.
#[derive(Debug, Default)]
pub(super) struct ScoreParts {
    pub(super) lines: Vec<ScorePart>,
    /// Which model the ranges are of, or why there are none, in sentences.
    pub(super) notes: Vec<String>,
    /// Whether any part has a range, so that columns for it are worth their place.
    pub(super) ranged: bool,
}

/// One part of a score.
#[derive(Debug)]
pub(super) struct ScorePart {
    pub(super) name: String,
    pub(super) score: String,
    /// `-12 to 4`, `always 0`, or that it is not known.
    pub(super) range: String,
    /// Set when the score lies outside of the model's range: then another model made it.
    pub(super) outside: bool,
    pub(super) bar: Option<Bar>,
}

/// A bar from no points to the score on a scale from the least to the greatest; all in hundredths of its width.
#[derive(Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) start: String,
    pub(super) width: String,
    /// Where no points are; the end of the scale nearest to it if the range leaves it out.
    pub(super) zero: String,
}

impl ScoreParts {
    pub(super) fn new(case: &Case, results: &[RankResult]) -> Self {
        let model = case.rank_model.as_ref();
        let lines: Vec<ScorePart> = results
            .iter()
            .map(|part| ScorePart::new(part, model.and_then(|model| model.range(&part.category))))
            .collect();
        Self { notes: notes(case, model), ranged: lines.iter().any(|line| !line.range.is_empty()), lines }
    }
}

impl ScorePart {
    fn new(part: &RankResult, range: Option<&CategoryRange>) -> Self {
        Self {
            name: part.category.replace('_', " "),
            score: filters::score(part.score),
            range: range
                .map(|range| {
                    let (least, greatest) = (filters::score(range.least), filters::score(range.greatest));
                    if least == greatest { format!("always {least}") } else { format!("{least} to {greatest}") }
                })
                .unwrap_or_default(),
            outside: range.is_some_and(|range| !(range.least..=range.greatest).contains(&part.score)),
            bar: range.and_then(|range| Bar::new(part.score, range)),
        }
    }
}

impl Bar {
    fn new(score: f64, range: &CategoryRange) -> Option<Self> {
        let span = range.greatest - range.least;
        if span <= 0.0 {
            return None;
        }
        let place = |points: f64| ((points - range.least) / span * 100.0).clamp(0.0, 100.0);
        let (zero, end) = (place(0.0), place(score));
        let shown = |hundredths: f64| filters::significant((hundredths * 10.0).round() / 10.0, 4);
        Some(Self { start: shown(zero.min(end)), width: shown((end - zero).abs()), zero: shown(zero) })
    }
}

fn notes(case: &Case, model: Option<&CaseRankModel>) -> Vec<String> {
    let Some(model) = model else {
        let words = if case.files.rank_model().is_some() {
            "The rank model was not read when this case was loaded; loading it again with --update adds the ranges."
        } else {
            "The case was delivered without its rank model, so what each part can be is not known."
        };
        return vec![words.to_owned()];
    };
    let mut notes = Vec::new();
    if !model.ranges.is_empty() {
        let name = model.name.as_deref().unwrap_or(&model.file);
        let version = model.version.as_deref().map(|version| format!(" version {version}")).unwrap_or_default();
        notes.push(format!("Ranges of the rank model {name}{version}."));
    }
    if let (Some(read), Some(told)) = (&model.version, &case.rank_model_version)
        && read != told
    {
        notes.push(format!("The case says it was ranked with version {told}: the ranges may be of another model."));
    }
    notes.extend(model.notes.iter().cloned());
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(score: f64, least: f64, greatest: f64) -> ScorePart {
        let range = CategoryRange { category: "allele_frequency".into(), least, greatest };
        ScorePart::new(&RankResult { category: "allele_frequency".into(), score }, Some(&range))
    }

    fn bar(start: &str, width: &str, zero: &str) -> Bar {
        Bar { start: start.into(), width: width.into(), zero: zero.into() }
    }

    #[test]
    fn a_part_stands_within_its_range() {
        let shown = part(4.0, -12.0, 4.0);
        assert_eq!(
            (shown.name.as_str(), shown.score.as_str(), shown.range.as_str()),
            ("allele frequency", "4", "-12 to 4")
        );
        assert_eq!((shown.bar, shown.outside), (Some(bar("75", "25", "75")), false));
        assert_eq!(part(-12.0, -12.0, 4.0).bar, Some(bar("0", "75", "75")));
        assert_eq!(part(0.0, -12.0, 4.0).bar, Some(bar("75", "0", "75")));
        assert_eq!(part(1.0, 0.0, 3.0).bar, Some(bar("0", "33.3", "0")));
        assert_eq!(
            part(3.0, 2.0, 4.0).bar,
            Some(bar("0", "50", "0")),
            "0 is not in the range: the bar starts at its end"
        );
    }

    #[test]
    fn a_score_of_another_model_is_marked() {
        let shown = part(9.0, 0.0, 3.0);
        assert_eq!((shown.outside, shown.bar), (true, Some(bar("0", "100", "0"))));
        let fixed = part(0.0, 0.0, 0.0);
        assert_eq!((fixed.range.as_str(), fixed.bar, fixed.outside), ("always 0", None, false));
    }
}
