//! One record: eight columns and the samples, split into one [`Allele`] per ALT.

use std::collections::{BTreeMap, HashSet};

use super::alleles::{self, AlleleNames, Owner};
use super::annotation::Annotated;
use super::calls::{Layout, Sample, Shape};
use super::csq::{CsqEntry, CsqKey};
use super::error::{Faults, quote};
use super::header::{Keys, Number, VcfHeader};
use super::info::{Info, InfoKey, Seen, finite};
use super::model::{Allele, Autozygous, GeneAnnotation, Transcript};
use super::order::Order;
use super::reader::{Limits, ReadOptions};
use super::source::Line;
use super::{Fault, VcfError, ann, callers, clinvar, consequence, csq, frequencies, genes, rank, scores, spliceai};
use crate::genome::{Chromosome, is_symbolic};

/// Most identifiers or pairs that one key of one record gives.
const MOST: usize = 1_000;

/// What one record of a file gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Line of the text file, counted from 1; for BCF the number of the record.
    pub line: u64,
    /// One per ALT, in the order of ALT; none when the record is unreadable.
    pub alleles: Vec<Allele>,
    /// What is wrong with single values.
    pub faults: Vec<Fault>,
    /// Why the record as a whole cannot be used.
    pub unreadable: Option<Fault>,
}

/// Reads records one after the other and keeps what they share.
#[derive(Debug)]
pub(super) struct RecordParser {
    file: String,
    options: ReadOptions,
    layout: Layout,
    order: Order,
    seen: Seen,
    contig: Option<(String, Chromosome)>,
    columns: usize,
    pub(super) unknown_terms: BTreeMap<String, u64>,
}

/// A record without alleles.
type Unreadable = (&'static str, String);

/// CHROM, POS, REF and ALT.
struct Place<'a> {
    chromosome: Chromosome,
    position: u32,
    reference: &'a str,
    alternatives: Vec<&'a str>,
}

/// Annotations of a record, before they are dealt out to its alleles.
struct Annotations<'a> {
    csq: Vec<CsqEntry<'a>>,
    ann: Vec<ann::AnnEntry<'a>>,
}

impl RecordParser {
    /// Most identifiers in ID, and most filters in FILTER.
    const WORDS: usize = 1_000;
    /// Unknown terms are listed up to this many.
    const UNKNOWN_TERMS: usize = 1_000;

    pub(super) fn new(file: &str, options: ReadOptions, header: &VcfHeader) -> Self {
        let samples = header.samples.len();
        Self {
            file: file.to_owned(),
            options,
            layout: Layout::default(),
            order: Order::default(),
            seen: Seen::default(),
            contig: None,
            columns: if header.keys.has_format { 9 + samples } else { 8 },
            unknown_terms: BTreeMap::new(),
        }
    }

    fn limits(&self) -> &Limits {
        &self.options.limits
    }

    fn within(&self, line: u64, field: &str, found: usize, limit: usize) -> Result<(), VcfError> {
        if found <= limit {
            return Ok(());
        }
        Err(VcfError::TooMany { file: self.file.clone(), line, field: field.to_owned(), limit, found })
    }

