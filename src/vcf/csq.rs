//! VEP's CSQ: columns named by the header, entries separated by commas, fields by bars.

use super::alleles::{AlleleNames, Owner};
use super::error::{Faults, quote};
use super::frequencies::FrequencyColumn;

macro_rules! csq_columns {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// The CSQ columns that are read, in capitals as header spellings vary.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum CsqKey { $($name),* }

        impl CsqKey {
            const ALL: &[(&str, Self)] = &[$(($text, Self::$name)),*];
        }
    };
}

csq_columns! {
    Allele = "ALLELE",
    AlleleNum = "ALLELE_NUM",
    Consequence = "CONSEQUENCE",
    Symbol = "SYMBOL",
    Gene = "GENE",
    Feature = "FEATURE",
    Biotype = "BIOTYPE",
    Exon = "EXON",
    Intron = "INTRON",
    HgvsC = "HGVSC",
    HgvsP = "HGVSP",
    ExistingVariation = "EXISTING_VARIATION",
    Strand = "STRAND",
    HgncId = "HGNC_ID",
    Canonical = "CANONICAL",
    Ensp = "ENSP",
    Swissprot = "SWISSPROT",
    Sift = "SIFT",
    SiftPred = "SIFT_PRED",
    Polyphen = "POLYPHEN",
    Domains = "DOMAINS",
    Mane = "MANE",
    ManeSelect = "MANE_SELECT",
    ManePlusClinical = "MANE_PLUS_CLINICAL",
    Superdups = "GENOMIC_SUPERDUPS_FRAC_MATCH",
    Revel = "REVEL",
    RevelScore = "REVEL_SCORE",
    RevelRank = "REVEL_RANKSCORE",
    DsAg = "SPLICEAI_PRED_DS_AG",
    DsAl = "SPLICEAI_PRED_DS_AL",
    DsDg = "SPLICEAI_PRED_DS_DG",
    DsDl = "SPLICEAI_PRED_DS_DL",
    DpAg = "SPLICEAI_PRED_DP_AG",
    DpAl = "SPLICEAI_PRED_DP_AL",
    DpDg = "SPLICEAI_PRED_DP_DG",
    DpDl = "SPLICEAI_PRED_DP_DL",
    Gerp = "GERP++_RS",
    PhastCons = "PHASTCONS100WAY_VERTEBRATE",
    PhyloP = "PHYLOP100WAY_VERTEBRATE",
    CaddPhred = "CADD_PHRED",
    ClinSig = "CLIN_SIG",
    Clinvar = "CLINVAR",
    ClinvarVid = "CLINVAR_CLNVID",
    ClinvarSig = "CLINVAR_CLNSIG",
    ClinvarRevStat = "CLINVAR_CLNREVSTAT",
    RsDbsnp = "RS_DBSNP",
    RsDbsnp150 = "RS_DBSNP150",
    Cosmic = "COSMIC",
}

const KEYS: usize = CsqKey::ALL.len();

/// Which column is what, worked out once from the header.
#[derive(Debug, Clone, Default)]
pub(super) struct CsqLayout {
    columns: Vec<Option<CsqKey>>,
    frequencies: Vec<Option<FrequencyColumn>>,
    has_frequencies: bool,
}

impl CsqLayout {
    pub(super) fn new(names: &[String]) -> Self {
        let upper: Vec<String> = names.iter().map(|name| name.to_ascii_uppercase()).collect();
        let key = |name: &String| CsqKey::ALL.iter().find(|(text, _)| text == name).map(|&(_, key)| key);
        let frequencies: Vec<_> = upper.iter().map(|name| FrequencyColumn::of(name)).collect();
        Self {
            columns: upper.iter().map(key).collect(),
            has_frequencies: frequencies.iter().any(Option::is_some),
            frequencies,
        }
    }
}

/// One entry of CSQ: one allele on one transcript.
pub(super) struct CsqEntry<'a> {
    values: [&'a str; KEYS],
    text: &'a str,
    pub(super) owner: Owner,
}

