//! The column filter against a naive evaluator, which reads the API's JSON and shares no clause code with it.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::vcf::{csq, record};
use crate::support::{Browser, TestApp};

/// Names that a filter may use, and how the naive reader decides a variant.
type Decide = fn(&Value, &str) -> bool;

const TERMS: [&str; 7] = [
    "missense_variant",
    "intron_variant",
    "stop_gained",
    "synonymous_variant",
    "splice_donor_variant",
    "inframe_deletion",
    "conservative_inframe_deletion",
];
const MODELS: [&str; 4] = ["AD", "AR_hom", "AR_comp", "XR"];

fn known(variant: &Value, group: &str, field: &str) -> Option<f64> {
    variant[group][field].as_f64()
}

fn at_most(variant: &Value, group: &str, field: &str, limit: &str) -> bool {
    known(variant, group, field).is_none_or(|value| value <= limit.parse().unwrap())
}

fn genotypes_of_kid(variant: &Value) -> String {
    let samples = variant["samples"].as_array().unwrap();
    let kid = samples.iter().find(|sample| sample["individual_id"] == "kid").unwrap();
    kid["genotype"].as_str().unwrap().replace('|', "/")
}

/// The kid is a boy; positions on X in these tests lie outside the pseudo-autosomal regions.
fn genotype(variant: &Value, kind: &str) -> bool {
    let genotype = genotypes_of_kid(variant);
    let single_copy = variant["chromosome"] == "X";
    match kind {
        "het" => genotype == "0/1",
        "hom" => genotype == "1/1",
        "hemi" => genotype == "1" || (single_copy && genotype.contains('1')),
        _ => genotype == "0/." || (genotype == "1/." && !single_copy),
    }
}

fn affected_only(variant: &Value) -> bool {
    let samples = variant["samples"].as_array().unwrap();
    let kid = samples.iter().find(|sample| sample["individual_id"] == "kid").unwrap();
    let genotype = genotypes_of_kid(variant);
    let low_fraction = genotype == "0/0"
        && kid["alt_depth"].as_u64().unwrap_or(0) >= 3
        && kid["alt_fraction"].as_f64().unwrap_or(0.0) >= 0.02;
    genotype.contains('1') || genotype.contains('.') || low_fraction
}

fn clinvar(variant: &Value, wanted: &[&str], trusted: bool) -> bool {
    variant["clinvar"]
        .as_array()
        .unwrap()
        .iter()
        .any(|record| wanted.contains(&record["code"].to_string().as_str()) && (!trusted || record["trusted"] == true))
}

fn any_gene(variant: &Value, field: &str, wanted: &[&str]) -> bool {
    variant["genes"].as_array().unwrap().iter().any(|gene| {
        gene["consequence"] == "odd_new_variant"
            || gene[field].as_str().is_some_and(|text| wanted.contains(&text))
            || (gene[field] == "conservative_inframe_deletion" && wanted.contains(&"inframe_deletion"))
    })
}

