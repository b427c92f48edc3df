//! `lodestone load reference DIR`: genes, transcripts, constraint and inheritance from the files that HGNC, Ensembl,
//! gnomAD and the Human Phenotype Ontology publish. Files are recognised by their header; unknown ones are skipped
//! with a note.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::model::{Constraint, Gene, GeneLocation, TranscriptRecord};
use super::store::GeneStore;
use crate::cli::SystemScope;
use crate::db::StoreError;
use crate::genome::{Chromosome, GenomeBuild};

/// Why reference files cannot be used. Nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A line does not fit.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Nothing usable was found.
    #[error("{0}: no file here is a known reference file (HGNC, Ensembl, gnomAD constraint, genes_to_phenotype)")]
    Nothing(String),
    /// Other files need the list of genes.
    #[error("no genes: load the HGNC complete set first, or put it into the same folder")]
    NoGenes,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was read from which file, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// One line per file, skipped ones included.
    pub files: Vec<String>,
    /// Genes stored.
    pub genes: usize,
    /// Transcripts stored.
    pub transcripts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Hgnc,
    EnsemblGenes(GenomeBuild),
    EnsemblTranscripts(GenomeBuild),
    GenesToPhenotype,
    GnomadConstraint,
    ExacConstraint,
}

/// Modes of inheritance in the Human Phenotype Ontology, as panel files abbreviate them.
const INHERITANCE: [(&str, &str); 12] = [
    ("HP:0000006", "AD"),
    ("HP:0012274", "AD"), // with paternal imprinting
    ("HP:0012275", "AD"), // with maternal imprinting
    ("HP:0000007", "AR"),
    ("HP:0001417", "XL"),
    ("HP:0001423", "XD"),
    ("HP:0001419", "XR"),
    ("HP:0001450", "Y"),
    ("HP:0001427", "MT"),
    ("HP:0010984", "digenic"),
    ("HP:0010982", "polygenic"),
    ("HP:0001426", "multifactorial"),
];

/// A tab-separated table with its header, read line by line.
struct Table {
    path: String,
    columns: HashMap<String, usize>,
    lines: std::io::Lines<Box<dyn BufRead>>,
    line: usize,
}

impl Table {
    fn open(path: &Path) -> Result<Self, ImportError> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| ImportError::File { path: name.clone(), reason: error.to_string() };
        let mut lines = text(path).map_err(unreadable)?.lines();
        let header = lines.next().transpose().map_err(unreadable)?.unwrap_or_default();
        let columns = header.split('\t').enumerate().map(|(at, title)| (title.trim().to_owned(), at)).collect();
        Ok(Self { path: name, columns, lines, line: 1 })
    }

    fn has(&self, titles: &[&str]) -> bool {
        titles.iter().all(|title| self.columns.contains_key(*title))
    }

    fn next_row(&mut self) -> Result<Option<Vec<String>>, ImportError> {
        loop {
            let Some(line) = self.lines.next() else { return Ok(None) };
            self.line += 1;
            let line = line.map_err(|error| self.wrong(error.to_string()))?;
            if !line.trim().is_empty() {
                return Ok(Some(line.split('\t').map(|cell| cell.trim_matches(['"', ' ', '\r']).to_owned()).collect()));
            }
        }
    }

    fn cell<'a>(&self, row: &'a [String], title: &str) -> &'a str {
        self.columns.get(title).and_then(|at| row.get(*at)).map_or("", String::as_str)
    }

    fn number<T: std::str::FromStr>(&self, row: &[String], title: &str) -> Result<T, ImportError> {
        let cell = self.cell(row, title);
        cell.parse().map_err(|_| self.wrong(format!("{title}: `{cell}` is not a number")))
    }

    fn wrong(&self, reason: String) -> ImportError {
        ImportError::Line { path: self.path.clone(), line: self.line, reason }
    }
}

/// Plain or gzipped text, decided by content.
fn text(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut magic = [0; 2];
    let read = File::open(path)?.read(&mut magic)?;
    let file = File::open(path)?;
    Ok(if read == 2 && magic == [0x1f, 0x8b] {
        Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
    } else {
        Box::new(BufReader::new(file))
    })
}

fn kind(path: &Path) -> Option<Kind> {
    let table = Table::open(path).ok()?;
    let build = || path.file_name()?.to_str()?.parse::<GenomeBuild>().ok();
    if table.has(&["hgnc_id", "symbol", "locus_type"]) {
        Some(Kind::Hgnc)
    } else if table.has(&["Transcript stable ID", "Transcript start (bp)"]) {
        build().map(Kind::EnsemblTranscripts)
    } else if table.has(&["Gene stable ID", "HGNC ID", "Gene start (bp)"]) {
        build().map(Kind::EnsemblGenes)
    } else if table.has(&["gene", "transcript", "canonical", "lof.pLI"]) {
        Some(Kind::GnomadConstraint)
    } else if table.has(&["transcript", "gene", "pLI", "mis_z"]) {
        Some(Kind::ExacConstraint)
    } else if table.columns.keys().any(|title| title.starts_with("#Format: entrez-gene-id") || title == "ncbi_gene_id")
    {
        Some(Kind::GenesToPhenotype)
    } else {
        None
    }
}

