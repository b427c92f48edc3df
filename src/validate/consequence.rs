use std::collections::BTreeSet;

/// Sequence Ontology terms from the most to the least severe, as Ensembl orders them (release 110), with the older
/// spellings and the terms of SnpEff beside the term they correspond to.
const BY_SEVERITY: [&[&str]; 41] = [
    &["transcript_ablation", "chromosome_number_variation", "feature_ablation", "exon_loss_variant"],
    &["splice_acceptor_variant"],
    &["splice_donor_variant"],
    &["stop_gained"],
    &["frameshift_variant", "frameshift_elongation", "frameshift_truncation"],
    &["stop_lost"],
    &["start_lost", "initiator_codon_variant", "non_canonical_start_codon"],
    &["transcript_amplification"],
    &["feature_elongation"],
    &["feature_truncation"],
    &["inframe_insertion", "disruptive_inframe_insertion", "conservative_inframe_insertion"],
    &["inframe_deletion", "disruptive_inframe_deletion", "conservative_inframe_deletion"],
    &["missense_variant", "rare_amino_acid_variant"],
    &["protein_altering_variant", "structural_interaction_variant", "protein_protein_contact"],
    &["splice_donor_5th_base_variant"],
    &["splice_region_variant", "splice_branch_variant"],
    &["splice_donor_region_variant"],
    &["splice_polypyrimidine_tract_variant"],
    &["incomplete_terminal_codon_variant"],
    &["start_retained_variant", "start_retained"],
    &["stop_retained_variant"],
    &["synonymous_variant"],
    &["coding_sequence_variant"],
    &["mature_miRNA_variant"],
    &["5_prime_UTR_variant", "5_prime_UTR_premature_start_codon_gain_variant"],
    &["3_prime_UTR_variant"],
    &["non_coding_transcript_exon_variant", "non_coding_exon_variant"],
    &["intron_variant"],
    &["NMD_transcript_variant"],
    &["non_coding_transcript_variant", "nc_transcript_variant"],
    &["coding_transcript_variant"],
    &["upstream_gene_variant"],
    &["downstream_gene_variant"],
    &["TFBS_ablation"],
    &["TFBS_amplification"],
    &["TF_binding_site_variant"],
    &["regulatory_region_ablation"],
    &["regulatory_region_amplification"],
    &["regulatory_region_variant"],
    &["intergenic_variant", "intergenic_region"],
    &["sequence_variant", "sequence_feature"],
];

fn severity(term: &str) -> usize {
    BY_SEVERITY.iter().position(|terms| terms.contains(&term)).unwrap_or(usize::MAX)
}

/// The most severe of the terms; one that the table lacks only if there is no other.
pub(crate) fn most_severe<'a>(terms: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    terms.into_iter().filter(|term| !term.is_empty()).min_by_key(|term| severity(term))
}

/// Where the header says that the parts of a CSQ or ANN entry stand.
#[derive(Debug, Clone)]
pub(super) struct AnnotationLayout {
    /// `CSQ` or `ANN`.
    pub key: &'static str,
    allele: usize,
    consequence: usize,
    allele_number: Option<usize>,
    feature_type: Option<usize>,
    gene: Vec<usize>,
    /// VEP names indels without the shared first base, SnpEff names the allele as it is written.
    trims: bool,
}

impl AnnotationLayout {
    /// Reads the header line that defines CSQ (`Format: Allele|Consequence|…`).
    pub fn from_csq(header_line: &str) -> Option<Self> {
        let keys = header_line.split_once("Format:")?.1;
        let keys: Vec<&str> = keys.trim().trim_end_matches(['>', '"', ' ']).split('|').map(str::trim).collect();
        let at = |name: &str| keys.iter().position(|key| key.eq_ignore_ascii_case(name));
        Some(Self {
            key: "CSQ",
            allele: at("Allele")?,
            consequence: at("Consequence")?,
            allele_number: at("ALLELE_NUM"),
            feature_type: at("Feature_type"),
            gene: ["SYMBOL", "HGNC_ID", "Gene"].into_iter().filter_map(at).collect(),
            trims: true,
        })
    }

    /// Reads the header line that defines ANN (`'Allele | Annotation | …'`).
    pub fn from_ann(header_line: &str) -> Option<Self> {
        let keys = header_line.split_once('\'')?.1.split('\'').next()?;
        let keys: Vec<&str> = keys.split('|').map(str::trim).collect();
        let at = |name: &str| keys.iter().position(|key| key.eq_ignore_ascii_case(name));
        Some(Self {
            key: "ANN",
            allele: at("Allele")?,
            consequence: at("Annotation")?,
            allele_number: None,
            feature_type: at("Feature_Type"),
            gene: ["Gene_Name", "Gene_ID"].into_iter().filter_map(at).collect(),
            trims: false,
        })
    }

    /// The most severe consequence of `alternatives[nth]` on a transcript of a gene.
    ///
    /// `None` if there is no such transcript, and also if the entries' alleles cannot be told apart.
    pub fn most_severe(&self, text: &str, reference: &str, alternatives: &[&str], nth: usize) -> Option<String> {
        let entries: Vec<Vec<&str>> = text.split(',').map(|entry| entry.split('|').collect()).collect();
        let matching: Vec<&Vec<&str>> =
            entries.iter().filter(|entry| self.speaks_of(entry, reference, alternatives, nth)).collect();
        let chosen = if matching.is_empty() && alternatives.len() == 1 { entries.iter().collect() } else { matching };
        let terms = chosen
            .into_iter()
            .filter(|entry| self.is_on_a_gene(entry))
            .flat_map(|entry| part(entry, self.consequence).split('&'));
        most_severe(terms).map(str::to_owned)
    }

