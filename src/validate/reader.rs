use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::consequence::AnnotationLayout;

/// A VCF as the second reader understands it: one entry for every alternative allele of every record.
#[derive(Debug, Clone, PartialEq)]
pub struct IndependentVcf {
    /// Sample names in the order of the columns.
    pub samples: Vec<String>,
    /// Number of records (lines).
    pub records: usize,
    /// Alleles in the order of the file.
    pub variants: Vec<ExpectedVariant>,
}

/// One alternative allele of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedVariant {
    /// Line of the record in the file, counted from 1.
    pub line: usize,
    /// `1`–`22`, `X`, `Y`, `MT` or another contig's name, without `chr`.
    pub chromosome: String,
    /// 1-based, as in the file.
    pub position: u32,
    /// As in the file.
    pub reference: String,
    /// As in the file.
    pub alternative: String,
    /// Most severe consequence on any transcript of any gene; `None` if there is none or it cannot be told which allele is meant.
    pub consequence: Option<String>,
    /// INFO `RankScore`: family and score, as many as the record has.
    pub rank_scores: Vec<(String, f64)>,
    /// One for each of [`IndependentVcf::samples`].
    pub calls: Vec<ExpectedCall>,
}

impl ExpectedVariant {
    /// `chromosome_position_reference_alternative`.
    #[must_use]
    pub fn simple_id(&self) -> String {
        format!("{}_{}_{}_{}", self.chromosome, self.position, self.reference, self.alternative)
    }

    /// The rank score that counts for a case: the one under its family, else under its name, else the only one.
    #[must_use]
    pub fn rank_score(&self, family: &str, family_name: &str) -> Option<f64> {
        let under = |key: &str| self.rank_scores.iter().find(|(known, _)| known == key);
        let only = || self.rank_scores.first().filter(|_| self.rank_scores.len() == 1);
        under(family).or_else(|| under(family_name)).or_else(only).map(|(_, score)| *score)
    }
}

/// What the record says of one sample and one alternative allele.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExpectedCall {
    /// GT as written; `None` without a GT.
    pub genotype: Option<String>,
    /// First number of AD.
    pub ref_depth: Option<u32>,
    /// The number of AD that belongs to this allele.
    pub alt_depth: Option<u32>,
    /// DP, else the sum of AD.
    pub depth: Option<u32>,
    /// GQ.
    pub genotype_quality: Option<f64>,
    /// The record counts reads under other keys than AD and DP (callers of structural variants and repeats, freebayes),
    /// which this reader does not interpret: a missing depth here does not speak against one that is shown.
    pub other_depth_keys: bool,
}

/// Why the file cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("{path} cannot be opened")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file ends or breaks in the middle.
    #[error("line {line} cannot be read")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// There is no line that names the columns.
    #[error("line {line}: a record before the line that starts with #CHROM")]
    NoHeader {
        /// Counted from 1.
        line: usize,
    },
    /// The file has no records and no header.
    #[error("no line starts with #CHROM: this is not a VCF")]
    NotVcf,
    /// A record has too few columns.
    #[error("line {line}: {found} columns where the header names {expected}")]
    Columns {
        /// Counted from 1.
        line: usize,
        /// Columns of the record.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A position is not a number.
    #[error("line {line}: position {text} is not a number")]
    Position {
        /// Counted from 1.
        line: usize,
        /// As written.
        text: String,
    },
}

/// Keys of FORMAT under which callers count reads that are not in AD and DP.
const OTHER_DEPTH_KEYS: [&str; 20] = [
    "VD", "AO", "RO", "SD", "PE", "PR", "DV", "DR", "SR", "RV", "RR", "CLIP5", "CLIP3", "ADSP", "ADFL", "ADIR", "LC",
    "SP", "NR", "NV",
];

/// Reads a whole VCF, plain or compressed (gzip or bgzip).
pub fn read(path: &Path) -> Result<IndependentVcf, ReadError> {
    let open = |source| ReadError::Open { path: path.to_owned(), source };
    let mut input = BufReader::new(File::open(path).map_err(open)?);
    let compressed = input.fill_buf().map_err(open)?.starts_with(&[0x1f, 0x8b]);
    if compressed { parse(BufReader::new(MultiGzDecoder::new(input))) } else { parse(input) }
}

/// BLAKE3 of the file's bytes as they are on disk, in hexadecimal.
pub fn digest(path: &Path) -> Result<String, ReadError> {
    let open = |source| ReadError::Open { path: path.to_owned(), source };
    let mut hasher = blake3::Hasher::new();
    let mut input = File::open(path).map_err(open)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer).map_err(open)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            count => hasher.update(&buffer[..count]),
        };
    }
}

