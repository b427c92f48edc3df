//! How common an allele is, from INFO and from CSQ.
//!
//! Scout asks the transcripts only when INFO has no frequency of any kind, so that a file with `EXACAF` in INFO and
//! gnomAD in CSQ loses gnomAD. Here each source is asked in INFO first and in CSQ where INFO has none of that source:
//! the same numbers where Scout has one, and none lost. A frequency of 0 is a value: it was looked for and not seen.

use super::csq::{CsqEntry, CsqLayout};
use super::error::{Faults, quote};
use super::header::Keys;
use super::info::{Info, InfoKey, finite};
use super::model::Frequencies;

/// Which source a CSQ column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrequencyColumn {
    /// gnomAD, all populations; the lower number is preferred.
    Gnomad(u8),
    GnomadMax,
    Exac,
    /// Scout takes `EXAC_MAX_AF` for both of `ExAC`'s values.
    ExacMax,
    ThousandGenomes,
    ThousandGenomesMax,
    Swegen,
    Colorsdb,
}

impl FrequencyColumn {
    /// By column name in capitals. Columns of sources that the model does not have (ESP's `AA_AF`, VEP's `MAX_AF` over
    /// all sources) are left alone; Scout counts them as 1000 Genomes.
    pub(super) fn of(name: &str) -> Option<Self> {
        let column = match name {
            "GNOMAD_AF" | "GNOMADAF" => Self::Gnomad(0),
            "GNOMADG_AF" => Self::Gnomad(1),
            "GNOMADE_AF" | "GNOMAD_EXOMES_AF" => Self::Gnomad(2),
            "AF" | "1000GAF" | "1000GP3_AF" | "GMAF" => Self::ThousandGenomes,
            "AFR_AF" | "AMR_AF" | "ASN_AF" | "EAS_AF" | "EUR_AF" | "SAS_AF" | "AFR_MAF" | "AMR_MAF" | "EAS_MAF"
            | "EUR_MAF" | "SAS_MAF" => Self::ThousandGenomesMax,
            "EXAC_AF" | "EXACAF" | "EXAC_MAF" => Self::Exac,
            "EXAC_MAX_AF" => Self::ExacMax,
            "SWEGEN_AF" | "SWEGENAF" => Self::Swegen,
            "COLORSDB_AF" => Self::Colorsdb,
            _ if !(name.ends_with("AF") || name.ends_with("POPMAX")) => return None,
            _ if name.starts_with("GNOMAD_MT") => return None,
            _ if name.starts_with("GNOMAD") => Self::GnomadMax,
            _ if name.starts_with("1000G") => Self::ThousandGenomesMax,
            _ => return None,
        };
        Some(column)
    }
}

const EXAC: &[InfoKey] = &[InfoKey::ExacAf];
const EXAC_MAX: &[InfoKey] = &[InfoKey::ExacMax1, InfoKey::ExacMax2, InfoKey::ExacMax3, InfoKey::ExacMax4];
const GNOMAD: &[InfoKey] = &[InfoKey::Gnomad1, InfoKey::Gnomad2, InfoKey::Gnomad3, InfoKey::Gnomad4, InfoKey::Gnomad5];
const GNOMAD_MAX: &[InfoKey] =
    &[InfoKey::GnomadMax1, InfoKey::GnomadMax2, InfoKey::GnomadMax3, InfoKey::GnomadMax4, InfoKey::GnomadMax5];
const SWEGEN: &[InfoKey] = &[InfoKey::Swegen1, InfoKey::Swegen2, InfoKey::Swegen3];

