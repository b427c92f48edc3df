//! Reading the files of a list: which records are kept, and what is counted.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::config::CaseConfig;
use super::load::{LoadError, LoadOptions};
use super::model::{Case, CaseList, ListKind};
use super::report::{LeftOut, LoadReport};
use crate::app::AppState;
use crate::cli::SystemScope;
use crate::genes::GeneNames;
use crate::ids::VariantId;
use crate::variants::columns::Columns;
use crate::variants::{Category, ColumnStore, KeyMaker, Seen, Variant};
use crate::vcf::model::{Allele, Zygosity};
use crate::vcf::{Limits, ReadOptions, VcfReader};

/// Documents written by one command.
const BATCH: usize = 1_000;

/// Which records stay whatever their rank.
struct Keeper {
    threshold: f64,
    decided: HashSet<VariantId>,
}

impl Keeper {
    /// Scout's rule, without its other institutes: strictly above the threshold, or kept for a reason of its own.
    fn keeps(&self, allele: &Allele, id: &VariantId) -> bool {
        let Some(score) = allele.rank.score else { return true };
        score > self.threshold
            || allele.chromosome.is_mitochondrial()
            || allele.clinvar.iter().any(|record| matches!(record.code, 4 | 5 | 8))
            || self.decided.contains(id)
    }
}

/// A list that is being read.
pub(super) struct NewList {
    pub(super) kind: ListKind,
    pub(super) files: Vec<PathBuf>,
    pub(super) revision: u32,
    pub(super) content: String,
}

/// What is known of a list that was read, besides its documents.
#[derive(Default)]
pub(super) struct ReadList {
    pub(super) seen: Seen,
    pub(super) columns: Columns,
}