/// Whether a variant passes a filter given as name–value pairs.
fn passes(variant: &Value, filter: &[(String, String)]) -> bool {
    let values = |name: &str| -> Vec<&str> {
        filter.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    };
    let has = |name: &str| !values(name).is_empty();
    let or = |name: &str, decide: Decide| !has(name) || values(name).iter().any(|value| decide(variant, value));
    let overlaps = |region: &str| {
        let (contig, range) = region.split_once(':').unwrap_or((region, "1-999999999"));
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        variant["chromosome"] == contig
            && variant["position"].as_u64().unwrap() <= to.parse().unwrap()
            && variant["end"].as_u64().unwrap() >= from.parse().unwrap()
    };
    let fundamental = (!has("region") || values("region").iter().any(|region| overlaps(region)))
        && (!has("affected_only") || affected_only(variant))
        && (!has("hide_filter")
            || !values("hide_filter")
                .iter()
                .any(|hidden| variant["filters"].as_array().unwrap().iter().any(|value| value == hidden)));
    let matching = clinvar(variant, &values("clinvar"), has("clinvar_trusted"));
    let clinvar_clause = !has("clinvar") || (matching != has("clinvar_exclude"));
    let cadd = known(variant, "scores", "cadd");
    let remaining = (!has("consequence") || any_gene(variant, "consequence", &values("consequence")))
        && or("model", |variant, model| variant["models"].as_array().unwrap().iter().any(|known| known == model))
        && or("genotype", genotype)
        && or("gnomad_af_max", |variant, limit| at_most(variant, "frequencies", "gnomad", limit))
        && or("local_obs_max", |variant, limit| at_most(variant, "local_archive", "observations", limit))
        && values("cadd_min").iter().all(|limit| match cadd {
            Some(value) => value >= limit.parse().unwrap(),
            None => !has("cadd_min_missing"),
        })
        && or("rank_score_min", |variant, limit| {
            variant["rank_score"].as_f64().is_none_or(|value| value >= limit.parse().unwrap())
        })
        && or("spidex", |variant, band| match known(variant, "scores", "spidex").map(f64::abs) {
            None => band == "not_reported",
            Some(value) if value <= 1.0 => band == "low",
            Some(value) if value <= 2.0 => band == "medium",
            Some(_) => band == "high",
        })
        && (!has("clinvar_only") || !variant["clinvar"].as_array().unwrap().is_empty());
    if has("clinvar_first") && has("clinvar") && !has("clinvar_exclude") {
        fundamental && (matching || remaining)
    } else {
        fundamental && clinvar_clause && remaining
    }
}

pub fn random_record() -> impl Strategy<Value = (u32, Vec<String>)> {
    let term = prop_oneof![4 => proptest::sample::select(TERMS.to_vec()), 1 => Just("odd_new_variant")];
    let genotype = proptest::sample::select(vec!["0/1", "1/1", "0/0", "./.", "1", "0|1", "1/.", "0/."]);
    let number = |values: Vec<&'static str>| proptest::option::weighted(0.7, proptest::sample::select(values));
    (
        1_u32..5_000,
        proptest::sample::select(vec!["1", "7", "X"]),
        term,
        genotype,
        0_u32..6,
        number(vec!["0", "0.0001", "0.01", "0.2"]),
        number(vec!["0", "9.5", "15", "30.25"]),
        number(vec!["0", "1", "12"]),
        number(vec!["-1", "0.5", "2", "-2.5"]),
        number(vec!["-3", "0", "5", "11"]),
        (
            proptest::option::weighted(0.6, proptest::sample::select(MODELS.to_vec())),
            proptest::option::weighted(
                0.4,
                proptest::sample::select(vec!["Pathogenic", "Benign", "Uncertain_significance", "Likely_pathogenic"]),
            ),
            any::<bool>(),
            any::<bool>(),
        ),
    )
        .prop_map(
            |(
                at,
                contig,
                term,
                genotype,
                alt,
                gnomad,
                cadd,
                obs,
                spidex,
                rank,
                (model, significance, trusted, low),
            )| {
                let mut info = vec![csq("A", term)];
                let mut put =
                    |key: &str, value: Option<String>| info.extend(value.map(|value| format!("{key}={value}")));
                put("GNOMADAF", gnomad.map(str::to_owned));
                put("CADD", cadd.map(str::to_owned));
                put("Obs", obs.map(str::to_owned));
                put("SPIDEX", spidex.map(str::to_owned));
                put("RankScore", rank.map(|rank| format!("F1:{rank}")));
                put("GeneticModels", model.map(|model| format!("F1:{model}")));
                put("CLNVID", significance.map(|_| "77".to_owned()));
                put("CLNSIG", significance.map(str::to_owned));
                let status = if trusted {
                    "criteria_provided,_multiple_submitters,_no_conflicts"
                } else {
                    "no_assertion_criteria_provided"
                };
                put("CLNREVSTAT", significance.map(|_| status.to_owned()));
                let kid = format!("{genotype}:{},{alt}:{}:50", 40 - alt, 40);
                let line = record(contig, at, ("C", "A"), &info.join(";"), ["0/0:9,0:9:9", &kid, "0/0:9,0:9:9"]);
                (at, vec![if low { line.replace("\tPASS\t", "\tLowQual\t") } else { line }])
            },
        )
}

