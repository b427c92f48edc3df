use std::path::Path;

use super::model::{Phenotype, Sex};
use super::samples::SampleConfig;

/// Why a pedigree file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PedError {
    /// The file cannot be read.
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
        /// What is wrong and what to do.
        reason: String,
    },
    /// There is nobody in it, or there are several families.
    #[error("{path}: {reason}")]
    Family {
        /// The file.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// Reads a six-column PED file of one family: family, individual, father, mother, sex (1, 2), phenotype (1, 2).
///
/// The answer is the family's name and its members in the order of the file. Lines that start with `#` are comments.
pub fn read_ped(path: &Path) -> Result<(String, Vec<SampleConfig>), PedError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| PedError::File { path: name.clone(), reason: error.to_string() })?;
    parse(&text, &name)
}

fn parse(text: &str, path: &str) -> Result<(String, Vec<SampleConfig>), PedError> {
    let mut family: Option<String> = None;
    let mut members = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |reason: String| PedError::Line { path: path.to_owned(), line: index + 1, reason };
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[of, id, father, mother, sex, phenotype, ..] = fields.as_slice() else {
            return Err(wrong(format!(
                "{} columns; six are needed: family, individual, father, mother, sex, phenotype",
                fields.len()
            )));
        };
        match &family {
            None => family = Some(of.to_owned()),
            Some(known) if known == of => {}
            Some(known) => return Err(wrong(format!("family `{of}` after `{known}`; give one family per file"))),
        }
        let parent = |id: &str| (id != "0").then(|| id.to_owned());
        members.push(SampleConfig {
            id: id.to_owned(),
            father: parent(father),
            mother: parent(mother),
            sex: match sex {
                "1" | "male" => Sex::Male,
                "2" | "female" => Sex::Female,
                "0" | "other" | "unknown" | "-9" => Sex::Unknown,
                _ => return Err(wrong(format!("`{sex}` is not a sex; use 1 (male), 2 (female) or 0"))),
            },
            phenotype: match phenotype {
                "2" | "affected" => Phenotype::Affected,
                "1" | "unaffected" => Phenotype::Unaffected,
                "0" | "-9" | "unknown" => Phenotype::Unknown,
                _ => {
                    return Err(wrong(format!(
                        "`{phenotype}` is not a phenotype; use 1 (unaffected), 2 (affected) or 0"
                    )));
                }
            },
        });
    }
    let none = || PedError::Family { path: path.to_owned(), reason: "nobody is in this pedigree".to_owned() };
    Ok((family.ok_or_else(none)?, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_read() {
        let (family, members) = parse("#F I P M S A\nF1\tkid\tdad\t0\t1\t2\nF1 dad 0 0 1 -9\n", "x.ped").unwrap();
        assert_eq!(family, "F1");
        assert_eq!(members[0].father.as_deref(), Some("dad"));
        assert_eq!(members[0].mother, None);
        assert_eq!(members[1].phenotype, Phenotype::Unknown);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, words) in [
            ("F1 kid 0 0 1", "line 1: 5 columns"),
            ("F1 kid 0 0 7 2", "`7` is not a sex"),
            ("F1 kid 0 0 1 2\nF2 bob 0 0 1 2", "line 2: family `F2` after `F1`"),
            ("", "nobody"),
        ] {
            let error = parse(text, "x.ped").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
