//! `ClinVar` in all the spellings that its releases and annotation programs have used.

use super::csq::{CsqEntry, CsqKey};
use super::error::{Faults, quote};
use super::info::{Info, InfoKey};
use super::model::{ClinvarRecord, OncogenicityRecord};

/// Most terms or records of one allele.
const MOST: usize = 200;

/// Code of a significance that has none of its own.
const OTHER: u16 = 255;

/// Words and codes; the first word of a code is the one shown for a bare number.
const CODES: [(&str, u16); 15] = [
    ("uncertain_significance", 0),
    ("not_provided", 1),
    ("benign", 2),
    ("likely_benign", 3),
    ("likely_pathogenic", 4),
    ("pathogenic", 5),
    ("drug_response", 6),
    ("histocompatibility", 7),
    ("conflicting_interpretations_of_pathogenicity", 8),
    ("affects", 9),
    ("association", 10),
    ("protective", 11),
    ("risk_factor", 12),
    ("association_not_found", 13),
    ("other", OTHER),
];

/// The code that a code (`5`) or a name (`pathogenic`, `Likely pathogenic`) means; `None` when it is neither.
#[must_use]
pub fn code_of(text: &str) -> Option<u16> {
    let word = text.trim().to_lowercase().replace([' ', '-'], "_");
    CODES.iter().find(|(name, code)| *name == word || code.to_string() == word).map(|(_, code)| *code)
}

/// A code in words for people; unknown codes count as other.
#[must_use]
pub fn words(code: u16) -> &'static str {
    match code {
        0 => "uncertain",
        1 => "not provided",
        2 => "benign",
        3 => "likely benign",
        4 => "likely pathogenic",
        5 => "pathogenic",
        6 => "drug response",
        7 => "histocompatibility",
        8 => "conflicting",
        9 => "affects",
        10 => "association",
        11 => "protective",
        12 => "risk factor",
        13 => "association not found",
        _ => "other",
    }
}

/// Germline records of ALT number `allele`; `entries` are its CSQ entries.
///
/// `ClinVar`'s own annotation, in INFO or through VEP, comes first; VEP's `CLIN_SIG`, which names no record, only
/// where there is neither.
pub(super) fn read(
    info: &Info<'_>,
    allele: u16,
    entries: &[&CsqEntry<'_>],
    number_a: bool,
    faults: &mut Faults,
) -> Vec<ClinvarRecord> {
    let mut records: Vec<ClinvarRecord> = Vec::new();
    let mut keep = |found: Vec<ClinvarRecord>| {
        for record in found {
            if !records.iter().any(|known| same(known, &record)) {
                records.push(record);
            }
        }
    };
    let mut last = None;
    for entry in entries {
        let accession = entry.get(CsqKey::ClinvarVid).or_else(|| entry.get(CsqKey::Clinvar));
        let (significance, status) = (entry.get(CsqKey::ClinvarSig), entry.get(CsqKey::ClinvarRevStat));
        if let Some(significance) = significance
            && last.replace((accession, significance, status)) != Some((accession, significance, status))
        {
            keep(custom(accession, significance, status));
        }
    }
    keep(from_info(info, allele, number_a, faults));
    if records.is_empty() {
        let mut last = "";
        for text in entries.iter().filter_map(|entry| entry.get(CsqKey::ClinSig)) {
            if std::mem::replace(&mut last, text) != text {
                for record in terms(text).into_iter().map(|term| term.record(None, None)) {
                    if !records.iter().any(|known| same(known, &record)) {
                        records.push(record);
                    }
                }
            }
        }
    }
    records
}

fn same(a: &ClinvarRecord, b: &ClinvarRecord) -> bool {
    a.code == b.code
        && a.significance == b.significance
        && a.accession == b.accession
        && a.low_penetrance == b.low_penetrance
}

/// VEP's custom annotation: `,` and `|` of the original have become `&`.
fn custom(accession: Option<&str>, significance: &str, status: Option<&str>) -> Vec<ClinvarRecord> {
    let ids: Vec<&str> = accession.map(|ids| ids.split('&').take(MOST).collect()).unwrap_or_default();
    let groups: Vec<&str> = significance.split('&').take(MOST).filter(|part| !part.starts_with('_')).collect();
    if ids.len() > 1 && ids.len() == groups.len() && groups.len() == significance.split('&').count() {
        // one significance per record; statuses hold commas of their own and cannot be told apart unless they agree
        let statuses: Vec<&str> = status.map(|text| text.split('&').collect()).unwrap_or_default();
        return ids
            .iter()
            .zip(groups)
            .enumerate()
            .flat_map(|(at, (id, group))| {
                let status = if statuses.len() == ids.len() { Some(statuses[at]) } else { None };
                terms(group).into_iter().map(move |term| term.record(Some(id), status))
            })
            .collect();
    }
    terms(significance).into_iter().map(|term| term.record(accession, status)).collect()
}

fn from_info(info: &Info<'_>, allele: u16, number_a: bool, faults: &mut Faults) -> Vec<ClinvarRecord> {
    let Some(significance) = info.raw(InfoKey::ClnSig) else { return Vec::new() };
    let accession = info.raw(InfoKey::ClnAcc).or_else(|| info.raw(InfoKey::ClnVid));
    let status = info.raw(InfoKey::ClnRevStat);
    let parts = |text: &str| text.bytes().filter(|byte| b",|/&".contains(byte)).count();
    if [Some(significance), accession, status].into_iter().flatten().any(|text| parts(text) >= MOST) {
        faults.push_once("INFO/CLNSIG", format!("more than {MOST} records; not read"));
        return Vec::new();
    }
    let alternatives = usize::from(info.alternatives());
    if alternatives > 1 {
        let part = |text: &'_ str| -> Option<String> {
            (text.split(',').count() == alternatives)
                .then(|| text.split(',').nth(usize::from(allele) - 1).unwrap_or_default().to_owned())
        };
        let Some(own) = part(significance).filter(|_| number_a) else {
            faults.push_once(
                "INFO/CLNSIG",
                format!(
                    "ambiguous allele: {alternatives} alternative alleles share one ClinVar annotation; not assigned"
                ),
            );
            return Vec::new();
        };
        if own == "." {
            return Vec::new();
        }
        let (accession, status) = (accession.and_then(part), status.and_then(part));
        return records(&own, accession.as_deref(), status.as_deref());
    }
    records(significance, accession, status)
}

