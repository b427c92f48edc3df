//! Which programs called a variant, and what they thought of it.

use super::info::{Info, InfoKey};
use super::model::Caller;

/// Most callers of one record.
const MOST: usize = 100;

const PASS: &str = "Pass";
const FILTERED: &str = "Filtered";

/// What GATK `CombineVariants` combined when the header does not say.
const COMBINED: [&str; 3] = ["gatk", "samtools", "freebayes"];

/// Callers of a record: `FOUND_IN`, else `svdb_origin`, else `set`, else GATK.
///
/// With a FILTER a single caller is `Filtered - <filter>` and each of several is `Filtered`, since FILTER does not say
/// whose it is. `set` says it by itself: `filterIn<caller>`, `FilteredInAll`, `Intersection`; `combined` are the callers
/// that the header says were combined.
pub(super) fn read(info: &Info<'_>, filters: &[String], combined: &[String]) -> Vec<Caller> {
    let failed: Vec<&str> = filters.iter().map(String::as_str).filter(|filter| *filter != "PASS").collect();
    let list = match (info.raw(InfoKey::FoundIn), info.raw(InfoKey::SvdbOrigin)) {
        (Some(found_in), _) => found_in.split(',').take(MOST).map(|one| one.split('|').next().unwrap_or(one)).collect(),
        (None, Some(origin)) => origin.split('|').take(MOST).collect(),
        (None, None) => Vec::new(),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in list.into_iter().take(MOST).map(str::trim).filter(|name| !name.is_empty()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        if let Some(set) = info.raw(InfoKey::Set) {
            return from_set(set, combined);
        }
        names.push("gatk");
    }
    let status = match (failed.is_empty(), names.len()) {
        (true, _) => PASS.to_owned(),
        (false, 1) => format!("{FILTERED} - {}", failed.join(" - ")),
        (false, _) => FILTERED.to_owned(),
    };
    names.into_iter().map(|name| Caller { name: name.to_owned(), status: status.clone() }).collect()
}

fn from_set(set: &str, combined: &[String]) -> Vec<Caller> {
    let mut callers: Vec<Caller> = Vec::new();
    let mut add = |name: &str, status: &str| {
        if !name.is_empty() && !callers.iter().any(|caller| caller.name == name) {
            callers.push(Caller { name: name.to_owned(), status: status.to_owned() });
        }
    };
    for part in set.split('-').take(MOST) {
        let all = match part {
            "FilteredInAll" => FILTERED,
            "Intersection" => PASS,
            _ => {
                match part.strip_prefix("filterIn") {
                    Some(name) => add(name, FILTERED),
                    None => add(part, PASS),
                }
                continue;
            }
        };
        let listed = combined.iter().map(String::as_str);
        for name in listed.chain(COMBINED.into_iter().filter(|_| combined.is_empty())) {
            add(name, all);
        }
    }
    callers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(callers: &[Caller]) -> Vec<(&str, &str)> {
        callers.iter().map(|caller| (caller.name.as_str(), caller.status.as_str())).collect()
    }

    #[test]
    fn combined_sets_name_who_passed_and_who_filtered() {
        let combined = ["gatk".to_owned(), "freebayes".to_owned()];
        assert_eq!(
            shown(&from_set("gatk-filterInsamtools-freebayes", &[])),
            [("gatk", "Pass"), ("samtools", "Filtered"), ("freebayes", "Pass")]
        );
        assert_eq!(shown(&from_set("FilteredInAll", &combined)), [("gatk", "Filtered"), ("freebayes", "Filtered")]);
        assert_eq!(shown(&from_set("Intersection", &[])).len(), 3);
        assert_eq!(shown(&from_set("newcaller", &[])), [("newcaller", "Pass")]);
    }
}
