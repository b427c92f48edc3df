use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;

use super::bcf::BcfDecoder;
use super::header::HeaderBuilder;
use super::record::RecordParser;
use super::source::{Content, Line, Source};
use super::{Record, VcfError, VcfHeader};
use crate::genome::GenomeBuild;

/// How a file is to be read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Build of the case; a header that says otherwise is named as a fault.
    pub build: GenomeBuild,
    /// Keys of `RankScore`, `GeneticModels` and `Compounds` that mean this family, in order of preference.
    pub family_keys: Vec<String>,
    /// What is more than a file for a case can hold.
    pub limits: Limits,
}

/// Bounds on what one line may make the reader hold in memory. The whole file may be of any size.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one line after decompression; also of one BCF record.
    pub line_bytes: usize,
    /// Bytes of the whole header.
    pub header_bytes: usize,
    /// INFO or FORMAT definitions in the header.
    pub definitions: usize,
    /// Contigs in the header that are kept.
    pub contigs: usize,
    /// Sample columns.
    pub samples: usize,
    /// INFO fields of one record.
    pub info_fields: usize,
    /// FORMAT keys of one record.
    pub format_keys: usize,
    /// Entries of CSQ or ANN of one record.
    pub annotations: usize,
    /// ALTs of one record; at most 65,535 whatever is set.
    pub alternatives: usize,
    /// Blank lines in a row.
    pub blank_lines: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 32 << 20,
            header_bytes: 64 << 20,
            definitions: 20_000,
            contigs: 200_000,
            samples: 10_000,
            info_fields: 20_000,
            format_keys: 1_000,
            annotations: 10_000,
            alternatives: 1_000,
            blank_lines: 1_000,
        }
    }
}

/// Reads a file record by record.
pub struct VcfReader {
    file: String,
    source: Source,
    header: VcfHeader,
    parser: RecordParser,
    bcf: Option<BcfDecoder>,
    blank_lines: u64,
    crlf_named: bool,
    blank_limit: u64,
}

impl std::fmt::Debug for VcfReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VcfReader").field("file", &self.file).field("line", &self.source.line()).finish_non_exhaustive()
    }
}

impl VcfReader {
    /// Opens a plain, gzipped or bgzipped VCF or a BCF; its content decides, not its name. No index is needed.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Self, VcfError> {
        let file = path.display().to_string();
        let failed = |source| VcfError::Open { file: file.clone(), source };
        let inner = File::open(path).map_err(failed)?;
        if inner.metadata().map_err(failed)?.is_dir() {
            return Err(VcfError::NotVcf { file, reason: "it is a folder".to_owned() });
        }
        Self::start(&file, inner, options)
    }

    /// Reads from anything; `name` stands for the file in messages.
    pub fn from_reader(
        name: &str,
        inner: impl BufRead + Send + 'static,
        options: ReadOptions,
    ) -> Result<Self, VcfError> {
        Self::start(name, inner, options)
    }

    fn start(file: &str, inner: impl Read + Send + 'static, mut options: ReadOptions) -> Result<Self, VcfError> {
        options.limits.alternatives = options.limits.alternatives.min(usize::from(u16::MAX));
        let blank_limit = options.limits.blank_lines;
        let mut source = Source::new(file, inner, options.limits.line_bytes)?;
        let mut builder = HeaderBuilder::new(file, &options.limits);
        if source.byte_order_mark {
            builder.fault(1, "encoding", "the file begins with a byte order mark; ignored");
        }
        let mut crlf_named = false;
        let bcf = match source.content {
            Content::Text => {
                read_header(file, &mut source, &mut builder, &mut crlf_named)?;
                None
            }
            Content::Bcf => Some(BcfDecoder::read_header(file, &mut source, &mut builder, &options.limits)?),
        };
        let header = builder.finish(options.build);
        let parser = RecordParser::new(file, options, &header);
        Ok(Self { file: file.to_owned(), source, header, parser, bcf, blank_lines: 0, crlf_named, blank_limit })
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &VcfHeader {
        &self.header
    }

    /// The next record; `None` at the end. After an error the file is not read on.
    pub fn next_record(&mut self) -> Result<Option<Record>, VcfError> {
        if let Some(bcf) = &mut self.bcf {
            let Some((number, text)) = bcf.next_record(&self.file, &mut self.source, self.header.samples.len())? else {
                return Ok(None);
            };
            let line = Line { number, text: text.into(), crlf: false, latin1: false, unfinished: false };
            return self.parser.parse(&line, &self.header).map(Some);
        }
        loop {
            let Some(line) = self.source.next_line()? else { return Ok(None) };
            if line.text.is_empty() {
                self.blank_lines += 1;
                if self.blank_lines > self.blank_limit {
                    return Err(VcfError::TooMany {
                        file: self.file.clone(),
                        line: line.number,
                        field: "blank lines".to_owned(),
                        limit: usize::try_from(self.blank_limit).unwrap_or(usize::MAX),
                        found: usize::try_from(self.blank_lines).unwrap_or(usize::MAX),
                    });
                }
                continue;
            }
            if line.text.starts_with('#') {
                return Err(VcfError::HeaderAmidRecords { file: self.file.clone(), line: line.number });
            }
            let mut extra = Vec::new();
            if self.blank_lines > 0 {
                extra.push(("line", "blank lines before this one; skipped"));
                self.blank_lines = 0;
            }
            if line.crlf && !std::mem::replace(&mut self.crlf_named, true) {
                extra.push(("line end", "lines end in carriage return and line feed (named once)"));
            }
            let mut record = self.parser.parse(&line, &self.header)?;
            for (field, message) in extra {
                let fault = super::Fault { line: record.line, field: field.to_owned(), message: message.to_owned() };
                record.faults.insert(0, fault);
            }
            return Ok(Some(record));
        }
    }

    /// Bytes taken from the file so far, compressed as they are there; for a progress bar.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    /// Consequence terms that are not in the table, with how many transcripts had them so far.
    #[must_use]
    pub fn unknown_terms(&self) -> &BTreeMap<String, u64> {
        &self.parser.unknown_terms
    }
}

fn read_header(
    file: &str,
    source: &mut Source,
    builder: &mut HeaderBuilder,
    crlf_named: &mut bool,
) -> Result<(), VcfError> {
    loop {
        let last = source.line();
        let Some(line) = source.next_line()? else {
            return Err(VcfError::NoColumnLine {
                file: file.to_owned(),
                line: last,
                message: "the file ends before the #CHROM line; it is cut short".to_owned(),
            });
        };
        if line.crlf && !std::mem::replace(crlf_named, true) {
            builder.fault(line.number, "line end", "lines end in carriage return and line feed (named once)");
        }
        if line.latin1 {
            builder.fault(line.number, "encoding", "the line is not UTF-8; read as Latin-1");
        }
        if builder.line(line.number, &line.text)? {
            if line.unfinished {
                builder.fault(line.number, "line end", "the last line has no line feed; check that the file is whole");
            }
            return Ok(());
        }
    }
}