    /// Reads one line.
    pub(super) fn parse(&mut self, line: &Line<'_>, header: &VcfHeader) -> Result<Record, VcfError> {
        let number = line.number;
        let mut faults = Faults::new(number);
        if line.latin1 {
            faults.push("encoding", "the line is not UTF-8; read as Latin-1");
        }
        if line.unfinished {
            faults.push("line end", "the last line has no line feed; check that the file is whole");
        }
        // counted before anything is kept of them
        let found = line.text.bytes().filter(|&byte| byte == b'\t').count() + 1;
        if found != self.columns {
            return Err(VcfError::Columns { file: self.file.clone(), line: number, expected: self.columns, found });
        }
        let mut columns = line.text.splitn(10, '\t');
        let mut fixed = [""; 9];
        for (slot, value) in fixed.iter_mut().zip(&mut columns) {
            *slot = value;
        }
        let samples: Vec<&str> = columns.next().map(|rest| rest.split('\t').collect()).unwrap_or_default();
        let [chrom, pos, id, reference, alternative, quality, filter, info, format] = fixed;

        self.within(number, "ALT", alternative.bytes().filter(|&b| b == b',').count() + 1, self.limits().alternatives)?;
        self.within(number, "ID", id.bytes().filter(|&b| b == b';').count() + 1, Self::WORDS)?;
        self.within(number, "FILTER", filter.bytes().filter(|&b| b == b';').count() + 1, Self::WORDS)?;
        self.within(number, "INFO", info.bytes().filter(|&b| b == b';').count() + 1, self.limits().info_fields)?;
        let place = match self.place(chrom, pos, reference, alternative, header, &mut faults) {
            Ok(place) => place,
            Err((field, message)) => {
                return Ok(Record {
                    line: number,
                    alleles: Vec::new(),
                    faults: faults.into_list(),
                    unreadable: Some(Fault { line: number, field: field.to_owned(), message }),
                });
            }
        };
        self.order.record(place.chromosome.as_str(), place.position, &mut faults);
        for alternative in &place.alternatives {
            self.order.allele(place.position, place.reference, alternative, &mut faults);
        }
        // the limit above keeps the number of ALTs within u16
        let alternatives = u16::try_from(place.alternatives.len()).unwrap_or(u16::MAX);
        let info = Info::parse(info, &header.keys, alternatives, number, &mut self.seen, &mut faults);
        for key in [InfoKey::Csq, InfoKey::Ann, InfoKey::SpliceAi] {
            let entries = info.raw(key).map_or(0, |text| text.bytes().filter(|&b| b == b',').count() + 1);
            self.within(number, &format!("INFO/{}", key.as_str()), entries, self.limits().annotations)?;
        }
        let shape = Shape { alternatives, no_alternative: place.alternatives == ["."] };
        let samples = self.samples(number, format, &samples, shape, header, &mut faults)?;
        let alleles = self.alleles(number, &place, id, quality, filter, &info, &samples, shape, header, &mut faults);
        Ok(Record { line: number, alleles, faults: faults.into_list(), unreadable: None })
    }