/// One bar-separated group per record where the lists agree, else one accession for all terms.
fn records(significance: &str, accession: Option<&str>, status: Option<&str>) -> Vec<ClinvarRecord> {
    let numeric = significance.bytes().all(|byte| byte.is_ascii_digit() || b"|,&/".contains(&byte));
    let separators: &[char] = if numeric { &['|', ','] } else { &['|'] };
    let split = |text: &'_ str| -> Vec<String> { text.split(separators).take(MOST).map(str::to_owned).collect() };
    let groups = split(significance);
    let accessions = accession.map(split).unwrap_or_default();
    let statuses = status.map(split).unwrap_or_default();
    let mut records = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let pick = |list: &[String], whole: Option<&str>| -> Option<String> {
            let own = if list.len() == groups.len() { list.get(at).cloned() } else { whole.map(str::to_owned) };
            own.filter(|text| !matches!(text.as_str(), "" | "."))
        };
        let (accession, status) = (pick(&accessions, accession), pick(&statuses, status));
        for term in terms(group) {
            records.push(term.record(accession.as_deref(), status.as_deref()));
        }
    }
    records
}

/// One significance.
struct Term {
    code: u16,
    word: String,
    low_penetrance: bool,
}

impl Term {
    fn record(self, accession: Option<&str>, status: Option<&str>) -> ClinvarRecord {
        let status = status.map(|text| text.replace('&', ",")).filter(|text| !matches!(text.as_str(), "" | "."));
        ClinvarRecord {
            code: self.code,
            significance: self.word,
            accession: accession.filter(|text| !matches!(*text, "" | ".")).map(str::to_owned),
            trusted: status.as_deref().is_some_and(is_trusted),
            review_status: status,
            low_penetrance: self.low_penetrance,
        }
    }
}

/// Splits a significance into its terms: on `,`, `&`, `/` and `|`; `low_penetrance` belongs to the term before it.
fn terms(text: &str) -> Vec<Term> {
    let mut found: Vec<Term> = Vec::new();
    for part in text.split([',', '&', '/', '|', ';']).take(MOST) {
        let word = part.trim().trim_start_matches('_').replace(' ', "_").to_ascii_lowercase();
        if matches!(word.as_str(), "" | ".") {
            continue;
        }
        if word == "low_penetrance" {
            match found.last_mut() {
                Some(last) => last.low_penetrance = true,
                None => found.push(Term { code: OTHER, word, low_penetrance: true }),
            }
            continue;
        }
        let (word, low_penetrance) = match word.strip_suffix("_low_penetrance") {
            Some(bare) => (bare.trim_end_matches('_').to_owned(), true),
            None => (word, false),
        };
        let (code, word) = code(&word);
        found.push(Term { code, word, low_penetrance });
    }
    found
}

fn code(word: &str) -> (u16, String) {
    if let Ok(number) = word.parse::<u16>() {
        let known = CODES.iter().find(|&&(_, code)| code == number);
        return known.map_or((OTHER, format!("other_{number}")), |&(word, code)| (code, word.to_owned()));
    }
    if word.starts_with("conflicting_") || word == "conflicting" {
        return (8, word.to_owned());
    }
    let known = CODES.iter().find(|&&(known, _)| known == word);
    (known.map_or(OTHER, |&(_, code)| code), word.to_owned())
}

/// One or more submitters who agree, an expert panel or a guideline.
///
/// `criteria_provided,_single_submitter` counts only without a word of conflict, and `no_classification_for_the_single_variant`
/// is no submitter.
fn is_trusted(status: &str) -> bool {
    let status = status.to_ascii_lowercase();
    let words: Vec<&str> = status.split([',', '|', '/']).map(|word| word.trim().trim_start_matches('_')).collect();
    if words.iter().any(|word| word.starts_with("conflicting") || *word == "conf") {
        return false;
    }
    words.iter().any(|word| {
        matches!(*word, "mult" | "single" | "exp" | "guideline")
            || ["multiple_submitters", "single_submitter", "reviewed_by_expert_panel", "practice_guideline"]
                .iter()
                .any(|known| word.contains(known))
    })
}

