use std::collections::BTreeMap;

use crate::ranking::{self, Aggregation, CategoryRange, NOT_REPORTED, RankModelError};

/// The rank model as it stands in the repository; also handed out with every case.
pub(super) const RANK_MODEL: &str = include_str!("../../config/demo/rank_model_lodestone_demo_-v1.0-.ini");
/// Name of the file in a case's folder.
pub(super) const RANK_MODEL_FILE: &str = "rank_model_lodestone_demo_-v1.0-.ini";
/// What the load configuration calls this model.
pub(super) const RANK_MODEL_VERSION: &str = "1.0";

/// A genmod rank model that can score: which annotation gives how many points, and how points add up per category.
#[derive(Debug)]
pub(super) struct RankModel {
    reach: ranking::RankModel,
    rules: Vec<Aggregation>,
    plugins: Vec<Plugin>,
}

#[derive(Debug)]
struct Plugin {
    category: usize,
    key: String,
    rule: Aggregation,
    not_reported: i32,
    bands: Vec<Band>,
}

#[derive(Debug)]
struct Band {
    score: i32,
    matches: Match,
}

#[derive(Debug)]
enum Match {
    Word(String),
    /// From the first number, included, to the second, excluded.
    Range(f64, f64),
}

/// What is known of one variant: annotation key to values.
#[derive(Debug, Default)]
pub(super) struct Evidence(BTreeMap<&'static str, Vec<String>>);

impl Evidence {
    pub fn add(&mut self, key: &'static str, value: &impl ToString) {
        self.0.entry(key).or_default().push(value.to_string());
    }
}

impl RankModel {
    pub fn parse(text: &str) -> Result<Self, RankModelError> {
        let sections = ranking::sections(text)?;
        let reach = ranking::RankModel::of(&sections)?;
        let rules = reach.categories.iter().filter_map(|category| category.aggregation).collect::<Vec<_>>();
        if let Some(note) = reach.notes.first() {
            return Err(RankModelError { line: 0, reason: note.clone() });
        }
        let mut plugins = Vec::new();
        for section in sections {
            let head = &section.head;
            // `of` has seen to it that only sections of plugins name a category, and that it exists.
            let Some(category) = head.get("category").and_then(|category| reach.position(category)) else { continue };
            let mut plugin = Plugin {
                category,
                key: head.get("csq_key").map_or_else(|| head.required("info_key"), Ok)?.to_owned(),
                rule: Aggregation::of(head, "record_rule")?,
                not_reported: 0,
                bands: Vec::new(),
            };
            for part in &section.parts {
                let score = part
                    .required("score")?
                    .parse()
                    .map_err(|_| part.error("score", "the demo gives whole points only"))?;
                if part.name == NOT_REPORTED {
                    plugin.not_reported = score;
                } else if let Some(word) = part.get("string") {
                    plugin.bands.push(Band { score, matches: Match::Word(word.to_owned()) });
                } else {
                    let matches = Match::Range(part.number("lower")?, part.number("upper")?);
                    plugin.bands.push(Band { score, matches });
                }
            }
            plugins.push(plugin);
        }
        Ok(Self { reach, rules, plugins })
    }

    /// The categories in the order of [`Self::score`]'s parts.
    pub fn category_names(&self) -> impl Iterator<Item = &str> {
        self.reach.categories.iter().map(|category| category.name.as_str())
    }

    /// Points per category; the rank score is their sum.
    pub fn score(&self, evidence: &Evidence) -> Vec<i32> {
        let mut parts: Vec<Vec<i32>> = vec![Vec::new(); self.rules.len()];
        for plugin in &self.plugins {
            parts[plugin.category].push(plugin.score(evidence));
        }
        self.rules.iter().zip(parts).map(|(rule, points)| apply(*rule, points.into_iter())).collect()
    }

    /// The least and the most points each category can give.
    pub fn ranges(&self) -> Vec<CategoryRange> {
        self.reach.ranges()
    }
}

fn apply(rule: Aggregation, points: impl Iterator<Item = i32>) -> i32 {
    match rule {
        Aggregation::Min => points.min().unwrap_or_default(),
        Aggregation::Max => points.max().unwrap_or_default(),
        Aggregation::Sum => points.sum(),
    }
}

impl Plugin {
    fn score(&self, evidence: &Evidence) -> i32 {
        let values = evidence.0.get(self.key.as_str()).map(Vec::as_slice).unwrap_or_default();
        let mut matched = values
            .iter()
            .filter_map(|value| self.bands.iter().find(|band| band.matches.accepts(value)))
            .map(|band| band.score)
            .peekable();
        if matched.peek().is_none() { self.not_reported } else { apply(self.rule, matched) }
    }
}

impl Match {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Word(word) => word == value,
            Self::Range(lower, upper) => value.parse::<f64>().is_ok_and(|number| *lower <= number && number < *upper),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_follow_the_bands_and_the_categories_rule() {
        let model = RankModel::parse(RANK_MODEL).unwrap();
        let mut evidence = Evidence::default();
        evidence.add("GNOMADAF_popmax", &0.3);
        evidence.add("most_severe_consequence", &"stop_gained");
        evidence.add("GeneticModels", &"AD");
        evidence.add("GeneticModels", &"AD_dn");
        evidence.add("FILTER", &"PASS");
        let parts: BTreeMap<&str, i32> = model.category_names().zip(model.score(&evidence)).collect();
        assert_eq!(parts["allele_frequency"], -12, "the less favourable of gnomAD and local observations");
        assert_eq!(parts["Consequence"], 9);
        assert_eq!(parts["Inheritance_Models"], 4);
        assert_eq!(parts["Variant_call_quality_filter"], 3);
    }

    #[test]
    fn limits_belong_to_the_upper_band() {
        let model = RankModel::parse(RANK_MODEL).unwrap();
        let frequency = |value: f64| {
            let mut evidence = Evidence::default();
            evidence.add("GNOMADAF_popmax", &value);
            model.score(&evidence)[0]
        };
        assert_eq!((frequency(0.019_999), frequency(0.02)), (0, -12));
    }
}
