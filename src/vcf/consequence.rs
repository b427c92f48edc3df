//! Sequence Ontology terms for consequences: how severe each is and which region class it belongs to.
//!
//! Order as Ensembl has it (release 110), classes as laboratories know them from Scout. Scout puts
//! `non_coding_transcript_variant` above `intron_variant`, so that an intron change of a coding gene is called
//! non-coding; Ensembl's order is kept here. Terms that only `SnpEff` writes stand beside the VEP term they refine, and
//! whoever asks for that term means them too.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Terms from the most to the least severe, each with its region class.
const TERMS: &[(&str, &str)] = &[
    ("transcript_ablation", "exonic"),
    ("chromosome_number_variation", "exonic"),
    ("feature_ablation", "exonic"),
    ("exon_loss_variant", "exonic"),
    ("splice_acceptor_variant", "splicing"),
    ("splice_donor_variant", "splicing"),
    ("stop_gained", "exonic"),
    ("frameshift_variant", "exonic"),
    ("frameshift_elongation", "exonic"),
    ("frameshift_truncation", "exonic"),
    ("stop_lost", "exonic"),
    ("start_lost", "exonic"),
    ("initiator_codon_variant", "exonic"),
    ("non_canonical_start_codon", "exonic"),
    ("transcript_amplification", "exonic"),
    ("feature_elongation", "genomic_feature"),
    ("feature_truncation", "genomic_feature"),
    ("inframe_insertion", "exonic"),
    ("disruptive_inframe_insertion", "exonic"),
    ("conservative_inframe_insertion", "exonic"),
    ("inframe_deletion", "exonic"),
    ("disruptive_inframe_deletion", "exonic"),
    ("conservative_inframe_deletion", "exonic"),
    ("missense_variant", "exonic"),
    ("rare_amino_acid_variant", "exonic"),
    ("protein_altering_variant", "exonic"),
    ("structural_interaction_variant", "exonic"),
    ("protein_protein_contact", "exonic"),
    ("splice_donor_5th_base_variant", "splicing"),
    ("splice_region_variant", "splicing"),
    ("splice_branch_variant", "splicing"),
    ("splice_donor_region_variant", "splicing"),
    ("splice_polypyrimidine_tract_variant", "splicing"),
    ("incomplete_terminal_codon_variant", "exonic"),
    ("start_retained_variant", "exonic"),
    ("start_retained", "exonic"),
    ("stop_retained_variant", "exonic"),
    ("synonymous_variant", "exonic"),
    ("coding_sequence_variant", "exonic"),
    ("exon_variant", "exonic"),
    ("mature_miRNA_variant", "ncRNA_exonic"),
    ("5_prime_UTR_truncation", "5UTR"),
    ("5_prime_UTR_premature_start_codon_gain_variant", "5UTR"),
    ("5_prime_UTR_variant", "5UTR"),
    ("3_prime_UTR_truncation", "3UTR"),
    ("3_prime_UTR_variant", "3UTR"),
    ("non_coding_transcript_exon_variant", "ncRNA_exonic"),
    ("non_coding_exon_variant", "ncRNA_exonic"),
    ("intron_variant", "intronic"),
    ("conserved_intron_variant", "intronic"),
    ("intragenic_variant", "intronic"),
    ("NMD_transcript_variant", "ncRNA"),
    ("non_coding_transcript_variant", "ncRNA"),
    ("nc_transcript_variant", "ncRNA"),
    ("coding_transcript_variant", "genomic_feature"),
    ("transcript_variant", "genomic_feature"),
    ("gene_variant", "genomic_feature"),
    ("upstream_gene_variant", "upstream"),
    ("downstream_gene_variant", "downstream"),
    ("TFBS_ablation", "TFBS"),
    ("TFBS_amplification", "TFBS"),
    ("TF_binding_site_variant", "TFBS"),
    ("regulatory_region_ablation", "regulatory_region"),
    ("regulatory_region_amplification", "regulatory_region"),
    ("regulatory_region_variant", "regulatory_region"),
    ("sequence_feature", "genomic_feature"),
    ("intergenic_variant", "intergenic_variant"),
    ("intergenic_region", "intergenic_variant"),
    ("conserved_intergenic_variant", "intergenic_variant"),
    ("sequence_variant", "intergenic_variant"),
];