/// Oncogenicity records. Five classifications exist; another word is named and left out.
pub(super) fn oncogenicity(info: &Info<'_>, faults: &mut Faults) -> Vec<OncogenicityRecord> {
    const KNOWN: [&str; 5] = ["oncogenic", "likely_oncogenic", "uncertain_significance", "likely_benign", "benign"];
    let Some(text) = info.raw(InfoKey::Onc) else { return Vec::new() };
    if info.alternatives() > 1 {
        faults.push_once("INFO/ONC", "ambiguous allele: the alternative alleles share one annotation; not assigned");
        return Vec::new();
    }
    let own = |key| info.raw(key).map(str::to_owned);
    let mut records = Vec::new();
    for part in text.split([',', '|', '/', '&']).take(MOST) {
        let significance = part.trim().trim_start_matches('_').replace(' ', "_").to_ascii_lowercase();
        if KNOWN.contains(&significance.as_str()) {
            records.push(OncogenicityRecord {
                significance,
                accession: own(InfoKey::ClnVid),
                review_status: own(InfoKey::OncRevStat),
                diseases: own(InfoKey::OncDn),
            });
        } else if !matches!(significance.as_str(), "" | ".") {
            faults.push_once("INFO/ONC", format!("{} is none of ClinVar's classifications; left out", quote(part)));
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(u16, bool)> {
        terms(text).iter().map(|term| (term.code, term.low_penetrance)).collect()
    }

    #[test]
    fn every_spelling_of_a_significance_is_understood() {
        for (text, expected) in [
            ("4|5", vec![(4, false), (5, false)]),
            ("Pathogenic/Likely_pathogenic", vec![(5, false), (4, false)]),
            ("pathogenic&likely_pathogenic", vec![(5, false), (4, false)]),
            ("Likely_pathogenic,_low_penetrance", vec![(4, true)]),
            (
                "Pathogenic/Pathogenic&_low_penetrance/Established_risk_allele",
                vec![(5, false), (5, true), (255, false)],
            ),
            ("Pathogenic_low_penetrance", vec![(5, true)]),
            ("Conflicting_interpretations_of_pathogenicity", vec![(8, false)]),
            ("conflicting_classifications_of_pathogenicity", vec![(8, false)]),
            ("Conflicting_interpretations_of_pathogenicity,_risk_factor", vec![(8, false), (12, false)]),
            ("Uncertain significance", vec![(0, false)]),
            ("255", vec![(255, false)]),
            ("99", vec![(255, false)]),
            (".", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        assert_eq!(terms("5")[0].word, "pathogenic");
    }

    #[test]
    fn conflict_is_never_trusted() {
        for (status, expected) in [
            ("criteria_provided,_single_submitter", true),
            ("criteria_provided&_single_submitter", true),
            ("criteria_provided,_multiple_submitters,_no_conflicts", true),
            ("reviewed_by_expert_panel", true),
            ("practice_guideline", true),
            ("mult", true),
            ("single", true),
            ("exp", true),
            ("guideline", true),
            ("criteria_provided,_conflicting_interpretations", false),
            ("criteria_provided,_conflicting_classifications", false),
            ("criteria_provided,_single_submitter,_conflicting_interpretations", false),
            ("conf", false),
            ("no_criteria", false),
            ("no_assertion_criteria_provided", false),
            ("no_classification_for_the_single_variant", false),
            ("", false),
        ] {
            assert_eq!(is_trusted(&status.replace('&', ",")), expected, "{status}");
        }
    }

    #[test]
    fn records_pair_their_lists() {
        let found = records("4|5", Some("RCV1.1|RCV2.1"), Some("single|no_criteria"));
        let shown: Vec<_> =
            found.iter().map(|record| (record.code, record.accession.as_deref().unwrap(), record.trusted)).collect();
        assert_eq!(shown, [(4, "RCV1.1", true), (5, "RCV2.1", false)]);

        let found = records("Pathogenic/Likely_pathogenic", Some("12345"), Some("criteria_provided,_single_submitter"));
        assert!(found.iter().all(|record| record.accession.as_deref() == Some("12345") && record.trusted));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn vep_custom_annotation_of_two_records_is_told_apart() {
        let found = custom(Some("1&2"), "Pathogenic&Benign", Some("exp&conf"));
        let shown: Vec<_> =
            found.iter().map(|record| (record.code, record.accession.as_deref(), record.trusted)).collect();
        assert_eq!(shown, [(5, Some("1"), true), (2, Some("2"), false)]);
        let found = custom(Some("7"), "Pathogenic&_low_penetrance", Some("criteria_provided&_single_submitter"));
        assert!(found[0].low_penetrance && found[0].trusted);
        assert_eq!(found[0].review_status.as_deref(), Some("criteria_provided,_single_submitter"));
    }
}
