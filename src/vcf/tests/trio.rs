//! A real trio and its companion files.

use super::*;
use crate::vcf::model::Zygosity;

const TRIO: &str = "scout-demo/643594.clinical.vcf.gz";

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-9)
}

#[test]
fn the_trio_reads_as_its_file_says() {
    let Some(path) = test_data(TRIO) else { return };
    let trio = read_file(&path, "internal_id").unwrap();
    assert_eq!(trio.header.samples, ["ADM1059A1", "ADM1059A2", "ADM1059A3"]);
    assert_eq!(trio.records.len(), 680);
    assert_eq!(trio.alleles().len(), 680);
    assert!(trio.records.iter().all(|record| record.unreadable.is_none()));
    assert!(trio.alleles().iter().all(|allele| allele.rank.score.is_some() && !allele.genes.is_empty()));
    assert_eq!(trio.header.rank_categories.len(), 10);

    let alleles = trio.alleles();
    let variant = alleles.iter().find(|allele| allele.position == 124_491_972).unwrap();
    assert_eq!(
        (variant.chromosome.as_str(), variant.reference.as_str(), variant.alternative.as_str()),
        ("7", "C", "A")
    );
    assert_eq!(variant.end, 124_491_972);
    assert_eq!(variant.sub_category, "snv");
    assert_eq!(variant.filters, ["PASS"]);
    assert_eq!(variant.dbsnp, ["rs116916706"]);
    let genotypes: Vec<_> = variant.calls.iter().map(|call| call.genotype.as_deref().unwrap()).collect();
    assert_eq!(genotypes, ["0/1", "0/1", "0/0"]);
    let first = &variant.calls[0];
    assert_eq!((first.ref_depth, first.alt_depth, first.depth), (Some(31), Some(18), Some(49)));
    assert_eq!(first.zygosity, Zygosity::Heterozygous);
    assert!(close(first.genotype_quality, 99.0) && close(first.alt_fraction, 18.0 / 49.0));
    assert!(close(variant.rank.score, 11.0));
    assert_eq!(variant.rank.results.len(), 10);
    assert!(close(variant.rank.results.iter().find(|part| part.category == "Consequence").map(|part| part.score), 5.0));
    assert_eq!(variant.models, ["AR_comp_dn"]);
    assert_eq!(variant.compounds.len(), 1);
    assert_eq!(variant.compounds[0].name, "7_124537031_G_A");
    assert!(close(variant.compounds[0].score, 17.0));
    assert!(close(variant.scores.cadd, 15.65));
    assert!(close(variant.scores.spidex, -1.001));
    assert!(close(variant.scores.gerp, -0.749));
    assert_eq!(variant.frequencies.gnomad, None);
    assert!(close(variant.frequencies.exac, 0.002_595));
    assert!(close(variant.frequencies.thousand_genomes_max, 0.008));
    assert_eq!(variant.local_archive.observations, Some(1));

    let gene = &variant.genes[0];
    assert_eq!(variant.genes.len(), 1);
    assert_eq!((gene.hgnc_id, gene.symbol.as_deref()), (Some(17_284), Some("POT1")));
    assert_eq!((gene.consequence.as_deref(), gene.region.as_deref()), (Some("missense_variant"), Some("exonic")));
    assert_eq!(gene.transcripts.len(), 7);
    let shown = &gene.transcripts[gene.representative.unwrap()];
    assert_eq!((shown.id.as_str(), shown.canonical), ("ENST00000357628", true));
    assert_eq!((shown.hgvs_c.as_deref(), shown.hgvs_p.as_deref()), (Some("c.903G>T"), Some("p.Gln301His")));
    assert_eq!((shown.exon.as_deref(), shown.strand), (Some("11/19"), Some('-')));
    let callers: Vec<_> = variant.callers.iter().map(|caller| (caller.name.as_str(), caller.status.as_str())).collect();
    assert_eq!(callers[0], ("gatk", "Pass"));
    // the list of transcripts that this pipeline appends to the last entry is in no field
    assert!(!format!("{gene:?}").contains(":ENST"));
}