    fn place<'a>(
        &mut self,
        chrom: &str,
        pos: &str,
        reference: &'a str,
        alternative: &'a str,
        header: &VcfHeader,
        faults: &mut Faults,
    ) -> Result<Place<'a>, Unreadable> {
        let brackets = (chrom.starts_with('<'), chrom.ends_with('>'));
        let inner = chrom.strip_prefix('<').and_then(|name| name.strip_suffix('>')).unwrap_or(chrom);
        if matches!(inner, "" | ".") {
            return Err(("CHROM", "there is no contig; the record is left out".to_owned()));
        }
        if brackets.0 != brackets.1
            || inner.contains(['<', '>', ','])
            || inner.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(("CHROM", format!("{} is not the name of a contig; the record is left out", quote(chrom))));
        }
        if inner.contains(':') && header.keys.version < (4, 3) {
            faults.push("CHROM", format!("{} has a colon, which VCF before 4.3 does not allow", quote(chrom)));
        }
        let position = pos.parse::<u32>().ok().filter(|&pos| i32::try_from(pos).is_ok());
        let Some(position) = position.filter(|_| pos.bytes().all(|byte| byte.is_ascii_digit())) else {
            return Err((
                "POS",
                format!("{} is not a whole number from 0 to 2147483647; the record is left out", quote(pos)),
            ));
        };
        if !alleles::is_bases(reference) {
            if !alleles::is_iupac(reference) {
                return Err((
                    "REF",
                    format!("{} is not a sequence of bases; the record is left out", quote(reference)),
                ));
            }
            faults.push(
                "REF",
                format!("{} has codes for several bases, only A, C, G, T and N are allowed", quote(reference)),
            );
        }
        let alternatives: Vec<&str> = alternative.split(',').collect();
        for alternative in &alternatives {
            if !alleles::is_alternative(alternative) || (*alternative == "." && alternatives.len() > 1) {
                return Err((
                    "ALT",
                    format!(
                        "{} is neither bases nor a symbol nor a breakend; the record is left out",
                        quote(alternative)
                    ),
                ));
            }
            if alternative.eq_ignore_ascii_case(reference) {
                faults.push("ALT", format!("{} equals REF", quote(alternative)));
            }
        }
        if alternatives.len() > 1 && alternatives.iter().collect::<HashSet<_>>().len() < alternatives.len() {
            faults.push("ALT", "the same allele is given twice");
        }
        Ok(Place { chromosome: self.chromosome(chrom), position, reference, alternatives })
    }

    /// Records of one contig share its name.
    fn chromosome(&mut self, chrom: &str) -> Chromosome {
        if let Some((text, chromosome)) = &self.contig
            && text == chrom
        {
            return chromosome.clone();
        }
        let chromosome = Chromosome::parse(chrom);
        self.contig = Some((chrom.to_owned(), chromosome.clone()));
        chromosome
    }

    fn samples<'a>(
        &mut self,
        line: u64,
        format: &str,
        samples: &[&'a str],
        shape: Shape,
        header: &VcfHeader,
        faults: &mut Faults,
    ) -> Result<Vec<Sample<'a>>, VcfError> {
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        self.within(line, "FORMAT", format.bytes().filter(|&b| b == b':').count() + 1, self.limits().format_keys)?;
        self.layout.update(format, &header.keys, faults);
        if self.layout.len() == 0 {
            faults.push("FORMAT", "there are samples and no keys; their values are not read");
        }
        let columns = samples.iter().zip(&header.samples);
        Ok(columns.map(|(text, name)| Sample::parse(text, name, &self.layout, shape, faults)).collect())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a record, each used once")]
    fn alleles(
        &mut self,
        line: u64,
        place: &Place<'_>,
        id: &str,
        quality: &str,
        filter: &str,
        info: &Info<'_>,
        samples: &[Sample<'_>],
        shape: Shape,
        header: &VcfHeader,
        faults: &mut Faults,
    ) -> Vec<Allele> {
        let keys = &header.keys;
        let ids = identifiers(id, faults);
        let quality = quality_of(quality, faults);
        let filters = filters_of(filter, faults);
        let end = end_of(place, info, faults);
        let ranked = rank::read(info, &self.options.family_keys, header, faults);
        let callers = callers::read(info, &filters, &keys.callers);
        let autozygous = autozygous_of(info, faults);
        let custom = custom_of(info, faults);
        let onc = clinvar::oncogenicity(info, faults);
        let number_a = keys.info_number[InfoKey::ClnSig as usize] == Some(Number::A);
        let spliceai = spliceai::native(info, &place.alternatives, faults);
        let annotations = annotations(place, info, header, shape.alternatives, faults);
        let mut alleles = Vec::with_capacity(place.alternatives.len());
        for (allele, &alternative) in (1..=shape.alternatives).zip(&place.alternatives) {
            let entries: Vec<&CsqEntry<'_>> =
                annotations.csq.iter().filter(|entry| entry.owner == Owner::Allele(allele)).collect();
            let annotated = if annotations.csq.is_empty() {
                ann::annotated(&annotations.ann, allele)
            } else {
                entries.iter().map(|entry| Annotated::from_csq(entry, faults)).collect()
            };
            self.count_unknown(&annotated, faults);
            let mut genes: Vec<GeneAnnotation> = genes::group(annotated);
            let elsewhere = spliceai::complete(&mut genes, &spliceai, alternative, faults);
            let symbolic = is_symbolic(alternative);
            let (reference_length, length) = (place.reference.len(), alternative.len());
            alleles.push(Allele {
                line,
                chromosome: place.chromosome.clone(),
                position: place.position,
                end,
                reference: place.reference.to_owned(),
                alternative: alternative.to_owned(),
                allele: (allele, shape.alternatives),
                sub_category: match (symbolic, reference_length == length) {
                    (true, _) => "symbolic",
                    (false, true) => "snv",
                    (false, false) => "indel",
                }
                .to_owned(),
                length: (!symbolic).then(|| {
                    let changed = if reference_length == length { length } else { reference_length.abs_diff(length) };
                    u32::try_from(changed).unwrap_or(u32::MAX)
                }),
                quality,
                filters: filters.clone(),
                dbsnp: dbsnp(&ids, &entries),
                cosmic: cosmic(&ids, info, &entries),
                rank: ranked.facts.clone(),
                other_ranks: rank::others(info, allele, keys, faults),
                models: ranked.models.clone(),
                compounds: ranked.compounds.clone(),
                frequencies: frequencies::read(info, allele, entries.iter().copied(), keys.csq.as_ref(), keys, faults),
                local_archive: scores::local_archive(info, allele, keys, faults),
                cancer: scores::cancer(info, allele, keys, faults),
                scores: scores::read(info, allele, &entries, &genes, elsewhere, keys, faults),
                clinvar: clinvar::read(info, allele, &entries, number_a, faults),
                clinvar_oncogenicity: onc.clone(),
                genes,
                callers: callers.clone(),
                autozygous: autozygous.clone(),
                custom: custom.clone(),
                mitomap_diseases: text_of(info, InfoKey::Mitomap, allele, keys, faults)
                    .map(|text| text.replace('_', " ")),
                hmtvar: text_of(info, InfoKey::HmtVar, allele, keys, faults).map(str::to_owned),
                calls: samples
                    .iter()
                    .zip(&header.samples)
                    .map(|(sample, name)| sample.call(allele, name, shape, faults))
                    .collect(),
            });
        }
        alleles
    }

    /// Terms that the table of consequences lacks are named when they first occur, and counted.
    fn count_unknown(&mut self, annotated: &[Annotated], faults: &mut Faults) {
        for Transcript { consequences, .. } in annotated.iter().map(|one| &one.transcript) {
            for term in consequences.iter().filter(|term| consequence::rank(term).is_none()) {
                if let Some(count) = self.unknown_terms.get_mut(term) {
                    *count += 1;
                } else if self.unknown_terms.len() < Self::UNKNOWN_TERMS {
                    self.unknown_terms.insert(term.clone(), 1);
                    faults.push(
                        "consequence",
                        format!("{} is a term unknown to this version; kept as written and ranked last", quote(term)),
                    );
                }
            }
        }
    }
}

