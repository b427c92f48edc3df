//! The clinical preset, and filters in words.

use super::filter::Filter;
use super::limits::{Limit, NOTABLE_SPLICEAI, People, Rescue};
use crate::vcf::{clinvar, consequence};

/// The filter that the clinical button applies to small variants: changes of exons and splice sites of the ordered
/// panels that are rare, and (likely) pathogenic ClinVar records of trusted status whatever their consequence.
///
/// Beyond Scout's preset it passes exon variants of RNA genes with a disease, and SpliceAI of at least 0.2 anywhere in
/// a gene.
#[must_use]
pub fn clinical_preset(panels: Vec<String>, frequency_cutoff: f64) -> Filter {
    Filter {
        panels,
        region_annotations: vec!["exonic".to_owned(), "splicing".to_owned()],
        consequences: consequence::SEVERE.iter().map(|term| (*term).to_owned()).collect(),
        rescue: Rescue::ALL.into_iter().collect(),
        limits: [(Limit::Gnomad, frequency_cutoff)].into(),
        clinvar: vec![4, 5],
        clinvar_trusted: true,
        clinvar_first: true,
        ..Filter::default()
    }
}

/// A filter as sentences, one per clause.
#[must_use]
pub fn in_words(filter: &Filter) -> Vec<String> {
    let mut words = Vec::new();
    let or = |values: &[String]| values.join(" or ");
    let sets: Vec<String> =
        filter.panels.iter().map(|panel| format!("panel {panel}")).chain(filter.genes.iter().cloned()).collect();
    if !sets.is_empty() {
        let verb = if filter.exclude_genes { "gene not in" } else { "gene in" };
        words.push(format!("{verb} {}", or(&sets)));
    }
    if !filter.regions.is_empty() {
        words.push(format!("in {}", or(&filter.regions.iter().map(ToString::to_string).collect::<Vec<_>>())));
    }
    if !filter.region_annotations.is_empty() {
        words.push(format!("{} part of a gene", or(&filter.region_annotations)));
    }
    if !filter.consequences.is_empty() {
        let is_severe = filter.consequences.len() == consequence::SEVERE.len()
            && consequence::SEVERE.iter().all(|term| filter.consequences.iter().any(|wanted| wanted == term));
        words.push(if is_severe {
            format!("one of the {} consequences that may change a protein", consequence::SEVERE.len())
        } else {
            or(&filter.consequences).replace('_', " ")
        });
    }
    for rescue in &filter.rescue {
        words.push(match rescue {
            Rescue::DiseaseRna => "whatever the consequence: exons of RNA genes with a disease".to_owned(),
            Rescue::Spliceai => format!("whatever the consequence: SpliceAI ≥ {NOTABLE_SPLICEAI} in a gene"),
        });
    }
    for (limit, value) in &filter.limits {
        let sign = if limit.is_maximum() { "≤" } else { "≥" };
        let missing = if filter.drop_missing.contains(limit) { "" } else { ", or unknown" };
        words.push(format!("{} {sign} {value}{missing}", limit.label()));
    }
    for (values, name) in [(&filter.models, "model"), (&filter.gene_models, "gene's diseases inherited as")] {
        if !values.is_empty() {
            words.push(format!("{name} {}", or(values)));
        }
    }
    if !filter.genotypes.is_empty() {
        let kinds: Vec<String> = filter.genotypes.iter().map(|kind| kind.as_str().to_owned()).collect();
        words.push(format!("an affected individual is {}", or(&kinds)));
    }
    if filter.affected_only {
        words.push("carried by somebody affected or of unknown status".to_owned());
    }
    if !filter.clinvar.is_empty() {
        let names: Vec<String> = filter.clinvar.iter().map(|code| clinvar::words(*code).to_owned()).collect();
        let trusted = if filter.clinvar_trusted { " of trusted status" } else { "" };
        let names = or(&names);
        words.push(if filter.clinvar_exclude {
            format!("no ClinVar record {names}{trusted}")
        } else if filter.clinvar_first {
            format!("or ClinVar {names}{trusted}, whatever consequence, frequency and score")
        } else {
            format!("ClinVar {names}{trusted}")
        });
    }
    if filter.clinvar_only {
        words.push("has a ClinVar record".to_owned());
    }
    if !filter.filters.is_empty() {
        words.push(format!("FILTER {}", or(&filter.filters)));
    }
    if !filter.hide_filters.is_empty() {
        words.push(format!("FILTER not {}", or(&filter.hide_filters)));
    }
    if filter.size_min.is_some() || filter.size_max.is_some() {
        let least = filter.size_min.map(|size| format!("at least {size} bases")).unwrap_or_default();
        let most = filter.size_max.map(|size| format!("at most {size} bases")).unwrap_or_default();
        words.push([least, most].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" and "));
    }
    if !filter.spidex.is_empty() {
        let bands: Vec<String> = filter.spidex.iter().map(|band| band.as_str().replace('_', " ")).collect();
        words.push(format!("SPIDEX {}", or(&bands)));
    }
    if filter.compound_filtered {
        words.push("compounds only with a partner that passes too".to_owned());
    }
    match filter.dismissed {
        People::Show => {}
        People::Hide => words.push("not dismissed".to_owned()),
        People::Only => words.push("dismissed".to_owned()),
    }
    for (on, name) in
        [(filter.pinned_only, "pinned"), (filter.classified_only, "classified"), (filter.commented_only, "commented")]
    {
        if on {
            words.push(name.to_owned());
        }
    }
    words
}
