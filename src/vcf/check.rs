//! What the specification asks of meta lines. Nothing here stops a file; it names what a validator would.

use super::error::{Faults, quote};
use super::header::{kind, number};
use super::meta::Structured;
use super::reserved;

/// Checks one `##key=value` line.
pub(super) fn meta_line(key: &str, value: &str, version: (u8, u8), faults: &mut Faults) {
    let field = format!("##{}", quote(key).trim_matches('`'));
    if key.is_empty() || key.chars().any(char::is_whitespace) {
        faults.push(field.clone(), "the key of the line is empty or has blanks");
    }
    if value.is_empty() && key != "fileformat" {
        faults.push(field.clone(), "there is no value after the `=`");
        return;
    }
    match key {
        "INFO" | "FORMAT" | "FILTER" | "ALT" | "contig" | "SAMPLE" | "PEDIGREE" | "META" => {
            let Some(line) = Structured::parse(value) else {
                faults.push(field, "the value must stand in angle brackets, `<ID=…>`; ignored");
                return;
            };
            let id = line.value("ID").unwrap_or_default();
            let field = if id.is_empty() { field } else { format!("{field} {}", quote(id).trim_matches('`')) };
            for problem in &line.problems {
                faults.push(field.clone(), problem.clone());
            }
            for (at, this) in line.fields.iter().enumerate() {
                if line.fields[..at].iter().any(|earlier| earlier.key == this.key) {
                    faults.push(field.clone(), format!("{} is given twice", quote(&this.key)));
                }
            }
            structured(key, &line, version, &field, faults);
        }
        "assembly" => url(&field, value, faults),
        "pedigreeDB" => url(&field, value.trim_start_matches('<').trim_end_matches('>'), faults),
        _ => {}
    }
}

fn structured(key: &str, line: &Structured, version: (u8, u8), field: &str, faults: &mut Faults) {
    let id = line.value("ID");
    if key != "PEDIGREE" && id.is_none_or(str::is_empty) {
        faults.push(field, "there is no ID; ignored");
        return;
    }
    let id = id.unwrap_or_default();
    if id.contains(['<', '>', ',']) || id.chars().any(char::is_whitespace) {
        faults.push(field, "the ID has blanks, commas or angle brackets");
    }
    if matches!(key, "INFO" | "FORMAT" | "FILTER" | "ALT") {
        described(line, field, faults);
    }
    match key {
        "INFO" | "FORMAT" => typed(key, id, line, version, field, faults),
        "ALT" => {
            alt_prefix(id, field, faults);
            number_and_type(line, version, field, faults);
        }
        "SAMPLE" => sample(id, line, version, field, faults),
        "PEDIGREE" => {
            for this in &line.fields {
                if !this.value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
                    faults.push(
                        field,
                        format!("{} is not a name of letters, digits, `-`, `_` and `.`", quote(&this.value)),
                    );
                }
            }
        }
        _ => {}
    }
}

/// Order and quoting shared by INFO, FORMAT, FILTER and ALT.
fn described(line: &Structured, field: &str, faults: &mut Faults) {
    match line.get("Description") {
        None => faults.push(field, "there is no Description"),
        Some(description) if !description.quoted => faults.push(field, "the Description must stand in quotation marks"),
        Some(_) => {}
    }
    let rank = |key: &str| ["ID", "Number", "Type", "Description"].iter().position(|known| *known == key);
    let order: Vec<usize> = line.fields.iter().filter_map(|this| rank(&this.key)).collect();
    if !order.is_sorted() {
        faults.push(field, "the order must be ID, Number, Type, Description");
    }
}

fn number_and_type(line: &Structured, version: (u8, u8), field: &str, faults: &mut Faults) {
    if let Some(text) = line.value("Number") {
        let known = match text {
            "R" => version >= (4, 2),
            "P" => version >= (4, 4),
            "LA" | "LR" | "LG" | "M" => version >= (4, 5),
            _ => number(text).is_some(),
        };
        if !known {
            faults.push(field, format!("Number {} is unknown in VCF 4.{}", quote(text), version.1));
        }
    }
    if let Some(text) = line.value("Type")
        && kind(text).is_none()
    {
        faults.push(field, format!("Type {} is none of Integer, Float, Flag, Character, String", quote(text)));
    }
}

fn typed(key: &str, id: &str, line: &Structured, version: (u8, u8), field: &str, faults: &mut Faults) {
    for part in ["Number", "Type"] {
        if line.value(part).is_none() {
            faults.push(field, format!("there is no {part}"));
        }
    }
    number_and_type(line, version, field, faults);
    if key == "FORMAT" && line.value("Type") == Some("Flag") {
        faults.push(field, "a FORMAT key cannot be a Flag");
    }
    let fixed = if key == "INFO" { reserved::info(id, version) } else { reserved::format(id, version) };
    let Some((fixed_number, fixed_kind)) = fixed else { return };
    if line.value("Number").and_then(number).is_some_and(|given| given != fixed_number) {
        faults.push(
            field,
            format!("the specification fixes another Number than {}", quote(line.value("Number").unwrap_or_default())),
        );
    }
    if let (Some(fixed), Some(given)) = (fixed_kind, line.value("Type").and_then(kind))
        && fixed != given
    {
        faults.push(field, format!("the specification fixes Type {} and not {}", fixed.as_str(), given.as_str()));
    }
}

fn alt_prefix(id: &str, field: &str, faults: &mut Faults) {
    const KNOWN: [&str; 11] = ["DEL", "INS", "DUP", "INV", "CNV", "BND", "TRA", "NON_REF", "*", "X", "UNK"];
    let prefix = id.split(':').next().unwrap_or_default();
    let repeat =
        |name: &str| prefix.strip_prefix(name).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let iupac = prefix.len() == 1 && prefix.bytes().all(|byte| b"RYSWKMBDHVN".contains(&byte));
    if !KNOWN.contains(&prefix) && !iupac && !repeat("STR") && !repeat("CN") {
        faults.push(field, format!("{} is no known kind of symbolic allele", quote(prefix)));
    }
}

fn sample(id: &str, line: &Structured, version: (u8, u8), field: &str, faults: &mut Faults) {
    if version < (4, 3) {
        let missing: Vec<&str> =
            ["Genomes", "Mixture", "Description"].into_iter().filter(|part| line.value(part).is_none()).collect();
        if !missing.is_empty() {
            faults.push(field, format!("there is no {}", missing.join(", ")));
        }
        if line.fields.iter().any(|this| this.quoted && this.key != "Description") {
            faults.push(field, "only the Description stands in quotation marks");
        }
    }
    if id.contains(['*', '"']) {
        faults.push(field, "the ID has characters that are not allowed");
    }
}

fn url(field: &str, value: &str, faults: &mut Faults) {
    let valid = value.split_once("://").is_some_and(|(scheme, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let (name, port) = host.split_once(':').unwrap_or((host, "0"));
        let scheme_ok = scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) && !scheme.is_empty();
        let local = scheme.eq_ignore_ascii_case("file") && name.is_empty();
        let named = !name.is_empty() && name.bytes().any(|byte| !byte.is_ascii_digit());
        scheme_ok
            && (local || named)
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && !value.chars().any(char::is_whitespace)
    });
    if !valid {
        faults.push(field, format!("{} is not a URL", quote(value)));
    }
}
