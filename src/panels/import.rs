use std::collections::{BTreeMap, HashMap};

use super::model::PanelGene;
use crate::genes::GeneNames;

/// A panel file, checked against the gene reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelFile {
    /// `##key=value` lines: `panel_id`, `institute`, `version`, `date`, `display_name`, …
    pub metadata: BTreeMap<String, String>,
    /// Genes, each once.
    pub genes: Vec<PanelGene>,
    /// What was noticed and does not stop the load.
    pub notes: Vec<String>,
}

/// Why a panel file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// A line does not fit.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Genes that the reference does not have.
    #[error(
        "{path}: these genes are not in the gene reference: {genes}. Load the reference first, or correct the panel"
    )]
    UnknownGenes {
        /// The file.
        path: String,
        /// The genes as written.
        genes: String,
    },
    /// No gene at all.
    #[error("{0}: there is no gene in this panel")]
    Empty(String),
}

const ALIASES: [(&str, &[&str]); 8] = [
    ("hgnc_id", &["hgnc_idnumber", "hgncid"]),
    ("symbol", &["hgnc_symbol", "hgncsymbol"]),
    ("disease_associated_transcripts", &["disease_associated_transcript", "transcripts"]),
    ("inheritance_models", &["genetic_disease_models", "genetic_disease_model", "genetic_inheritance_models"]),
    ("custom_inheritance_models", &[]),
    ("reduced_penetrance", &[]),
    ("mosaicism", &[]),
    ("database_entry_version", &[]),
];

const MODELS: [&str; 13] =
    ["AD", "AR", "XL", "XD", "XR", "Y", "MT", "NA", "AD (imprinting)", "digenic", "AEI", "other", "DG"];

/// Reads both forms of panel file: tab- or semicolon-separated, with or without `##` lines, UTF-8 or Windows-1252.
pub fn parse(bytes: &[u8], path: &str, known: &GeneNames) -> Result<PanelFile, PanelError> {
    let text = decode(bytes);
    let mut panel = PanelFile::default();
    let mut columns: Option<HashMap<String, usize>> = None;
    let mut separator = '\t';
    let mut unknown = Vec::new();
    for (index, line) in text.split(['\n', '\r']).enumerate() {
        let at = index + 1;
        let line = line.trim_end();
        if let Some(metadata) = line.strip_prefix("##") {
            if let Some((key, value)) = metadata.split_once('=') {
                panel.metadata.insert(key.trim().to_lowercase(), value.trim().trim_end_matches([';', '\t']).to_owned());
            }
            continue;
        }
        if line.trim_matches([';', '\t', ' ', ',']).is_empty() {
            continue;
        }
        let Some(columns) = &columns else {
            separator = if line.matches(';').count() > line.matches('\t').count() { ';' } else { '\t' };
            let is_header = line.starts_with('#') || line.to_lowercase().contains("hgnc");
            columns = Some(if is_header { header(line, separator) } else { sniff(line, separator) });
            if is_header {
                continue;
            }
            let columns = columns.as_ref().expect("the columns were just found");
            gene(line, separator, columns, known, &mut panel, &mut unknown, path, at)?;
            continue;
        };
        gene(line, separator, columns, known, &mut panel, &mut unknown, path, at)?;
    }
    if !unknown.is_empty() {
        return Err(PanelError::UnknownGenes { path: path.to_owned(), genes: unknown.join(", ") });
    }
    if panel.genes.is_empty() {
        return Err(PanelError::Empty(path.to_owned()));
    }
    Ok(panel)
}

/// UTF-8 with or without a byte order mark, else Windows-1252, whose letters beyond ASCII are those of Latin-1 here.
fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn header(line: &str, separator: char) -> HashMap<String, usize> {
    line.trim_start_matches('#')
        .split(separator)
        .enumerate()
        .map(|(at, title)| {
            let title = title.trim().trim_matches('"').to_lowercase();
            let canonical = ALIASES.iter().find(|(name, others)| *name == title || others.contains(&title.as_str()));
            (canonical.map_or(title, |(name, _)| (*name).to_owned()), at)
        })
        .collect()
}

/// Without a header the first column is an id when it is a number, else a symbol.
fn sniff(line: &str, separator: char) -> HashMap<String, usize> {
    let first = line.split(separator).next().unwrap_or_default().trim();
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    HashMap::from([(if is_number { "hgnc_id" } else { "symbol" }.to_owned(), 0)])
}