    fn is_on_a_gene(&self, entry: &[&str]) -> bool {
        let transcript = self.feature_type.is_none_or(|at| part(entry, at).eq_ignore_ascii_case("transcript"));
        transcript && (self.gene.is_empty() || self.gene.iter().any(|&at| !part(entry, at).is_empty()))
    }

    fn speaks_of(&self, entry: &[&str], reference: &str, alternatives: &[&str], nth: usize) -> bool {
        if let Some(number) = self.allele_number.map(|at| part(entry, at)).filter(|number| !number.is_empty()) {
            return number.parse() == Ok(nth + 1);
        }
        let allele = part(entry, self.allele);
        let named: BTreeSet<usize> = alternatives
            .iter()
            .enumerate()
            .filter(|(_, alternative)| allele_names(self.trims, reference, alternatives, alternative).contains(allele))
            .map(|(at, _)| at)
            .collect();
        named.len() == 1 && named.contains(&nth)
    }
}

/// What an annotator may call an alternative allele.
fn allele_names(trims: bool, reference: &str, alternatives: &[&str], alternative: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from([alternative.to_owned()]);
    if !trims {
        return names;
    }
    let dash = |rest: &str| if rest.is_empty() { "-".to_owned() } else { rest.to_owned() };
    let changes_length = alternatives.iter().any(|alternative| alternative.len() != reference.len());
    let first = reference.as_bytes().first();
    let all_share_first = alternatives.iter().all(|alternative| alternative.as_bytes().first() == first);
    if changes_length && all_share_first && alternative.is_char_boundary(1) {
        names.remove(alternative);
        names.insert(dash(&alternative[1..]));
    } else if changes_length && alternative.as_bytes().first() == first && alternative.len() != reference.len() {
        // VEP run with --minimal, or before the record was joined with others.
        names.insert(dash(&alternative[1..]));
    }
    names
}

fn part<'a>(entry: &[&'a str], at: usize) -> &'a str {
    entry.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csq() -> AnnotationLayout {
        let line = "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequences. Format: Allele|Consequence|Feature_type|SYMBOL\">";
        AnnotationLayout::from_csq(line).unwrap()
    }

    #[test]
    fn the_most_severe_term_wins_over_all_transcripts_and_within_one() {
        let text = "A|intron_variant&non_coding_transcript_variant|Transcript|G1,A|splice_region_variant&synonymous_variant|Transcript|G1";
        assert_eq!(csq().most_severe(text, "C", &["A"], 0).as_deref(), Some("splice_region_variant"));
    }

    #[test]
    fn entries_of_another_allele_are_not_taken() {
        let text = "T|missense_variant|Transcript|G1,G|stop_gained|Transcript|G1";
        assert_eq!(csq().most_severe(text, "C", &["T", "G"], 0).as_deref(), Some("missense_variant"));
        assert_eq!(csq().most_severe(text, "C", &["T", "G"], 1).as_deref(), Some("stop_gained"));
    }

    #[test]
    fn vep_leaves_the_first_base_of_indels_out() {
        let text = "-|inframe_deletion|Transcript|G1,TT|frameshift_variant|Transcript|G1";
        assert_eq!(csq().most_severe(text, "ATCT", &["A", "ATT"], 0).as_deref(), Some("inframe_deletion"));
        assert_eq!(csq().most_severe(text, "ATCT", &["A", "ATT"], 1).as_deref(), Some("frameshift_variant"));
    }

    #[test]
    fn an_allele_number_outranks_the_allele_s_name() {
        let line = "Format: Allele|Consequence|ALLELE_NUM\">";
        let layout = AnnotationLayout::from_csq(line).unwrap();
        let text = "-|frameshift_variant|2,-|inframe_deletion|1";
        assert_eq!(layout.most_severe(text, "ATCT", &["A", "AT"], 0).as_deref(), Some("inframe_deletion"));
    }

    #[test]
    fn what_lies_on_no_gene_is_not_a_transcript_s_consequence() {
        let text = "A|regulatory_region_variant|RegulatoryFeature|,A|intergenic_variant||";
        assert_eq!(csq().most_severe(text, "C", &["A"], 0), None);
    }

    #[test]
    fn snpeff_is_read_by_its_own_header() {
        let line = "##INFO=<ID=ANN,Description=\"Functional annotations: 'Allele | Annotation | Annotation_Impact | Gene_Name | Gene_ID | Feature_Type | Feature_ID'\">";
        let layout = AnnotationLayout::from_ann(line).unwrap();
        let text = "TC|sequence_feature|LOW|PER3|E|domain:PAS|X,TC|upstream_gene_variant|MODIFIER|PER3|E|transcript|T1,TC|intron_variant|MODIFIER|PER3|E|transcript|T2";
        assert_eq!(layout.most_severe(text, "T", &["TC"], 0).as_deref(), Some("intron_variant"));
    }

    #[test]
    fn an_unknown_term_yields_to_any_known_one() {
        assert_eq!(most_severe(["brand_new_variant", "intergenic_variant"]), Some("intergenic_variant"));
        assert_eq!(most_severe(["brand_new_variant"]), Some("brand_new_variant"));
    }
}