fn annotations<'a>(
    place: &Place<'_>,
    info: &Info<'a>,
    header: &VcfHeader,
    alternatives: u16,
    faults: &mut Faults,
) -> Annotations<'a> {
    let mut found = Annotations { csq: Vec::new(), ann: Vec::new() };
    let (csq, ann) = (info.raw(InfoKey::Csq), info.raw(InfoKey::Ann));
    if csq.is_none() && ann.is_none() {
        return found;
    }
    let names = AlleleNames::new(place.reference, &place.alternatives);
    match (csq, &header.keys.csq) {
        (Some(text), Some(layout)) => found.csq = csq::parse(text, layout, &names, alternatives, faults),
        (Some(_), None) => faults.push("INFO/CSQ", "the header does not say what its columns are; not read"),
        (None, _) => {}
    }
    if found.csq.is_empty()
        && let Some(text) = ann
    {
        found.ann = ann::parse(text, &names, alternatives, faults);
    }
    found
}

/// Identifiers of the ID column.
fn identifiers<'a>(text: &'a str, faults: &mut Faults) -> Vec<&'a str> {
    if text == "." {
        return Vec::new();
    }
    if text.is_empty() || text.chars().any(char::is_whitespace) {
        faults.push("ID", format!("{} is empty or has blanks", quote(text)));
    }
    let mut ids: Vec<&str> = Vec::new();
    for id in text.split(';') {
        if id.is_empty() && !text.is_empty() {
            faults.push_once("ID", "there is an empty identifier between or after the semicolons");
        } else if ids.contains(&id) {
            faults.push_once("ID", format!("{} is given twice", quote(id)));
        } else if !id.is_empty() {
            ids.push(id);
        }
    }
    ids
}

fn quality_of(text: &str, faults: &mut Faults) -> Option<f64> {
    if text == "." {
        return None;
    }
    let number = finite(text).filter(|&number| number >= 0.0);
    if number.is_none() {
        faults.push("QUAL", format!("{} is not a number from zero up; taken as missing", quote(text)));
    }
    number
}

fn filters_of(text: &str, faults: &mut Faults) -> Vec<String> {
    if text == "." {
        return Vec::new();
    }
    let mut filters: Vec<String> = Vec::new();
    for filter in text.split(';') {
        if matches!(filter, "" | "." | "0") || filter.chars().any(char::is_whitespace) {
            faults.push("FILTER", format!("{} is not the name of a filter", quote(filter)));
        }
        if !matches!(filter, "" | ".") && !filters.iter().any(|known| known == filter) {
            filters.push(filter.to_owned());
        }
    }
    filters
}

