use std::collections::HashMap;

use super::check;
use super::csq::CsqLayout;
use super::error::{Faults, quote};
use super::info::InfoKey;
use super::meta::Structured;
use super::reader::Limits;
use super::{Fault, VcfError, reserved};
use crate::genome::GenomeBuild;

/// How many values a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// That many; 0 for flags.
    Count(u32),
    /// One per alternative allele.
    A,
    /// One per allele, the reference first.
    R,
    /// One per possible genotype.
    G,
    /// Not fixed, or fixed by a rule that is not checked here (`.`, and `P`, `LA`, `LR`, `LG`, `M` of VCF 4.4 and 4.5).
    Unknown,
}

/// What kind of value a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Kind {
    Integer,
    Float,
    Flag,
    Character,
    String,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "Integer",
            Self::Float => "Float",
            Self::Flag => "Flag",
            Self::Character => "Character",
            Self::String => "String",
        }
    }
}

/// What the header says about an INFO or FORMAT key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The key.
    pub id: String,
    /// Values expected; `None` when the header's word for it is unknown.
    pub number: Option<Number>,
    /// Kind of value; `None` when the header's word for it is unknown.
    pub kind: Option<Kind>,
    /// Text for people.
    pub description: String,
}

/// A contig the header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contig {
    /// As written.
    pub name: String,
    /// Bases, when stated.
    pub length: Option<u64>,
}

/// The laboratory's own archive of observations, as far as the header describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveInfo {
    /// Description of INFO `Obs`.
    pub description: Option<String>,
    /// `##NrCases`: cases in the archive at the time.
    pub cases: Option<u64>,
    /// Date of loqusdb's `##Software` line.
    pub date: Option<String>,
}

/// A program that wrote or annotated the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Software {
    /// `VEP`, `SnpEff`, `genmod`.
    pub name: String,
    /// What the header says about it: a version, for VEP with its data sources.
    pub version: String,
}

/// What the header of a file says.
#[derive(Debug, Clone, Default)]
pub struct VcfHeader {
    /// `VCFv4.2`; empty when the file does not say.
    pub file_format: String,
    /// Sample names in the order of the file.
    pub samples: Vec<String>,
    /// Contigs in the order of the header.
    pub contigs: Vec<Contig>,
    /// `##reference`.
    pub reference: Option<String>,
    /// Names of VEP's CSQ columns as written; empty when there is no CSQ.
    pub csq_keys: Vec<String>,
    /// Whether the header describes `SnpEff`'s ANN.
    pub has_ann: bool,
    /// Categories of the rank model, from the Description of INFO `RankResult`.
    pub rank_categories: Vec<String>,
    /// The laboratory's own archive.
    pub local_archive: ArchiveInfo,
    /// Programs and annotation versions worth showing.
    pub software: Vec<Software>,
    /// INFO keys.
    pub infos: Vec<Definition>,
    /// FORMAT keys.
    pub formats: Vec<Definition>,
    /// What in the header is not as it should be.
    pub faults: Vec<Fault>,
    pub(super) keys: Keys,
}

