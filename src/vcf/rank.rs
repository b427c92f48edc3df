//! genmod's annotations: `family:value` lists, of which the case's own family counts.

use super::error::{Faults, quote};
use super::header::{Keys, VcfHeader};
use super::info::{Info, InfoKey, finite};
use super::model::{CompoundName, Contribution, OtherRanks, RankFacts, RankResult};

/// Most annotations of one Mivmir explanation.
const CONTRIBUTIONS: usize = 1_000;
/// Most compounds of one record; the largest genes of a genome have some thousands.
const COMPOUNDS: usize = 100_000;

/// What genmod says about a record. These are values of the record as a whole: where it holds several ALTs, genmod has
/// scored them together and each gets what the record got.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranked {
    pub(super) facts: RankFacts,
    pub(super) models: Vec<String>,
    pub(super) compounds: Vec<CompoundName>,
}

/// Reads `RankScore`, `RankScoreNormalized`, `RankResult`, `GeneticModels` and `Compounds` for the family known by `families`, in
/// order of preference.
pub(super) fn read(info: &Info<'_>, families: &[String], header: &VcfHeader, faults: &mut Faults) -> Ranked {
    let mut number = |key: InfoKey| {
        let text = own(info, key, families, faults)?;
        let number = finite(text.trim());
        if number.is_none() {
            faults.push(format!("INFO/{}", key.as_str()), format!("{} is not a number; taken as missing", quote(text)));
        }
        number
    };
    let (score, normalized) = (number(InfoKey::RankScore), number(InfoKey::RankScoreNormalized));
    let models = own(info, InfoKey::GeneticModels, families, faults);
    let compounds = own(info, InfoKey::Compounds, families, faults);
    Ranked {
        facts: RankFacts { score, normalized, results: results(info, &header.rank_categories, faults) },
        models: models
            .map(|list| list.split('|').take(100).filter(|model| !model.is_empty()).map(str::to_owned).collect())
            .unwrap_or_default(),
        compounds: compounds.map(|list| compound_names(list, faults)).unwrap_or_default(),
    }
}

/// Reads `MivmirScore`, `MivmirExplanation` and `GicamScore`. They are made for records of one ALT; of several, only
/// numbers given per ALT can be told apart.
pub(super) fn others(info: &Info<'_>, allele: u16, keys: &Keys, faults: &mut Faults) -> OtherRanks {
    let mivmir = info.float(InfoKey::Mivmir, allele, keys, faults);
    let gicam = info.float(InfoKey::Gicam, allele, keys, faults);
    let mivmir_explanation = match info.raw(InfoKey::MivmirExplanation) {
        Some(text) if info.alternatives() == 1 => contributions(text, faults),
        Some(_) => {
            faults.push_once(
                "INFO/MivmirExplanation",
                "ambiguous allele: the record has several and one explanation; not assigned",
            );
            Vec::new()
        }
        None => Vec::new(),
    };
    OtherRanks { mivmir, mivmir_explanation, gicam }
}

/// `[CADD=0.31,GNOMADAF=-0.2,]`: brackets and the last comma are optional.
fn contributions(text: &str, faults: &mut Faults) -> Vec<Contribution> {
    let inner = text.strip_prefix('[').unwrap_or(text);
    let inner = inner.strip_suffix(']').unwrap_or(inner);
    let mut found = Vec::new();
    for part in inner.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let pair = part.rsplit_once('=').and_then(|(name, impact)| Some((name.trim(), finite(impact.trim())?)));
        match pair {
            Some((name, impact)) if !name.is_empty() && found.len() < CONTRIBUTIONS => {
                found.push(Contribution { annotation: name.to_owned(), impact });
            }
            Some((name, _)) if !name.is_empty() => {
                let words = format!("more than {CONTRIBUTIONS} annotations; the rest is left out");
                faults.push("INFO/MivmirExplanation", words);
                break;
            }
            _ => faults.push_once(
                "INFO/MivmirExplanation",
                format!("{} is not of the form `annotation=number`; left out", quote(part)),
            ),
        }
    }
    found
}

