//! `SnpEff`'s ANN: sixteen fixed columns (Cingolani et al., "Variant annotations in VCF format", 1.0).

use super::alleles::{AlleleNames, Owner};
use super::annotation::{Annotated, TERMS, without_name};
use super::csq::settle;
use super::error::Faults;
use super::model::Transcript;

/// One entry of ANN.
pub(super) struct AnnEntry<'a> {
    fields: [&'a str; 11],
    pub(super) owner: Owner,
}

/// Splits ANN and settles which ALT each entry belongs to.
pub(super) fn parse<'a>(
    text: &'a str,
    names: &AlleleNames<'_>,
    alternatives: u16,
    faults: &mut Faults,
) -> Vec<AnnEntry<'a>> {
    let mut entries: Vec<AnnEntry<'a>> = Vec::new();
    for raw in text.split(',').filter(|raw| !raw.is_empty()) {
        let mut fields = [""; 11];
        for (slot, value) in fields.iter_mut().zip(raw.split('|')) {
            *slot = value;
        }
        // `G-C` is a somatic change relative to a germline allele: the allele itself comes first.
        let allele = fields[0].split('-').next().filter(|allele| !allele.is_empty()).unwrap_or(fields[0]);
        entries.push(AnnEntry { fields, owner: names.owner(allele, None) });
    }
    settle(&mut entries, |entry| entry.fields[0], |entry| &mut entry.owner, names, alternatives, "INFO/ANN", faults);
    entries
}

/// Transcripts of one ALT; features that are no transcripts only where there is nothing else to say.
pub(super) fn annotated(entries: &[AnnEntry<'_>], allele: u16) -> Vec<Annotated> {
    let ours = || entries.iter().filter(|entry| entry.owner == Owner::Allele(allele));
    let on_transcript = |entry: &&AnnEntry<'_>| matches!(entry.fields[5], "transcript" | "");
    let any = ours().any(|entry| on_transcript(&entry) && !entry.fields[6].is_empty());
    ours().filter(|entry| !any || on_transcript(entry)).map(annotate).collect()
}

fn annotate(entry: &AnnEntry<'_>) -> Annotated {
    let [_, terms, _, symbol, gene, _, feature, biotype, rank, hgvs_c, hgvs_p] = entry.fields;
    let text = |value: &str| Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned);
    let consequences: Vec<String> =
        terms.split('&').take(TERMS).filter(|term| !term.is_empty()).map(str::to_owned).collect();
    let between_genes = consequences.iter().all(|term| term.starts_with("intergenic"));
    let in_intron = consequences.iter().any(|term| term == "intron_variant");
    Annotated::new(
        None,
        text(symbol).filter(|_| !between_genes),
        text(gene).filter(|gene| gene.starts_with("ENSG") && !between_genes),
        Transcript {
            id: feature.to_owned(),
            consequences,
            biotype: text(biotype),
            exon: text(rank).filter(|_| !in_intron),
            intron: text(rank).filter(|_| in_intron),
            hgvs_c: without_name(hgvs_c),
            hgvs_p: without_name(hgvs_p),
            ..Transcript::default()
        },
    )
}