/// Terms that VEP lacks, mostly of `SnpEff`, each with the term of VEP that says the same less exactly. Where the Sequence
/// Ontology has no such parent, it is the term VEP would give to the same change.
const REFINEMENTS: &[(&str, &str)] = &[
    ("chromosome_number_variation", "transcript_ablation"),
    ("feature_ablation", "transcript_ablation"),
    ("exon_loss_variant", "transcript_ablation"),
    ("frameshift_elongation", "frameshift_variant"),
    ("frameshift_truncation", "frameshift_variant"),
    ("non_canonical_start_codon", "initiator_codon_variant"),
    ("disruptive_inframe_insertion", "inframe_insertion"),
    ("conservative_inframe_insertion", "inframe_insertion"),
    ("disruptive_inframe_deletion", "inframe_deletion"),
    ("conservative_inframe_deletion", "inframe_deletion"),
    ("rare_amino_acid_variant", "missense_variant"),
    ("structural_interaction_variant", "protein_altering_variant"),
    ("protein_protein_contact", "protein_altering_variant"),
    ("splice_branch_variant", "splice_region_variant"),
    ("start_retained", "start_retained_variant"),
    ("5_prime_UTR_truncation", "5_prime_UTR_variant"),
    ("5_prime_UTR_premature_start_codon_gain_variant", "5_prime_UTR_variant"),
    ("3_prime_UTR_truncation", "3_prime_UTR_variant"),
    ("non_coding_exon_variant", "non_coding_transcript_exon_variant"),
    ("nc_transcript_variant", "non_coding_transcript_variant"),
    ("conserved_intron_variant", "intron_variant"),
    ("intergenic_region", "intergenic_variant"),
    ("conserved_intergenic_variant", "intergenic_variant"),
];

/// The terms that the clinical filter counts as severe.
pub const SEVERE: [&str; 22] = [
    "transcript_ablation",
    "splice_donor_variant",
    "splice_acceptor_variant",
    "stop_gained",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "initiator_codon_variant",
    "inframe_insertion",
    "inframe_deletion",
    "missense_variant",
    "protein_altering_variant",
    "transcript_amplification",
    "splice_donor_5th_base_variant",
    "splice_region_variant",
    "splice_donor_region_variant",
    "splice_polypyrimidine_tract_variant",
    "incomplete_terminal_codon_variant",
    "synonymous_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "coding_sequence_variant",
];

static TABLE: LazyLock<HashMap<&'static str, (u16, &'static str)>> =
    LazyLock::new(|| (1..).zip(TERMS).map(|(rank, &(term, region))| (term, (rank, region))).collect());

static PARENTS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| REFINEMENTS.iter().copied().collect());

/// The term of VEP that this one refines.
#[must_use]
pub fn refined(term: &str) -> Option<&'static str> {
    PARENTS.get(term).copied()
}

/// Whether a term is the wanted one or says the same more exactly.
#[must_use]
pub fn is_a(term: &str, wanted: &str) -> bool {
    term == wanted || refined(term) == Some(wanted)
}

/// Severity: 1 is the most severe. `None` for a term that is not in the table.
#[must_use]
pub fn rank(term: &str) -> Option<u16> {
    TABLE.get(term).map(|&(rank, _)| rank)
}

/// Region class of a term: `exonic`, `splicing`, `intronic`, `upstream` and so on.
#[must_use]
pub fn region(term: &str) -> Option<&'static str> {
    TABLE.get(term).map(|&(_, region)| region)
}

