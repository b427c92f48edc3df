use std::io;

use serde::{Deserialize, Serialize};

/// Something in the file that is not as it should be, and what was made of it. The file is read on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Line of the text file, counted from 1; for BCF the line of the header or the number of the record.
    pub line: u64,
    /// `POS`, `INFO/CADD`, `FORMAT/AD`, `##INFO DP` and so on.
    pub field: String,
    /// What is wrong, what was done about it, and where it is not obvious what to do.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, {}: {}", self.line, self.field, self.message)
    }
}

/// Why a file cannot be read on. Each reads as a sentence that names file, place and remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VcfError {
    /// The file does not open.
    #[error("{file} cannot be opened: {source}; check the path and whether this user may read it")]
    Open {
        /// As given.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Reading failed half way.
    #[error("{file}, after line {line}: reading failed: {source}; check the disk or the network and load again")]
    Io {
        /// As given.
        file: String,
        /// Last line read whole.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The content is something else.
    #[error("{file} is not a VCF file: {reason}")]
    NotVcf {
        /// As given.
        file: String,
        /// What was found and what to do.
        reason: String,
    },
    /// Compressed data end too early.
    #[error("{file}, after line {line}: the file is cut short ({message}); copy or compress it again")]
    Truncated {
        /// As given.
        file: String,
        /// Last line read whole.
        line: u64,
        /// How it shows.
        message: String,
    },
    /// Compressed data are wrong.
    #[error("{file}, after line {line}: the compressed data are damaged ({message}); copy or compress the file again")]
    Damaged {
        /// As given.
        file: String,
        /// Last line read whole.
        line: u64,
        /// How it shows.
        message: String,
    },
    /// The header ends without a `#CHROM` line.
    #[error("{file}, line {line}, #CHROM: {message}")]
    NoColumnLine {
        /// As given.
        file: String,
        /// Where it should have been.
        line: u64,
        /// What was found and what to do.
        message: String,
    },
    /// The `#CHROM` line is not as the specification has it.
    #[error("{file}, line {line}, #CHROM: {message}")]
    ColumnLine {
        /// As given.
        file: String,
        /// The line.
        line: u64,
        /// What is wrong and what to do.
        message: String,
    },
    /// A sample name occurs twice.
    #[error(
        "{file}, line {line}, #CHROM: the sample name `{name}` occurs twice, so its columns cannot be told apart; rename one"
    )]
    DuplicateSample {
        /// As given.
        file: String,
        /// The line.
        line: u64,
        /// The name.
        name: String,
    },
    /// A record has too few or too many columns.
    #[error(
        "{file}, line {line}, columns: {found} columns where the #CHROM line names {expected}; \
         columns are separated by tabs, and the file may be cut short or edited by hand"
    )]
    Columns {
        /// As given.
        file: String,
        /// The line.
        line: u64,
        /// As many as the `#CHROM` line has.
        expected: usize,
        /// As many as the record has.
        found: usize,
    },
    /// A header line among the records.
    #[error(
        "{file}, line {line}, CHROM: a header line among the records; files that were put together end to end \
         cannot be read safely, join them with `bcftools concat`"
    )]
    HeaderAmidRecords {
        /// As given.
        file: String,
        /// The line.
        line: u64,
    },
    /// A line is longer than the limit.
    #[error("{file}, line {line}: the line is longer than {limit} bytes; the file is damaged or not a VCF")]
    LineTooLong {
        /// As given.
        file: String,
        /// The line.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// More of something than the limit.
    #[error(
        "{file}, line {line}, {field}: {found} entries, more than the {limit} that are read; the file is damaged or not meant for a case"
    )]
    TooMany {
        /// As given.
        file: String,
        /// The line.
        line: u64,
        /// What there is too much of.
        field: String,
        /// The limit.
        limit: usize,
        /// What was found (or where counting stopped).
        found: usize,
    },
    /// BCF that does not decode.
    #[error("{file}, record {record}, {field}: {message}; the BCF is damaged, write it again with `bcftools view -Ob`")]
    Bcf {
        /// As given.
        file: String,
        /// Number of the record, 0 for the header.
        record: u64,
        /// Part of the record.
        field: String,
        /// What is wrong.
        message: String,
    },
}

/// Faults of one line, with a bound so that a hostile line cannot fill the memory.
#[derive(Debug)]
pub(super) struct Faults {
    line: u64,
    list: Vec<Fault>,
    left_out: usize,
    limit: usize,
}

impl Faults {
    /// A record names at most this many faults one by one.
    const PER_RECORD: usize = 50;

    pub(super) fn new(line: u64) -> Self {
        Self { line, list: Vec::new(), left_out: 0, limit: Self::PER_RECORD }
    }

    pub(super) fn with_limit(limit: usize) -> Self {
        Self { limit, ..Self::new(1) }
    }

    pub(super) fn at_line(&mut self, line: u64) {
        self.line = line;
    }

    pub(super) fn push(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.list.len() < self.limit {
            self.list.push(Fault { line: self.line, field: field.into(), message: message.into() });
        } else {
            self.left_out += 1;
        }
    }

    /// The same fault is not named for every allele or sample of a record.
    pub(super) fn push_once(&mut self, field: &str, message: impl Into<String>) {
        let message = message.into();
        if !self.list.iter().any(|fault| fault.field == field && fault.message == message) {
            self.push(field, message);
        }
    }

    pub(super) fn into_list(mut self) -> Vec<Fault> {
        if self.left_out > 0 {
            self.list.push(Fault {
                line: self.line,
                field: "…".to_owned(),
                message: format!("{} more faults here are not listed", self.left_out),
            });
        }
        self.list
    }
}

/// A value as it is quoted in a sentence: short, on one line.
pub(super) fn quote(value: &str) -> String {
    const SHOWN: usize = 40;
    let mut text: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    format!("`{text}`")
}
