use serde::{Deserialize, Serialize};

use super::sections::{Block, RankModelError, Section, sections};

/// The part of a plugin that tells the points of a variant without this annotation.
pub const NOT_REPORTED: &str = "not_reported";
const CATEGORIES: &str = "Categories";
const VERSION: &str = "Version";
/// Points beyond this are a slip of the pen; real models stay below 50.
const MOST_POINTS: f64 = 1e6;

/// How several points become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// All together.
    Sum,
}

impl Aggregation {
    /// The rule that `key` of a block names.
    pub fn of(block: &Block, key: &str) -> Result<Self, RankModelError> {
        match block.required(key)? {
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "sum" => Ok(Self::Sum),
            other => Err(block.error(key, &format!("`{key}` is `{other}`; it must be min, max or sum"))),
        }
    }
}

/// A category of a rank model: one part of `RankResult`.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// As in the model.
    pub name: String,
    /// How the points of its plugins become its own; absent if the model does not say.
    pub aggregation: Option<Aggregation>,
    /// Least and greatest points of each of its plugins.
    plugins: Vec<(f64, f64)>,
}

/// What one part of a rank score can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryRange {
    /// Name in the model; compared without regard to capitals, as files spell them differently.
    pub category: String,
    /// Least points.
    pub least: f64,
    /// Greatest points.
    pub greatest: f64,
}

/// A rank model, as far as its ranges go.
#[derive(Debug, Clone, PartialEq)]
pub struct RankModel {
    /// `name` under `[Version]`.
    pub name: Option<String>,
    /// `version` under `[Version]`.
    pub version: Option<String>,
    /// In the order of the file.
    pub categories: Vec<Category>,
    /// What could not be told, in sentences.
    pub notes: Vec<String>,
}

impl RankModel {
    /// Reads the text of a model.
    pub fn parse(text: &str) -> Result<Self, RankModelError> {
        Self::of(&sections(text)?)
    }

    /// From the sections of a model.
    pub fn of(sections: &[Section]) -> Result<Self, RankModelError> {
        let mut model = Self { name: None, version: None, categories: Vec::new(), notes: Vec::new() };
        let Some(categories) = sections.iter().find(|section| section.head.name == CATEGORIES) else {
            return Err(RankModelError { line: 0, reason: format!("there is no section `[{CATEGORIES}]`") });
        };
        for part in &categories.parts {
            if model.position(&part.name).is_some() {
                return Err(part.error("", &format!("category `{}` is there twice", part.name)));
            }
            let aggregation = if part.get("category_aggregation").is_some() {
                Some(Aggregation::of(part, "category_aggregation")?)
            } else {
                model.notes.push(format!(
                    "line {}: category `{}` has no `category_aggregation`, so its range is not known",
                    part.line, part.name
                ));
                None
            };
            model.categories.push(Category { name: part.name.clone(), aggregation, plugins: Vec::new() });
        }
        for section in sections {
            match section.head.name.as_str() {
                CATEGORIES => {}
                VERSION => {
                    model.name = section.head.get("name").map(str::to_owned);
                    model.version = section.head.get("version").map(str::to_owned);
                }
                _ => {
                    let wanted = section.head.required("category")?;
                    let at = model
                        .position(wanted)
                        .ok_or_else(|| section.head.error("category", &format!("there is no category `{wanted}`")))?;
                    model.categories[at].plugins.push(reach(section)?);
                }
            }
        }
        Ok(model)
    }

    /// Where a category stands among the model's.
    #[must_use]
    pub fn position(&self, category: &str) -> Option<usize> {
        self.categories.iter().position(|known| same_category(&known.name, category))
    }

    /// The range of every category whose rule is known.
    #[must_use]
    pub fn ranges(&self) -> Vec<CategoryRange> {
        self.categories.iter().filter_map(Category::range).collect()
    }
}