pub fn random_filter() -> impl Strategy<Value = Vec<(String, String)>> {
    let one = |name: &'static str, values: &'static [&'static str]| {
        proptest::sample::select(values.to_vec()).prop_map(move |value| (name.to_owned(), value.to_owned()))
    };
    let clause = prop_oneof![
        one("consequence", &TERMS),
        one("model", &MODELS),
        one("genotype", &["het", "hom", "hemi", "other"]),
        one("affected_only", &["1"]),
        one("gnomad_af_max", &["0", "0.0001", "0.01"]),
        one("local_obs_max", &["0", "1"]),
        one("cadd_min", &["0", "9.5", "20"]),
        one("cadd_min_missing", &["drop"]),
        one("rank_score_min", &["0", "5"]),
        one("spidex", &["low", "medium", "high", "not_reported"]),
        one("clinvar", &["5", "4", "2", "0"]),
        one("clinvar_trusted", &["1"]),
        one("clinvar_exclude", &["1"]),
        one("clinvar_only", &["1"]),
        one("clinvar_first", &["1"]),
        one("region", &["7", "1:1-2500", "X:2000-4000"]),
        one("hide_filter", &["LowQual"]),
    ];
    proptest::collection::vec(clause, 0..6).prop_map(|clauses| {
        let mut filter: Vec<(String, String)> = Vec::new();
        for clause in clauses {
            let repeats = matches!(
                clause.0.as_str(),
                "consequence" | "model" | "genotype" | "spidex" | "clinvar" | "region" | "hide_filter"
            );
            if !filter.contains(&clause) && (repeats || !filter.iter().any(|(name, _)| *name == clause.0)) {
                filter.push(clause);
            }
        }
        filter
    })
}

pub fn query(filter: &[(String, String)]) -> String {
    serde_urlencoded::to_string(filter).unwrap()
}

async fn ids(reader: &Browser, query: &str) -> (Vec<String>, Value) {
    let list = reader.json(&format!("/api/v1/own/F1/variants?per_page=500&{query}")).await;
    let ids = list["variants"].as_array().unwrap().iter().map(|variant| variant["id"].as_str().unwrap().to_owned());
    (ids.collect(), list)
}

#[tokio::test]
async fn the_filter_equals_a_naive_reader_and_facets_count_what_a_click_would_show() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut records: Vec<(u32, Vec<String>)> =
        (0..160).map(|_| random_record().new_tree(&mut runner).unwrap().current()).collect();
    records.sort();
    let lines: Vec<String> = records.into_iter().flat_map(|(_, lines)| lines).collect();
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_records("own", "F1", &lines).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let (_, all) = ids(&reader, "").await;
    let variants = all["variants"].as_array().unwrap().clone();
    assert!(variants.len() > 120, "few positions repeat");
    for _ in 0..120 {
        let filter = random_filter().new_tree(&mut runner).unwrap().current();
        let (found, list) = ids(&reader, &query(&filter)).await;
        let expected: Vec<&str> = variants
            .iter()
            .filter(|variant| passes(variant, &filter))
            .map(|variant| variant["id"].as_str().unwrap())
            .collect();
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(list["matched"], expected.len());
        // Each count is what the list would show with this parameter's other values gone.
        // Under clinvar_first a ClinVar match is shown whatever the value, so a count says less than the list shows.
        if filter.iter().any(|(name, _)| name == "clinvar_first") {
            continue;
        }
        for parameter in ["genotype", "model", "consequence", "hide_filter"] {
            let rest: Vec<(String, String)> = filter.iter().filter(|(name, _)| name != parameter).cloned().collect();
            for choice in list["facets"][parameter].as_array().unwrap() {
                let value = choice["value"].as_str().unwrap();
                if value == "odd_new_variant" {
                    continue; // unknown to this version, so it cannot be asked for; it passes every consequence filter
                }
                let mut with = rest.clone();
                with.push((parameter.to_owned(), value.to_owned()));
                let shown = variants.iter().filter(|variant| passes(variant, &with)).count();
                let passing_unknown = if parameter == "consequence" {
                    variants
                        .iter()
                        .filter(|v| passes(v, &with) && v["genes"][0]["consequence"] == "odd_new_variant")
                        .count()
                } else {
                    0
                };
                assert_eq!(choice["count"], shown - passing_unknown, "{parameter}={value} in {filter:?}");
            }
        }
    }
    app.end().await;
}