/// INFO END where it makes sense, else the end of REF.
fn end_of(place: &Place<'_>, info: &Info<'_>, faults: &mut Faults) -> u32 {
    let span = u32::try_from(place.reference.len()).unwrap_or(u32::MAX);
    let of_reference = place.position.saturating_add(span - 1);
    let Some(text) = info.raw(InfoKey::End) else { return of_reference };
    match text.parse::<u32>() {
        Ok(end) if end >= place.position && i32::try_from(end).is_ok() => end,
        Ok(end) => {
            faults.push(
                "INFO/END",
                format!("{end} lies before POS {} or too far; the end of REF is taken", place.position),
            );
            of_reference
        }
        Err(_) => {
            faults.push("INFO/END", format!("{} is not a position; the end of REF is taken", quote(text)));
            of_reference
        }
    }
}

/// A text of this allele. Of a record with one ALT it is the whole value: a comma may be part of it.
fn text_of<'a>(info: &Info<'a>, key: InfoKey, allele: u16, keys: &Keys, faults: &mut Faults) -> Option<&'a str> {
    if info.alternatives() == 1 { info.raw(key) } else { info.for_allele(key, allele, keys, faults) }
}

fn autozygous_of(info: &Info<'_>, faults: &mut Faults) -> Option<Autozygous> {
    let mut number = |key: InfoKey| {
        let text = info.raw(key)?;
        let number = finite(text);
        if number.is_none() {
            faults.push(format!("INFO/{}", key.as_str()), format!("{} is not a number; taken as missing", quote(text)));
        }
        number
    };
    let found = Autozygous { length: number(InfoKey::AzLength), quality: number(InfoKey::AzQual) };
    (found != Autozygous::default()).then_some(found)
}

fn custom_of(info: &Info<'_>, faults: &mut Faults) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for part in info.raw(InfoKey::Custom).into_iter().flat_map(|text| text.split(',').take(MOST)) {
        match part.split_once('|') {
            Some((key, value)) => pairs.push((key.to_owned(), value.to_owned())),
            None => {
                faults.push("INFO/SCOUT_CUSTOM", format!("{} is not of the form `key|value`; left out", quote(part)));
            }
        }
    }
    pairs
}

/// `&`-separated identifiers in some CSQ columns that begin in one of some ways, each once.
fn collect(found: &mut Vec<String>, texts: impl Iterator<Item = impl AsRef<str>>, prefixes: &[&str]) {
    for text in texts {
        for id in text.as_ref().split(['&', ',', ';']) {
            let bare = id.trim();
            let wanted =
                !bare.is_empty() && (prefixes.is_empty() || prefixes.iter().any(|prefix| bare.starts_with(prefix)));
            if wanted && found.len() < MOST && !found.iter().any(|known| known == bare) {
                found.push(bare.to_owned());
            }
        }
    }
}

fn column<'a>(entries: &[&CsqEntry<'a>], key: CsqKey) -> impl Iterator<Item = &'a str> {
    let mut last = "";
    entries
        .iter()
        .filter_map(move |entry| entry.get(key))
        .filter(move |text| std::mem::replace(&mut last, *text) != *text)
}

fn dbsnp(ids: &[&str], entries: &[&CsqEntry<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    collect(&mut found, ids.iter(), &["rs"]);
    for key in [CsqKey::ExistingVariation, CsqKey::RsDbsnp, CsqKey::RsDbsnp150] {
        collect(&mut found, column(entries, key), &["rs"]);
    }
    found
}

fn cosmic(ids: &[&str], info: &Info<'_>, entries: &[&CsqEntry<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    collect(&mut found, ids.iter(), &["COSM", "COSV"]);
    collect(&mut found, column(entries, CsqKey::ExistingVariation), &["COSM", "COSV"]);
    collect(&mut found, column(entries, CsqKey::Cosmic), &[]);
    collect(&mut found, info.raw(InfoKey::Cosmic).into_iter(), &[]);
    found
}