/// Reads the files of a list into a revision that nobody sees yet.
pub(super) async fn read_list(
    app: &AppState,
    scope: &SystemScope,
    case: &Case,
    config: &CaseConfig,
    new: NewList,
    keys: &mut KeyMaker,
    options: &LoadOptions<'_>,
) -> Result<(CaseList, ReadList), LoadError> {
    let NewList { kind, files, revision, content } = new;
    let started = Instant::now();
    let genes = app.genes.names().await?;
    let commented = app.comments.counts_for_command(scope, &case.id).await?.into_keys();
    let decided = app.states.kept(scope, &case.id).await?.into_iter().chain(commented).collect();
    let keeper = Keeper { threshold: config.threshold, decided };
    let mut report = LoadReport { program: env!("CARGO_PKG_VERSION").to_owned(), ..LoadReport::default() };
    for note in case.rank_model.iter().flat_map(|model| &model.notes) {
        report.fault(note.clone());
    }
    let mut columns = ColumnStore::builder(case);
    let mut ids: HashSet<VariantId> = HashSet::new();
    let mut seen = Seen::default();
    let mut batch: Vec<Variant> = Vec::with_capacity(BATCH);
    let total: u64 = files.iter().filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum();
    let mut done = 0;
    for path in &files {
        let read = ReadOptions {
            build: case.build,
            family_keys: vec![case.family.clone(), case.name.to_string()],
            limits: Limits::default(),
        };
        let mut reader = VcfReader::open(path, read)?;
        let sample_columns = sample_columns(case, &reader, path, &mut report)?;
        report.files.push(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
        note_header(&reader, &mut report);
        while let Some(record) = reader.next_record()? {
            report.records += 1;
            if report.records.is_multiple_of(500) {
                (options.progress)(done + reader.bytes_read(), total);
            }
            for fault in record.faults.iter().chain(&record.unreadable) {
                report.fault(fault.to_string());
            }
            if record.unreadable.is_some() {
                report.leave_out(LeftOut::Unreadable);
                continue;
            }
            let mut differs = false;
            for mut allele in record.alleles {
                report.alleles += 1;
                complete_genes(&mut allele, &genes);
                let mut variant =
                    Variant::from_allele(allele.clone(), case, Category::Snv, kind, revision, &sample_columns);
                differs |= keys.put(&mut variant)?;
                note_seen(&mut seen, case, &variant);
                let id = variant.id();
                if !keeper.keeps(&allele, &id) {
                    report.leave_out(LeftOut::RankAtOrBelowThreshold);
                } else if ids.insert(id) {
                    columns.add(&variant);
                    batch.push(variant);
                    report.stored += 1;
                } else {
                    report.leave_out(LeftOut::DuplicateRecord);
                }
            }
            report.reference_differs += u64::from(differs);
            if batch.len() >= BATCH {
                app.variants.add(scope, &batch).await?;
                batch.clear();
            }
        }
        for (term, count) in reader.unknown_terms() {
            *report.unknown_terms.entry(term.clone()).or_default() += count;
        }
        done += reader.bytes_read();
        (options.progress)(done, total);
    }
    app.variants.add(scope, &batch).await?;
    let columns = columns.finish();
    app.columns.write(scope, case, kind, revision, &columns).await?;
    report.seconds = started.elapsed().as_secs_f64();
    let list = CaseList {
        category: Category::Snv.as_str().to_owned(),
        list: kind,
        revision,
        total: u32::try_from(report.stored).unwrap_or(u32::MAX),
        outside: 0,
        threshold: config.threshold,
        content,
        keys: keys.form(),
        loaded_at: app.clock.now(),
        report,
    };
    Ok((list, ReadList { seen, columns }))
}

/// What the carriers of a list's files have, read again.
pub(super) fn seen_in(case: &Case, files: &[PathBuf], keys: &mut KeyMaker) -> Result<Seen, LoadError> {
    let mut seen = Seen::default();
    let mut unused = LoadReport::default();
    for path in files {
        let read = ReadOptions {
            build: case.build,
            family_keys: vec![case.family.clone(), case.name.to_string()],
            limits: Limits::default(),
        };
        let mut reader = VcfReader::open(path, read)?;
        let columns = sample_columns(case, &reader, path, &mut unused)?;
        while let Some(record) = reader.next_record()? {
            for allele in record.alleles {
                let mut variant = Variant::from_allele(allele, case, Category::Snv, ListKind::Clinical, 0, &columns);
                keys.put(&mut variant)?;
                note_seen(&mut seen, case, &variant);
            }
        }
    }
    Ok(seen)
}

/// The sample column of each individual with DNA, in page order.
fn sample_columns(
    case: &Case,
    reader: &VcfReader,
    path: &Path,
    report: &mut LoadReport,
) -> Result<Vec<usize>, LoadError> {
    let samples = &reader.header().samples;
    let mut columns = Vec::new();
    for individual in case.individuals.iter().filter(|individual| individual.has_dna()) {
        let column = samples.iter().position(|sample| *sample == individual.individual_id).ok_or_else(|| {
            LoadError::Refused(format!(
                "{}: there is no column for sample `{}`; the file has {}",
                path.display(),
                individual.individual_id,
                if samples.is_empty() { "no samples".to_owned() } else { samples.join(", ") }
            ))
        })?;
        columns.push(column);
    }
    if report.sample_columns.is_empty() {
        report.sample_columns.clone_from(samples);
    }
    for sample in samples {
        let known = case.individuals.iter().any(|individual| individual.individual_id == *sample);
        if !known && !report.ignored_columns.contains(sample) {
            report.ignored_columns.push(sample.clone());
        }
    }
    Ok(columns)
}

fn note_header(reader: &VcfReader, report: &mut LoadReport) {
    let header = reader.header();
    for software in &header.software {
        let words = format!("{} {}", software.name, software.version);
        if !report.annotations.contains(&words) {
            report.annotations.push(words);
        }
    }
    for fault in &header.faults {
        report.fault(fault.to_string());
    }
}

/// Adds what the gene reference knows: the number of a gene annotated by symbol, and how its diseases are inherited.
fn complete_genes(allele: &mut Allele, genes: &GeneNames) {
    for gene in &mut allele.genes {
        let known = match gene.hgnc_id {
            Some(id) => genes.get(id),
            None => gene.symbol.as_deref().and_then(|symbol| genes.resolve(symbol)),
        };
        if let Some(known) = known {
            gene.hgnc_id = Some(known.hgnc_id);
            gene.symbol = Some(known.symbol.clone());
            gene.inheritance.clone_from(&known.inheritance);
            gene.disease_rna = known.is_disease_rna();
        }
    }
}

fn note_seen(seen: &mut Seen, case: &Case, variant: &Variant) {
    let carriers: Vec<Zygosity> =
        variant.samples.iter().map(|sample| sample.call.zygosity).filter(|zygosity| zygosity.carries()).collect();
    if !carriers.is_empty() {
        let homozygous = carriers.iter().any(|zygosity| matches!(zygosity, Zygosity::Homozygous | Zygosity::Haploid));
        seen.note(&case.institute, &variant.norm_key, homozygous);
    }
}
