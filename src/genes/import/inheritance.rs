//! Diseases of genes and how they are inherited.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::ImportError;
use super::table::Table;
use crate::genes::model::Gene;

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

pub(super) fn genes_to_phenotype(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
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