/// Pipelines write `Gene_intolerance_prediction` in one file and `gene_intolerance_prediction` in the other.
#[must_use]
pub(super) fn same_category(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

impl CategoryRange {
    /// Whether this is the range of a part with this name.
    #[must_use]
    pub fn is_of(&self, category: &str) -> bool {
        same_category(&self.category, category)
    }
}

impl Category {
    /// What its points can be. For `min` and `max` these are the bounds over all plugins, as Scout shows them: a
    /// category of unlike plugins may reach one of the two only in theory, and nothing lies outside. Without plugins it
    /// always gives 0, as in genmod.
    fn range(&self) -> Option<CategoryRange> {
        let (least, greatest) = match self.aggregation? {
            Aggregation::Sum => {
                self.plugins.iter().fold((0.0, 0.0), |(least, greatest), (low, high)| (least + low, greatest + high))
            }
            Aggregation::Min | Aggregation::Max => self
                .plugins
                .iter()
                .copied()
                .reduce(|(least, greatest), (low, high)| (f64::min(least, low), f64::max(greatest, high)))
                .unwrap_or_default(),
        };
        Some(CategoryRange { category: self.name.clone(), least, greatest })
    }
}

/// Least and greatest points of a plugin. A variant without the annotation gets the points of `not_reported`, and 0
/// where the plugin has no such part (genmod's default): both count as reachable.
fn reach(plugin: &Section) -> Result<(f64, f64), RankModelError> {
    let mut points = Vec::with_capacity(plugin.parts.len() + 1);
    for part in &plugin.parts {
        let score = part.number("score")?;
        if score.abs() > MOST_POINTS {
            return Err(part.error("score", &format!("{score} points are more than any model gives")));
        }
        points.push(score);
    }
    if !plugin.parts.iter().any(|part| part.name == NOT_REPORTED) {
        points.push(0.0);
    }
    Ok(points
        .into_iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), score| (least.min(score), greatest.max(score))))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn model(aggregation: &str, plugins: &[&[(&str, &str)]]) -> String {
        let mut text = format!("[Version]\nname = small\nversion = 2.1\n[Categories]\n[[Both]]\n{aggregation}\n");
        for (at, parts) in plugins.iter().enumerate() {
            write!(text, "[plugin {at}]\ncategory = both\n").unwrap();
            for (name, score) in *parts {
                write!(text, "[[{name}]]\nscore = {score}\n").unwrap();
            }
        }
        text
    }

    fn range(aggregation: &str, plugins: &[&[(&str, &str)]]) -> (f64, f64) {
        let model = RankModel::parse(&model(&format!("category_aggregation = {aggregation}"), plugins)).unwrap();
        let ranges = model.ranges();
        assert_eq!((ranges.len(), ranges[0].category.as_str()), (1, "Both"));
        (ranges[0].least, ranges[0].greatest)
    }

    #[test]
    fn a_range_follows_the_rule_of_the_category() {
        let plugins: [&[(&str, &str)]; 2] =
            [&[("not_reported", "4"), ("common", "-12")], &[("not_reported", "0"), ("low", "-5"), ("high", "1.5")]];
        assert_eq!(range("sum", &plugins), (-17.0, 5.5));
        assert_eq!(range("min", &plugins), (-12.0, 4.0));
        assert_eq!(range("max", &plugins), (-12.0, 4.0));
        assert_eq!(range("sum", &[]), (0.0, 0.0));
        assert_eq!(range("max", &[]), (0.0, 0.0));
    }

    #[test]
    fn a_variant_without_the_annotation_counts() {
        assert_eq!(range("max", &[&[("high", "3"), ("higher", "5")]]), (0.0, 5.0), "nothing said: 0, as genmod does");
        assert_eq!(range("max", &[&[("not_reported", "2"), ("high", "3")]]), (2.0, 3.0));
        assert_eq!(range("max", &[&[("not_reported", "-12"), ("ad", "1")]]), (-12.0, 1.0));
        assert_eq!(range("sum", &[&[]]), (0.0, 0.0));
    }

    #[test]
    fn name_and_version_are_kept_and_a_missing_rule_is_noted() {
        let read = RankModel::parse(&model("category_aggregate = sum", &[&[("a", "1")]])).unwrap();
        assert_eq!((read.name.as_deref(), read.version.as_deref()), (Some("small"), Some("2.1")));
        assert_eq!(read.ranges(), []);
        assert_eq!(read.notes, ["line 5: category `Both` has no `category_aggregation`, so its range is not known"]);
    }

    #[test]
    fn what_is_no_model_is_an_error_with_its_line() {
        let error = |text: &str| RankModel::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "there is no section `[Categories]`");
        let head = "[Categories]\n[[A]]\ncategory_aggregation = sum\n";
        assert_eq!(
            error(&head.replace("sum", "mean")),
            "line 3: `category_aggregation` is `mean`; it must be min, max or sum"
        );
        assert_eq!(error(&format!("{head}[x]\nfield = INFO\n")), "line 4: `x` has no `category`");
        assert_eq!(error(&format!("{head}[x]\ncategory = B\n")), "line 5: there is no category `B`");
        assert_eq!(error(&format!("{head}[x]\ncategory = A\n[[low]]\n")), "line 6: `low` has no `score`");
        assert_eq!(
            error(&format!("{head}[x]\ncategory = A\n[[low]]\nscore = 1e9\n")),
            "line 7: 1000000000 points are more than any model gives"
        );
        assert_eq!(error(&format!("{head}[[a]]\n")), "line 4: category `a` is there twice");
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*") {
            let _ = RankModel::parse(&text);
        }

        /// Text made of what models are made of goes deeper than noise does.
        #[test]
        fn nearly_a_model_never_panics_and_ranges_stay_ordered(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "[Categories]", "[[a]]", "[[B]]", "[[", "]]", "[x]", "[y]", "[", "category_aggregation = sum",
                    "category_aggregation = min", "category = a", "category = b", "score = -3", "score = 2.5",
                    "score = 1e999", "score =", "= 4", "[[not_reported]]", "'", "\"#", "é = ü", "#", "",
                ]),
                0..40,
            )
        ) {
            if let Ok(model) = RankModel::parse(&words.join("\n")) {
                for range in model.ranges() {
                    proptest::prop_assert!(range.least <= range.greatest && range.least.is_finite());
                }
            }
        }

        /// Whatever points the plugins give, what their rule makes of them lies within the range.
        #[test]
        fn no_score_lies_outside(
            plugins in proptest::collection::vec(proptest::collection::vec(-20_i32..20, 1..5), 1..5),
            picks in proptest::collection::vec(0_usize..5, 5),
            rule in 0_usize..3,
        ) {
            let mut text = format!("[Categories]\n[[c]]\ncategory_aggregation = {}\n", ["min", "max", "sum"][rule]);
            for (at, scores) in plugins.iter().enumerate() {
                writeln!(text, "[p{at}]\ncategory = c").unwrap();
                for (part, score) in scores.iter().enumerate() {
                    writeln!(text, "[[s{part}]]\nscore = {score}").unwrap();
                }
            }
            let picked = plugins.iter().zip(&picks).map(|(scores, pick)| scores.get(*pick).copied().unwrap_or(0));
            let score = match rule {
                0 => picked.min().unwrap_or(0),
                1 => picked.max().unwrap_or(0),
                _ => picked.sum(),
            };
            let range = RankModel::parse(&text).unwrap().ranges().remove(0);
            proptest::prop_assert!(range.least <= f64::from(score) && f64::from(score) <= range.greatest);
        }
    }

    #[test]
    fn the_models_of_a_real_pipeline_are_read() {
        // Counted by hand in the files of the demo trio.
        let of = |file: &str| {
            let path = crate::test_data::test_data(&format!("scout-demo/{file}"))?;
            Some(RankModel::parse(&std::fs::read_to_string(path).unwrap()).unwrap())
        };
        let Some(small) = of("rank_model_-v1.20-.ini") else { return };
        let range = |name: &str| {
            let range = small.ranges().into_iter().find(|range| range.is_of(name)).unwrap();
            (range.least, range.greatest)
        };
        assert_eq!(small.version.as_deref(), Some("1.20"));
        assert_eq!(small.ranges().len(), 10);
        assert_eq!(range("allele_frequency"), (-12.0, 4.0));
        assert_eq!(range("protein_prediction"), (0.0, 2.0));
        assert_eq!(range("Inheritance_Models"), (-12.0, 1.0));
        assert_eq!(range("Variant_call_quality_filter"), (-5.0, 3.0));
        assert_eq!(range("Clinical_significance"), (-1.0, 9.0));
        assert_eq!(range("Conservation"), (0.0, 3.0));
        let Some(structural) = of("svrank_model_-v1.5-.ini") else { return };
        assert_eq!(structural.notes.len(), 1, "{:?}", structural.notes);
        assert_eq!(structural.ranges().len(), 7);
    }
}
