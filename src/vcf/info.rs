//! INFO of one record: split once, checked against the header, and looked up by known key without hashing.

use super::error::{Faults, quote};
use super::header::{InfoFacts, Keys, Kind, Number};

macro_rules! info_keys {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// The INFO keys that end up in an allele.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum InfoKey { $($name),* }

        impl InfoKey {
            /// In the order of their discriminants.
            pub(super) const ALL: &[(&str, Self)] = &[$(($text, Self::$name)),*];

            pub(super) fn as_str(self) -> &'static str {
                Self::ALL[self as usize].0
            }
        }
    };
}

info_keys! {
    RankScore = "RankScore",
    RankScoreNormalized = "RankScoreNormalized",
    RankResult = "RankResult",
    GeneticModels = "GeneticModels",
    Compounds = "Compounds",
    Csq = "CSQ",
    Ann = "ANN",
    End = "END",
    Obs = "Obs",
    LoqusObs = "clinical_genomics_loqusObs",
    ClinObs = "clin_obs",
    Hom = "Hom",
    LoqusFrq = "clinical_genomics_loqusFrq",
    Frq = "Frq",
    GermlineObs = "Cancer_Germline_Obs",
    GermlineHom = "Cancer_Germline_Hom",
    GermlineFrq = "Cancer_Germline_Frq",
    SomaticObs = "Cancer_Somatic_Obs",
    SomaticHom = "Cancer_Somatic_Hom",
    SomaticFrq = "Cancer_Somatic_Frq",
    PanelObs = "Cancer_Somatic_Panel_Obs",
    PanelHom = "Cancer_Somatic_Panel_Hom",
    PanelFrq = "Cancer_Somatic_Panel_Frq",
    SomaticScore = "SOMATICSCORE",
    MskMvl = "MSK_MVL",
    Mivmir = "MivmirScore",
    MivmirExplanation = "MivmirExplanation",
    Gicam = "GicamScore",
    SpliceAi = "SpliceAI",
    Spidex = "SPIDEX",
    Cadd = "CADD",
    CaddPhred = "CADD_PHRED",
    Gerp = "dbNSFP_GERP___RS",
    PhastCons = "dbNSFP_phastCons100way_vertebrate",
    PhyloP = "dbNSFP_phyloP100way_vertebrate",
    AzLength = "AZLENGTH",
    AzQual = "AZQUAL",
    Custom = "SCOUT_CUSTOM",
    Mitomap = "MitomapAssociatedDiseases",
    HmtVar = "HmtVar",
    ClnAcc = "CLNACC",
    ClnVid = "CLNVID",
    ClnSig = "CLNSIG",
    ClnRevStat = "CLNREVSTAT",
    Onc = "ONC",
    OncRevStat = "ONCREVSTAT",
    OncDn = "ONCDN",
    Cosmic = "COSMIC",
    FoundIn = "FOUND_IN",
    SvdbOrigin = "svdb_origin",
    Set = "set",
    ExacAf = "EXACAF",
    ExacMax1 = "ExAC_MAX_AF",
    ExacMax2 = "EXAC_MAX_AF",
    ExacMax3 = "EXACMAX_AF",
    ExacMax4 = "EXACMAXAF",
    Gnomad1 = "GNOMADAF",
    Gnomad2 = "GNOMAD_AF",
    Gnomad3 = "gnomADg_AF",
    Gnomad4 = "gnomad_svAF",
    Gnomad5 = "gnomad_af",
    GnomadMax1 = "gnomADg_AF_POPMAX",
    GnomadMax2 = "GNOMADAF_popmax",
    GnomadMax3 = "GNOMADAF_POPMAX",
    GnomadMax4 = "GNOMADAF_MAX",
    GnomadMax5 = "gnomad_popmax_af",
    ThousandG = "1000GAF",
    ThousandGMax = "1000G_MAX_AF",
    Swegen1 = "swegen",
    Swegen2 = "swegenAF",
    Swegen3 = "SWEGENAF",
    MtHom = "GNOMAD_MT_AF_HOM",
    MtHet = "GNOMAD_MT_AF_HET",
    Colorsdb = "colorsdb_af",
}

const KEYS: usize = InfoKey::ALL.len();

