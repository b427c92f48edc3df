//! One transcript's annotation, from VEP or `SnpEff`, before transcripts are grouped into genes.

use percent_encoding::percent_decode_str;

use super::consequence;
use super::csq::{CsqEntry, CsqKey};
use super::error::{Faults, quote};
use super::info::finite;
use super::model::{SpliceAi, Transcript};
use super::spliceai;

/// Most `&`-separated parts of a column that are kept.
pub(super) const TERMS: usize = 100;

/// A transcript with what groups it.
pub(super) struct Annotated {
    pub(super) hgnc_id: Option<u32>,
    pub(super) symbol: Option<String>,
    pub(super) ensembl_id: Option<String>,
    pub(super) spliceai: Option<SpliceAi>,
    /// Rank of the most severe term; `u16::MAX` when unknown or none.
    pub(super) severity: u16,
    pub(super) transcript: Transcript,
}

impl Annotated {
    pub(super) fn new(
        hgnc_id: Option<u32>,
        symbol: Option<String>,
        ensembl_id: Option<String>,
        transcript: Transcript,
    ) -> Self {
        let severity = consequence::most_severe(transcript.consequences.iter().map(String::as_str));
        let severity = severity.map_or(u16::MAX, |(rank, _)| rank);
        Self { hgnc_id, symbol, ensembl_id, spliceai: None, severity, transcript }
    }

    /// Reads one entry of CSQ.
    pub(super) fn from_csq(entry: &CsqEntry<'_>, faults: &mut Faults) -> Self {
        let text = |key| entry.get(key).map(str::to_owned);
        let hgnc_id = entry.get(CsqKey::HgncId).and_then(|id| {
            let number = id.rsplit(':').next().unwrap_or(id).parse().ok();
            if number.is_none() {
                faults.push_once(
                    "INFO/CSQ HGNC_ID",
                    format!("{} is not a number of the HGNC; taken as missing", quote(id)),
                );
            }
            number
        });
        let domains = entry.get(CsqKey::Domains).unwrap_or_default();
        let domain = |source: &str| {
            let found = domains.split('&').find_map(|domain| domain.strip_prefix(source)?.strip_prefix(':'));
            found.filter(|name| !name.is_empty()).map(str::to_owned)
        };
        let mane = entry.get(CsqKey::Mane).filter(|id| id.starts_with("NM_") || id.starts_with("NR_"));
        let transcript = Transcript {
            id: entry.get(CsqKey::Feature).unwrap_or_default().to_owned(),
            consequences: entry
                .get(CsqKey::Consequence)
                .map(|terms| terms.split('&').take(TERMS).filter(|term| !term.is_empty()).map(str::to_owned).collect())
                .unwrap_or_default(),
            biotype: text(CsqKey::Biotype),
            exon: text(CsqKey::Exon),
            intron: text(CsqKey::Intron),
            strand: match entry.get(CsqKey::Strand) {
                Some("1" | "+" | "+1") => Some('+'),
                Some("-1") => Some('-'),
                _ => None,
            },
            hgvs_c: entry.get(CsqKey::HgvsC).and_then(without_name),
            hgvs_p: entry.get(CsqKey::HgvsP).and_then(without_name),
            protein_id: text(CsqKey::Ensp),
            canonical: entry.get(CsqKey::Canonical) == Some("YES"),
            mane_select: entry.get(CsqKey::ManeSelect).or(mane).map(str::to_owned),
            mane_plus_clinical: text(CsqKey::ManePlusClinical),
            sift: entry.get(CsqKey::Sift).map(prediction).or_else(|| entry.get(CsqKey::SiftPred).and_then(sift_letter)),
            polyphen: entry.get(CsqKey::Polyphen).map(prediction),
            swissprot: text(CsqKey::Swissprot),
            pfam: domain("Pfam_domain").or_else(|| domain("Pfam")),
            prosite: domain("PROSITE_profiles"),
            smart: domain("SMART_domains").or_else(|| domain("SMART")),
            superdups: entry
                .get(CsqKey::Superdups)
                .map(|values| values.split('&').take(TERMS).filter_map(finite).collect())
                .unwrap_or_default(),
        };
        let mut annotated = Self::new(hgnc_id, text(CsqKey::Symbol), text(CsqKey::Gene), transcript);
        annotated.spliceai = spliceai::of_transcript(entry, faults);
        annotated
    }
}

/// `ENST00000357628.3:c.903G>T` without the transcript, percent-encoding undone.
pub(super) fn without_name(hgvs: &str) -> Option<String> {
    let change = hgvs.split_once(':').map_or(hgvs, |(_, change)| change).trim();
    if change.is_empty() {
        return None;
    }
    Some(if change.contains('%') {
        percent_decode_str(change).decode_utf8_lossy().into_owned()
    } else {
        change.to_owned()
    })
}

/// `deleterious(0.02)` without the number.
fn prediction(text: &str) -> String {
    text.split('(').next().unwrap_or(text).to_owned()
}

/// dbNSFP writes letters, one per transcript; the first that says something counts.
fn sift_letter(text: &str) -> Option<String> {
    let letter = text.split('&').find(|letter| !matches!(*letter, "" | "."))?;
    Some(match letter {
        "D" => "deleterious".to_owned(),
        "T" => "tolerated".to_owned(),
        other => other.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_and_percent_encoding_is_undone() {
        assert_eq!(without_name("ENST00000357628.3:c.903G>T").as_deref(), Some("c.903G>T"));
        assert_eq!(without_name("ENSP00000350249.3:p.Arg12%3D").as_deref(), Some("p.Arg12="));
        assert_eq!(without_name("p.(%3D)").as_deref(), Some("p.(=)"));
        assert_eq!(without_name("NM_000.1:"), None);
        assert_eq!(without_name("p.%ZZ").as_deref(), Some("p.%ZZ"));
    }

    #[test]
    fn predictions_are_words() {
        assert_eq!(prediction("deleterious_low_confidence(0.01)"), "deleterious_low_confidence");
        assert_eq!(sift_letter(".&D&T").as_deref(), Some("deleterious"));
        assert_eq!(sift_letter(".").as_deref(), None);
    }
}
