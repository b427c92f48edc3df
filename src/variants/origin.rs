//! Where an allele of the proband comes from, as far as the calls of the parents say.

use super::columns::RowCall;
use crate::vcf::model::Zygosity;

/// Whether somebody carries the allele; none when the call does not say.
fn carries(call: &RowCall<'_>) -> Option<bool> {
    match call.zygosity {
        Zygosity::Heterozygous | Zygosity::Homozygous | Zygosity::Haploid | Zygosity::PartialCarrier => Some(true),
        Zygosity::Reference | Zygosity::OtherAllele if !call.low_fraction => Some(false),
        _ => None,
    }
}

/// The origin in words; none when the proband does not carry the allele or the calls leave it open.
///
/// `calls` and `relations` run in page order; the first is the proband. "De novo" says what the calls show, not that
/// parenthood was confirmed.
#[must_use]
pub fn origin(calls: &[RowCall<'_>], relations: &[&str]) -> Option<&'static str> {
    let parent = |which: &str| {
        calls.iter().zip(relations).find(|(_, relation)| **relation == which).and_then(|(call, _)| carries(call))
    };
    let proband = calls.first()?;
    if relations.first() != Some(&"proband") || carries(proband) != Some(true) {
        return None;
    }
    match (parent("mother"), parent("father")) {
        (Some(true), Some(true)) => Some("from both parents"),
        (Some(true), Some(false)) => Some("from the mother"),
        (Some(false), Some(true)) => Some("from the father"),
        (Some(false), Some(false)) => Some("apparently de novo"),
        (Some(true), None) => Some("mother carries it, father not known"),
        (None, Some(true)) => Some("father carries it, mother not known"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Phenotype;

    fn call(zygosity: Zygosity, low_fraction: bool) -> RowCall<'static> {
        RowCall {
            individual_id: "",
            name: "",
            phenotype: Phenotype::Unknown,
            genotype: "",
            zygosity,
            ref_depth: None,
            alt_depth: None,
            depth: None,
            quality: None,
            fraction: None,
            low_fraction,
            withheld: false,
        }
    }

    #[test]
    fn parents_decide() {
        use Zygosity::{Heterozygous as Het, Homozygous as Hom, NoCall, Reference as Ref};
        let trio = ["proband", "mother", "father"];
        let of = |zygosities: [Zygosity; 3]| origin(&zygosities.map(|zygosity| call(zygosity, false)), &trio);
        assert_eq!(of([Het, Ref, Ref]), Some("apparently de novo"));
        assert_eq!(of([Het, Het, Ref]), Some("from the mother"));
        assert_eq!(of([Het, Ref, Het]), Some("from the father"));
        assert_eq!(of([Hom, Het, Het]), Some("from both parents"));
        assert_eq!(of([Het, Het, NoCall]), Some("mother carries it, father not known"));
        assert_eq!(of([Het, Ref, NoCall]), None);
        assert_eq!(of([Ref, Het, Ref]), None);
        assert_eq!(origin(&[call(Het, false)], &["proband"]), None);
    }

    #[test]
    fn reads_that_show_the_allele_in_a_parent_are_no_de_novo() {
        let calls =
            [call(Zygosity::Heterozygous, false), call(Zygosity::Reference, true), call(Zygosity::Reference, false)];
        assert_eq!(origin(&calls, &["proband", "mother", "father"]), None);
    }
}