/// SnpEff says more exactly than VEP what a change is; the clinical filter must not lose it for that.
#[tokio::test]
async fn terms_of_snpeff_pass_the_clinical_filter_as_what_they_refine() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let terms = [
        ("disruptive_inframe_deletion", true),
        ("conservative_inframe_insertion", true),
        ("exon_loss_variant", true),
        ("splice_branch_variant&intron_variant", true),
        ("rare_amino_acid_variant", true),
        ("start_retained", true),
        ("a_term_of_next_year", true),
        ("intron_variant", false),
        ("5_prime_UTR_premature_start_codon_gain_variant", false),
    ];
    let genotypes = ["0/0:9,0:9:9", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let records: Vec<String> = (1..)
        .zip(terms)
        .map(|(position, (term, _))| {
            let ann = format!("ANN=A|{term}|HIGH|POT1|ENSG00000128513|transcript|ENST1|protein_coding|2/9|c.1A>C|||||");
            record("7", position, ("C", "A"), &ann, genotypes)
        })
        .collect();
    app.given_records("own", "F1", &records).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let page = reader.page("/own/F1/variants").await;
    let html = scraper::Html::parse_document(&page);
    let button = scraper::Selector::parse("a[data-key=clinical]").unwrap();
    let clinical = html.select(&button).next().unwrap().attr("href").unwrap().split_once('?').unwrap().1.to_owned();
    let (_, list) = ids(&reader, &clinical).await;
    let mut shown: Vec<u64> =
        list["variants"].as_array().unwrap().iter().map(|variant| variant["position"].as_u64().unwrap()).collect();
    shown.sort_unstable();
    let expected: Vec<u64> =
        (1..).zip(terms).filter(|(_, (_, passes))| *passes).map(|(position, _)| position).collect();
    assert_eq!(shown, expected);
    app.end().await;
}

