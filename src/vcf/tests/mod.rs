//! The reader as a whole: real files where they are at hand, small texts, damage of every kind.

mod hostile;
mod records;
mod spec;
mod trio;

use std::io::Cursor;

use super::model::Allele;
use super::*;
use crate::genome::GenomeBuild;
use crate::test_data::test_data;

fn options() -> ReadOptions {
    ReadOptions { build: GenomeBuild::Grch37, family_keys: vec!["fam".to_owned()], limits: Limits::default() }
}

/// What a whole file gives.
struct Outcome {
    header: VcfHeader,
    records: Vec<Record>,
    unknown_terms: Vec<(String, u64)>,
}

impl Outcome {
    fn alleles(&self) -> Vec<&Allele> {
        self.records.iter().flat_map(|record| &record.alleles).collect()
    }

    fn faults(&self) -> Vec<String> {
        let records = self.records.iter().flat_map(|record| record.faults.iter().chain(&record.unreadable));
        self.header.faults.iter().chain(records).map(ToString::to_string).collect()
    }
}

fn drain(mut reader: VcfReader) -> Result<Outcome, VcfError> {
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    let unknown_terms = reader.unknown_terms().iter().map(|(term, &count)| (term.clone(), count)).collect();
    Ok(Outcome { header: reader.header().clone(), records, unknown_terms })
}

fn read_bytes(bytes: impl Into<Vec<u8>>, options: ReadOptions) -> Result<Outcome, VcfError> {
    drain(VcfReader::from_reader("test.vcf", Cursor::new(bytes.into()), options)?)
}

fn read_text(text: &str) -> Outcome {
    read_bytes(text, options()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn read_file(path: &std::path::Path, family: &str) -> Result<Outcome, VcfError> {
    let options = ReadOptions { family_keys: vec![family.to_owned()], ..options() };
    drain(VcfReader::open(path, options)?)
}

/// A file of two samples with the given meta lines and records; columns may be separated by blanks.
fn file(meta: &str, records: &str) -> String {
    let mut text = "##fileformat=VCFv4.2\n".to_owned();
    for line in meta.lines().map(str::trim).filter(|line| !line.is_empty()) {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tmother\tchild\n");
    for line in records.lines().map(str::trim).filter(|line| !line.is_empty()) {
        text.push_str(&line.split_whitespace().collect::<Vec<_>>().join("\t"));
        text.push('\n');
    }
    text
}