/// Reads all known files of a folder and stores what they say; genes known from before keep what is not said anew.
pub async fn import(scope: &SystemScope, store: &GeneStore, folder: &Path) -> Result<Imported, ImportError> {
    let unreadable =
        |error: std::io::Error| ImportError::File { path: folder.display().to_string(), reason: error.to_string() };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?
        .iter()
        .map(std::fs::DirEntry::path)
        .collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    let mut files = Vec::new();
    let mut known = Vec::new();
    for path in paths {
        match kind(&path) {
            Some(kind) => known.push((kind, path)),
            None => files.push(format!("{}: skipped, not a file this version uses", name_of(&path))),
        }
    }
    known.sort();
    if known.is_empty() {
        return Err(ImportError::Nothing(folder.display().to_string()));
    }
    let mut genes = store.all(scope).await?;
    let mut transcripts = Vec::new();
    for (kind, path) in &known {
        if *kind != Kind::Hgnc && genes.is_empty() {
            return Err(ImportError::NoGenes);
        }
        let read = match kind {
            Kind::Hgnc => hgnc(path, &mut genes)?,
            Kind::EnsemblGenes(build) => ensembl_genes(path, *build, &mut genes)?,
            Kind::EnsemblTranscripts(build) => ensembl_transcripts(path, *build, &genes, &mut transcripts)?,
            Kind::GenesToPhenotype => genes_to_phenotype(path, &mut genes)?,
            Kind::GnomadConstraint => gnomad_constraint(path, &mut genes)?,
            Kind::ExacConstraint => exac_constraint(path, &mut genes)?,
        };
        files.push(format!("{}: {read}", name_of(path)));
    }
    store.put(scope, &genes).await?;
    store.put_transcripts(scope, &transcripts).await?;
    Ok(Imported { files, genes: genes.len(), transcripts: transcripts.len() })
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Lists in HGNC files are joined by `|`.
fn parts(cell: &str) -> Vec<String> {
    cell.split('|').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn filled(cell: &str) -> Option<String> {
    (!cell.is_empty()).then(|| cell.to_owned())
}

fn hgnc(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
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

fn ensembl_genes(path: &Path, build: GenomeBuild, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
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

fn ensembl_transcripts(
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

fn genes_to_phenotype(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
    let mut table = Table::open(path)?;
    let by_entrez: HashMap<u32, u32> =
        genes.values().filter_map(|gene| Some((gene.entrez_id?, gene.hgnc_id))).collect();
    let by_symbol: HashMap<String, u32> = genes.values().map(|gene| (gene.symbol.clone(), gene.hgnc_id)).collect();
    let mut modes: BTreeMap<u32, Vec<&'static str>> = BTreeMap::new();
    let mut diseases: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        let [entrez, symbol, ..] = row.as_slice() else { return Err(table.wrong("fewer than two columns".to_owned())) };
        let Some(id) = entrez.parse().ok().and_then(|id: u32| by_entrez.get(&id)).or_else(|| by_symbol.get(symbol))
        else {
            continue;
        };
        let term = row.iter().find(|cell| cell.starts_with("HP:"));
        if let Some((_, mode)) = term.and_then(|term| INHERITANCE.iter().find(|(known, _)| known == term)) {
            let modes = modes.entry(*id).or_default();
            if !modes.contains(mode) {
                modes.push(mode);
            }
        }
        if let Some(disease) = row.iter().find(|cell| cell.starts_with("OMIM:") || cell.starts_with("ORPHA:")) {
            let diseases = diseases.entry(*id).or_default();
            if !diseases.contains(disease) {
                diseases.push(disease.clone());
            }
        }
    }
    let (with_mode, with_disease) = (modes.len(), diseases.len());
    for (id, mut found) in modes {
        found.sort_by_key(|mode| INHERITANCE.iter().position(|(_, known)| known == mode));
        if let Some(gene) = genes.get_mut(&id) {
            gene.inheritance = found.into_iter().map(str::to_owned).collect();
        }
    }
    for (id, mut found) in diseases {
        found.sort();
        if let Some(gene) = genes.get_mut(&id) {
            gene.diseases = found;
        }
    }
    Ok(format!("inheritance of {with_mode} genes, diseases of {with_disease}"))
}

fn gnomad_constraint(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
    let mut table = Table::open(path)?;
    let by_symbol: HashMap<String, u32> = genes.values().map(|gene| (gene.symbol.clone(), gene.hgnc_id)).collect();
    let mut found = std::collections::BTreeSet::new();
    while let Some(row) = table.next_row()? {
        // One transcript per gene, the MANE Select one; RefSeq and Ensembl name the same.
        if table.cell(&row, "mane_select") != "true" {
            continue;
        }
        let Some(gene) = by_symbol.get(table.cell(&row, "gene")).and_then(|id| genes.get_mut(id)) else { continue };
        let value = |title: &str| table.cell(&row, title).parse::<f64>().ok();
        gene.constraint = Some(Constraint {
            pli: value("lof.pLI"),
            loeuf: value("lof.oe_ci.upper"),
            missense_z: value("mis.z_score"),
            source: "gnomAD v4.1".to_owned(),
        });
        found.insert(gene.hgnc_id);
    }
    Ok(format!("constraint of {} genes", found.len()))
}

fn exac_constraint(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
    let mut table = Table::open(path)?;
    let by_symbol: HashMap<String, u32> = genes.values().map(|gene| (gene.symbol.clone(), gene.hgnc_id)).collect();
    let mut found = 0;
    while let Some(row) = table.next_row()? {
        let Some(gene) = by_symbol.get(table.cell(&row, "gene")).and_then(|id| genes.get_mut(id)) else { continue };
        if gene.constraint.is_some() {
            continue; // gnomAD is newer
        }
        let value = |title: &str| table.cell(&row, title).parse::<f64>().ok();
        gene.constraint = Some(Constraint {
            pli: value("pLI"),
            loeuf: None,
            missense_z: value("mis_z"),
            source: "ExAC r0.3".to_owned(),
        });
        found += 1;
    }
    Ok(format!("constraint of {found} genes without gnomAD figures"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn pot1() -> BTreeMap<u32, Gene> {
        let (_folder, path) = file(
            "hgnc.txt",
            "hgnc_id\tsymbol\tname\tlocus_type\tstatus\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\n\
             HGNC:17284\tPOT1\tprotection of telomeres 1\tgene with protein product\tApproved\t\"hPot1|DKFZp586D211\"\t\t25913\tENSG00000128513\n\
             HGNC:1\tOLD\t\t\tEntry Withdrawn\t\t\t\t\n",
        );
        let mut genes = BTreeMap::new();
        assert_eq!(hgnc(&path, &mut genes).unwrap(), "1 genes, 1 withdrawn entries left out");
        genes
    }

    #[test]
    fn a_gene_is_put_together_from_several_files() {
        let mut genes = pot1();
        assert_eq!(genes[&17284].aliases, ["hPot1", "DKFZp586D211"]);
        let (_folder, path) = file(
            "ensembl_genes_37.txt",
            "Chromosome/scaffold name\tGene start (bp)\tGene end (bp)\tGene stable ID\tHGNC symbol\tHGNC ID\n\
             7\t124462440\t124570037\tENSG00000128513\tPOT1\t17284\nHG7_PATCH\t1\t2\tENSG00000128513\tPOT1\t17284\n",
        );
        ensembl_genes(&path, GenomeBuild::Grch37, &mut genes).unwrap();
        assert_eq!(genes[&17284].locations[0].chromosome.as_str(), "7");
        let (_folder, path) = file(
            "g2p.txt",
            "#Format: entrez-gene-id<tab>entrez-gene-symbol<tab>HPO-Term-Name\n\
             25913\tPOT1\tHP:0000007\tx\t\t\t\t\tOMIM:615848\n25913\tPOT1\tHP:0000006\tx\t\t\t\t\tOMIM:615848\n",
        );
        assert_eq!(kind(&path), Some(Kind::GenesToPhenotype));
        genes_to_phenotype(&path, &mut genes).unwrap();
        assert_eq!(genes[&17284].inheritance, ["AD", "AR"]);
        assert_eq!(genes[&17284].diseases, ["OMIM:615848"]);
    }

    #[test]
    fn a_wrong_number_names_file_and_line() {
        let mut genes = pot1();
        let (_folder, path) = file(
            "ensembl_genes_37.txt",
            "Chromosome/scaffold name\tGene start (bp)\tGene end (bp)\tGene stable ID\tHGNC symbol\tHGNC ID\n\
             7\tfar\t2\tENSG00000128513\tPOT1\t17284\n",
        );
        let error = ensembl_genes(&path, GenomeBuild::Grch37, &mut genes).unwrap_err().to_string();
        assert!(error.contains("ensembl_genes_37.txt, line 2: Gene start (bp): `far`"), "{error}");
    }

    #[test]
    fn other_files_are_not_taken_for_reference() {
        let (_folder, path) = file("notes_37.txt", "hello\tworld\n");
        assert_eq!(kind(&path), None);
    }
}
