//! Scout's YAML load configuration: the keys of a case, and what a case made of them looks like.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_yaml_ng::Value;

use super::config_keys::{FINDINGS, LISTS, OMICS, REPORTS, SETTINGS};
use super::model::{Individual, Status, Track};
use crate::genome::GenomeBuild;
use crate::ids::{CaseLabel, CaseName, InstituteId};

/// Why a load configuration cannot be used. Every sentence names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// Not YAML, or not a mapping.
    #[error("{path} is not a load configuration: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A key is missing, unknown or has a value that cannot be used.
    #[error("{path}: {key}: {reason}")]
    Key {
        /// The file.
        path: String,
        /// The key, e.g. `samples[0].sex`.
        key: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// A load configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseConfig {
    /// Where it came from, for messages.
    pub source: String,
    /// Owner.
    pub owner: InstituteId,
    /// Pipeline's name of the case.
    pub family: String,
    /// Name on pages.
    pub name: CaseName,
    /// Assembly.
    pub build: GenomeBuild,
    /// Rare or cancer.
    pub track: Track,
    /// Status to begin with.
    pub status: Option<Status>,
    /// In page order.
    pub individuals: Vec<Individual>,
    /// Names of all panels.
    pub panels: Vec<String>,
    /// Names of the panels that lists open with.
    pub default_panels: Vec<String>,
    /// SNV and indel files of the clinical list, in load order (mitochondrial first, as in Scout).
    pub snv_files: Vec<PathBuf>,
    /// Rank score a variant must exceed; absent means [`DEFAULT_THRESHOLD`], 0 means 0.
    pub threshold: f64,
    /// What was delivered and cannot be shown yet, in words.
    pub not_assessed: Vec<String>,
    /// Proposals for sharing.
    pub collaborators: Vec<InstituteId>,
    /// Free text.
    pub synopsis: Option<String>,
    /// Cohorts.
    pub cohorts: Vec<String>,
    /// HPO terms.
    pub phenotype_terms: Vec<String>,
    /// HPO terms of groups.
    pub phenotype_groups: Vec<String>,
    /// LIMS id.
    pub lims_id: Option<String>,
    /// Analysis date.
    pub analysis_date: Option<Timestamp>,
    /// Rank model.
    pub rank_model_version: Option<String>,
    /// Paths by key, absolute.
    pub paths: BTreeMap<String, String>,
    /// Other values by key, as JSON.
    pub settings: BTreeMap<String, String>,
    /// What was noticed and does not stop the load.
    pub notes: Vec<String>,
}

/// Scout's threshold when none is given.
pub const DEFAULT_THRESHOLD: f64 = 5.0;

/// The top level of the file; every other key is checked against the tables above.
#[derive(Deserialize)]
struct Raw {
    owner: Option<Value>,
    #[serde(alias = "case_id")]
    family: Option<Value>,
    #[serde(alias = "individuals")]
    samples: Option<Value>,
    genome_build: Option<Value>,
    human_genome_build: Option<Value>,
    #[serde(alias = "display_name")]
    family_name: Option<Value>,
    track: Option<Value>,
    status: Option<Value>,
    synopsis: Option<Value>,
    analysis_date: Option<Value>,
    lims_id: Option<Value>,
    rank_score_threshold: Option<Value>,
    gene_panels: Option<Value>,
    #[serde(alias = "default_panels")]
    default_gene_panels: Option<Value>,
    collaborators: Option<Value>,
    cohorts: Option<Value>,
    phenotype_terms: Option<Value>,
    phenotype_groups: Option<Value>,
    vcf_snv: Option<Value>,
    omics_files: Option<Value>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Knows which file is read, so that every error can say so.
pub(super) struct Reader<'a> {
    source: String,
    pub(super) folder: &'a Path,
    pub(super) notes: Vec<String>,
}

pub(super) type Read<T> = Result<T, ConfigError>;

impl CaseConfig {
    /// Address of the person that the file hands the case to.
    #[must_use]
    pub fn assignee(&self) -> Option<&str> {
        self.settings.get("assignee").map(|json| json.trim_matches('"')).filter(|name| !name.is_empty())
    }

    /// Reads and checks a load configuration. Files in it are relative to its own folder.
    pub fn read(path: &Path) -> Read<Self> {
        let source = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::File { path: source.clone(), reason: error.to_string() })?;
        Self::parse(&text, &source, path.parent().unwrap_or(Path::new(".")))
    }

    /// Checks the text of a load configuration; `folder` is where relative files are.
    pub fn parse(text: &str, source: &str, folder: &Path) -> Read<Self> {
        let malformed = |reason: String| ConfigError::Malformed { path: source.to_owned(), reason };
        let raw: Raw = serde_yaml_ng::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let mut reader = Reader { source: source.to_owned(), folder, notes: Vec::new() };
        reader.case(raw)
    }
}

