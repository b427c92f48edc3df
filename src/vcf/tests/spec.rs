//! The files that the specification's authors keep: what must be read and what must be refused or named.

use super::*;

const VERSIONS: [&str; 5] = ["4.1", "4.2", "4.3", "4.4", "4.5"];

fn files(kind: &str) -> Vec<std::path::PathBuf> {
    let Some(folder) = test_data("vcf-spec") else { return Vec::new() };
    let mut files = Vec::new();
    for version in VERSIONS {
        let Ok(entries) = std::fs::read_dir(folder.join(version).join(kind)) else { continue };
        files.extend(
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "vcf")),
        );
    }
    files.sort();
    files
}

#[test]
fn every_valid_file_is_read_without_a_word() {
    let mut wrong = Vec::new();
    for path in files("passed") {
        match read_file(&path, "fam") {
            Err(error) => wrong.push(format!("{error}")),
            Ok(outcome) if !outcome.faults().is_empty() => {
                wrong.push(format!("{}: {:?}", path.display(), outcome.faults()));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_invalid_file_is_refused_or_its_fault_named() {
    let mut silent = Vec::new();
    for path in files("failed") {
        match read_file(&path, "fam") {
            Err(error) => {
                let sentence = error.to_string();
                assert!(sentence.contains(".vcf") && sentence.len() > 40, "{sentence}");
            }
            Ok(outcome) if outcome.faults().is_empty() => silent.push(path.display().to_string()),
            Ok(outcome) => {
                if std::env::var_os("SHOW").is_some() {
                    eprintln!("{}: {}", path.file_name().unwrap().display(), outcome.faults().join(" | "));
                }
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}
