//! `SpliceAI`: from VEP's columns, else from the key the program itself writes.

use super::csq::{CsqEntry, CsqKey};
use super::error::{Faults, quote};
use super::info::{Info, InfoKey, finite};
use super::model::{GeneAnnotation, SpliceAi, SplicePart};

/// The four predictions in the order of `SpliceAI`'s own columns.
const KINDS: [&str; 4] = ["AG", "AL", "DG", "DL"];
/// `ALLELE|SYMBOL|DS_AG|DS_AL|DS_DG|DS_DL|DP_AG|DP_AL|DP_DG|DP_DL`.
const COLUMNS: usize = 10;

/// One entry of INFO `SpliceAI`: one ALT in one gene.
#[derive(Debug)]
pub(super) struct Native<'a> {
    alternative: &'a str,
    symbol: &'a str,
    found: SpliceAi,
}

/// Reads INFO `SpliceAI`. The program names ALT as the record has it, so nothing else is taken for the allele's name:
/// `C` may be one ALT as written and what another shrinks to.
pub(super) fn native<'a>(info: &Info<'a>, alternatives: &[&str], faults: &mut Faults) -> Vec<Native<'a>> {
    let wrong = |text: &str| format!("{} does not have {COLUMNS} columns; left out", quote(text));
    let mut entries = Vec::new();
    for text in info.raw(InfoKey::SpliceAi).into_iter().flat_map(|text| text.split(',')) {
        let columns: Vec<&str> = text.splitn(COLUMNS + 1, '|').collect();
        let &[alternative, symbol, ref scores @ .., ag, al, dg, dl] = columns.as_slice() else {
            faults.push_once("INFO/SpliceAI", wrong(text));
            continue;
        };
        if columns.len() != COLUMNS {
            faults.push_once("INFO/SpliceAI", wrong(text));
            continue;
        }
        if !alternatives.iter().any(|known| known.eq_ignore_ascii_case(alternative)) {
            faults.push_once(
                "INFO/SpliceAI",
                format!("ambiguous allele: {} is none of the record's; not assigned", quote(alternative)),
            );
            continue;
        }
        let parts = KINDS.iter().zip(scores).zip([ag, al, dg, dl]);
        let parts = parts.filter(|((_, score), _)| !matches!(**score, "" | ".")).map(|((kind, score), position)| {
            let number = finite(score).filter(|score| (0.0..=1.0).contains(score));
            if number.is_none() {
                faults.push_once(
                    "INFO/SpliceAI",
                    format!("{} is not a score from 0 to 1; taken as missing", quote(score)),
                );
            }
            SplicePart { kind: (*kind).to_owned(), score: number, position: position.parse().ok() }
        });
        if let Some(found) = of_parts(parts.collect()) {
            entries.push(Native { alternative, symbol, found });
        }
    }
    entries
}

/// Gives the genes of an ALT that have no prediction the one `SpliceAI` itself wrote for this ALT and gene. What is left is
/// for genes that are not annotated: the largest of it is returned where nothing else predicts splicing, so that no high
/// score is lost to a symbol that has changed.
pub(super) fn complete(
    genes: &mut [GeneAnnotation],
    entries: &[Native<'_>],
    alternative: &str,
    faults: &mut Faults,
) -> Option<f64> {
    let had_some = genes.iter().any(|gene| gene.spliceai.is_some());
    let ours = || entries.iter().filter(|entry| entry.alternative.eq_ignore_ascii_case(alternative));
    let is_of = |gene: &GeneAnnotation, entry: &Native<'_>| {
        gene.symbol.as_deref().is_some_and(|symbol| symbol.eq_ignore_ascii_case(entry.symbol))
    };
    for gene in genes.iter_mut().filter(|gene| gene.spliceai.is_none()) {
        let best = ours().filter(|entry| is_of(gene, entry)).map(|entry| &entry.found);
        gene.spliceai = best.reduce(|best, found| if found.max > best.max { found } else { best }).cloned();
    }
    let mut elsewhere = Vec::new();
    for entry in ours().filter(|entry| !genes.iter().any(|gene| is_of(gene, entry))) {
        faults.push_once(
            "INFO/SpliceAI",
            format!(
                "{} is no gene annotated for this allele; its score counts for the variant only",
                quote(entry.symbol)
            ),
        );
        elsewhere.extend(entry.found.max);
    }
    elsewhere.into_iter().reduce(f64::max).filter(|_| !had_some)
}

/// The prediction VEP has put beside a transcript.
pub(super) fn of_transcript(entry: &CsqEntry<'_>, faults: &mut Faults) -> Option<SpliceAi> {
    const PARTS: [(&str, CsqKey, CsqKey); 4] = [
        ("AG", CsqKey::DsAg, CsqKey::DpAg),
        ("AL", CsqKey::DsAl, CsqKey::DpAl),
        ("DG", CsqKey::DsDg, CsqKey::DpDg),
        ("DL", CsqKey::DsDl, CsqKey::DpDl),
    ];
    let mut parts = Vec::new();
    for (kind, score, position) in PARTS {
        let written = entry.get(score);
        let score = written.and_then(|text| {
            // several predictions of one transcript: the largest
            let largest =
                text.split('&').filter_map(finite).filter(|score| (0.0..=1.0).contains(score)).reduce(f64::max);
            if largest.is_none() {
                faults.push_once(
                    "INFO/CSQ SpliceAI",
                    format!("{} is not a score from 0 to 1; taken as missing", quote(text)),
                );
            }
            largest
        });
        // VEP writes `-` before the number, so a lone `-` was filtered and a signed one is kept
        let position = entry.get(position).and_then(|text| text.split('&').next()).and_then(|text| text.parse().ok());
        if written.is_some() {
            parts.push(SplicePart { kind: kind.to_owned(), score, position });
        }
    }
    of_parts(parts)
}

/// A prediction from its parts; none if no part has a score. Of equal scores the first counts.
fn of_parts(parts: Vec<SplicePart>) -> Option<SpliceAi> {
    let largest =
        parts.iter().filter(|part| part.score.is_some()).fold(None::<&SplicePart>, |best, part| match best {
            Some(best) if best.score >= part.score => Some(best),
            _ => Some(part),
        })?;
    let (max, position) = (largest.score, largest.position);
    Some(SpliceAi { max, position, parts })
}
