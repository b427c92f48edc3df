use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::reader::{ExpectedCall, ExpectedVariant, IndependentVcf, chromosome};
use super::shown::{ShownBy, ShownCall, ShownSample, ShownVariant};

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The variant is in one and not in the other, or is shown twice.
    Variant,
    /// The most severe consequence.
    Consequence,
    /// The genotype as written.
    Genotype,
    /// Reads with the reference allele.
    RefDepth,
    /// Reads with the alternative allele.
    AltDepth,
    /// All reads.
    Depth,
    /// Quality of the genotype.
    GenotypeQuality,
    /// Who is shown.
    Individuals,
    /// In which order people are shown.
    Order,
    /// The name of a person.
    Name,
    /// How many alleles were left out because their rank is at or below the threshold.
    LeftOutForRank,
    /// How many alleles were left out because they were in the list already.
    Duplicates,
    /// How many records could not be read.
    Unreadable,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variant => "variant",
            Self::Consequence => "consequence",
            Self::Genotype => "genotype",
            Self::RefDepth => "reads with the reference allele",
            Self::AltDepth => "reads with the alternative allele",
            Self::Depth => "read depth",
            Self::GenotypeQuality => "genotype quality",
            Self::Individuals => "individuals",
            Self::Order => "order of individuals",
            Self::Name => "name",
            Self::LeftOutForRank => "left out, rank at or below threshold",
            Self::Duplicates => "left out, duplicate record",
            Self::Unreadable => "left out, unreadable",
        })
    }
}

/// One place where what is shown is not what the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Who showed it.
    pub shown_by: ShownBy,
    /// What differs.
    pub field: Field,
    /// The variant, as `chromosome_position_reference_alternative`.
    pub variant: Option<String>,
    /// Line of the record in the file, counted from 1.
    pub line: Option<usize>,
    /// The sample.
    pub sample: Option<String>,
    /// What the file says; `None` if nothing.
    pub in_file: Option<String>,
    /// What was shown; `None` if nothing.
    pub shown: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shown_by)?;
        if let Some(variant) = &self.variant {
            write!(f, ", variant {variant}")?;
        }
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        if let Some(sample) = &self.sample {
            write!(f, ", sample {sample}")?;
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, ", {}: file {}, shown {}", self.field, text(&self.in_file), text(&self.shown))
    }
}

/// Where a difference is, so that only the two values are left to say.
#[derive(Clone, Copy)]
struct Place<'a> {
    shown_by: ShownBy,
    variant: Option<&'a ExpectedVariant>,
    sample: Option<&'a str>,
}

impl Place<'_> {
    fn differ(self, field: Field, in_file: Option<String>, shown: Option<String>) -> Difference {
        Difference {
            shown_by: self.shown_by,
            field,
            variant: self.variant.map(ExpectedVariant::simple_id),
            line: self.variant.map(|variant| variant.line),
            sample: self.sample.map(str::to_owned),
            in_file,
            shown,
        }
    }
}

type Key<'a> = (String, u32, &'a str, &'a str);

/// Compares every allele of the file with what was shown, value by value.
///
/// `shown` is the whole list without a filter; an allele that the load left out for its rank should be taken out of
/// `expected` before. Of records that name the same allele twice the first counts, as in the loader. A column is found by
/// `individual_id`; the order of columns in the file is of no consequence, that of individuals is the one of `shown_samples`.
#[must_use]
pub fn compare(
    expected: &IndependentVcf,
    shown: &[ShownVariant],
    shown_samples: &[ShownSample],
    source: ShownBy,
) -> Vec<Difference> {
    let mut differences = individuals(expected, shown_samples, source);
    let mut by_key: BTreeMap<Key, Vec<&ShownVariant>> = BTreeMap::new();
    for variant in shown {
        let key = (chromosome(&variant.chromosome), variant.position, &*variant.reference, &*variant.alternative);
        by_key.entry(key).or_default().push(variant);
    }
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    for variant in &expected.variants {
        let key = (variant.chromosome.clone(), variant.position, &*variant.reference, &*variant.alternative);
        if !seen.insert(key.clone()) {
            continue;
        }
        let place = Place { shown_by: source, variant: Some(variant), sample: None };
        match by_key.remove(&key).as_deref() {
            None => differences.push(place.differ(Field::Variant, Some(variant.simple_id()), None)),
            Some([one]) => compare_variant(expected, variant, one, shown_samples, source, &mut differences),
            Some(several) => {
                let times = format!("{} times", several.len());
                differences.push(place.differ(Field::Variant, Some("once".to_owned()), Some(times)));
            }
        }
    }
    for ((chromosome, position, reference, alternative), _) in by_key {
        let id = format!("{chromosome}_{position}_{reference}_{alternative}");
        let mut difference =
            Place { shown_by: source, variant: None, sample: None }.differ(Field::Variant, None, Some(id.clone()));
        difference.variant = Some(id);
        differences.push(difference);
    }
    differences
}

