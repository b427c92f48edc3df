//! Where lines come from: compression told by content, lines bounded in length, text in whatever encoding.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::VcfError;
use super::gunzip::Gunzip;

/// Counts bytes as they come from the file.
struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// One line without its line end.
pub(super) struct Line<'a> {
    pub(super) number: u64,
    pub(super) text: Cow<'a, str>,
    /// It ended in carriage return and line feed.
    pub(super) crlf: bool,
    /// It was not UTF-8.
    pub(super) latin1: bool,
    /// It had no line end: the last of the file.
    pub(super) unfinished: bool,
}

/// What the decompressed bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Text,
    Bcf,
}

/// A file, decompressed.
pub(super) struct Source {
    file: String,
    inner: Box<dyn BufRead + Send>,
    count: Arc<AtomicU64>,
    buffer: Vec<u8>,
    limit: usize,
    line: u64,
    pub(super) content: Content,
    /// The text began with a byte order mark.
    pub(super) byte_order_mark: bool,
}

const BUFFER: usize = 128 * 1024;

impl Source {
    pub(super) fn new(file: &str, inner: impl Read + Send + 'static, limit: usize) -> Result<Self, VcfError> {
        let count = Arc::new(AtomicU64::new(0));
        let counting = BufReader::with_capacity(BUFFER, Counting { inner, count: Arc::clone(&count) });
        let not_vcf = |reason: &str| VcfError::NotVcf { file: file.to_owned(), reason: reason.to_owned() };
        let (head, raw) = peek(counting).map_err(|source| failure(file, 0, source))?;
        let inner: Box<dyn BufRead + Send> = if head.starts_with(&[0x1f, 0x8b]) {
            let (head, inner) =
                peek(BufReader::with_capacity(BUFFER, Gunzip::new(raw))).map_err(|source| failure(file, 0, source))?;
            if head.starts_with(&[0x1f, 0x8b]) {
                return Err(not_vcf("it was compressed twice; decompress it once"));
            }
            Box::new(inner)
        } else {
            Box::new(raw)
        };
        let (head, mut inner) = peek(inner).map_err(|source| failure(file, 0, source))?;
        let byte_order_mark = head.starts_with(&[0xef, 0xbb, 0xbf]);
        if byte_order_mark {
            inner.read_exact(&mut [0; 3]).map_err(|source| failure(file, 0, source))?;
        }
        let content = match head.as_slice() {
            [] => return Err(not_vcf("it is empty")),
            [b'B', b'C', b'F', 2, ..] => Content::Bcf,
            [b'B', b'C', b'F', ..] => return Err(not_vcf("it is BCF of a version other than 2; convert it to VCF")),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return Err(not_vcf("it is UTF-16 text, as a word processor writes it; save it as UTF-8"));
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', ..] | [b'P', b'K', 3, ..] => {
                return Err(not_vcf("it is packed with zstd, bzip2, xz or zip; unpack it or use bgzip"));
            }
            _ => Content::Text,
        };
        Ok(Self {
            file: file.to_owned(),
            inner: Box::new(inner),
            count,
            buffer: Vec::new(),
            limit,
            line: 0,
            content,
            byte_order_mark,
        })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Number of the last line read.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next line; `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>, VcfError> {
        self.buffer.clear();
        let most = (self.limit as u64).saturating_add(1);
        let n = (&mut self.inner)
            .take(most)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| failure(&self.file, self.line, source))?;
        if n == 0 {
            return Ok(None);
        }
        self.line += 1;
        let mut bytes = self.buffer.as_slice();
        let finished = bytes.last() == Some(&b'\n');
        if finished {
            bytes = &bytes[..bytes.len() - 1];
        } else if bytes.len() > self.limit {
            return Err(VcfError::LineTooLong { file: self.file.clone(), line: self.line, limit: self.limit });
        }
        let crlf = bytes.last() == Some(&b'\r');
        if crlf {
            bytes = &bytes[..bytes.len() - 1];
        }
        let (text, latin1) = match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()), true),
        };
        Ok(Some(Line { number: self.line, text, crlf, latin1, unfinished: !finished }))
    }

    /// Exactly `length` bytes; `None` when the file ends before the first of them.
    pub(super) fn next_bytes(&mut self, length: usize) -> Result<Option<&[u8]>, VcfError> {
        self.buffer.clear();
        let n = (&mut self.inner)
            .take(length as u64)
            .read_to_end(&mut self.buffer)
            .map_err(|source| failure(&self.file, self.line, source))?;
        if n == 0 && length > 0 {
            return Ok(None);
        }
        if n < length {
            return Err(VcfError::Truncated {
                file: self.file.clone(),
                line: self.line,
                message: format!("{length} bytes were announced and {n} are there"),
            });
        }
        Ok(Some(&self.buffer))
    }

    /// BCF has no lines: its records are counted instead.
    pub(super) fn count_record(&mut self) -> u64 {
        self.line += 1;
        self.line
    }
}

/// The first bytes, and the reader with them put back.
fn peek<R: BufRead + Send + 'static>(mut reader: R) -> io::Result<(Vec<u8>, impl BufRead + Send + 'static)> {
    let mut head = Vec::new();
    reader.by_ref().take(8).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(reader)))
}

/// Tells damage of the data from failure of the disk.
pub(super) fn failure(file: &str, line: u64, source: io::Error) -> VcfError {
    let file = file.to_owned();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => VcfError::Truncated { file, line, message: source.to_string() },
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            VcfError::Damaged { file, line, message: source.to_string() }
        }
        _ => VcfError::Io { file, line, source },
    }
}