/// INFO of one record.
pub(super) struct Info<'a> {
    values: [Option<&'a str>; KEYS],
    alternatives: u16,
}

/// Remembers which keys a record had, without clearing anything between records.
#[derive(Debug, Default)]
pub(super) struct Seen {
    stamps: Vec<u64>,
}

impl<'a> Info<'a> {
    /// Splits and checks. `alternatives` is the number of ALTs, at least 1.
    pub(super) fn parse(
        text: &'a str,
        keys: &Keys,
        alternatives: u16,
        line: u64,
        seen: &mut Seen,
        faults: &mut Faults,
    ) -> Self {
        let mut info = Self { values: [None; KEYS], alternatives };
        if text == "." {
            return info;
        }
        if text.is_empty() {
            faults.push("INFO", "the column is empty; it must be `.` when there is nothing");
            return info;
        }
        seen.stamps.resize(keys.info.len(), 0);
        let mut unknown: Vec<&str> = Vec::new();
        let mut fields = text.split(';').peekable();
        while let Some(field) = fields.next() {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (field, None),
            };
            if key.is_empty() {
                if fields.peek().is_some() || value.is_some() {
                    faults.push("INFO", "there is a field without a key; ignored");
                } else {
                    faults.push("INFO", "the column ends in `;`");
                }
                continue;
            }
            let Some(facts) = keys.info.get(key) else {
                check_unknown(key, keys.version, faults);
                if unknown.contains(&key) {
                    faults.push(format!("INFO/{key}"), "the key is given twice");
                } else if unknown.len() < 64 {
                    unknown.push(key);
                }
                continue;
            };
            let repeated = seen.stamps.get_mut(facts.id).is_some_and(|stamp| std::mem::replace(stamp, line) == line);
            if repeated {
                faults.push(format!("INFO/{key}"), "the key is given twice; the first value counts");
                continue;
            }
            check_value(key, value, facts, alternatives, faults);
            if let Some(slot) = facts.slot {
                info.values[slot as usize] = Some(value.unwrap_or_default());
            }
        }
        info
    }

    /// The value as written; `None` when it is absent, empty or `.`.
    pub(super) fn raw(&self, key: InfoKey) -> Option<&'a str> {
        self.values[key as usize].filter(|value| !matches!(*value, "" | "."))
    }

    /// Whether the key is there and says yes: a flag, or a value other than `0` and `.`.
    pub(super) fn flag(&self, key: InfoKey) -> bool {
        self.values[key as usize].is_some_and(|value| !matches!(value, "0" | "."))
    }

    pub(super) fn alternatives(&self) -> u16 {
        self.alternatives
    }

    /// The part of the value that belongs to ALT number `allele`, counted from 1.
    ///
    /// The header's Number decides; a list as long as the ALTs is one value per ALT even where the header says
    /// otherwise, since splitting and annotation often come after the header was written.
    pub(super) fn for_allele(&self, key: InfoKey, allele: u16, keys: &Keys, faults: &mut Faults) -> Option<&'a str> {
        let value = self.raw(key)?;
        let alternatives = usize::from(self.alternatives);
        let parts = value.bytes().filter(|&byte| byte == b',').count() + 1;
        let with_reference = keys.info_number[key as usize] == Some(Number::R);
        let at = if with_reference && parts == alternatives + 1 {
            usize::from(allele)
        } else if !with_reference && parts == alternatives {
            usize::from(allele) - 1
        } else if parts > 1 && all_equal(value) {
            0
        } else {
            faults.push_once(
                &format!("INFO/{}", key.as_str()),
                format!(
                    "ambiguous allele: {} for {}, so it cannot be told which it belongs to; not assigned",
                    counted(parts, "value"),
                    counted(alternatives, "alternative allele"),
                ),
            );
            return None;
        };
        value.split(',').nth(at).map(str::trim).filter(|part| !matches!(*part, "" | "."))
    }

    /// A number of this allele.
    pub(super) fn float(&self, key: InfoKey, allele: u16, keys: &Keys, faults: &mut Faults) -> Option<f64> {
        let text = self.for_allele(key, allele, keys, faults)?;
        let number = finite(text);
        if number.is_none() {
            faults.push_once(
                &format!("INFO/{}", key.as_str()),
                format!("{} is not a number; taken as missing", quote(text)),
            );
        }
        number
    }
}