/// Frequencies of ALT number `allele`; `entries` are its CSQ entries.
pub(super) fn read<'a>(
    info: &Info<'_>,
    allele: u16,
    entries: impl Iterator<Item = &'a CsqEntry<'a>>,
    layout: Option<&CsqLayout>,
    keys: &Keys,
    faults: &mut Faults,
) -> Frequencies {
    let mut first = |list: &[InfoKey]| list.iter().find_map(|&key| from_info(info, key, allele, keys, faults));
    let mut found = Frequencies {
        gnomad: first(GNOMAD),
        gnomad_popmax: first(GNOMAD_MAX),
        exac: first(EXAC),
        exac_max: first(EXAC_MAX),
        thousand_genomes: first(&[InfoKey::ThousandG]),
        thousand_genomes_max: first(&[InfoKey::ThousandGMax]),
        swegen: first(SWEGEN),
        colorsdb: first(&[InfoKey::Colorsdb]),
        mt_homoplasmic: first(&[InfoKey::MtHom]),
        mt_heteroplasmic: first(&[InfoKey::MtHet]),
    };
    if let Some(layout) = layout {
        let csq = from_csq(entries, layout, faults);
        found.gnomad = found.gnomad.or(csq.gnomad);
        found.gnomad_popmax = found.gnomad_popmax.or(csq.gnomad_popmax);
        found.exac = found.exac.or(csq.exac);
        found.exac_max = found.exac_max.or(csq.exac_max);
        found.thousand_genomes = found.thousand_genomes.or(csq.thousand_genomes);
        found.thousand_genomes_max = found.thousand_genomes_max.or(csq.thousand_genomes_max);
        found.swegen = found.swegen.or(csq.swegen);
        found.colorsdb = found.colorsdb.or(csq.colorsdb);
    }
    found
}

fn from_info(info: &Info<'_>, key: InfoKey, allele: u16, keys: &Keys, faults: &mut Faults) -> Option<f64> {
    let text = info.for_allele(key, allele, keys, faults)?;
    fraction(text, &format_args!("INFO/{}", key.as_str()), faults)
}

/// A number from 0 to 1. `-1` is how some annotation says "not there".
fn fraction(text: &str, field: &dyn std::fmt::Display, faults: &mut Faults) -> Option<f64> {
    match finite(text) {
        Some(number) if (0.0..=1.0).contains(&number) => Some(number),
        Some(number) if (number + 1.0).abs() < f64::EPSILON => None,
        _ => {
            faults.push_once(
                &field.to_string(),
                format!("{} is not a frequency from 0 to 1; taken as missing", quote(text)),
            );
            None
        }
    }
}

/// VEP copies frequencies of the co-located known variant to every transcript, so the first entry that has any speaks
/// for all.
fn from_csq<'a>(
    entries: impl Iterator<Item = &'a CsqEntry<'a>>,
    layout: &CsqLayout,
    faults: &mut Faults,
) -> Frequencies {
    let mut found = Frequencies::default();
    let mut gnomad_rank = u8::MAX;
    for entry in entries {
        let mut any = false;
        for (column, text) in entry.frequencies(layout) {
            any = true;
            let Some(value) = of_allele(text, entry.allele(), faults) else { continue };
            let max = |slot: &mut Option<f64>| *slot = Some(slot.map_or(value, |old| old.max(value)));
            match column {
                FrequencyColumn::Gnomad(rank) if rank < gnomad_rank => {
                    gnomad_rank = rank;
                    found.gnomad = Some(value);
                }
                FrequencyColumn::Gnomad(_) => {}
                FrequencyColumn::GnomadMax => max(&mut found.gnomad_popmax),
                FrequencyColumn::Exac => found.exac = Some(value),
                FrequencyColumn::ExacMax => {
                    max(&mut found.exac_max);
                    found.exac = found.exac.or(Some(value));
                }
                FrequencyColumn::ThousandGenomes => max(&mut found.thousand_genomes),
                FrequencyColumn::ThousandGenomesMax => max(&mut found.thousand_genomes_max),
                FrequencyColumn::Swegen => max(&mut found.swegen),
                FrequencyColumn::Colorsdb => max(&mut found.colorsdb),
            }
        }
        if any {
            break;
        }
    }
    found
}

/// `0.01`, `0.01&0.02` (several known variants: the most common), or `A:0.01` of older VEP, which may be about another
/// allele.
fn of_allele(text: &str, allele: &str, faults: &mut Faults) -> Option<f64> {
    let mut largest: Option<f64> = None;
    for part in text.split('&').filter(|part| !matches!(*part, "" | "." | "-")) {
        let number = match part.split_once(':') {
            Some((named, number)) if named == allele => number,
            Some(_) => continue,
            None => part,
        };
        if let Some(number) = fraction(number, &"INFO/CSQ frequency", faults) {
            largest = Some(largest.map_or(number, |old| old.max(number)));
        }
    }
    largest
}