impl<'a> CsqEntry<'a> {
    pub(super) fn get(&self, key: CsqKey) -> Option<&'a str> {
        Some(self.values[key as usize]).filter(|value| !matches!(*value, "" | "." | "-"))
    }

    /// Columns that hold allele frequencies, with what is in them.
    pub(super) fn frequencies<'l>(
        &self,
        layout: &'l CsqLayout,
    ) -> impl Iterator<Item = (FrequencyColumn, &'a str)> + use<'a, 'l> {
        let text = if layout.has_frequencies { self.text } else { "" };
        let columns = text.split('|').zip(&layout.frequencies);
        columns.filter_map(|(value, column)| Some(((*column)?, value)).filter(|_| !matches!(value, "" | "." | "-")))
    }

    pub(super) fn allele(&self) -> &'a str {
        self.values[CsqKey::Allele as usize]
    }
}

/// Some pipelines append `:ENST…:term` for every transcript to the last entry; that is no part of any column.
fn without_tail(entry: &str) -> &str {
    let last = entry.rfind('|').map_or(0, |at| at + 1);
    let tails = [":ENS", ":NM_", ":NR_", ":XM_", ":XR_"];
    tails.iter().filter_map(|tail| entry[last..].find(tail)).min().map_or(entry, |at| &entry[..last + at])
}

/// Splits CSQ and settles which ALT each entry belongs to.
pub(super) fn parse<'a>(
    text: &'a str,
    layout: &CsqLayout,
    names: &AlleleNames<'_>,
    alternatives: u16,
    faults: &mut Faults,
) -> Vec<CsqEntry<'a>> {
    let mut entries: Vec<CsqEntry<'a>> = Vec::new();
    let mut uneven = None;
    for raw in text.split(',') {
        let raw = without_tail(raw);
        if raw.is_empty() {
            continue;
        }
        let mut values = [""; KEYS];
        let mut found = 0;
        for value in raw.split('|') {
            if let Some(Some(key)) = layout.columns.get(found) {
                values[*key as usize] = value;
            }
            found += 1;
        }
        if found != layout.columns.len() {
            uneven = Some(found);
        }
        let mut entry = CsqEntry { values, text: raw, owner: Owner::Unclear };
        let number = entry.get(CsqKey::AlleleNum).and_then(|number| number.parse().ok());
        entry.owner = match entries.last() {
            Some(last) if number.is_none() && last.allele() == entry.allele() => last.owner,
            _ => names.owner(entry.allele(), number),
        };
        entries.push(entry);
    }
    if let Some(found) = uneven {
        faults.push(
            "INFO/CSQ",
            format!(
                "an entry has {found} fields and the header names {}; what is missing is taken as missing, what is over is ignored",
                layout.columns.len()
            ),
        );
    }
    settle(&mut entries, |entry| entry.allele(), |entry| &mut entry.owner, names, alternatives, "INFO/CSQ", faults);
    entries
}

/// What to do with entries whose allele text names none of the ALTs.
///
/// A record of one ALT takes them when they all use one word such as `insertion`; entries of a sibling allele that a
/// splitting program left behind are not this record's.
pub(super) fn settle<T>(
    entries: &mut [T],
    text: impl for<'t> Fn(&'t T) -> &'t str,
    owner: impl Fn(&mut T) -> &mut Owner,
    names: &AlleleNames<'_>,
    alternatives: u16,
    field: &str,
    faults: &mut Faults,
) {
    let mut unclear = 0;
    for entry in entries.iter_mut() {
        unclear += usize::from(*owner(entry) == Owner::Unclear);
    }
    if unclear == 0 {
        return;
    }
    let one_word = entries.split_first().is_some_and(|(first, rest)| {
        names.accepts_word(text(first)) && rest.iter().all(|entry| text(entry) == text(first))
    });
    if alternatives == 1 && unclear == entries.len() && one_word {
        for entry in entries {
            *owner(entry) = Owner::Allele(1);
        }
        return;
    }
    let mut example = String::new();
    for entry in entries.iter_mut() {
        if *owner(entry) == Owner::Unclear {
            text(entry).clone_into(&mut example);
            break;
        }
    }
    faults.push(
        field,
        format!(
            "ambiguous allele: {unclear} of {} entries are for allele {}, which is not one ALT of this record; not assigned",
            entries.len(),
            quote(&example)
        ),
    );
}
