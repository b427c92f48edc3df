//! Tables of OMIM and of the Human Phenotype Ontology about genes and diseases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::diseases::{Authority, GeneIndex, Knowledge};
use super::table::Table;
use super::{ImportError, modes};
use crate::genes::model::Gene;

/// First title of a table of `genes_to_phenotype`, before and since 2023.
pub(super) fn is_genes_to_phenotype(title: &str) -> bool {
    title.starts_with("#Format: entrez-gene-id") || title == "ncbi_gene_id"
}

/// The line of titles of `phenotype.hpoa`, before and since 2023.
pub(super) fn is_hpoa(line: &str) -> bool {
    line.starts_with("database_id\tdisease_name\t") || line.starts_with("#DatabaseID\tDiseaseName\t")
}

/// The line of titles of OMIM's `mim2gene`.
pub(super) fn is_mim2gene(line: &str) -> bool {
    line.starts_with("# MIM Number\tMIM Entry Type")
}

fn is_disease(cell: &str) -> bool {
    ["OMIM:", "ORPHA:", "DECIPHER:"].iter().any(|authority| cell.starts_with(authority))
}

/// Diseases of genes, and terms of these diseases, modes of inheritance among them.
pub(super) fn genes_to_phenotype(
    path: &Path,
    genes: &GeneIndex,
    knowledge: &mut Knowledge,
) -> Result<String, ImportError> {
    const NO_ASSOCIATION: [&str; 2] = ["", "-"];
    let mut table = Table::open(path)?;
    knowledge.forget(Authority::GenesToPhenotype);
    let source = Authority::GenesToPhenotype.source(None);
    let (mut links, mut without_disease) = (BTreeSet::new(), 0);
    while let Some(row) = table.next_row()? {
        let [entrez, symbol, ..] = row.as_slice() else { return Err(table.wrong("fewer than two columns".to_owned())) };
        let Some(gene) = genes.entrez(entrez).or_else(|| genes.symbol(symbol)) else { continue };
        let Some(disease) = row.iter().find(|cell| is_disease(cell)) else {
            without_disease += 1;
            continue;
        };
        // Of the older layout: the seventh of nine columns says what kind of association it is.
        let association = row.get(6).filter(|_| row.len() == 9).map(String::as_str);
        let association = association.filter(|words| !NO_ASSOCIATION.contains(words));
        knowledge.link(gene, disease, &source, association);
        links.insert((gene, disease.clone()));
        if let Some(term) = row.iter().find(|cell| cell.starts_with("HP:")) {
            knowledge.inherited(disease, modes::of_term(term), &source);
        }
    }
    let left_out = match without_disease {
        0 => String::new(),
        rows => format!(", {rows} rows without a disease left out"),
    };
    Ok(format!("{} diseases of genes{left_out}", links.len()))
}

/// Names of diseases and their modes of inheritance (rows of aspect I).
pub(super) fn hpoa(path: &Path, knowledge: &mut Knowledge) -> Result<String, ImportError> {
    let (mut table, before) = Table::open_at(path, is_hpoa)?;
    let release = before.iter().find_map(|line| {
        line.strip_prefix("#version:").or_else(|| line.strip_prefix("#date:")).map(|date| date.trim().to_owned())
    });
    knowledge.forget(Authority::PhenotypeHpoa);
    let source = Authority::PhenotypeHpoa.source(release.as_deref());
    let (mut with_mode, mut negated) = (BTreeSet::new(), 0);
    while let Some(row) = table.next_row()? {
        let cell = |new: &str, old: &str| match table.cell(&row, new) {
            "" => table.cell(&row, old),
            cell => cell,
        };
        let disease = cell("database_id", "#DatabaseID");
        if !is_disease(disease) {
            return Err(table.wrong(format!("`{disease}` is not a disease, such as OMIM:615848")));
        }
        if cell("aspect", "Aspect") != "I" {
            continue;
        }
        knowledge.name(disease, cell("disease_name", "DiseaseName"));
        if cell("qualifier", "Qualifier").eq_ignore_ascii_case("NOT") {
            negated += 1;
            continue;
        }
        let models = modes::of_term(cell("hpo_id", "HPO_ID"));
        if !models.is_empty() {
            knowledge.inherited(disease, models, &source);
            with_mode.insert(disease.to_owned());
        }
    }
    let negated = if negated > 0 { format!(", {negated} negated rows left out") } else { String::new() };
    Ok(format!("inheritance of {} diseases{negated}", with_mode.len()))
}

/// OMIM's entries of genes. The file says of itself that it is no table of genes and phenotypes; only an entry that is
/// gene and phenotype in one is a disease of its gene.
pub(super) fn mim2gene(
    path: &Path,
    index: &GeneIndex,
    knowledge: &mut Knowledge,
    genes: &mut BTreeMap<u32, Gene>,
) -> Result<String, ImportError> {
    let (mut table, before) = Table::open_at(path, is_mim2gene)?;
    let release = before.iter().find_map(|line| Some(line.strip_prefix("# Generated:")?.trim().to_owned()));
    knowledge.forget(Authority::Mim2Gene);
    let source = Authority::Mim2Gene.source(release.as_deref());
    let (mut entries, mut both) = (0, 0);
    while let Some(row) = table.next_row()? {
        let column = |at: usize| row.get(at).map_or("", String::as_str);
        let (mim, kind) = (column(0), column(1));
        if mim.starts_with('#') {
            continue; // a remark
        }
        let number: u32 = mim.parse().map_err(|_| table.wrong(format!("MIM Number: `{mim}` is not a number")))?;
        let is_both = kind == "gene/phenotype";
        if !is_both && kind != "gene" {
            continue;
        }
        let Some(id) = index.entrez(column(2)).or_else(|| index.symbol(column(3))) else { continue };
        if let Some(gene) = genes.get_mut(&id) {
            gene.omim_id.get_or_insert(number);
            entries += 1;
        }
        if is_both {
            knowledge.link(id, &format!("OMIM:{number}"), &source, None);
            both += 1;
        }
    }
    Ok(format!("OMIM entries of {entries} genes, {both} of them diseases too"))
}