/// Reads a VCF's text.
pub fn parse(mut input: impl BufRead) -> Result<IndependentVcf, ReadError> {
    let (mut csq, mut ann) = (None, None);
    let mut vcf = IndependentVcf { samples: Vec::new(), records: 0, variants: Vec::new() };
    let mut columns = 0;
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes).map_err(|source| ReadError::Line { line, source })? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.starts_with("##INFO=<ID=CSQ,") {
            csq = AnnotationLayout::from_csq(text);
        } else if text.starts_with("##INFO=<ID=ANN,") {
            ann = AnnotationLayout::from_ann(text);
        } else if text.starts_with("#CHROM") {
            columns = text.split('\t').count();
            vcf.samples = text.split('\t').skip(9).map(str::to_owned).collect();
        } else if !text.starts_with('#') && !text.is_empty() {
            if columns == 0 {
                return Err(ReadError::NoHeader { line });
            }
            let fields: Vec<&str> = text.split('\t').collect();
            if fields.len() < columns.max(8) {
                return Err(ReadError::Columns { line, found: fields.len(), expected: columns.max(8) });
            }
            vcf.records += 1;
            record(line, &fields, [csq.as_ref(), ann.as_ref()], &mut vcf)?;
        }
    }
    if columns == 0 { Err(ReadError::NotVcf) } else { Ok(vcf) }
}

fn record(
    line: usize,
    fields: &[&str],
    layouts: [Option<&AnnotationLayout>; 2],
    vcf: &mut IndependentVcf,
) -> Result<(), ReadError> {
    let position = fields[1].parse().map_err(|_| ReadError::Position { line, text: fields[1].to_owned() })?;
    let (reference, alternatives) = (fields[3], fields[4].split(',').collect::<Vec<_>>());
    let info: BTreeMap<&str, &str> =
        fields[7].split(';').map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    let annotation = layouts.into_iter().flatten().find_map(|layout| Some((layout, *info.get(layout.key)?)));
    let rank_scores: Vec<(String, f64)> = info
        .get("RankScore")
        .into_iter()
        .flat_map(|scores| scores.split(','))
        .filter_map(|score| score.rsplit_once(':'))
        .filter_map(|(family, score)| Some((family.to_owned(), score.parse().ok()?)))
        .collect();
    let format: Vec<&str> = fields.get(8).copied().unwrap_or_default().split(':').collect();
    for (nth, alternative) in alternatives.iter().enumerate() {
        let calls = (0..vcf.samples.len()).map(|sample| call(&format, fields[9 + sample], nth)).collect();
        vcf.variants.push(ExpectedVariant {
            line,
            chromosome: chromosome(fields[0]),
            position,
            reference: reference.to_owned(),
            alternative: (*alternative).to_owned(),
            consequence: annotation.and_then(|(layout, text)| layout.most_severe(text, reference, &alternatives, nth)),
            rank_scores: rank_scores.clone(),
            calls,
        });
    }
    Ok(())
}

fn call(format: &[&str], column: &str, nth: usize) -> ExpectedCall {
    let values: Vec<&str> = column.split(':').collect();
    let value = |key: &str| {
        let at = format.iter().position(|known| *known == key)?;
        values.get(at).copied().filter(|value| !value.is_empty())
    };
    let present = |value: &&str| *value != ".";
    let reads: Vec<Option<u32>> =
        value("AD").map(|reads| reads.split(',').map(|count| count.parse().ok()).collect()).unwrap_or_default();
    // The sum is only a depth if every allele's reads are known.
    let sum = || if reads.is_empty() { None } else { reads.iter().copied().sum::<Option<u32>>() };
    ExpectedCall {
        genotype: value("GT").map(str::to_owned),
        ref_depth: reads.first().copied().flatten(),
        alt_depth: reads.get(nth + 1).copied().flatten(),
        depth: value("DP").filter(present).and_then(|depth| depth.parse().ok()).or_else(sum),
        genotype_quality: value("GQ").filter(present).and_then(|quality| quality.parse().ok()),
        other_depth_keys: OTHER_DEPTH_KEYS.iter().any(|key| value(key).as_ref().is_some_and(present)),
    }
}

/// `chr7` and `7`, `chrM`, `M` and `MT` are the same.
pub(super) fn chromosome(name: &str) -> String {
    let bare = if name.len() > 3 && name.is_char_boundary(3) && name[..3].eq_ignore_ascii_case("chr") {
        &name[3..]
    } else {
        name
    };
    match bare {
        "M" | "m" | "mt" | "Mt" => "MT".to_owned(),
        "x" => "X".to_owned(),
        "y" => "Y".to_owned(),
        _ => bare.to_owned(),
    }
}