impl Reader<'_> {
    pub(super) fn error(&self, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Key { path: self.source.clone(), key: key.to_owned(), reason: reason.into() }
    }

    fn case(&mut self, mut raw: Raw) -> Read<CaseConfig> {
        let owner = self.required(raw.owner.take(), "owner", "the institute's id")?;
        let owner: InstituteId = owner.parse().map_err(|error| self.error("owner", format!("{error}")))?;
        let family = self.required(raw.family.take(), "family", "the name of the case")?;
        let name = self.text(raw.family_name.take(), "family_name")?;
        let (key, name) = name.map_or(("family", family.clone()), |name| ("family_name", name));
        let name: CaseName = name.parse().map_err(|error| self.error(key, format!("{error}")))?;
        let build = self.build(raw.human_genome_build.take(), raw.genome_build.take())?;
        let individuals = self.individuals(raw.samples.take())?;
        let default_panels = self.list(raw.default_gene_panels.take(), "default_gene_panels")?;
        let mut panels = self.list(raw.gene_panels.take(), "gene_panels")?;
        for name in &default_panels {
            if !panels.contains(name) {
                panels.push(name.clone());
            }
        }
        let (paths, settings, not_assessed, snv_files) =
            self.deliveries(raw.vcf_snv.take(), raw.omics_files.take(), std::mem::take(&mut raw.others))?;
        let collaborators = self
            .list(raw.collaborators.take(), "collaborators")?
            .iter()
            .map(|id| id.parse::<InstituteId>().map_err(|error| self.error("collaborators", error.to_string())))
            .collect::<Read<Vec<_>>>()?;
        Ok(CaseConfig {
            build,
            name,
            family,
            individuals,
            panels,
            default_panels,
            snv_files,
            not_assessed,
            paths,
            track: self.track(raw.track.take())?,
            status: self.status(raw.status.take())?,
            threshold: self.threshold(raw.rank_score_threshold.take())?,
            collaborators: collaborators.into_iter().filter(|institute| *institute != owner).collect(),
            owner,
            synopsis: self.synopsis(raw.synopsis.take())?,
            cohorts: self.cohorts(raw.cohorts.take())?,
            phenotype_terms: self.list(raw.phenotype_terms.take(), "phenotype_terms")?,
            phenotype_groups: self.list(raw.phenotype_groups.take(), "phenotype_groups")?,
            lims_id: self.text(raw.lims_id.take(), "lims_id")?,
            analysis_date: self.date(raw.analysis_date.take())?,
            rank_model_version: settings.get("rank_model_version").map(|json| json.trim_matches('"').to_owned()),
            settings,
            source: self.source.clone(),
            notes: std::mem::take(&mut self.notes),
        })
    }

    /// Cohorts under names that people could give them; others are left out with a note.
    fn cohorts(&mut self, value: Option<Value>) -> Read<Vec<String>> {
        let mut cohorts = Vec::new();
        for name in self.list(value, "cohorts")? {
            match name.parse::<CaseLabel>() {
                Ok(label) => cohorts.push(label.to_string()),
                Err(error) => self.notes.push(format!("cohorts: left out, as {error}")),
            }
        }
        cohorts.sort_unstable();
        cohorts.dedup();
        Ok(cohorts)
    }

    /// A scalar as text; null and empty text count as absent.
    pub(super) fn text(&self, value: Option<Value>, key: &str) -> Read<Option<String>> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(value)) => Ok(Some(value.to_string())),
            Some(_) => Err(self.error(key, "one value is wanted here, not a list or a mapping")),
        }
    }

    pub(super) fn required(&self, value: Option<Value>, key: &str, what: &str) -> Read<String> {
        self.text(value, key)?.ok_or_else(|| self.error(key, format!("this key is missing: give {what}")))
    }

    /// A list of scalars; one scalar counts as a list of one.
    pub(super) fn list(&self, value: Option<Value>, key: &str) -> Read<Vec<String>> {
        let items = match value {
            Some(Value::Sequence(items)) => items,
            Some(single) => vec![single],
            None => Vec::new(),
        };
        let mut texts = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            texts.extend(self.text(Some(item), &format!("{key}[{index}]"))?);
        }
        Ok(texts)
    }

    fn build(&self, human: Option<Value>, other: Option<Value>) -> Read<GenomeBuild> {
        let key = if human.is_some() { "human_genome_build" } else { "genome_build" };
        let text = self.required(human.or(other), "human_genome_build", "37 or 38")?;
        text.parse().map_err(|error| self.error(key, format!("{error}")))
    }

    fn track(&self, value: Option<Value>) -> Read<Track> {
        match self.text(value, "track")?.as_deref() {
            None | Some("rare") => Ok(Track::Rare),
            Some("cancer") => Ok(Track::Cancer),
            Some(other) => Err(self.error("track", format!("`{other}` is not a track; use rare or cancer"))),
        }
    }

    fn status(&self, value: Option<Value>) -> Read<Option<Status>> {
        let Some(text) = self.text(value, "status")? else { return Ok(None) };
        let found = Status::parse(&text);
        found.map(Some).ok_or_else(|| {
            let known = Status::ALL.map(Status::as_str).join(", ");
            self.error("status", format!("`{text}` is not a status; use one of {known}"))
        })
    }

    fn threshold(&self, value: Option<Value>) -> Read<f64> {
        let Some(text) = self.text(value, "rank_score_threshold")? else { return Ok(DEFAULT_THRESHOLD) };
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.error("rank_score_threshold", format!("`{text}` is not a number"))),
        }
    }

    fn synopsis(&self, value: Option<Value>) -> Read<Option<String>> {
        let parts = self.list(value, "synopsis")?;
        let last = parts.len().saturating_sub(1);
        let sentences: Vec<&str> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| if at < last { part.trim_end_matches('.') } else { part.as_str() })
            .collect();
        Ok(Some(sentences.join(". ")).filter(|text| !text.is_empty()))
    }

    /// Scout takes today's date for one it cannot read; a wrong date is worse than none.
    fn date(&mut self, value: Option<Value>) -> Read<Option<Timestamp>> {
        let Some(text) = self.text(value, "analysis_date")? else { return Ok(None) };
        let parsed = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text
                .parse::<DateTime>()
                .or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M:%S", &text))
                .or_else(|_| text.parse::<Date>().map(DateTime::from))
                .ok()?;
            civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        });
        if parsed.is_none() {
            self.notes
                .push(format!("analysis_date: `{text}` is not a date (2026-01-31 or 2026-01-31 14:00:00); left empty"));
        }
        Ok(parsed)
    }

    /// A file that must be there. Web addresses are kept as they are and never fetched.
    fn path(&self, value: Value, key: &str) -> Read<Option<String>> {
        let Some(text) = self.text(Some(value), key)? else { return Ok(None) };
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Some(text));
        }
        let path = self.folder.join(&text);
        if !path.exists() {
            return Err(self.error(
                key,
                format!("{} does not exist; files are relative to the configuration's folder", path.display()),
            ));
        }
        Ok(Some(std::path::absolute(&path).unwrap_or(path).display().to_string()))
    }

    /// Sorts what was delivered into files, settings and lists; `vcf_snv` and `vcf_snv_mt` are read.
    #[expect(clippy::type_complexity, reason = "four parts of one configuration, taken apart at once")]
    fn deliveries(
        &self,
        vcf_snv: Option<Value>,
        omics: Option<Value>,
        others: BTreeMap<String, Value>,
    ) -> Read<(BTreeMap<String, String>, BTreeMap<String, String>, Vec<String>, Vec<PathBuf>)> {
        let (mut paths, mut settings, mut not_assessed) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        if let Some(value) = vcf_snv
            && let Some(path) = self.path(value, "vcf_snv")?
        {
            paths.insert("vcf_snv".to_owned(), path);
        }
        for (key, value) in others {
            let words = |table: &'static [(&'static str, &'static str)]| {
                table.iter().find(|(known, _)| *known == key).map(|(_, words)| *words)
            };
            if value.is_null() {
                continue;
            }
            if key == "custom_images" {
                settings.insert(key.clone(), json(&value));
                not_assessed.push("custom images".to_owned());
            } else if let Some(words) = words(&LISTS) {
                if let Some(path) = self.path(value, &key)? {
                    not_assessed.push(words.to_owned());
                    paths.insert(key, path);
                }
            } else if REPORTS.contains(&key.as_str()) {
                let finding = words(&FINDINGS);
                if let Some(path) = self.path(value, &key)? {
                    not_assessed.extend(finding.map(str::to_owned));
                    paths.insert(key, path);
                }
            } else if SETTINGS.contains(&key.as_str()) {
                settings.insert(key, json(&value));
            } else {
                return Err(self.error(&key, "this key is not known; check its spelling"));
            }
        }
        match omics {
            None | Some(Value::Null) => {}
            Some(Value::Mapping(files)) => {
                for (key, value) in files {
                    let key = key.as_str().unwrap_or_default().to_owned();
                    let Some((_, words)) = OMICS.iter().find(|(known, _)| *known == key) else {
                        return Err(
                            self.error(&format!("omics_files.{key}"), "this key is not known; check its spelling")
                        );
                    };
                    if let Some(path) = self.path(value, &format!("omics_files.{key}"))? {
                        not_assessed.push((*words).to_owned());
                        paths.insert(format!("omics_files.{key}"), path);
                    }
                }
            }
            Some(_) => return Err(self.error("omics_files", "a mapping of files is wanted here")),
        }
        let snv_files = ["vcf_snv_mt", "vcf_snv"].iter().filter_map(|key| paths.get(*key)).map(PathBuf::from).collect();
        Ok((paths, settings, not_assessed, snv_files))
    }
}

