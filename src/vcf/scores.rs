//! Predictions for the allele as a whole, and the laboratory's archive.

use super::csq::{CsqEntry, CsqKey};
use super::error::{Faults, quote};
use super::header::Keys;
use super::info::{Info, InfoKey, finite};
use super::model::{CancerFacts, GeneAnnotation, LocalArchive, Scores};

/// Scores of ALT number `allele`; `entries` are its CSQ entries and `genes` what they were grouped into. `spliceai` is a
/// prediction for a gene that is not among them.
pub(super) fn read(
    info: &Info<'_>,
    allele: u16,
    entries: &[&CsqEntry<'_>],
    genes: &[GeneAnnotation],
    spliceai: Option<f64>,
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
        spliceai: genes.iter().filter_map(|gene| gene.spliceai.as_ref()?.max).reduce(f64::max).or(spliceai),
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

/// The archive's numbers of an ALT.
pub(super) fn local_archive(info: &Info<'_>, allele: u16, keys: &Keys, faults: &mut Faults) -> LocalArchive {
    let observations = [InfoKey::Obs, InfoKey::LoqusObs, InfoKey::ClinObs];
    archive(info, &observations, InfoKey::Hom, &[InfoKey::LoqusFrq, InfoKey::Frq], allele, keys, faults)
}

/// What a pipeline for tumours says of an ALT.
pub(super) fn cancer(info: &Info<'_>, allele: u16, keys: &Keys, faults: &mut Faults) -> CancerFacts {
    let mut read = |observations, homozygotes, frequency| {
        archive(info, &[observations], homozygotes, &[frequency], allele, keys, faults)
    };
    let germline = read(InfoKey::GermlineObs, InfoKey::GermlineHom, InfoKey::GermlineFrq);
    let somatic = read(InfoKey::SomaticObs, InfoKey::SomaticHom, InfoKey::SomaticFrq);
    let panel = read(InfoKey::PanelObs, InfoKey::PanelHom, InfoKey::PanelFrq);
    // One number is the caller's verdict on the record, as QUAL is.
    let somatic_score = match info.raw(InfoKey::SomaticScore) {
        Some(text) if !text.contains(',') => {
            let number = finite(text);
            if number.is_none() {
                faults.push_once("INFO/SOMATICSCORE", format!("{} is not a number; taken as missing", quote(text)));
            }
            number
        }
        _ => info.float(InfoKey::SomaticScore, allele, keys, faults),
    };
    let msk_listed = info.flag(InfoKey::MskMvl) && {
        let is_clear = info.alternatives() == 1;
        if !is_clear {
            faults.push_once("INFO/MSK_MVL", "ambiguous allele: the record has several; not assigned");
        }
        is_clear
    };
    CancerFacts { somatic_score, msk_listed, germline, somatic, panel }
}

/// An archive's numbers under the first of its keys that has one. `-1` is loqusdb's word for "not there".
fn archive(
    info: &Info<'_>,
    observations: &[InfoKey],
    homozygotes: InfoKey,
    frequencies: &[InfoKey],
    allele: u16,
    keys: &Keys,
    faults: &mut Faults,
) -> LocalArchive {
    let observations = observations.iter().find_map(|&key| whole(info, key, allele, keys, faults));
    let homozygotes = whole(info, homozygotes, allele, keys, faults);
    let frequency = frequencies.iter().find_map(|&key| {
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
