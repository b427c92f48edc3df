//! BCF 2: records are decoded into the text line they stand for, so that one path interprets both formats.
//!
//! Written here rather than taken from noodles because every length in a record is checked before it is believed, and
//! because floats must come back as the shortest text that reads as the same 32-bit number.

use std::fmt::Write as _;

use super::header::HeaderBuilder;
use super::meta::Structured;
use super::reader::Limits;
use super::source::Source;
use super::{VcfError, error::quote};

/// Dictionaries of the header and the text of the present record.
#[derive(Debug)]
pub(super) struct BcfDecoder {
    strings: Vec<String>,
    contigs: Vec<String>,
    limit: usize,
    record: u64,
    text: String,
}

impl BcfDecoder {
    /// Reads magic and header, and passes its lines on.
    pub(super) fn read_header(
        file: &str,
        source: &mut Source,
        builder: &mut HeaderBuilder,
        limits: &Limits,
    ) -> Result<Self, VcfError> {
        let bad =
            |message: String| VcfError::Bcf { file: file.to_owned(), record: 0, field: "header".to_owned(), message };
        let head = source.next_bytes(9)?.ok_or_else(|| bad("it is missing".to_owned()))?;
        let length = u32::from_le_bytes([head[5], head[6], head[7], head[8]]) as usize;
        if length > limits.header_bytes {
            return Err(bad(format!(
                "{length} bytes are announced, more than the {} that are read",
                limits.header_bytes
            )));
        }
        let bytes = source.next_bytes(length)?.ok_or_else(|| bad("it is missing".to_owned()))?;
        let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut decoder = Self {
            strings: vec!["PASS".to_owned()],
            contigs: Vec::new(),
            limit: limits.line_bytes,
            record: 0,
            text: String::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            decoder.dictionary(line).map_err(bad)?;
            if builder.line(number, line)? {
                return Ok(decoder);
            }
        }
        Err(VcfError::NoColumnLine {
            file: file.to_owned(),
            line: text.lines().count() as u64,
            message: "the header ends before the #CHROM line".to_owned(),
        })
    }

    /// FILTER, INFO and FORMAT share a dictionary in the order of the header, contigs have one; `IDX` overrides.
    fn dictionary(&mut self, line: &str) -> Result<(), String> {
        const MOST: usize = 1_000_000;
        let Some((key, value)) = line.strip_prefix("##").and_then(|meta| meta.split_once('=')) else { return Ok(()) };
        let list = match key {
            "FILTER" | "INFO" | "FORMAT" => &mut self.strings,
            "contig" => &mut self.contigs,
            _ => return Ok(()),
        };
        let Some(parsed) = Structured::parse(value) else { return Ok(()) };
        let Some(id) = parsed.value("ID") else { return Ok(()) };
        let at = match parsed.value("IDX") {
            Some(index) => index.parse::<usize>().map_err(|_| format!("IDX {} is not a number", quote(index)))?,
            None if key != "contig" && list.iter().any(|known| known == id) => return Ok(()),
            None => list.len(),
        };
        if at >= MOST {
            return Err(format!("IDX {at} is too large"));
        }
        if list.len() <= at {
            list.resize(at + 1, String::new());
        }
        id.clone_into(&mut list[at]);
        Ok(())
    }

    /// The next record as a line of VCF.
    pub(super) fn next_record<'a>(
        &'a mut self,
        file: &str,
        source: &mut Source,
        samples: usize,
    ) -> Result<Option<(u64, &'a str)>, VcfError> {
        self.record += 1;
        let record = self.record;
        let bad =
            |(field, message): Bad| VcfError::Bcf { file: file.to_owned(), record, field: field.to_owned(), message };
        let Some(head) = source.next_bytes(8)? else { return Ok(None) };
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (shared, individual) = (word(0), word(4));
        let length = shared.saturating_add(individual);
        if length > self.limit {
            return Err(VcfError::LineTooLong { file: file.to_owned(), line: record, limit: self.limit });
        }
        let missing = || bad(("length", "the record ends after its length".to_owned()));
        let bytes = source.next_bytes(length)?.ok_or_else(missing)?;
        let (shared, individual) = bytes.split_at(shared);
        self.text.clear();
        let formats = site(shared, samples, &self.strings, &self.contigs, &mut self.text).map_err(bad)?;
        genotypes(individual, formats, samples, &self.strings, &mut self.text).map_err(bad)?;
        source.count_record();
        Ok(Some((record, &self.text)))
    }
}