/// Everybody in the file is shown and nobody else.
fn individuals(expected: &IndependentVcf, shown: &[ShownSample], source: ShownBy) -> Vec<Difference> {
    let mut differences = Vec::new();
    for sample in &expected.samples {
        if !shown.iter().any(|individual| individual.individual_id == *sample) {
            let place = Place { shown_by: source, variant: None, sample: Some(sample) };
            differences.push(place.differ(Field::Individuals, Some(sample.clone()), None));
        }
    }
    for individual in shown {
        if !expected.samples.contains(&individual.individual_id) {
            let place = Place { shown_by: source, variant: None, sample: Some(&individual.individual_id) };
            differences.push(place.differ(Field::Individuals, None, Some(individual.individual_id.clone())));
        }
    }
    differences
}

fn compare_variant(
    vcf: &IndependentVcf,
    expected: &ExpectedVariant,
    shown: &ShownVariant,
    shown_samples: &[ShownSample],
    source: ShownBy,
    differences: &mut Vec<Difference>,
) {
    let place = Place { shown_by: source, variant: Some(expected), sample: None };
    if expected.consequence != shown.consequence {
        let (in_file, shown) = (expected.consequence.clone(), shown.consequence.clone());
        differences.push(place.differ(Field::Consequence, in_file, shown));
    }
    let in_order: Vec<&str> = shown_samples.iter().map(|sample| &*sample.individual_id).collect();
    let as_shown: Vec<&str> = shown.samples.iter().map(|sample| &*sample.individual_id).collect();
    if in_order != as_shown {
        differences.push(place.differ(Field::Order, Some(in_order.join(", ")), Some(as_shown.join(", "))));
    }
    for call in &shown.samples {
        let place = Place { sample: Some(&call.individual_id), ..place };
        let individual = shown_samples.iter().find(|sample| sample.individual_id == call.individual_id);
        if let Some(individual) = individual.filter(|individual| individual.name != call.name) {
            let (known, shown) = (individual.name.clone(), call.name.clone());
            differences.push(place.differ(Field::Name, Some(known), Some(shown)));
        }
        let column = vcf.samples.iter().position(|sample| *sample == call.individual_id);
        let absent = ExpectedCall::default();
        let expected_call = column.and_then(|column| expected.calls.get(column)).unwrap_or(&absent);
        compare_call(expected_call, call, place, differences);
    }
}

fn compare_call(expected: &ExpectedCall, shown: &ShownCall, place: Place, differences: &mut Vec<Difference>) {
    let called = |genotype: &Option<String>| genotype.clone().filter(|text| text.chars().any(|c| c.is_ascii_digit()));
    if called(&expected.genotype) != called(&shown.genotype) {
        differences.push(place.differ(Field::Genotype, expected.genotype.clone(), shown.genotype.clone()));
    }
    for (field, in_file, shown) in [
        (Field::RefDepth, expected.ref_depth, shown.ref_depth),
        (Field::AltDepth, expected.alt_depth, shown.alt_depth),
        (Field::Depth, expected.depth, shown.depth),
    ] {
        let not_ours_to_say = in_file.is_none() && expected.other_depth_keys;
        if in_file != shown && !not_ours_to_say {
            let text = |count: Option<u32>| count.map(|count| count.to_string());
            differences.push(place.differ(field, text(in_file), text(shown)));
        }
    }
    // GQ may be written with decimals and shown without.
    let same_quality = match (expected.genotype_quality, shown.genotype_quality) {
        (Some(in_file), Some(shown)) => (in_file - shown).abs() < 1.0,
        (in_file, shown) => in_file.is_none() && shown.is_none(),
    };
    if !same_quality {
        let text = |quality: Option<f64>| quality.map(|quality| quality.to_string());
        let (in_file, shown) = (text(expected.genotype_quality), text(shown.genotype_quality));
        differences.push(place.differ(Field::GenotypeQuality, in_file, shown));
    }
}

/// The order in which every page lists people: affected, then unaffected, then unknown; within these as in `samples`,
/// which are the load configuration's (sample id, phenotype).
#[must_use]
pub fn expected_order(samples: &[(&str, &str)]) -> Vec<String> {
    let group = |phenotype: &str| match phenotype {
        "affected" => 0,
        "unaffected" => 1,
        _ => 2,
    };
    let mut order: Vec<&(&str, &str)> = samples.iter().collect();
    order.sort_by_key(|(_, phenotype)| group(phenotype));
    order.into_iter().map(|(id, _)| (*id).to_owned()).collect()
}

/// Compares the order in which people are shown with the one they should have.
#[must_use]
pub fn compare_order(expected: &[String], shown: &[ShownSample], source: ShownBy) -> Option<Difference> {
    let shown: Vec<String> = shown.iter().map(|sample| sample.individual_id.clone()).collect();
    (expected != shown.as_slice()).then(|| {
        let place = Place { shown_by: source, variant: None, sample: None };
        place.differ(Field::Order, Some(expected.join(", ")), Some(shown.join(", ")))
    })
}