/// All region classes, each once, in the order of their most severe terms.
#[must_use]
pub fn regions() -> Vec<&'static str> {
    let mut regions = Vec::new();
    for &(_, region) in TERMS {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    regions
}

/// All terms, most severe first.
pub fn terms() -> impl Iterator<Item = &'static str> {
    TERMS.iter().map(|&(term, _)| term)
}

/// The most severe of some terms: its rank, `u16::MAX` for an unknown term, and the term.
pub(super) fn most_severe<'a>(terms: impl Iterator<Item = &'a str>) -> Option<(u16, &'a str)> {
    terms.map(|term| (rank(term).unwrap_or(u16::MAX), term)).min_by_key(|&(rank, _)| rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_distinct_and_ordered_as_laboratories_expect() {
        assert_eq!(TABLE.len(), TERMS.len());
        let order = [
            "transcript_ablation",
            "splice_donor_variant",
            "stop_gained",
            "missense_variant",
            "splice_region_variant",
            "synonymous_variant",
            "5_prime_UTR_variant",
            "intron_variant",
            "NMD_transcript_variant",
            "upstream_gene_variant",
            "regulatory_region_variant",
            "intergenic_variant",
        ];
        let ranks: Vec<_> = order.iter().map(|term| rank(term).unwrap()).collect();
        assert!(ranks.is_sorted(), "{ranks:?}");
    }

    #[test]
    fn severe_terms_are_known_and_exonic_or_splicing() {
        for term in SEVERE {
            assert!(matches!(region(term), Some("exonic" | "splicing")), "{term}");
        }
    }

    #[test]
    fn a_refinement_stands_beside_the_term_it_refines_and_in_its_class() {
        let parents: Vec<&str> = terms().filter(|term| refined(term).is_none()).collect();
        for (term, parent) in REFINEMENTS {
            assert!(parents.contains(parent), "{parent} is a term of VEP");
            assert_eq!(region(term), region(parent), "{term}");
            let (one, other) = (rank(term).unwrap(), rank(parent).unwrap());
            let between = terms().filter(|term| (one.min(other)..one.max(other)).contains(&rank(term).unwrap()));
            for other in between {
                assert!(is_a(other, parent), "{other} stands between {term} and {parent}");
            }
        }
    }

    /// `SnpEff`'s terms of high and moderate impact for changes within a gene, by its documentation (5.2, "Effect
    /// prediction details"), and those of low impact whose parent is severe.
    #[test]
    fn terms_of_snpeff_are_as_severe_as_what_they_refine() {
        for term in [
            "chromosome_number_variation",
            "exon_loss_variant",
            "frameshift_variant",
            "rare_amino_acid_variant",
            "splice_acceptor_variant",
            "splice_donor_variant",
            "start_lost",
            "stop_gained",
            "stop_lost",
            "transcript_ablation",
            "disruptive_inframe_deletion",
            "disruptive_inframe_insertion",
            "conservative_inframe_deletion",
            "conservative_inframe_insertion",
            "missense_variant",
            "splice_branch_variant",
            "splice_region_variant",
            "start_retained",
            "stop_retained_variant",
            "initiator_codon_variant",
            "synonymous_variant",
        ] {
            assert!(SEVERE.iter().any(|wanted| is_a(term, wanted)), "{term}");
        }
        for term in ["5_prime_UTR_premature_start_codon_gain_variant", "conserved_intron_variant", "intergenic_region"]
        {
            assert!(!SEVERE.iter().any(|wanted| is_a(term, wanted)), "{term}");
        }
        assert!(!is_a("inframe_deletion", "disruptive_inframe_deletion"), "the less exact term is not the finer one");
    }

    #[test]
    fn an_unknown_term_ranks_last() {
        assert_eq!(rank("a_new_term"), None);
        assert_eq!(most_severe(["a_new_term", "intergenic_variant"].into_iter()).unwrap().1, "intergenic_variant");
        assert_eq!(most_severe(["a_new_term"].into_iter()), Some((u16::MAX, "a_new_term")));
    }
}
