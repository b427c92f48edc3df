//! `lodestone load reference DIR`: genes, transcripts, constraint and inheritance from the files that HGNC, Ensembl,
//! gnomAD, OMIM, Orphanet and the Human Phenotype Ontology publish. Files are recognised by their header; unknown ones are skipped
//! with a note.

mod constraint;
mod diseases;
mod genes;
mod modes;
mod orphadata;
mod phenotypes;
mod secondary;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::constraint::{exac_constraint, gnomad_constraint};
use self::diseases::{GeneIndex, Knowledge};
use self::genes::{ensembl_genes, ensembl_transcripts, hgnc};
use self::orphadata::orphadata;
use self::phenotypes::{genes_to_phenotype, hpoa, mim2gene};
use self::secondary::secondary_findings;
use self::table::Table;
use super::store::GeneStore;
use crate::cli::SystemScope;
use crate::db::StoreError;
use crate::genome::GenomeBuild;

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
    #[error(
        "{0}: no file here is a known reference file (HGNC, Ensembl, gnomAD constraint, mim2gene, genes_to_phenotype, phenotype.hpoa, Orphadata products 4, 6, 9, a list of secondary findings)"
    )]
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
    Mim2Gene,
    GenesToPhenotype,
    PhenotypeHpoa,
    Orphadata(u8),
    GnomadConstraint,
    ExacConstraint,
    SecondaryFindings,
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
    } else if table.has(&["hgnc_id", secondary::LIST]) {
        Some(Kind::SecondaryFindings)
    } else if table.columns.keys().any(|title| phenotypes::is_genes_to_phenotype(title)) {
        Some(Kind::GenesToPhenotype)
    } else {
        let beginning = table::beginning(path).ok()?;
        if beginning.lines().any(phenotypes::is_hpoa) {
            Some(Kind::PhenotypeHpoa)
        } else if beginning.lines().any(phenotypes::is_mim2gene) {
            Some(Kind::Mim2Gene)
        } else {
            orphadata::product(&beginning).map(Kind::Orphadata)
        }
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
    let mut knowledge = Knowledge::new(store.diseases(scope).await?, &genes);
    let mut index = GeneIndex::new(&genes);
    let mut transcripts = Vec::new();
    for (kind, path) in &known {
        if *kind != Kind::Hgnc && genes.is_empty() {
            return Err(ImportError::NoGenes);
        }
        let read = match kind {
            Kind::Hgnc => {
                let read = hgnc(path, &mut genes)?;
                index = GeneIndex::new(&genes);
                read
            }
            Kind::EnsemblGenes(build) => ensembl_genes(path, *build, &mut genes)?,
            Kind::EnsemblTranscripts(build) => ensembl_transcripts(path, *build, &genes, &mut transcripts)?,
            Kind::Mim2Gene => mim2gene(path, &index, &mut knowledge, &mut genes)?,
            Kind::GenesToPhenotype => genes_to_phenotype(path, &index, &mut knowledge)?,
            Kind::PhenotypeHpoa => hpoa(path, &mut knowledge)?,
            Kind::Orphadata(product) => orphadata(path, *product, &index, &mut knowledge)?,
            Kind::GnomadConstraint => gnomad_constraint(path, &mut genes)?,
            Kind::ExacConstraint => exac_constraint(path, &mut genes)?,
            Kind::SecondaryFindings => secondary_findings(path, &mut genes)?,
        };
        files.push(format!("{}: {read}", name_of(path)));
    }
    let diseases = knowledge.finish(&mut genes);
    store.put_diseases(scope, &diseases).await?;
    store.put(scope, &genes).await?;
    store.put_transcripts(scope, &transcripts).await?;
    Ok(Imported { files, genes: genes.len(), transcripts: transcripts.len() })
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod of_genes {
    use std::collections::BTreeMap;

    use super::*;
    use crate::genes::model::Gene;

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
