//! Genes of the HGNC, their places and transcripts of Ensembl.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::table::{Table, filled, parts};
use super::{ImportError, name_of};
use crate::genes::model::{Gene, GeneLocation, TranscriptRecord};
use crate::genome::{Chromosome, GenomeBuild};

pub(super) fn hgnc(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
    let mut table = Table::open(path)?;
    let (mut read, mut withdrawn) = (0, 0);
    while let Some(row) = table.next_row()? {
        if table.cell(&row, "status").contains("ithdrawn") {
            withdrawn += 1;
            continue;
        }
        let id = table.cell(&row, "hgnc_id");
        let hgnc_id: u32 = id
            .trim_start_matches("HGNC:")
            .parse()
            .map_err(|_| table.wrong(format!("hgnc_id: `{id}` is not a number of the HGNC")))?;
        let gene = genes.entry(hgnc_id).or_default();
        gene.hgnc_id = hgnc_id;
        table.cell(&row, "symbol").clone_into(&mut gene.symbol);
        table.cell(&row, "name").clone_into(&mut gene.name);
        gene.aliases = parts(table.cell(&row, "alias_symbol"));
        gene.aliases.extend(parts(table.cell(&row, "prev_symbol")));
        gene.locus_type = filled(table.cell(&row, "locus_type"));
        gene.ensembl_id = filled(table.cell(&row, "ensembl_gene_id"));
        gene.entrez_id = table.cell(&row, "entrez_id").parse().ok();
        gene.omim_id = parts(table.cell(&row, "omim_id")).first().and_then(|id| id.parse().ok());
        gene.uniprot_ids = parts(table.cell(&row, "uniprot_ids"));
        gene.refseq = parts(table.cell(&row, "refseq_accession"));
        gene.source = name_of(path);
        read += 1;
    }
    Ok(format!("{read} genes, {withdrawn} withdrawn entries left out"))
}

fn by_ensembl(genes: &BTreeMap<u32, Gene>) -> HashMap<String, u32> {
    genes.values().filter_map(|gene| Some((gene.ensembl_id.clone()?, gene.hgnc_id))).collect()
}

pub(super) fn ensembl_genes(
    path: &Path,
    build: GenomeBuild,
    genes: &mut BTreeMap<u32, Gene>,
) -> Result<String, ImportError> {
    let mut table = Table::open(path)?;
    let by_ensembl = by_ensembl(genes);
    let (mut placed, mut unknown) = (0, 0);
    while let Some(row) = table.next_row()? {
        let numbered = table.cell(&row, "HGNC ID").trim_start_matches("HGNC:").parse::<u32>().ok();
        let ensembl = table.cell(&row, "Gene stable ID");
        let Some(gene) = numbered.or_else(|| by_ensembl.get(ensembl).copied()).and_then(|id| genes.get_mut(&id)) else {
            unknown += 1;
            continue;
        };
        let location = GeneLocation {
            build,
            chromosome: Chromosome::parse(table.cell(&row, "Chromosome/scaffold name")),
            start: table.number(&row, "Gene start (bp)")?,
            end: table.number(&row, "Gene end (bp)")?,
        };
        // A gene on a patch and on its chromosome keeps the chromosome.
        let is_patch = location.chromosome.as_str().len() > 2;
        if is_patch && gene.locations.iter().any(|known| known.build == build) {
            continue;
        }
        gene.locations.retain(|known| known.build != build);
        gene.locations.push(location);
        gene.ensembl_id.get_or_insert_with(|| ensembl.to_owned());
        placed += 1;
    }
    Ok(format!("{placed} genes placed on {}, {unknown} without HGNC number left out", build.name()))
}

pub(super) fn ensembl_transcripts(
    path: &Path,
    build: GenomeBuild,
    genes: &BTreeMap<u32, Gene>,
    transcripts: &mut Vec<TranscriptRecord>,
) -> Result<String, ImportError> {
    const REFSEQ: [&str; 3] = ["RefSeq mRNA ID", "RefSeq ncRNA ID", "RefSeq mRNA predicted ID"];
    let mut table = Table::open(path)?;
    let by_ensembl = by_ensembl(genes);
    let mut found: BTreeMap<String, TranscriptRecord> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        let transcript = table.cell(&row, "Transcript stable ID").to_owned();
        let gene = table.cell(&row, "Gene stable ID").to_owned();
        let record = found.entry(transcript.clone()).or_insert(TranscriptRecord {
            id: format!("{build}/{transcript}"),
            build,
            hgnc_id: by_ensembl.get(&gene).copied(),
            transcript,
            ensembl_gene: gene,
            chromosome: Chromosome::parse(table.cell(&row, "Chromosome/scaffold name")),
            start: table.number(&row, "Transcript start (bp)")?,
            end: table.number(&row, "Transcript end (bp)")?,
            refseq: Vec::new(),
            mane_select: filled(table.cell(&row, "RefSeq match transcript (MANE Select)")),
            mane_plus_clinical: filled(table.cell(&row, "RefSeq match transcript (MANE Plus Clinical)")),
        });
        for title in REFSEQ {
            let refseq = table.cell(&row, title);
            if !refseq.is_empty() && !record.refseq.iter().any(|known| known == refseq) {
                record.refseq.push(refseq.to_owned());
            }
        }
    }
    let read = found.len();
    transcripts.extend(found.into_values());
    Ok(format!("{read} transcripts on {}", build.name()))
}
