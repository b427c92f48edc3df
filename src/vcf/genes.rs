//! Transcripts grouped into genes, and what a gene's row shows.

use super::annotation::Annotated;
use super::consequence;
use super::model::GeneAnnotation;

/// Groups transcripts by HGNC id, else symbol, else Ensembl gene; what lies in no gene becomes one entry without a
/// symbol, so that its consequence is not lost. Most severe gene first; equals keep the order of the annotation.
pub(super) fn group(annotated: Vec<Annotated>) -> Vec<GeneAnnotation> {
    let mut groups: Vec<Vec<Annotated>> = Vec::new();
    for one in annotated {
        match groups.iter_mut().find(|group| group.iter().any(|member| same_gene(member, &one))) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let mut genes: Vec<(u16, GeneAnnotation)> = groups.into_iter().map(gene).collect();
    genes.sort_by_key(|&(severity, _)| severity);
    genes.into_iter().map(|(_, gene)| gene).collect()
}

fn same_gene(a: &Annotated, b: &Annotated) -> bool {
    if let (Some(a), Some(b)) = (a.hgnc_id, b.hgnc_id) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (&a.symbol, &b.symbol) {
        return a == b;
    }
    match (&a.ensembl_id, &b.ensembl_id) {
        (Some(a), Some(b)) => a == b,
        (None, None) => [a, b].iter().all(|one| one.hgnc_id.is_none() && one.symbol.is_none()),
        _ => false,
    }
}

fn gene(members: Vec<Annotated>) -> (u16, GeneAnnotation) {
    let mut by_severity: Vec<&Annotated> = members.iter().collect();
    by_severity.sort_by_key(|member| member.severity);
    let worst = by_severity.first().and_then(|member| {
        consequence::most_severe(member.transcript.consequences.iter().map(String::as_str)).map(|(_, term)| term)
    });
    let mut gene = GeneAnnotation {
        hgnc_id: members.iter().find_map(|member| member.hgnc_id),
        symbol: members.iter().find_map(|member| member.symbol.clone()),
        ensembl_id: members.iter().find_map(|member| member.ensembl_id.clone()),
        consequence: worst.map(str::to_owned),
        region: worst.and_then(consequence::region).map(str::to_owned),
        sift: by_severity.iter().find_map(|member| member.transcript.sift.clone()),
        polyphen: by_severity.iter().find_map(|member| member.transcript.polyphen.clone()),
        spliceai: by_severity.iter().find_map(|member| member.spliceai.clone()),
        representative: representative(&members),
        transcripts: Vec::new(),
        ..GeneAnnotation::default()
    };
    let severity = by_severity.first().map_or(u16::MAX, |member| member.severity);
    gene.transcripts = members.into_iter().map(|member| member.transcript).collect();
    (severity, gene)
}

/// MANE Select, else canonical, else the most severe with HGVS, else the most severe.
fn representative(members: &[Annotated]) -> Option<usize> {
    let most_severe = |wanted: &dyn Fn(&Annotated) -> bool| {
        let of_kind = members.iter().enumerate().filter(|(_, member)| wanted(member));
        of_kind.min_by_key(|(_, member)| member.severity).map(|(at, _)| at)
    };
    most_severe(&|member| member.transcript.mane_select.is_some())
        .or_else(|| most_severe(&|member| member.transcript.canonical))
        .or_else(|| most_severe(&|member| member.transcript.hgvs_c.is_some()))
        .or_else(|| most_severe(&|_| true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vcf::model::Transcript;

    fn on(hgnc_id: Option<u32>, symbol: Option<&str>, id: &str, terms: &[&str]) -> Annotated {
        let transcript = Transcript {
            id: id.to_owned(),
            consequences: terms.iter().map(|&term| term.to_owned()).collect(),
            ..Transcript::default()
        };
        Annotated::new(hgnc_id, symbol.map(str::to_owned), None, transcript)
    }

    #[test]
    fn genes_come_most_severe_first_and_what_lies_between_is_kept() {
        let genes = group(vec![
            on(None, None, "", &["intergenic_variant"]),
            on(Some(1), Some("A"), "T1", &["intron_variant"]),
            on(Some(2), Some("B"), "T2", &["missense_variant", "splice_region_variant"]),
            on(None, Some("A"), "T3", &["upstream_gene_variant"]),
            on(None, None, "ENSR1", &["regulatory_region_variant"]),
        ]);
        let shown: Vec<_> = genes.iter().map(|gene| (gene.symbol.as_deref(), gene.consequence.as_deref())).collect();
        assert_eq!(
            shown,
            [
                (Some("B"), Some("missense_variant")),
                (Some("A"), Some("intron_variant")),
                (None, Some("regulatory_region_variant"))
            ]
        );
        assert_eq!(genes[0].region.as_deref(), Some("exonic"));
        assert_eq!(genes[1].transcripts.len(), 2);
        assert_eq!(genes[2].transcripts.len(), 2);
    }

    #[test]
    fn an_unknown_term_is_kept_and_ranks_last() {
        let genes = group(vec![
            on(Some(1), Some("A"), "T1", &["brand_new_variant"]),
            on(Some(1), Some("A"), "T2", &["intron_variant"]),
            on(Some(2), Some("B"), "T3", &["brand_new_variant"]),
        ]);
        assert_eq!(genes[0].consequence.as_deref(), Some("intron_variant"));
        assert_eq!(genes[0].transcripts[0].consequences, ["brand_new_variant"]);
        assert_eq!((genes[1].consequence.as_deref(), genes[1].region.as_deref()), (Some("brand_new_variant"), None));
    }

    #[test]
    fn the_representative_is_mane_then_canonical_then_most_severe_with_hgvs() {
        let mut members = vec![
            on(Some(1), None, "severe", &["stop_gained"]),
            on(Some(1), None, "named", &["missense_variant"]),
            on(Some(1), None, "canonical", &["intron_variant"]),
            on(Some(1), None, "mane", &["upstream_gene_variant"]),
        ];
        assert_eq!(representative(&members), Some(0));
        members[1].transcript.hgvs_c = Some("c.1A>G".to_owned());
        assert_eq!(representative(&members), Some(1));
        members[2].transcript.canonical = true;
        assert_eq!(representative(&members), Some(2));
        members[3].transcript.mane_select = Some("NM_1.1".to_owned());
        assert_eq!(representative(&members), Some(3));
        assert_eq!(representative(&[]), None);
    }
}
