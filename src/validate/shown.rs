use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::consequence::most_severe;

/// Who showed a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShownBy {
    /// An HTML page.
    Page,
    /// The words that a page's template is given, before they become HTML.
    #[serde(rename = "page view")]
    PageView,
    /// The report that the loader wrote.
    #[serde(rename = "load report")]
    LoadReport,
    /// The JSON API.
    Api,
    /// A file that the program wrote.
    Export,
}

impl fmt::Display for ShownBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Page => "page",
            Self::PageView => "page view",
            Self::LoadReport => "load report",
            Self::Api => "API",
            Self::Export => "export",
        })
    }
}

/// A person of the case, in the order in which pages list them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSample {
    /// The sample id, which is the column's name in the VCF.
    pub individual_id: String,
    /// The name for people.
    pub name: String,
}

/// A variant as somebody was shown it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownVariant {
    /// Without `chr`.
    pub chromosome: String,
    /// 1-based.
    pub position: u32,
    /// Reference allele.
    pub reference: String,
    /// Alternative allele.
    pub alternative: String,
    /// Most severe consequence of all genes.
    pub consequence: Option<String>,
    /// The calls, in the order shown.
    pub samples: Vec<ShownCall>,
}

/// The call of one individual as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownCall {
    /// The sample id.
    pub individual_id: String,
    /// The name for people.
    pub name: String,
    /// Genotype, e.g. `0/1`.
    pub genotype: Option<String>,
    /// Reads with the reference allele.
    pub ref_depth: Option<u32>,
    /// Reads with this alternative allele.
    pub alt_depth: Option<u32>,
    /// All reads.
    pub depth: Option<u32>,
    /// Quality of the genotype.
    pub genotype_quality: Option<f64>,
}

/// An answer of the API that does not have the promised shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("API answer: `{key}` should be {expected}, found {found}")]
pub struct ShownError {
    /// Path of the key, e.g. `samples[1].depth`.
    pub key: String,
    /// What it should be.
    pub expected: &'static str,
    /// What is there, shortened.
    pub found: String,
}

impl ShownSample {
    /// The individuals of an API answer about a case: `{"individuals": [{"individual_id", "name", …}]}`.
    pub fn all_from_api(case: &Value) -> Result<Vec<Self>, ShownError> {
        items(case, "individuals")?
            .iter()
            .enumerate()
            .map(|(nth, individual)| {
                let at = format!("individuals[{nth}].");
                Ok(Self {
                    individual_id: text(individual, &at, "individual_id")?,
                    name: text(individual, &at, "name")?,
                })
            })
            .collect()
    }
}

impl ShownVariant {
    /// One element of `variants` in an API answer. A key that is absent is an error; one that is `null` is missing.
    pub fn from_api(variant: &Value) -> Result<Self, ShownError> {
        let mut consequences = Vec::new();
        for (nth, gene) in items(variant, "genes")?.iter().enumerate() {
            consequences.extend(optional(gene, &format!("genes[{nth}]."), "consequence", "a text", |value| {
                value.as_str().map(str::to_owned)
            })?);
        }
        let samples = items(variant, "samples")?;
        Ok(Self {
            chromosome: text(variant, "", "chromosome")?,
            position: required(variant, "", "position", "a whole number", whole)?,
            reference: text(variant, "", "reference")?,
            alternative: text(variant, "", "alternative")?,
            consequence: most_severe(consequences.iter().flat_map(|terms| terms.split('&'))).map(str::to_owned),
            samples: samples
                .iter()
                .enumerate()
                .map(|(nth, sample)| ShownCall::from_api(sample, &format!("samples[{nth}].")))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl ShownCall {
    fn from_api(sample: &Value, at: &str) -> Result<Self, ShownError> {
        let count = |key| optional(sample, at, key, "a whole number or null", whole);
        Ok(Self {
            individual_id: text(sample, at, "individual_id")?,
            name: text(sample, at, "name")?,
            genotype: optional(sample, at, "genotype", "a text or null", |value| value.as_str().map(str::to_owned))?,
            ref_depth: count("ref_depth")?,
            alt_depth: count("alt_depth")?,
            depth: count("depth")?,
            genotype_quality: optional(sample, at, "genotype_quality", "a number or null", Value::as_f64)?,
        })
    }
}

fn whole(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn items<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, ShownError> {
    value.get(key).and_then(Value::as_array).ok_or_else(|| wrong(value, "", key, "a list"))
}

fn text(value: &Value, at: &str, key: &str) -> Result<String, ShownError> {
    required(value, at, key, "a text", |value| value.as_str().map(str::to_owned))
}

fn required<T>(
    value: &Value,
    at: &str,
    key: &str,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<T, ShownError> {
    value.get(key).and_then(read).ok_or_else(|| wrong(value, at, key, expected))
}

fn optional<T>(
    value: &Value,
    at: &str,
    key: &str,
    expected: &'static str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, ShownError> {
    match value.get(key) {
        Some(Value::Null) => Ok(None),
        Some(found) => read(found).map(Some).ok_or_else(|| wrong(value, at, key, expected)),
        None => Err(wrong(value, at, key, expected)),
    }
}

fn wrong(value: &Value, at: &str, key: &str, expected: &'static str) -> ShownError {
    let found = value.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string);
    ShownError { key: format!("{at}{key}"), expected, found: found.chars().take(60).collect() }
}
