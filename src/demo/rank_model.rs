use std::collections::BTreeMap;

use super::DemoError;

/// The rank model as it stands in the repository; also handed out with every case.
pub(super) const RANK_MODEL: &str = include_str!("../../config/demo/rank_model_lodestone_demo_-v1.0-.ini");
/// Name of the file in a case's folder.
pub(super) const RANK_MODEL_FILE: &str = "rank_model_lodestone_demo_-v1.0-.ini";
/// What the load configuration calls this model.
pub(super) const RANK_MODEL_VERSION: &str = "1.0";

const NOT_REPORTED: &str = "not_reported";

/// A genmod rank model: which annotation gives how many points, and how points add up per category.
#[derive(Debug)]
pub(super) struct RankModel {
    categories: Vec<(String, Rule)>,
    plugins: Vec<Plugin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Min,
    Max,
    Sum,
}

#[derive(Debug)]
struct Plugin {
    category: usize,
    key: String,
    rule: Rule,
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

type Section = (String, BTreeMap<String, String>, Vec<(String, BTreeMap<String, String>)>);

impl RankModel {
    pub fn parse(text: &str) -> Result<Self, DemoError> {
        let sections = sections(text)?;
        let mut categories = Vec::new();
        for (name, _, parts) in sections.iter().filter(|(name, ..)| name == "Categories") {
            for (category, keys) in parts {
                categories.push((category.clone(), rule(name, keys, "category_aggregation")?));
            }
        }
        let mut plugins = Vec::new();
        for (name, keys, parts) in sections.iter().filter(|(name, ..)| name != "Categories" && name != "Version") {
            let category = required(name, keys, "category")?;
            let category = categories
                .iter()
                .position(|(known, _)| known == category)
                .ok_or_else(|| wrong(name, &format!("no such category: {category}")))?;
            let mut plugin = Plugin {
                category,
                key: keys.get("csq_key").map_or_else(|| required(name, keys, "info_key"), Ok)?.to_owned(),
                rule: rule(name, keys, "record_rule")?,
                not_reported: 0,
                bands: Vec::new(),
            };
            for (band, keys) in parts {
                let score = required(band, keys, "score")?
                    .parse()
                    .map_err(|_| wrong(name, &format!("score of {band} is not a whole number")))?;
                if band == NOT_REPORTED {
                    plugin.not_reported = score;
                } else if let Some(word) = keys.get("string") {
                    plugin.bands.push(Band { score, matches: Match::Word(word.trim_matches('\'').to_owned()) });
                } else {
                    let limit =
                        |key| required(band, keys, key)?.parse().map_err(|_| wrong(name, &format!("{key} of {band}")));
                    plugin.bands.push(Band { score, matches: Match::Range(limit("lower")?, limit("upper")?) });
                }
            }
            plugins.push(plugin);
        }
        Ok(Self { categories, plugins })
    }

    /// The categories in the order of [`Self::score`]'s parts.
    pub fn category_names(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(|(name, _)| name.as_str())
    }

    /// Points per category; the rank score is their sum.
    pub fn score(&self, evidence: &Evidence) -> Vec<i32> {
        self.per_category(|plugin| plugin.score(evidence))
    }

    /// The least and the most points each category can give.
    pub fn ranges(&self) -> Vec<(i32, i32)> {
        let lowest = self.per_category(|plugin| plugin.scores().min().unwrap_or_default());
        let highest = self.per_category(|plugin| plugin.scores().max().unwrap_or_default());
        lowest.into_iter().zip(highest).collect()
    }

    fn per_category(&self, points: impl Fn(&Plugin) -> i32) -> Vec<i32> {
        let mut parts: Vec<Vec<i32>> = vec![Vec::new(); self.categories.len()];
        for plugin in &self.plugins {
            parts[plugin.category].push(points(plugin));
        }
        self.categories.iter().zip(parts).map(|((_, rule), points)| rule.apply(points.into_iter())).collect()
    }
}

impl Rule {
    fn apply(self, points: impl Iterator<Item = i32>) -> i32 {
        match self {
            Self::Min => points.min().unwrap_or_default(),
            Self::Max => points.max().unwrap_or_default(),
            Self::Sum => points.sum(),
        }
    }
}

impl Plugin {
    fn scores(&self) -> impl Iterator<Item = i32> {
        self.bands.iter().map(|band| band.score).chain([self.not_reported])
    }

    fn score(&self, evidence: &Evidence) -> i32 {
        let values = evidence.0.get(self.key.as_str()).map(Vec::as_slice).unwrap_or_default();
        let mut matched = values
            .iter()
            .filter_map(|value| self.bands.iter().find(|band| band.matches.accepts(value)))
            .map(|band| band.score)
            .peekable();
        if matched.peek().is_none() { self.not_reported } else { self.rule.apply(matched) }
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

fn sections(text: &str) -> Result<Vec<Section>, DemoError> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            let section = sections.last_mut().ok_or_else(|| wrong(name, "stands before any section"))?;
            section.2.push((name.to_owned(), BTreeMap::new()));
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((name.to_owned(), BTreeMap::new(), Vec::new()));
        } else {
            let (key, value) =
                line.split_once('=').ok_or_else(|| wrong(line, "neither a section nor `key = value`"))?;
            let section = sections.last_mut().ok_or_else(|| wrong(line, "stands before any section"))?;
            let keys = section.2.last_mut().map_or(&mut section.1, |(_, keys)| keys);
            keys.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(sections)
}

fn required<'a>(section: &str, keys: &'a BTreeMap<String, String>, key: &str) -> Result<&'a String, DemoError> {
    keys.get(key).ok_or_else(|| wrong(section, &format!("`{key}` is missing")))
}

fn rule(section: &str, keys: &BTreeMap<String, String>, key: &str) -> Result<Rule, DemoError> {
    match required(section, keys, key)?.as_str() {
        "min" => Ok(Rule::Min),
        "max" => Ok(Rule::Max),
        "sum" => Ok(Rule::Sum),
        other => Err(wrong(section, &format!("`{key}` must be min, max or sum, not {other}"))),
    }
}

fn wrong(section: &str, reason: &str) -> DemoError {
    DemoError::RankModel { section: section.to_owned(), reason: reason.to_owned() }
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