/// The part of `fam1:x,fam2:y` that belongs to the case: by key, else the only one there is.
fn own<'a>(info: &Info<'a>, key: InfoKey, families: &[String], faults: &mut Faults) -> Option<&'a str> {
    let text = info.raw(key)?;
    for family in families {
        for part in text.split(',') {
            if let Some(value) = part.strip_prefix(family.as_str()).and_then(|rest| rest.strip_prefix(':')) {
                return Some(value);
            }
        }
    }
    let mut parts = text.split(',');
    match (parts.next().and_then(|only| only.split_once(':')), parts.next()) {
        (Some((_, value)), None) => Some(value),
        (None, None) => {
            faults.push(
                format!("INFO/{}", key.as_str()),
                format!("{} is not of the form `family:value`; taken as missing", quote(text)),
            );
            None
        }
        (_, Some(_)) => {
            faults.push(
                format!("INFO/{}", key.as_str()),
                format!("none of several families is {}; taken as missing", quote(&families.join("` or `"))),
            );
            None
        }
    }
}

fn results(info: &Info<'_>, categories: &[String], faults: &mut Faults) -> Vec<RankResult> {
    let Some(text) = info.raw(InfoKey::RankResult) else { return Vec::new() };
    let found = text.bytes().filter(|&byte| byte == b'|').count() + 1;
    if found != categories.len() {
        faults.push(
            "INFO/RankResult",
            format!("{found} parts where the header names {} categories; taken as missing", categories.len()),
        );
        return Vec::new();
    }
    let mut results = Vec::with_capacity(found);
    for (part, category) in text.split('|').zip(categories) {
        match finite(part.trim()) {
            Some(score) => results.push(RankResult { category: category.clone(), score }),
            None => faults.push("INFO/RankResult", format!("{} is not a number; left out", quote(part))),
        }
    }
    results
}

fn compound_names(list: &str, faults: &mut Faults) -> Vec<CompoundName> {
    let mut compounds = Vec::new();
    for part in list.split('|').filter(|part| !part.is_empty()) {
        if compounds.len() >= COMPOUNDS {
            faults.push("INFO/Compounds", format!("more than {COMPOUNDS} compounds; the rest is left out"));
            break;
        }
        let (name, score) = part.rsplit_once('>').map_or((part, None), |(name, score)| (name, Some(score)));
        // `>` also closes a symbolic allele, `1_5_A_<DEL>`: then what follows is no number and belongs to the name
        let (name, score) = match score.map(|text| (text, finite(text))) {
            Some((_, Some(number))) => (name, Some(number)),
            Some(("", None)) => (part, None),
            Some((text, None)) => {
                faults.push("INFO/Compounds", format!("{} is not a number; the compound has no score", quote(text)));
                (name, None)
            }
            None => (name, None),
        };
        compounds.push(CompoundName { name: bare_contig(name).to_owned(), score });
    }
    compounds
}

/// `chr7_124537031_G_A` as `7_124537031_G_A`.
fn bare_contig(name: &str) -> &str {
    match name.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("chr") && name.len() > 3 && !name[3..].starts_with('_') => {
            &name[3..]
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compounds_have_names_without_chr_and_maybe_a_score() {
        let mut faults = Faults::new(1);
        let found = compound_names("chr7_1_G_A>17|7_2_C_T|1_5_A_<DEL>>-3|1_6_A_<DUP>|8_1_A_T>x", &mut faults);
        let shown: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.score)).collect();
        assert_eq!(
            shown,
            [
                ("7_1_G_A", Some(17.0)),
                ("7_2_C_T", None),
                ("1_5_A_<DEL>", Some(-3.0)),
                ("1_6_A_<DUP>", None),
                ("8_1_A_T", None)
            ]
        );
        assert_eq!(faults.into_list().len(), 1);
    }
}
