//! Predictions for the allele as a whole, and the laboratory's archive.

use super::csq::{CsqEntry, CsqKey};
use super::error::{Faults, quote};
use super::header::Keys;
use super::info::{Info, InfoKey, finite};
use super::model::{GeneAnnotation, LocalArchive, Scores};

/// Scores of ALT number `allele`; `entries` are its CSQ entries and `genes` what they were grouped into.
pub(super) fn read(
    info: &Info<'_>,
    allele: u16,
    entries: &[&CsqEntry<'_>],
    genes: &[GeneAnnotation],
    keys: &Keys,
    faults: &mut Faults,
) -> Scores {
    let mut number = |key| info.float(key, allele, keys, faults);
    let (cadd, spidex) = (number(InfoKey::Cadd).or_else(|| number(InfoKey::CaddPhred)), number(InfoKey::Spidex));
    let (gerp, phastcons, phylop) = (number(InfoKey::Gerp), number(InfoKey::PhastCons), number(InfoKey::PhyloP));
    Scores {
        cadd: cadd.or_else(|| largest(entries, CsqKey::CaddPhred, faults)),
        revel: largest(entries, CsqKey::RevelScore, faults).or_else(|| largest(entries, CsqKey::Revel, faults)),
        revel_rank: largest(entries, CsqKey::RevelRank, faults),
        spliceai: genes.iter().filter_map(|gene| gene.spliceai.as_ref()?.max).reduce(f64::max),
        spidex,
        gerp: gerp.or_else(|| first(entries, CsqKey::Gerp)),
        phastcons: phastcons.or_else(|| first(entries, CsqKey::PhastCons)),
        phylop: phylop.or_else(|| first(entries, CsqKey::PhyloP)),
    }
}

/// The largest over transcripts and over the `&`-separated values of each.
fn largest(entries: &[&CsqEntry<'_>], key: CsqKey, faults: &mut Faults) -> Option<f64> {
    let mut found: Option<f64> = None;
    let mut last = "";
    for text in entries.iter().filter_map(|entry| entry.get(key)) {
        if std::mem::replace(&mut last, text) == text {
            continue;
        }
        for part in text.split('&').filter(|part| !matches!(*part, "" | "." | "-")) {
            match finite(part) {
                Some(number) => found = Some(found.map_or(number, |old| old.max(number))),
                None => faults.push_once(
                    &format!("INFO/CSQ {key:?}"),
                    format!("{} is not a number; taken as missing", quote(part)),
                ),
            }
        }
    }
    found
}

/// Conservation belongs to the position: the first transcript that has it speaks for all.
fn first(entries: &[&CsqEntry<'_>], key: CsqKey) -> Option<f64> {
    let text = entries.iter().find_map(|entry| entry.get(key))?;
    text.split('&').find_map(finite)
}

/// The archive's numbers. `-1` is loqusdb's word for "not there".
pub(super) fn local_archive(info: &Info<'_>, allele: u16, keys: &Keys, faults: &mut Faults) -> LocalArchive {
    let mut count = |list: &[InfoKey]| list.iter().find_map(|&key| whole(info, key, allele, keys, faults));
    let observations = count(&[InfoKey::Obs, InfoKey::LoqusObs, InfoKey::ClinObs]);
    let homozygotes = count(&[InfoKey::Hom]);
    let frequency = [InfoKey::LoqusFrq, InfoKey::Frq].iter().find_map(|&key| {
        let number = info.float(key, allele, keys, faults)?;
        if (0.0..=1.0).contains(&number) {
            return Some(number);
        }
        if (number + 1.0).abs() > f64::EPSILON {
            faults.push_once(
                &format!("INFO/{}", key.as_str()),
                format!("{number} is not a frequency from 0 to 1; taken as missing"),
            );
        }
        None
    });
    LocalArchive { observations, homozygotes, frequency }
}

fn whole(info: &Info<'_>, key: InfoKey, allele: u16, keys: &Keys, faults: &mut Faults) -> Option<u32> {
    let text = info.for_allele(key, allele, keys, faults)?;
    if text == "-1" {
        return None;
    }
    let number = text.parse::<u32>().ok().or_else(|| text.strip_suffix(".0")?.parse().ok());
    if number.is_none() {
        faults.push_once(
            &format!("INFO/{}", key.as_str()),
            format!("{} is not a whole number from zero up; taken as missing", quote(text)),
        );
    }
    number
}