#[expect(clippy::too_many_arguments, reason = "one line of a file with everything that a line needs")]
fn gene(
    line: &str,
    separator: char,
    columns: &HashMap<String, usize>,
    known: &GeneNames,
    panel: &mut PanelFile,
    unknown: &mut Vec<String>,
    path: &str,
    at: usize,
) -> Result<(), PanelError> {
    let cells: Vec<&str> = line.split(separator).map(|cell| cell.trim().trim_matches('"').trim()).collect();
    let cell = |title: &str| columns.get(title).and_then(|at| cells.get(*at)).copied().unwrap_or_default();
    let list = |title: &str| -> Vec<String> {
        cell(title).split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let wrong = |reason: String| PanelError::Line { path: path.to_owned(), line: at, reason };
    let (id, symbol) = (cell("hgnc_id"), cell("symbol"));
    let found = if id.is_empty() {
        if symbol.is_empty() {
            return Err(wrong("neither an HGNC id nor a symbol".to_owned()));
        }
        known.resolve(symbol)
    } else {
        let number: u32 =
            id.trim_start_matches("HGNC:").parse().map_err(|_| wrong(format!("`{id}` is not a number of the HGNC")))?;
        known.get(number)
    };
    let Some(found) = found else {
        unknown.push(if id.is_empty() { symbol.to_owned() } else { format!("{symbol} (HGNC:{id})") });
        return Ok(());
    };
    if panel.genes.iter().any(|gene| gene.hgnc_id == found.hgnc_id) {
        panel.notes.push(format!("line {at}: {} is there twice; the first counts", found.symbol));
        return Ok(());
    }
    let (inheritance, custom): (Vec<String>, Vec<String>) =
        list("inheritance_models").into_iter().partition(|model| MODELS.contains(&model.as_str()));
    let without_version = |name: String| name.split('.').next().unwrap_or_default().to_owned();
    let filled = |title: &str| Some(cell(title).to_owned()).filter(|text| !text.is_empty());
    panel.genes.push(PanelGene {
        hgnc_id: found.hgnc_id,
        symbol: found.symbol.clone(),
        disease_transcripts: list("disease_associated_transcripts").into_iter().map(without_version).collect(),
        reduced_penetrance: !cell("reduced_penetrance").is_empty(),
        mosaicism: !cell("mosaicism").is_empty(),
        inheritance,
        custom_inheritance: custom.into_iter().chain(list("custom_inheritance_models")).collect(),
        entry_version: filled("database_entry_version"),
        comment: filled("comment"),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genes::GeneNames;

    fn known() -> GeneNames {
        let gene = |id: u32, symbol: &str, aliases: &[&str]| {
            serde_json::from_value(serde_json::json!({
                "_id": id, "symbol": symbol, "aliases": aliases, "inheritance": []
            }))
            .unwrap()
        };
        GeneNames::new(vec![gene(17284, "POT1", &["hPot1"]), gene(7481, "MT-TF", &[]), gene(5, "A1BG", &["hPot1x"])])
    }

    #[test]
    fn both_separators_and_all_columns_are_read() {
        let text = "##panel_id=p1\n##version=1.0\n#hgnc_id\thgnc_symbol\tdisease_associated_transcripts\treduced_penetrance\tgenetic_disease_models\tmosaicism\tdatabase_entry_version\n17284\tPOT1\tNM_1.2,NM_2\tyes\tAD,odd\t\t0.9\n;;\n17284\tPOT1\n";
        let panel = parse(text.as_bytes(), "p.txt", &known()).unwrap();
        assert_eq!(panel.metadata["panel_id"], "p1");
        let gene = &panel.genes[0];
        assert_eq!(gene.disease_transcripts, ["NM_1", "NM_2"]);
        assert!(gene.reduced_penetrance && !gene.mosaicism);
        assert_eq!(
            (gene.inheritance.as_slice(), gene.custom_inheritance.as_slice()),
            (&["AD".to_owned()][..], &["odd".to_owned()][..])
        );
        assert_eq!(panel.notes.len(), 1);
        let semicolons = parse(b"\xef\xbb\xbfHGNC_IDnumber;HGNC_symbol\r7481;MT-TF\r;;\r", "p.csv", &known()).unwrap();
        assert_eq!(semicolons.genes[0].symbol, "MT-TF");
    }

    #[test]
    fn without_a_header_the_first_column_decides() {
        assert_eq!(parse(b"7481\n", "p", &known()).unwrap().genes[0].hgnc_id, 7481);
        assert_eq!(parse(b"hPot1x\n", "p", &known()).unwrap().genes[0].hgnc_id, 5);
    }

    #[test]
    fn errors_name_the_line_and_all_unknown_genes() {
        let error = parse(b"#hgnc_id\tsymbol\nx7\tPOT1\n", "p.txt", &known()).unwrap_err().to_string();
        assert!(error.contains("p.txt, line 2: `x7`"), "{error}");
        let error = parse(b"#hgnc_id\tsymbol\n1\tNOPE\n2\tNADA\n", "p.txt", &known()).unwrap_err().to_string();
        assert!(error.contains("NOPE (HGNC:1), NADA (HGNC:2)"), "{error}");
        assert!(parse(b"", "p.txt", &known()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_the_parser_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&bytes, "p", &known());
        }
    }
}
