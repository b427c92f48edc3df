//! The list of genes for secondary findings.

use std::collections::BTreeMap;
use std::path::Path;

use super::ImportError;
use super::table::Table;
use crate::genes::model::Gene;

/// The column that names list and version, e.g. `ACMG SF v3.2`; the same on every line.
pub(super) const LIST: &str = "secondary_findings";

/// Reads a table of `hgnc_id` and `secondary_findings`. It takes the place of the list that was there: what it leaves out is
/// on no list any more. A gene that is not known stops the import, as it would be left open without anybody noticing.
pub(super) fn secondary_findings(path: &Path, genes: &mut BTreeMap<u32, Gene>) -> Result<String, ImportError> {
    let mut table = Table::open(path)?;
    let mut listed: BTreeMap<u32, String> = BTreeMap::new();
    while let Some(row) = table.next_row()? {
        let id = table.cell(&row, "hgnc_id");
        let number = id.trim_start_matches("HGNC:").parse::<u32>().ok().filter(|number| genes.contains_key(number));
        let Some(number) = number else {
            let reason = format!("hgnc_id: `{id}` is no gene of the HGNC list; load that first, or correct the number");
            return Err(table.wrong(reason));
        };
        let list = table.cell(&row, LIST);
        if list.is_empty() || listed.values().any(|other| other != list) {
            let reason = format!("{LIST}: `{list}` must be name and version of the list, the same on every line");
            return Err(table.wrong(reason));
        }
        listed.insert(number, list.to_owned());
    }
    let Some(list) = listed.values().next().cloned() else {
        return Err(table.wrong("there is no gene on the list".to_owned()));
    };
    for gene in genes.values_mut() {
        gene.secondary_findings = listed.remove(&gene.hgnc_id);
    }
    let count = genes.values().filter(|gene| gene.secondary_findings.is_some()).count();
    Ok(format!("{count} genes of {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Result<String, String>, BTreeMap<u32, Gene>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secondary.tsv");
        std::fs::write(&path, text).unwrap();
        let mut genes: BTreeMap<u32, Gene> = [1100, 1101, 11998]
            .map(|hgnc_id| (hgnc_id, Gene { hgnc_id, secondary_findings: Some("old".into()), ..Gene::default() }))
            .into();
        let said = secondary_findings(&path, &mut genes).map_err(|error| error.to_string());
        (said, genes)
    }

    #[test]
    fn a_new_list_takes_the_place_of_the_old_one() {
        let (said, genes) = read("hgnc_id\tsecondary_findings\nHGNC:1100\tACMG SF v3.2\n1101\tACMG SF v3.2\n");
        assert_eq!(said.unwrap(), "2 genes of ACMG SF v3.2");
        assert_eq!(genes[&1100].secondary_findings.as_deref(), Some("ACMG SF v3.2"));
        assert_eq!(genes[&11998].secondary_findings, None);
    }

    #[test]
    fn a_list_that_cannot_be_right_is_told_with_its_line() {
        for (text, line, why) in [
            ("HGNC:7\tACMG SF v3.2", 2, "no gene of the HGNC list"),
            ("HGNC:1100\tACMG SF v3.2\nBRCA2\tACMG SF v3.2", 3, "no gene of the HGNC list"),
            ("HGNC:1100\t", 2, "name and version"),
            ("HGNC:1100\tACMG SF v3.2\nHGNC:1101\tACMG SF v3.3", 3, "the same on every line"),
            ("", 2, "no gene on the list"),
        ] {
            let (said, genes) = read(&format!("hgnc_id\tsecondary_findings\n{text}\n"));
            let said = said.unwrap_err();
            assert!(said.contains(&format!("line {line}:")) && said.contains(why), "{said}");
            assert!(
                genes.values().all(|gene| gene.secondary_findings.as_deref() == Some("old")),
                "nothing is half done"
            );
        }
    }
}
