//! The samples of a load configuration: their keys, and whether they can be one family.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::config::{Read, Reader, json};
use super::config_keys::{ANALYSIS_TYPES, SAMPLE_FILES, SAMPLE_SETTINGS};
use super::model::{Individual, Phenotype, Sex, page_order};

/// One sample, as on the command line or in a pedigree file.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleConfig {
    /// Column name.
    pub id: String,
    /// Sex.
    pub sex: Sex,
    /// Affected or not.
    pub phenotype: Phenotype,
    /// Father's id.
    pub father: Option<String>,
    /// Mother's id.
    pub mother: Option<String>,
}

impl Reader<'_> {
    /// The individuals of a case, in page order.
    pub(super) fn individuals(&mut self, value: Option<Value>) -> Read<Vec<Individual>> {
        let samples = match value {
            Some(Value::Sequence(samples)) if !samples.is_empty() => samples,
            None | Some(Value::Null | Value::Sequence(_)) => {
                return Err(self.error("samples", "no samples: a case needs at least one"));
            }
            Some(_) => return Err(self.error("samples", "a list of samples is wanted here")),
        };
        let mut individuals = Vec::new();
        for (index, sample) in samples.into_iter().enumerate() {
            individuals.push(self.individual(sample, &format!("samples[{index}]"))?);
        }
        check_family(&individuals).map_err(|(key, reason)| self.error(&key, reason))?;
        page_order(&mut individuals);
        Ok(individuals)
    }

    fn individual(&mut self, sample: Value, at: &str) -> Read<Individual> {
        let Value::Mapping(mapping) = sample else {
            return Err(self.error(at, "a mapping with sample_id, sex and phenotype is wanted here"));
        };
        let mut keys = BTreeMap::new();
        for (key, value) in mapping {
            let Value::String(key) = key else { return Err(self.error(at, "keys must be text")) };
            keys.insert(key, value);
        }
        let mut take = |names: &[&str]| names.iter().find_map(|name| keys.remove(*name));
        let (id, sex, phenotype) = (take(&["sample_id", "individual_id"]), take(&["sex"]), take(&["phenotype"]));
        let (name, subject) = (take(&["sample_name", "display_name"]), take(&["subject_id"]));
        let (father, mother) = (take(&["father"]), take(&["mother"]));
        let (analysis, kits, tissue) =
            (take(&["analysis_type"]), take(&["capture_kit", "capture_kits"]), take(&["tissue_type"]));
        let id = self.required(id, &format!("{at}.sample_id"), "the name of the sample column")?;
        let sex = self.sex(&self.required(sex, &format!("{at}.sex"), "male, female or unknown")?, at)?;
        let phenotype = self.required(phenotype, &format!("{at}.phenotype"), "affected, unaffected or unknown")?;
        let phenotype = self.phenotype(&phenotype, at)?;
        let parent = |text: Option<String>| text.filter(|id| id != "0");
        let analysis_type =
            self.text(analysis, &format!("{at}.analysis_type"))?.unwrap_or_else(|| "unknown".to_owned());
        if !ANALYSIS_TYPES.contains(&analysis_type.as_str()) {
            return Err(self.error(
                &format!("{at}.analysis_type"),
                format!("`{analysis_type}` is not known; use one of {}", ANALYSIS_TYPES.join(", ")),
            ));
        }
        let individual = Individual {
            name: self.text(name, &format!("{at}.sample_name"))?.unwrap_or_else(|| id.clone()),
            subject_id: self.text(subject, &format!("{at}.subject_id"))?,
            father: parent(self.text(father, &format!("{at}.father"))?),
            mother: parent(self.text(mother, &format!("{at}.mother"))?),
            capture_kits: self.list(kits, &format!("{at}.capture_kit"))?,
            tissue_type: self.text(tissue, &format!("{at}.tissue_type"))?,
            individual_id: id,
            sex,
            phenotype,
            analysis_type,
            settings: self.sample_settings(keys, at)?,
        };
        Ok(individual)
    }

    fn sample_settings(&mut self, keys: BTreeMap<String, Value>, at: &str) -> Read<BTreeMap<String, String>> {
        let mut settings = BTreeMap::new();
        for (key, value) in keys {
            let is_file = SAMPLE_FILES.contains(&key.as_str());
            if !is_file && !SAMPLE_SETTINGS.contains(&key.as_str()) {
                return Err(self.error(&format!("{at}.{key}"), "this key is not known; see the list in the README"));
            }
            if value.is_null() {
                continue;
            }
            if let (true, Value::String(path)) = (is_file, &value) {
                let path = self.folder.join(path);
                if key != "chromograph_images" && !path.exists() {
                    self.notes.push(format!("{at}.{key}: {} is not there; kept as delivered", path.display()));
                }
                settings.insert(key, path.display().to_string());
            } else {
                settings.insert(key, json(&value));
            }
        }
        Ok(settings)
    }

    fn sex(&self, text: &str, at: &str) -> Read<Sex> {
        match text {
            "male" | "1" => Ok(Sex::Male),
            "female" | "2" => Ok(Sex::Female),
            "unknown" | "0" | "other" => Ok(Sex::Unknown),
            _ => Err(self.error(&format!("{at}.sex"), format!("`{text}` is not a sex; use male, female or unknown"))),
        }
    }

    fn phenotype(&self, text: &str, at: &str) -> Read<Phenotype> {
        match text {
            "affected" | "2" => Ok(Phenotype::Affected),
            "unaffected" | "1" => Ok(Phenotype::Unaffected),
            "unknown" | "0" | "-9" => Ok(Phenotype::Unknown),
            _ => Err(self.error(
                &format!("{at}.phenotype"),
                format!("`{text}` is not a phenotype; use affected, unaffected or unknown"),
            )),
        }
    }
}

/// Whether these people can be one case: nobody twice, and parents who are there and fit.
///
/// The error is the key of the sample (`samples[1].father`) and what is wrong with it.
pub fn check_family(individuals: &[Individual]) -> Result<(), (String, String)> {
    for (index, individual) in individuals.iter().enumerate() {
        if individuals[..index].iter().any(|other| other.individual_id == individual.individual_id) {
            let reason = format!("`{}` occurs twice", individual.individual_id);
            return Err((format!("samples[{index}].sample_id"), reason));
        }
    }
    for (index, individual) in individuals.iter().enumerate() {
        let parents = [("father", &individual.father, Sex::Female), ("mother", &individual.mother, Sex::Male)];
        for (role, parent, wrong_sex) in parents {
            let Some(parent) = parent else { continue };
            let wrong = |reason: String| Err((format!("samples[{index}].{role}"), reason));
            let Some(found) = individuals.iter().find(|other| other.individual_id == *parent) else {
                return wrong(format!("`{parent}` is not among the samples; add the sample or write '0'"));
            };
            if found.individual_id == individual.individual_id {
                return wrong("nobody is their own parent".to_owned());
            }
            if found.sex == wrong_sex {
                return wrong(format!("`{parent}` is registered as {}", found.sex.as_str()));
            }
        }
    }
    Ok(())
}