/// A list such as `4.76,4.76` says the same whichever part is taken.
fn all_equal(value: &str) -> bool {
    let mut parts = value.split(',');
    let first = parts.next();
    parts.all(|part| Some(part) == first)
}

/// `1 value`, `3 values`.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A finite number; `.`, words and infinities are none.
pub(super) fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A key that neither the header nor we know must at least look like one (VCF 4.3, section 1.6.1).
fn check_unknown(key: &str, version: (u8, u8), faults: &mut Faults) {
    let mut bytes = key.bytes();
    let first_ok = version < (4, 3) || bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let odd = |byte: u8| {
        if version < (4, 3) {
            !byte.is_ascii_graphic()
        } else {
            !(byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
        }
    };
    if !first_ok || key.bytes().any(odd) {
        faults.push(format!("INFO/{}", quote(key).trim_matches('`')), "the key has characters that are not allowed");
    }
}

fn check_value(key: &str, value: Option<&str>, facts: &InfoFacts, alternatives: u16, faults: &mut Faults) {
    let mut fault = |message: String| faults.push(format!("INFO/{key}"), message);
    let value = match (facts.kind, value) {
        (Some(Kind::Flag) | None, None) => return,
        (Some(Kind::Flag), Some(value)) => {
            let may_have_one = facts.declared && facts.number != Some(Number::Count(0));
            if !may_have_one && !matches!(value, "0" | "1") {
                fault(format!("the key is a flag and has the value {}", quote(value)));
            }
            return;
        }
        (Some(_), None) => {
            fault("the key has no value".to_owned());
            return;
        }
        (_, Some(".")) => return,
        (_, Some(value)) => value,
    };
    if value.is_empty() {
        fault("the value is empty; it must be `.` when there is none".to_owned());
        return;
    }
    if facts.slot.is_some() {
        return; // read, and named when it cannot be, where it is used
    }
    let n = u32::from(alternatives);
    let expected = match facts.number {
        // a comma in a text is no separator, except where the text is a sequence
        Some(Number::Count(count)) if count > 0 && (facts.kind != Some(Kind::String) || key == "AA") => Some(count),
        Some(Number::A) => Some(n),
        Some(Number::R) => Some(n + 1),
        _ => None,
    };
    if let Some(expected) = expected {
        let found = value.bytes().filter(|&byte| byte == b',').count() + 1;
        if found != expected as usize {
            fault(format!("{} where the header or the specification asks for {expected}", counted(found, "value")));
        }
    }
    match facts.kind {
        Some(Kind::Integer) => {
            for part in value.split(',').filter(|part| *part != ".") {
                match part.parse::<i32>() {
                    Err(_) => fault(format!("{} is not a whole number of 32 bits", quote(part))),
                    Ok(number) if number < 0 && facts.is_count => fault(format!("{number} is below zero")),
                    Ok(_) => {}
                }
            }
        }
        Some(Kind::Float) => {
            for part in value.split(',').filter(|part| *part != ".") {
                match part.parse::<f64>() {
                    Err(_) => fault(format!("{} is not a number", quote(part))),
                    Ok(number) if number < 0.0 && facts.is_count => fault(format!("{number} is below zero")),
                    Ok(_) => {}
                }
            }
        }
        Some(Kind::Character) if value.split(',').any(|part| part.chars().count() != 1) => {
            fault(format!("{} is not a single character", quote(value)));
        }
        Some(Kind::String) if key == "CIGAR" && !value.split(',').all(is_cigar) => {
            fault(format!("{} is not a CIGAR", quote(value)));
        }
        _ if facts.is_count && facts.kind.is_none() && finite(value).is_none_or(|number| number < 0.0) => {
            fault(format!("{} is not a number from zero up", quote(value)));
        }
        _ => {}
    }
}

fn is_cigar(text: &str) -> bool {
    let mut digits = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'M' | b'I' | b'D' | b'N' | b'S' | b'H' | b'P' | b'X' | b'=' if digits > 0 => digits = 0,
            _ => return text == ".",
        }
    }
    digits == 0 && !text.is_empty()
}