/// Genes' diseases come from several files; rows, filter and page go by the union.
#[tokio::test]
async fn inheritance_of_all_reference_files_reaches_rows_filter_and_page() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let folder = app.folder().join("reference");
    std::fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "hgnc.txt",
        "hgnc_id\tsymbol\tname\tlocus_type\tstatus\tentrez_id\nHGNC:17284\tPOT1\tx\tgene\tApproved\t25913\n",
    );
    write("g2p.txt", "#Format: entrez-gene-id\n25913\tPOT1\tHP:0000252\tx\t\t\t-\tmim2gene\tOMIM:1\n");
    write(
        "phenotype.hpoa",
        "#version: 2025-01-16\ndatabase_id\tdisease_name\tqualifier\thpo_id\treference\tevidence\tonset\tfrequency\tsex\t\
         modifier\taspect\tbiocuration\nOMIM:1\tTumour <disease>\t\tHP:0000006\t\t\t\t\t\t\tI\t\n",
    );
    let disorder = |inner: &str| {
        format!(
            "<JDBOR date=\"2023-12-04\"><DisorderList><Disorder><OrphaCode>2</OrphaCode><Name>Rare</Name>{inner}</Disorder>\
             </DisorderList></JDBOR>"
        )
    };
    write(
        "product6.xml",
        &disorder(
            "<DisorderGeneAssociationList><DisorderGeneAssociation><Gene><Symbol>POT1</Symbol></Gene></DisorderGeneAssociation>\
             </DisorderGeneAssociationList>",
        ),
    );
    write(
        "product9.xml",
        &disorder(
            "<AverageAgeOfOnsetList/><TypeOfInheritanceList><TypeOfInheritance><Name>Autosomal recessive</Name>\
             </TypeOfInheritance></TypeOfInheritanceList>",
        ),
    );
    write("notes.md", "hello");
    assert!(app.cli(&["load", "reference", folder.to_str().unwrap()]).await);
    app.given_case("own", "F1").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    for (query, matched) in [("gene_model=AD", 3), ("gene_model=AR", 3), ("gene_model=XR", 0)] {
        let (_, list) = ids(&reader, query).await;
        assert_eq!(list["matched"], matched, "{query}");
    }
    let (found, list) = ids(&reader, "").await;
    assert_eq!(list["variants"][0]["genes"][0]["inheritance"], serde_json::json!(["AD", "AR"]));
    let html = scraper::Html::parse_document(&reader.page(&format!("/own/F1/variants/{}", found[0])).await);
    let lines: Vec<String> = html
        .select(&scraper::Selector::parse(".diseases li").unwrap())
        .map(|line| line.text().collect::<Vec<_>>().concat())
        .collect();
    assert_eq!(
        lines,
        [
            "OMIM:1 Tumour <disease>: AD (phenotype.hpoa 2025-01-16)",
            "ORPHA:2 Rare: AR (Orphadata product 9 2023-12-04)"
        ]
    );
    // A damaged file is named with its line, and nothing is stored.
    let before = app.snapshot().await;
    write("product9.xml", &disorder("<AverageAgeOfOnsetList>\n</Oops>"));
    assert!(!app.cli(&["load", "reference", folder.to_str().unwrap()]).await);
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

#[tokio::test]
async fn unknown_names_are_reported_and_match_nothing() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    for (query, matched) in
        [("gene=NOSUCH", 0), ("panel=none", 0), ("gene=NOSUCH&exclude_genes=1", 3), ("gene=pot1", 3), ("gene=17284", 3)]
    {
        let (_, list) = ids(&reader, query).await;
        assert_eq!(list["matched"], matched, "{query}");
    }
    let (_, list) = ids(&reader, "gene=NOSUCH&panel=none").await;
    assert_eq!(list["unknown"], serde_json::json!(["panel none", "gene NOSUCH"]));
    app.end().await;
}

#[tokio::test]
async fn compounds_count_only_with_a_partner_that_passes() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let matched = async |query: &str| ids(&reader, query).await.1["matched"].as_u64().unwrap();
    assert_eq!(matched("model=AR_comp").await, 2);
    assert_eq!(matched("model=AR_comp&compound_filtered=1").await, 2);
    assert_eq!(matched("model=AR_comp&consequence=missense_variant").await, 1);
    assert_eq!(matched("model=AR_comp&consequence=missense_variant&compound_filtered=1").await, 0);
    let (_, list) = ids(&reader, "consequence=missense_variant").await;
    assert_eq!(list["variants"][0]["compounds"][0]["passes_filter"], false);
    app.end().await;
}

#[tokio::test]
async fn hidden_notable_variants_are_counted_and_shown_at_one_key() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let genotypes = ["0/0:9,0:9:9", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let plain = record("7", 10, ("C", "A"), &csq("A", "missense_variant"), genotypes);
    let notable =
        record("7", 20, ("C", "A"), &format!("{};CLNVID=7;CLNSIG=Pathogenic", csq("A", "intron_variant")), genotypes);
    app.given_records("own", "F1", &[plain, notable]).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let (_, list) = ids(&reader, "consequence=missense_variant").await;
    assert_eq!((&list["matched"], &list["hidden_notable"]), (&Value::from(1), &Value::from(1)));
    let (_, hidden) = ids(&reader, "consequence=missense_variant&notable=hidden").await;
    assert_eq!(hidden["variants"][0]["position"], 20);
    let page = reader.page("/own/F1/variants?consequence=missense_variant").await;
    assert!(page.contains("notable=hidden"));
    app.end().await;
}