/// Counted in the file with grep and awk.
#[test]
fn no_value_of_the_trio_is_lost() {
    let Some(path) = test_data(TRIO) else { return };
    let trio = read_file(&path, "internal_id").unwrap();
    let alleles = trio.alleles();
    let count = |wanted: &dyn Fn(&Allele) -> bool| alleles.iter().filter(|allele| wanted(allele)).count();
    assert_eq!(count(&|allele| allele.scores.cadd.is_some()), 337);
    assert_eq!(count(&|allele| allele.scores.spidex.is_some()), 295);
    assert_eq!(count(&|allele| allele.frequencies.exac.is_some()), 200);
    assert_eq!(count(&|allele| allele.frequencies.thousand_genomes.is_some()), 283);
    assert_eq!(count(&|allele| allele.local_archive.observations.is_some()), 560);
    assert_eq!(count(&|allele| !allele.compounds.is_empty()), 130);
    assert_eq!(count(&|allele| !allele.models.is_empty()), 173);
    assert_eq!(count(&|allele| !allele.clinvar.is_empty()), 22);
    assert_eq!(count(&|allele| allele.autozygous.is_some()), 3);
    assert_eq!(count(&|allele| allele.filters == ["PASS"]), 434);
    assert_eq!(count(&|allele| !allele.callers.is_empty()), 680);
    assert_eq!(count(&|allele| allele.hmtvar.is_some() && allele.mitomap_diseases.is_some()), 1);
    let transcripts: usize = alleles.iter().flat_map(|allele| &allele.genes).map(|gene| gene.transcripts.len()).sum();
    assert_eq!(transcripts, 4_418);
}

#[test]
fn what_is_odd_about_the_trio_is_named_and_nothing_else() {
    let Some(path) = test_data(TRIO) else { return };
    let trio = read_file(&path, "internal_id").unwrap();
    let mut kinds: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for fault in trio.faults() {
        let kind = fault.split_once(": ").map_or(fault.as_str(), |(place, _)| place);
        let kind = kind.split_once(", ").map_or(kind, |(_, field)| field);
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    // values that the pipeline left from before it split multi-allelic records
    let expected = ["FORMAT/PP", "INFO/CSQ", "INFO/dbNSFP_", "INFO/phastCons100way_", "INFO/phyloP100way_"];
    assert!(kinds.keys().all(|kind| expected.iter().any(|known| kind.starts_with(known))), "{kinds:#?}");
    assert_eq!(trio.alleles().iter().filter(|allele| allele.scores.gerp.is_some()).count(), 51);
    assert!(trio.unknown_terms.is_empty(), "{:?}", trio.unknown_terms);
}

#[test]
fn companion_files_are_read_without_choking() {
    for (name, family, records) in [
        ("scout-demo/cancer_test.vcf.gz", "cancer_test", None),
        ("scout-demo/customannotations_one.vcf.gz", "internal_id", Some(1)),
        ("scout-demo/643594.clinical.SV.vcf.gz", "internal_id", None),
        ("scout-demo/643594.clinical.mei.vcf.gz", "internal_id", None),
        ("scout-demo/643594.clinical.str.stranger.vcf.gz", "internal_id", None),
        ("scout-demo/empty.clinical.SV.vcf.gz", "internal_id", Some(0)),
        ("scout-demo/fusion_data.vcf.gz", "internal_id", None),
    ] {
        let Some(path) = test_data(name) else { return };
        let outcome = read_file(&path, family).unwrap();
        let unreadable: Vec<_> = outcome.records.iter().filter_map(|record| record.unreadable.as_ref()).collect();
        eprintln!("{name}: {} records, {} faults", outcome.records.len(), outcome.faults().len());
        for fault in outcome.faults().iter().take(8) {
            eprintln!("    {fault}");
        }
        assert!(unreadable.is_empty(), "{name}: {unreadable:?}");
        if let Some(records) = records {
            assert_eq!(outcome.records.len(), records, "{name}");
        }
        if name.contains("custom") {
            let pairs = &outcome.alleles()[0].custom;
            assert_eq!(pairs[0], ("key1".to_owned(), "val1".to_owned()));
        }
    }
}