pub(super) fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIO: &str = "
owner: cust000
family: F1
family_name: '1'
human_genome_build: GRCh37
samples:
  - {sample_id: mum, sex: female, phenotype: unaffected}
  - {sample_id: kid, sex: male, phenotype: affected, father: dad, mother: mum, capture_kit: K1}
  - {sample_id: dad, sex: male, phenotype: unaffected, father: '0'}
";

    fn parse(text: &str) -> Read<CaseConfig> {
        CaseConfig::parse(text, "case.yaml", Path::new("/nowhere"))
    }

    #[test]
    fn a_trio_is_read_in_page_order() {
        let case = parse(TRIO).unwrap();
        let ids: Vec<_> = case.individuals.iter().map(|individual| individual.individual_id.as_str()).collect();
        assert_eq!(ids, ["kid", "mum", "dad"]);
        assert_eq!(case.individuals[2].father, None);
        assert_eq!(case.individuals[0].capture_kits, ["K1"]);
        assert!((case.threshold - 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_threshold_of_zero_is_zero() {
        let case = parse(&format!("{TRIO}rank_score_threshold: 0\n")).unwrap();
        assert!(case.threshold.abs() < f64::EPSILON);
    }

    #[test]
    fn every_error_names_its_key() {
        for (text, key) in [
            ("family: F1", "owner"),
            ("owner: cust000\nfamily: F1\nhuman_genome_build: 37", "samples"),
            ("owner: cust000\nfamily: F1\nhuman_genome_build: 36\nsamples: [{}]", "human_genome_build"),
            ("owner: CUST\nfamily: F1", "owner"),
            (&TRIO.replace("sex: female", "sex: woman"), "samples[0].sex"),
            (&TRIO.replace("father: dad", "father: bob"), "samples[1].father"),
            (&TRIO.replace("mother: mum", "mother: dad"), "samples[1].mother"),
            (&TRIO.replace("sample_id: dad", "sample_id: mum"), "samples[2].sample_id"),
            (&format!("{TRIO}vcf_svn: x.vcf"), "vcf_svn"),
            (&format!("{TRIO}vcf_snv: x.vcf"), "vcf_snv"),
            (&format!("{TRIO}omics_files: {{fraaser: x}}"), "omics_files.fraaser"),
            (&format!("{TRIO}track: common"), "track"),
            (&format!("{TRIO}status: new"), "status"),
            (&format!("{TRIO}rank_score_threshold: high"), "rank_score_threshold"),
            (&TRIO.replace("capture_kit: K1", "kit: K1"), "samples[1].kit"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("case.yaml: {key}:")), "{key}: {error}");
        }
    }

    #[test]
    fn malformed_yaml_names_the_line() {
        let error = parse("owner: [").unwrap_err().to_string();
        assert!(error.contains("line"), "{error}");
    }

    #[test]
    fn lists_this_version_cannot_show_are_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.vcf"), "").unwrap();
        let text = format!("{TRIO}vcf_sv: x.vcf\nvcf_str: x.vcf\nsmn_tsv: x.vcf\nomics_files: {{fraser: x.vcf}}\n");
        let case = CaseConfig::parse(&text, "case.yaml", folder.path()).unwrap();
        assert_eq!(
            case.not_assessed,
            ["SMN copy numbers", "short tandem repeats", "structural variants", "splicing outliers (FRASER)"]
        );
        assert!(case.snv_files.is_empty());
    }

    #[test]
    fn an_unreadable_date_is_noted_and_left_empty() {
        let case = parse(&format!("{TRIO}analysis_date: yesterday\n")).unwrap();
        assert_eq!(case.analysis_date, None);
        assert_eq!(case.notes.len(), 1);
        let case = parse(&format!("{TRIO}analysis_date: 2016-10-12 14:00:46\n")).unwrap();
        assert_eq!(case.analysis_date.unwrap().to_string(), "2016-10-12T14:00:46Z");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }
    }
}