type Bad = (&'static str, String);

/// Reads a slice from front to back.
struct Cursor<'a> {
    rest: &'a [u8],
    field: &'static str,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Bad> {
        let (taken, rest) =
            self.rest.split_at_checked(n).ok_or_else(|| (self.field, "it ends too early".to_owned()))?;
        self.rest = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<[u8; 4], Bad> {
        let bytes = self.take(4)?;
        Ok([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// Type and number of values.
    fn descriptor(&mut self) -> Result<(u8, usize), Bad> {
        let byte = self.take(1)?[0];
        let (kind, length) = (byte & 0x0f, usize::from(byte >> 4));
        if length < 15 {
            return Ok((kind, length));
        }
        let long = self.integer()?;
        let length = usize::try_from(long).map_err(|_| (self.field, format!("{long} is no length")))?;
        Ok((kind, length))
    }

    /// One typed integer.
    fn integer(&mut self) -> Result<i32, Bad> {
        let byte = self.take(1)?[0];
        if byte >> 4 != 1 {
            return Err((self.field, "one whole number was expected".to_owned()));
        }
        let width = width(byte & 0x0f).filter(|_| matches!(byte & 0x0f, 1..=3));
        let bytes = self.take(width.ok_or_else(|| (self.field, "a whole number was expected".to_owned()))?)?;
        integer(bytes).ok_or_else(|| (self.field, "a whole number is missing".to_owned()))
    }

    /// One typed value of any kind: its type, its number of values and its bytes.
    fn value(&mut self) -> Result<(u8, usize, &'a [u8]), Bad> {
        let (kind, length) = self.descriptor()?;
        if kind == 0 {
            return Ok((0, 0, &[]));
        }
        let width = width(kind).ok_or_else(|| (self.field, format!("type {kind} is unknown")))?;
        let bytes = self.take(length.checked_mul(width).ok_or_else(|| (self.field, "it is too long".to_owned()))?)?;
        Ok((kind, length, bytes))
    }
}

fn width(kind: u8) -> Option<usize> {
    match kind {
        1 | 7 => Some(1),
        2 => Some(2),
        3 | 5 => Some(4),
        _ => None,
    }
}

/// An integer of 1, 2 or 4 bytes; `None` for the values that mean "missing".
fn integer(bytes: &[u8]) -> Option<i32> {
    match *bytes {
        [a] => Some(i32::from(i8::from_le_bytes([a]))).filter(|&n| n != i32::from(i8::MIN)),
        [a, b] => Some(i32::from(i16::from_le_bytes([a, b]))).filter(|&n| n != i32::from(i16::MIN)),
        [a, b, c, d] => Some(i32::from_le_bytes([a, b, c, d])).filter(|&n| n != i32::MIN),
        _ => None,
    }
}

fn is_end_of_vector(kind: u8, bytes: &[u8]) -> bool {
    match (kind, bytes) {
        (1, [0x81]) | (2, [0x01, 0x80]) | (3, [0x01, 0, 0, 0x80]) => true,
        (5, bytes) => *bytes == 0x7f80_0002_u32.to_le_bytes(),
        _ => false,
    }
}

/// Writes the values of one typed vector as VCF has them.
fn write_values(kind: u8, bytes: &[u8], out: &mut String) {
    let Some(width) = width(kind) else {
        out.push('.');
        return;
    };
    if kind == 7 {
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        write_text(text, out);
        return;
    }
    let start = out.len();
    for value in bytes.chunks_exact(width).take_while(|value| !is_end_of_vector(kind, value)) {
        if out.len() > start {
            out.push(',');
        }
        if kind == 5 {
            write_float(value, out);
        } else if let Some(number) = integer(value) {
            // writing to a String cannot fail
            let _ = write!(out, "{number}");
        } else {
            out.push('.');
        }
    }
    if out.len() == start {
        out.push('.');
    }
}

/// The shortest text that reads as the same 32-bit number, so that 1.704 stays 1.704.
fn write_float(bytes: &[u8], out: &mut String) {
    let number = match *bytes {
        [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
        _ => f32::NAN,
    };
    if number.is_nan() {
        out.push('.');
    } else if number != 0.0 && !(1e-5..1e16).contains(&number.abs()) {
        // without an exponent such a number can take fifty digits
        let _ = write!(out, "{number:e}");
    } else {
        let _ = write!(out, "{number}");
    }
}

/// Text without what would break the line.
fn write_text(bytes: &[u8], out: &mut String) {
    if bytes.is_empty() {
        out.push('.');
    }
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\t' => out.push_str("%09"),
            '\n' => out.push_str("%0A"),
            '\r' => out.push_str("%0D"),
            c => out.push(c),
        }
    }
}

/// The shared part: CHROM to INFO. Returns the number of FORMAT keys.
fn site(bytes: &[u8], samples: usize, strings: &[String], contigs: &[String], out: &mut String) -> Result<usize, Bad> {
    let mut cursor = Cursor { rest: bytes, field: "CHROM" };
    let name = |list: &'_ [String], at: i32, field: &'static str| -> Result<String, Bad> {
        let found = usize::try_from(at).ok().and_then(|at| list.get(at)).filter(|name| !name.is_empty());
        found.cloned().ok_or_else(|| (field, format!("the header has no entry {at}")))
    };
    let contig = i32::from_le_bytes(cursor.word()?);
    out.push_str(&name(contigs, contig, "CHROM")?);
    cursor.field = "POS";
    let position = i64::from(i32::from_le_bytes(cursor.word()?)) + 1;
    let _ = write!(out, "\t{position}\t");
    cursor.word()?; // length on the reference: END or REF say it
    let quality = cursor.word()?;
    let alleles_info = u32::from_le_bytes(cursor.word()?);
    let (alleles, infos) = (alleles_info >> 16, alleles_info & 0xffff);
    let formats_samples = u32::from_le_bytes(cursor.word()?);
    let (formats, found) = (formats_samples >> 24, formats_samples & 0x00ff_ffff);
    if found as usize != samples && formats > 0 {
        return Err(("samples", format!("the record has {found} and the header {samples}")));
    }
    cursor.field = "ID";
    let (kind, _, id) = cursor.value()?;
    write_values(if kind == 0 { 7 } else { kind }, id, out);
    cursor.field = "REF";
    for at in 0..alleles.max(1) {
        out.push(if at <= 1 { '\t' } else { ',' });
        let (kind, _, allele) = cursor.value()?;
        if !matches!(kind, 0 | 7) {
            return Err(("ALT", "an allele is not text".to_owned()));
        }
        write_text(allele, out);
        cursor.field = "ALT";
    }
    if alleles < 2 {
        out.push_str("\t.");
    }
    out.push('\t');
    write_float(&quality, out);
    out.push('\t');
    cursor.field = "FILTER";
    let (kind, _, filters) = cursor.value()?;
    if filters.is_empty() {
        out.push('.');
    } else if !matches!(kind, 1..=3) {
        return Err(("FILTER", "a filter is not a number of the header".to_owned()));
    }
    for (at, filter) in filters.chunks_exact(width(kind).unwrap_or(1)).enumerate() {
        if at > 0 {
            out.push(';');
        }
        let filter = integer(filter).ok_or_else(|| ("FILTER", "a filter is missing".to_owned()))?;
        out.push_str(&name(strings, filter, "FILTER")?);
    }
    out.push('\t');
    cursor.field = "INFO";
    if infos == 0 {
        out.push('.');
    }
    for at in 0..infos {
        if at > 0 {
            out.push(';');
        }
        out.push_str(&name(strings, cursor.integer()?, "INFO")?);
        let (kind, _, value) = cursor.value()?;
        if kind != 0 {
            out.push('=');
            write_values(kind, value, out);
        }
    }
    Ok(formats as usize)
}

/// The individual part: FORMAT and the samples.
fn genotypes(bytes: &[u8], formats: usize, samples: usize, strings: &[String], out: &mut String) -> Result<(), Bad> {
    if samples == 0 {
        return Ok(());
    }
    let mut cursor = Cursor { rest: bytes, field: "FORMAT" };
    let mut columns: Vec<(bool, u8, usize, &[u8])> = Vec::new();
    out.push('\t');
    for at in 0..formats {
        let key = cursor.integer()?;
        let name = usize::try_from(key).ok().and_then(|at| strings.get(at)).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ("FORMAT", format!("the header has no entry {key}")))?;
        if at > 0 {
            out.push(':');
        }
        out.push_str(name);
        let (kind, length) = cursor.descriptor()?;
        let width = width(kind).unwrap_or(0);
        let stride = length.checked_mul(width).ok_or_else(|| ("FORMAT", "it is too long".to_owned()))?;
        let total = stride.checked_mul(samples).ok_or_else(|| ("FORMAT", "it is too long".to_owned()))?;
        columns.push((name == "GT", kind, stride, cursor.take(total)?));
    }
    if formats == 0 {
        out.push('.');
    }
    for sample in 0..samples {
        out.push('\t');
        for (at, &(is_genotype, kind, stride, data)) in columns.iter().enumerate() {
            if at > 0 {
                out.push(':');
            }
            let value = &data[sample * stride..(sample + 1) * stride];
            if is_genotype && matches!(kind, 1..=3) {
                write_genotype(kind, value, out);
            } else {
                write_values(kind, value, out);
            }
        }
        if formats == 0 {
            out.push('.');
        }
    }
    Ok(())
}

/// `(allele + 1) << 1 | phased` per copy (BCF 2.2, section 6.3.3).
fn write_genotype(kind: u8, bytes: &[u8], out: &mut String) {
    let start = out.len();
    let width = width(kind).unwrap_or(1);
    for value in bytes.chunks_exact(width).take_while(|value| !is_end_of_vector(kind, value)) {
        let code = integer(value).unwrap_or(0);
        if out.len() > start {
            out.push(if code & 1 == 1 { '|' } else { '/' });
        }
        match (code >> 1) - 1 {
            allele if allele >= 0 => {
                let _ = write!(out, "{allele}");
            }
            _ => out.push('.'),
        }
    }
    if out.len() == start {
        out.push('.');
    }
}
