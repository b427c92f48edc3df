//! What the specification fixes about keys: VCF 4.1 to 4.5, section 1.6 ("Data lines").

use super::header::{Kind, Number};

/// Number and type of a reserved INFO key; the type is left out where versions and tools disagree harmlessly.
pub(super) fn info(id: &str, version: (u8, u8)) -> Option<(Number, Option<Kind>)> {
    use Kind::{Flag, Float, Integer, String};
    let one = Number::Count(1);
    Some(match id {
        "AA" => (one, Some(String)),
        "AC" => (Number::A, Some(Integer)),
        "AD" | "ADF" | "ADR" if version >= (4, 3) => (Number::R, Some(Integer)),
        "AF" => (Number::A, Some(Float)),
        "AN" | "DP" | "MQ0" | "NS" => (one, Some(Integer)),
        "END" if version < (4, 5) => (one, Some(Integer)),
        "BQ" => (one, Some(Float)),
        "MQ" => (one, None),
        "CIGAR" => (Number::A, Some(String)),
        "DB" | "H2" | "H3" | "SOMATIC" | "VALIDATED" | "1000G" => (Number::Count(0), Some(Flag)),
        _ => return None,
    })
}

/// Number and type of a reserved FORMAT key.
pub(super) fn format(id: &str, version: (u8, u8)) -> Option<(Number, Option<Kind>)> {
    use Kind::{Float, Integer, String};
    let one = Number::Count(1);
    Some(match id {
        "AD" | "ADF" | "ADR" if version >= (4, 3) => (Number::R, Some(Integer)),
        "DP" | "GQ" | "MQ" | "PQ" | "PS" => (one, Some(Integer)),
        "EC" => (Number::A, Some(Integer)),
        "FT" | "GT" => (one, Some(String)),
        "GL" | "GP" => (Number::G, Some(Float)),
        "GLE" => (Number::G, Some(String)),
        "HQ" => (Number::Count(2), Some(Integer)),
        "PL" => (Number::G, Some(Integer)),
        _ => return None,
    })
}

/// Whether a number below zero makes no sense for this INFO key.
pub(super) fn is_count(id: &str) -> bool {
    matches!(id, "AC" | "AD" | "ADF" | "ADR" | "AF" | "AN" | "BQ" | "DP" | "MQ" | "MQ0" | "NS" | "END")
}