/// What every record needs of the header, looked up by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    pub(super) version: (u8, u8),
    pub(super) info: HashMap<String, InfoFacts>,
    pub(super) format: HashMap<String, FormatFacts>,
    pub(super) info_number: Vec<Option<Number>>,
    pub(super) csq: Option<CsqLayout>,
    pub(super) callers: Vec<String>,
    pub(super) has_format: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct InfoFacts {
    /// Consecutive from 0, for [`super::info::Seen`].
    pub(super) id: usize,
    pub(super) number: Option<Number>,
    pub(super) kind: Option<Kind>,
    pub(super) declared: bool,
    pub(super) is_count: bool,
    pub(super) slot: Option<InfoKey>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FormatFacts {
    pub(super) number: Option<Number>,
    pub(super) kind: Option<Kind>,
    pub(super) declared: bool,
}

/// Most columns of CSQ or categories of a rank model.
const MOST: usize = 1_000;

/// The eight fixed columns.
const COLUMNS: [&str; 8] = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"];

/// Meta lines that name a program and its version.
const SOFTWARE_LINES: [(&str, &str); 7] = [
    ("VEP", "VEP"),
    ("SnpEffVersion", "SnpEff"),
    ("SnpSiftVersion", "SnpSift"),
    ("source", "source"),
    ("bcftools_callVersion", "bcftools call"),
    ("bcftools_normVersion", "bcftools norm"),
    ("samtoolsVersion", "samtools"),
];

/// Collects header lines until the `#CHROM` line.
pub(super) struct HeaderBuilder {
    file: String,
    header: VcfHeader,
    faults: Faults,
    limits: Limits,
    bytes: usize,
}

impl HeaderBuilder {
    /// A header names at most this many faults one by one.
    const FAULTS: usize = 200;

    pub(super) fn new(file: &str, limits: &Limits) -> Self {
        Self {
            file: file.to_owned(),
            header: VcfHeader { keys: Keys { version: (4, 2), ..Keys::default() }, ..VcfHeader::default() },
            faults: Faults::with_limit(Self::FAULTS),
            limits: limits.clone(),
            bytes: 0,
        }
    }

    pub(super) fn fault(&mut self, line: u64, field: &str, message: &str) {
        self.faults.at_line(line);
        self.faults.push_once(field, message);
    }

    /// Takes one line; `true` when it was the `#CHROM` line.
    pub(super) fn line(&mut self, number: u64, text: &str) -> Result<bool, VcfError> {
        self.faults.at_line(number);
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > self.limits.header_bytes {
            return Err(VcfError::TooMany {
                file: self.file.clone(),
                line: number,
                field: "header bytes".to_owned(),
                limit: self.limits.header_bytes,
                found: self.bytes,
            });
        }
        if let Some(meta) = text.strip_prefix("##") {
            if number == 1 && !meta.starts_with("fileformat=") {
                self.faults.push("##fileformat", "the first line must say `##fileformat=VCFv4.x`; read as VCF 4.2");
            }
            self.meta(meta);
            return Ok(false);
        }
        if text.starts_with('#') {
            if self.header.file_format.is_empty() && number == 1 {
                self.faults.push("##fileformat", "the first line must say `##fileformat=VCFv4.x`; read as VCF 4.2");
            }
            self.columns(number, text)?;
            return Ok(true);
        }
        if number == 1 {
            let reason = if text.is_empty() {
                "its first line is empty".to_owned()
            } else {
                format!("its first line begins with {} and not with `##fileformat=VCF`", quote(text))
            };
            return Err(VcfError::NotVcf { file: self.file.clone(), reason });
        }
        if text.is_empty() {
            self.faults.push_once("header", "an empty line in the header; skipped");
            return Ok(false);
        }
        Err(VcfError::NoColumnLine {
            file: self.file.clone(),
            line: number,
            message: format!(
                "the line begins with {}, and neither is it a header line nor has the #CHROM line been seen; \
                 repair the header with `bcftools reheader`",
                quote(text)
            ),
        })
    }

    fn columns(&mut self, number: u64, text: &str) -> Result<(), VcfError> {
        let column_line = |message: String| VcfError::ColumnLine { file: self.file.clone(), line: number, message };
        let found = text.bytes().filter(|&byte| byte == b'\t').count() + 1;
        if found > self.limits.samples.saturating_add(COLUMNS.len() + 1) {
            return Err(VcfError::TooMany {
                file: self.file.clone(),
                line: number,
                field: "samples".to_owned(),
                limit: self.limits.samples,
                found: found - COLUMNS.len() - 1,
            });
        }
        let names: Vec<&str> = text.split('\t').collect();
        if names.len() == 1 && text.split_whitespace().count() >= COLUMNS.len() {
            return Err(column_line("columns are separated by blanks; they must be separated by tabs".to_owned()));
        }
        for (at, expected) in COLUMNS.iter().enumerate() {
            match names.get(at) {
                Some(name) if name == expected => {}
                found => {
                    return Err(column_line(format!(
                        "column {} must be {expected} and is {}",
                        at + 1,
                        found.map_or_else(|| "missing".to_owned(), |name| quote(name)),
                    )));
                }
            }
        }
        match names.get(COLUMNS.len()) {
            None => {}
            Some(&"FORMAT") => {
                let samples = &names[COLUMNS.len() + 1..];
                if samples.is_empty() {
                    self.faults.push(
                        "#CHROM",
                        "there is a FORMAT column and no sample after it; read as a file without samples",
                    );
                }
                let mut seen = std::collections::HashSet::with_capacity(samples.len());
                for name in samples {
                    if name.trim().is_empty() {
                        return Err(column_line("a sample has no name; every sample column needs one".to_owned()));
                    }
                    if !seen.insert(*name) {
                        return Err(VcfError::DuplicateSample {
                            file: self.file.clone(),
                            line: number,
                            name: (*name).to_owned(),
                        });
                    }
                }
                self.header.samples = samples.iter().map(|&name| name.to_owned()).collect();
            }
            Some(name) => return Err(column_line(format!("column 9 must be FORMAT and is {}", quote(name)))),
        }
        self.header.keys.has_format = names.len() > COLUMNS.len();
        Ok(())
    }

    fn meta(&mut self, meta: &str) {
        let Some((key, value)) = meta.split_once('=') else {
            self.faults.push(format!("##{}", quote(meta)), "the line is not of the form `##key=value`; ignored");
            return;
        };
        check::meta_line(key, value, self.header.keys.version, &mut self.faults);
        match key {
            "fileformat" => {
                value.clone_into(&mut self.header.file_format);
                if let Some(version) = version(value) {
                    self.header.keys.version = version;
                } else {
                    self.faults
                        .push("##fileformat", format!("{} is not a version of VCF 4; read as VCF 4.2", quote(value)));
                }
            }
            "INFO" | "FORMAT" => self.definition(key, value),
            "contig" => {
                if let Some(line) = Structured::parse(value)
                    && let Some(name) = line.value("ID")
                    && self.header.contigs.len() < self.limits.contigs
                {
                    let length = line.value("length").and_then(|text| text.parse().ok());
                    self.header.contigs.push(Contig { name: name.to_owned(), length });
                }
            }
            "reference" => self.header.reference = Some(value.to_owned()),
            "NrCases" => match value.trim().parse() {
                Ok(cases) => self.header.local_archive.cases = Some(cases),
                Err(_) => self.faults.push("##NrCases", format!("{} is not a whole number; ignored", quote(value))),
            },
            "Software" => self.software(value),
            _ if key.starts_with("GATKCommandLine") => {
                if let Some((_, list)) = value.split_once("rod_priority_list=") {
                    let end = list.find([' ', '"']).unwrap_or(list.len());
                    let names = list[..end].split(',').filter(|name| !name.is_empty() && *name != "null");
                    self.header.keys.callers = names.map(str::to_owned).collect();
                }
            }
            _ => {
                if let Some((_, name)) = SOFTWARE_LINES.iter().find(|(line, _)| *line == key)
                    && self.header.software.len() < MOST
                {
                    let version = value.replace('"', "");
                    self.header.software.push(Software { name: (*name).to_owned(), version });
                }
            }
        }
    }

    fn software(&mut self, value: &str) {
        if self.header.software.len() >= MOST {
            return;
        }
        let Some(line) = Structured::parse(value) else { return };
        let Some(name) = line.value("ID") else { return };
        if name.starts_with("loqusdb")
            && let Some(date) = line.value("Date")
        {
            self.header.local_archive.date = Some(date.to_owned());
        }
        let version = line.value("Version").unwrap_or_default().to_owned();
        self.header.software.push(Software { name: name.to_owned(), version });
    }

    fn definition(&mut self, key: &str, value: &str) {
        let Some(line) = Structured::parse(value) else { return };
        let Some(id) = line.value("ID").filter(|id| !id.is_empty()) else { return };
        let definition = Definition {
            id: id.to_owned(),
            number: line.value("Number").and_then(number),
            kind: line.value("Type").and_then(kind),
            description: line.value("Description").unwrap_or_default().to_owned(),
        };
        let list = if key == "INFO" { &mut self.header.infos } else { &mut self.header.formats };
        if list.len() >= self.limits.definitions {
            self.faults.push_once(&format!("##{key}"), "more definitions than are read; the rest is ignored");
            return;
        }
        list.push(definition);
    }

    /// The finished header. `build` is what the case says; a file of the other build is named.
    pub(super) fn finish(mut self, build: GenomeBuild) -> VcfHeader {
        let version = self.header.keys.version;
        self.faults.at_line(1);
        let blank = InfoFacts { id: 0, number: None, kind: None, declared: false, is_count: false, slot: None };
        for (name, value) in InfoKey::ALL {
            let facts = InfoFacts { id: self.header.keys.info.len(), slot: Some(*value), ..blank };
            self.header.keys.info.insert((*name).to_owned(), facts);
        }
        for name in RESERVED_INFO {
            let Some((number, kind)) = reserved::info(name, version) else { continue };
            let id = self.header.keys.info.len();
            let entry = self.header.keys.info.entry(name.to_owned()).or_insert(InfoFacts { id, ..blank });
            *entry = InfoFacts { number: Some(number), kind, is_count: reserved::is_count(name), ..*entry };
        }
        for definition in &self.header.infos {
            let id = self.header.keys.info.len();
            let entry = self.header.keys.info.entry(definition.id.clone()).or_insert(InfoFacts { id, ..blank });
            if entry.declared {
                self.faults
                    .push(format!("##INFO {}", quote(&definition.id)), "described twice; the first description counts");
                continue;
            }
            *entry = InfoFacts { number: definition.number, kind: definition.kind, declared: true, ..*entry };
        }
        self.header.keys.info_number = InfoKey::ALL
            .iter()
            .map(|(name, _)| self.header.keys.info.get(*name).and_then(|facts| facts.number))
            .collect();
        for id in RESERVED_FORMAT {
            if let Some((number, kind)) = reserved::format(id, version) {
                let facts = FormatFacts { number: Some(number), kind, declared: false };
                self.header.keys.format.insert(id.to_owned(), facts);
            }
        }
        for definition in &self.header.formats {
            let facts = FormatFacts { number: definition.number, kind: definition.kind, declared: true };
            if let Some(FormatFacts { declared: true, .. }) =
                self.header.keys.format.insert(definition.id.clone(), facts)
            {
                self.faults.push(
                    format!("##FORMAT {}", quote(&definition.id)),
                    "described twice; the last description counts",
                );
            }
        }
        self.annotations();
        self.compare_build(build);
        self.header.faults = std::mem::replace(&mut self.faults, Faults::new(0)).into_list();
        self.header
    }

    fn annotations(&mut self) {
        let description =
            |id: &str| self.header.infos.iter().find(|info| info.id == id).map(|info| info.description.clone());
        self.header.has_ann = description("ANN").is_some();
        if let Some(description) = description("RankResult") {
            self.header.rank_categories =
                description.split('|').take(MOST).map(|name| name.trim().to_owned()).collect();
        }
        self.header.local_archive.description = description("Obs");
        if let Some(description) = description("CSQ") {
            if let Some((_, format)) = description.split_once("Format:") {
                let keys = format.trim().trim_matches(['"', '\'']).split('|');
                self.header.csq_keys = keys.take(MOST).map(|key| key.trim().to_owned()).collect();
                self.header.keys.csq = Some(CsqLayout::new(&self.header.csq_keys));
            } else {
                self.faults.push(
                    "##INFO CSQ",
                    "the description does not say `Format: Allele|Consequence|…`, so the annotation cannot be read; \
                     run VEP again or restore the header line",
                );
            }
        }
    }

    /// Lengths of chromosome 1 tell the two builds apart.
    fn compare_build(&mut self, build: GenomeBuild) {
        const LENGTHS: [(u64, GenomeBuild); 2] =
            [(249_250_621, GenomeBuild::Grch37), (248_956_422, GenomeBuild::Grch38)];
        let first = self.header.contigs.iter().find(|contig| matches!(contig.name.as_str(), "1" | "chr1"));
        let Some(length) = first.and_then(|contig| contig.length) else { return };
        if let Some((_, found)) = LENGTHS.iter().find(|(known, _)| *known == length)
            && *found != build
        {
            self.faults.push(
                "##contig",
                format!(
                    "chromosome 1 has {length} bases as in {}, but the case is on {}; check genome_build of the case",
                    found.name(),
                    build.name()
                ),
            );
        }
    }
}

const RESERVED_INFO: [&str; 20] = [
    "AA",
    "AC",
    "AD",
    "ADF",
    "ADR",
    "AF",
    "AN",
    "BQ",
    "CIGAR",
    "DB",
    "DP",
    "END",
    "H2",
    "H3",
    "MQ",
    "MQ0",
    "NS",
    "SOMATIC",
    "VALIDATED",
    "1000G",
];

const RESERVED_FORMAT: [&str; 16] =
    ["AD", "ADF", "ADR", "DP", "EC", "FT", "GL", "GLE", "GP", "GQ", "GT", "HQ", "MQ", "PL", "PQ", "PS"];

fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.strip_prefix("VCFv")?.split_once('.')?;
    if major != "4" || minor.is_empty() || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((4, minor.parse().ok()?))
}

pub(super) fn number(text: &str) -> Option<Number> {
    Some(match text {
        "A" => Number::A,
        "R" => Number::R,
        "G" => Number::G,
        "." | "P" | "LA" | "LR" | "LG" | "M" => Number::Unknown,
        _ => Number::Count(text.parse().ok()?),
    })
}

pub(super) fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "Integer" => Kind::Integer,
        "Float" => Kind::Float,
        "Flag" => Kind::Flag,
        "Character" => Kind::Character,
        "String" => Kind::String,
        _ => return None,
    })
}
