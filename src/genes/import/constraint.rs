//! How much variation a gene tolerates: gnomAD, else ExAC.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::ImportError;
use super::table::Table;
use crate::genes::model::{Constraint, Gene};

pub(super) fn gnomad_constraint(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
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

pub(super) fn exac_constraint(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
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
