//! Tables as reference files have them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::ImportError;

/// Lines above the titles of a table.
const MOST_REMARKS: usize = 100;
/// Characters at the beginning of a file that tell what it is.
const BEGINNING: u64 = 16 << 10;
/// Bytes of one file that is read as a whole; the largest product of Orphadata has some 100 MB.
const MOST_BYTES: u64 = 1 << 30;

/// A tab-separated table with its header, read line by line.
pub(super) struct Table {
    path: String,
    pub(super) columns: HashMap<String, usize>,
    lines: std::io::Lines<Box<dyn BufRead>>,
    line: usize,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        Ok(Self::open_at(path, |_| true)?.0)
    }

    /// Opens a table whose titles stand below remarks, which are given too.
    pub(super) fn open_at(path: &Path, is_titles: fn(&str) -> bool) -> Result<(Self, Vec<String>), ImportError> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| ImportError::File { path: name.clone(), reason: error.to_string() };
        let mut lines = text(path).map_err(unreadable)?.lines();
        let mut before = Vec::new();
        let titles = loop {
            let line = lines.next().transpose().map_err(unreadable)?.unwrap_or_default();
            if is_titles(&line) || before.len() >= MOST_REMARKS {
                break line;
            }
            before.push(line);
        };
        let columns = titles.split('\t').enumerate().map(|(at, title)| (title.trim().to_owned(), at)).collect();
        Ok((Self { path: name, columns, lines, line: before.len() + 1 }, before))
    }

    pub(super) fn has(&self, titles: &[&str]) -> bool {
        titles.iter().all(|title| self.columns.contains_key(*title))
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Vec<String>>, ImportError> {
        loop {
            let Some(line) = self.lines.next() else { return Ok(None) };
            self.line += 1;
            let line = line.map_err(|error| self.wrong(error.to_string()))?;
            if !line.trim().is_empty() {
                return Ok(Some(line.split('\t').map(|cell| cell.trim_matches(['"', ' ', '\r']).to_owned()).collect()));
            }
        }
    }

    pub(super) fn cell<'a>(&self, row: &'a [String], title: &str) -> &'a str {
        self.columns.get(title).and_then(|at| row.get(*at)).map_or("", String::as_str)
    }

    pub(super) fn number<T: std::str::FromStr>(&self, row: &[String], title: &str) -> Result<T, ImportError> {
        let cell = self.cell(row, title);
        cell.parse().map_err(|_| self.wrong(format!("{title}: `{cell}` is not a number")))
    }

    pub(super) fn wrong(&self, reason: String) -> ImportError {
        ImportError::Line { path: self.path.clone(), line: self.line, reason }
    }
}

/// Plain or gzipped text, decided by content.
pub(super) fn text(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut magic = [0; 2];
    let read = File::open(path)?.read(&mut magic)?;
    let file = File::open(path)?;
    Ok(if read == 2 && magic == [0x1f, 0x8b] {
        Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
    } else {
        Box::new(BufReader::new(file))
    })
}

/// Lists in HGNC files are joined by `|`.
pub(super) fn parts(cell: &str) -> Vec<String> {
    cell.split('|').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

pub(super) fn filled(cell: &str) -> Option<String> {
    (!cell.is_empty()).then(|| cell.to_owned())
}

/// The beginning of a file, to tell what it is.
pub(super) fn beginning(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    text(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A whole file as text: UTF-8, else Latin-1, whatever an XML declaration says, as some of Orphadata's are wrong.
pub(super) fn whole_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    text(path).and_then(|text| text.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()))
}
