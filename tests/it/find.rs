//! "Where is it?": every explanation is true, and what the list does not have is looked up in the file.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::filters::{query, random_filter, random_record};
use crate::support::vcf::{csq, record, three_records};
use crate::support::{Browser, TestApp, shared_data};

type Pairs = Vec<(String, String)>;

async fn find(reader: &Browser, q: &str, filter: &str) -> Value {
    let q = serde_urlencoded::to_string([("q", q)]).unwrap();
    reader.json(&format!("/api/v1/own/F1/find?{q}&{filter}")).await
}

fn names(found: &Value) -> Vec<&str> {
    found["variants"].as_array().unwrap().iter().map(|variant| variant["simple_id"].as_str().unwrap()).collect()
}

/// Parameters that say one clause together, written by hand.
fn group(parameter: &str) -> &str {
    match parameter {
        "panel" | "gene" | "exclude_genes" => "genes",
        "clinvar" | "clinvar_trusted" | "clinvar_exclude" | "clinvar_first" => "clinvar",
        "cadd_min" | "cadd_min_missing" => "cadd",
        "spliceai_min" | "spliceai_min_missing" => "spliceai",
        "size_min" | "size_max" => "size",
        other => other,
    }
}

/// Lists under parts of one filter, fetched once each.
struct Lists<'a> {
    reader: &'a Browser,
    filter: Pairs,
    groups: Vec<String>,
    known: HashMap<u32, HashSet<String>>,
}

impl<'a> Lists<'a> {
    fn new(reader: &'a Browser, filter: Pairs) -> Self {
        let mut groups: Vec<String> = filter.iter().map(|(name, _)| group(name).to_owned()).collect();
        groups.sort();
        groups.dedup();
        Self { reader, filter, groups, known: HashMap::new() }
    }

    fn mask_of<'b>(&self, parameters: impl Iterator<Item = &'b str>) -> u32 {
        parameters
            .filter_map(|parameter| self.groups.iter().position(|known| known == group(parameter)))
            .fold(0, |mask, at| mask | 1 << at)
    }

    /// The list without the groups of this mask.
    async fn without(&mut self, mask: u32) -> &HashSet<String> {
        if !self.known.contains_key(&mask) {
            let kept: Pairs = self
                .filter
                .iter()
                .filter(|(name, _)| {
                    let at = self.groups.iter().position(|known| known == group(name)).unwrap();
                    mask >> at & 1 == 0
                })
                .cloned()
                .collect();
            let list = self.reader.json(&format!("/api/v1/own/F1/variants?per_page=500&{}", query(&kept))).await;
            let ids =
                list["variants"].as_array().unwrap().iter().map(|variant| variant["id"].as_str().unwrap().to_owned());
            self.known.insert(mask, ids.collect());
        }
        &self.known[&mask]
    }
}

fn more_clauses() -> impl Strategy<Value = Pairs> {
    let one = |name: &'static str, values: &'static [&'static str]| {
        proptest::sample::select(values.to_vec()).prop_map(move |value| (name.to_owned(), value.to_owned()))
    };
    let clause = prop_oneof![
        3 => one("compound_filtered", &["1"]),
        2 => one("clinvar_first", &["1"]),
        1 => one("clinvar", &["5", "2"]),
        1 => one("gene", &["POT1", "NOSUCH"]),
        1 => one("exclude_genes", &["1"]),
        1 => one("panel", &["none"]),
        1 => one("filter", &["PASS", "LowQual"]),
        1 => one("spliceai_min", &["0.5"]),
        1 => one("spliceai_min_missing", &["drop"]),
        1 => one("size_min", &["1", "2"]),
        1 => one("region_annotation", &["exonic", "splicing"]),
        1 => one("pinned", &["only"]),
        1 => one("dismissed", &["hide", "only"]),
        1 => one("gene_model", &["AR"]),
    ];
    // ClinVar first, with something it makes up for and something it does not.
    let fundamental = prop_oneof![
        one("region", &["7", "1:1-2500"]),
        one("hide_filter", &["LowQual"]),
        one("gene", &["NOSUCH"]),
        one("affected_only", &["1"]),
    ];
    let remaining = prop_oneof![one("model", &["AR_comp"]), one("cadd_min", &["20"]), one("spidex", &["low"])];
    let second_way = (fundamental, remaining).prop_map(|(fundamental, remaining)| {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![pair("clinvar", "5"), pair("clinvar", "2"), pair("clinvar_first", "1"), fundamental, remaining]
    });
    let base = prop_oneof![3 => random_filter(), 1 => second_way];
    (base, proptest::collection::vec(clause, 0..3)).prop_map(|(mut filter, more)| {
        for clause in more {
            if !filter.iter().any(|(name, _)| *name == clause.0) {
                filter.push(clause);
            }
        }
        filter
    })
}

/// Some compounds wait for partners that lie anywhere in the list.
fn with_partners(mut records: Vec<(u32, Vec<String>)>) -> Vec<String> {
    records.sort();
    let lines: Vec<String> = records.into_iter().flat_map(|(_, lines)| lines).collect();
    let name = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        format!("{}_{}_{}_{}", fields[0], fields[1], fields[3], fields[4])
    };
    let partner = |at: usize| name(&lines[(at * 37 + 11) % lines.len()]);
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            line.replace(
                "GeneticModels=F1:AR_comp",
                &format!("GeneticModels=F1:AR_comp;Compounds=F1:{}>9", partner(at)),
            )
            .replace("GeneticModels=F1:AD", if at % 2 == 0 { "GeneticModels=F1:AD" } else { "Score=1" })
        })
        .collect()
}

#[tokio::test]
async fn every_explanation_is_true() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let records = (0..110).map(|_| random_record().new_tree(&mut runner).unwrap().current()).collect();
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_records("own", "F1", &with_partners(records)).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let (mut hidden, mut waiting, mut spared) = (0, 0, 0);
    for _ in 0..20 {
        let filter = more_clauses().new_tree(&mut runner).unwrap().current();
        let first = filter.iter().any(|(name, _)| name == "clinvar_first");
        let mut lists = Lists::new(&reader, filter.clone());
        let all = (1_u32 << lists.groups.len()) - 1;
        let mut pages: HashMap<String, HashSet<String>> = HashMap::new();
        for q in ["1", "7", "X"] {
            let found = find(&reader, q, &query(&filter)).await;
            for variant in found["variants"].as_array().unwrap() {
                let id = variant["id"].as_str().unwrap().to_owned();
                let what = format!("{} under {filter:?}: {variant}", variant["simple_id"]);
                let in_list = lists.without(0).await.contains(&id);
                assert_eq!(variant["shown"], in_list, "{what}");
                let needed = u32::try_from(variant["remove_clauses"].as_u64().unwrap()).unwrap();
                let removed = variant["remove"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                let mask = lists.mask_of(removed);
                assert_eq!(mask.count_ones(), needed, "{what}");
                assert!(lists.without(mask).await.contains(&id), "removing the named clauses shows it: {what}");
                for fewer in (0..=all).filter(|fewer| fewer.count_ones() < needed) {
                    assert!(!lists.without(fewer).await.contains(&id), "no smaller set does: {what}");
                }
                // The link goes to the page of the list that has it.
                let link = variant["query"].as_str().unwrap().to_owned();
                if !pages.contains_key(&link) {
                    let list = reader.json(&format!("/api/v1/own/F1/variants?{link}")).await;
                    let ids = list["variants"].as_array().unwrap().iter().map(|v| v["id"].as_str().unwrap().to_owned());
                    pages.insert(link.clone(), ids.collect());
                }
                assert!(pages[&link].contains(&id), "{link}: {what}");
                // Every clause alone, where clauses mean anything alone.
                let said: HashSet<&str> = variant["false_clauses"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|clause| group(clause["clause"].as_str().unwrap()))
                    .collect();
                for (at, name) in lists.groups.clone().iter().enumerate() {
                    if name == "compound_filtered" || (name == "clinvar" && first) {
                        continue;
                    }
                    let alone = lists.without(all & !(1 << at)).await.contains(&id);
                    assert_eq!(said.contains(name.as_str()), !alone, "{name}: {what}");
                }
                for clause in variant["false_clauses"].as_array().unwrap() {
                    assert!(!clause["words"].as_str().unwrap().is_empty(), "{what}");
                }
                hidden += usize::from(!in_list);
                waiting += usize::from(said.contains("compound_filtered"));
                // ClinVar makes up for some clause that is false, and not for all.
                spared += usize::from(!in_list && !said.contains("clinvar") && said.len() > needed as usize);
            }
        }
    }
    assert!(
        hidden > 500 && waiting > 20 && spared > 20,
        "the test saw cases of each kind: {hidden} {waiting} {spared}"
    );
    app.end().await;
}

#[tokio::test]
async fn people_find_variants_by_any_name() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let mut records = three_records();
    records[0] = records[0].replacen("\t.\tC\tA", "\trs116916706\tC\tA", 1);
    app.given_records("own", "F1", &records).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let missense = "7_124491972_C_A";
    for q in [
        "7:124491972",
        "chr7:124,491,972",
        "7:124491900-124492000",
        "7_124491972_C_A",
        "chr7-124491972-C-A",
        "rs116916706",
        "POT1:p.Gln301His",
    ] {
        let found = find(&reader, q, "").await;
        assert_eq!(names(&found).first(), Some(&missense), "{q}: {found}");
        assert_eq!(found["variants"][0]["shown"], true, "{q}");
    }
    // All three records carry the same invented HGVS name.
    for q in ["c.903G>T", "ENST00000357628.3:c.903G>T", "POT1 c.903G>T", "p.Q301H", "p.(Gln301His)", "pot1", "17284"] {
        assert_eq!(names(&find(&reader, q, "").await).len(), 3, "{q}");
    }
    let other = find(&reader, "NM_000001.1:c.903G>T", "").await;
    assert_eq!(names(&other).len(), 3);
    assert!(other["notes"][0].as_str().unwrap().contains("NM_000001"), "{other}");
    assert_eq!(names(&find(&reader, "KCNQ2 c.903G>T", "").await), [""; 0]);

    let hidden = find(&reader, missense, "gnomad_af_max=0.0001&model=AD&cadd_min=15").await;
    let variant = &hidden["variants"][0];
    assert_eq!(variant["shown"], false);
    let clauses: Vec<(&str, &str)> = variant["false_clauses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clause| (clause["words"].as_str().unwrap(), clause["here"].as_str().unwrap()))
        .collect();
    assert_eq!(clauses, [("model AD", "AR_comp"), ("gnomAD frequency ≤ 0.0001, or unknown", "0.001")]);
    assert_eq!(variant["remove"], json!(["model", "gnomad_af_max"]));
    assert_eq!(variant["query"], "cadd_min=15");
    let page = reader.page(&format!("/own/F1/find?q={missense}&gnomad_af_max=0.0001&model=AD&cadd_min=15")).await;
    assert!(page.contains("Hidden") && page.contains("model AD") && page.contains("variants?cadd_min=15#v-"), "{page}");
    let list = reader.page("/own/F1/variants?cadd_min=15").await;
    assert!(list.contains("action=\"/own/F1/find\""), "the list has the form");
    app.end().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_refused_with_its_field() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let long = "x".repeat(201);
    for (query, field) in [
        ("", "q"),
        ("q=", "q"),
        ("q=%20", "q"),
        (&*format!("q={long}"), "q"),
        ("q=7:9-3", "q"),
        ("q=7:0", "q"),
        ("q=two%20words", "q"),
        ("q=%00", "q"),
        ("q=POT1&q=POT1", "q"),
        ("q=POT1&gnomad_af_max=2", "gnomad_af_max"),
        ("q=POT1&nonsense=1", "nonsense"),
    ] {
        let response = reader.get(&format!("/api/v1/own/F1/find?{query}")).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert_eq!(
            reader.get(&format!("/own/F1/find?{query}")).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{query}"
        );
    }
    app.end().await;
}

/// A trio of which rank 5 and below is left out, and the path of its file.
async fn with_threshold(app: &TestApp, compressed: bool) -> std::path::PathBuf {
    app.institute("own").await;
    let genotypes = ["0/1:3,3:6:50", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let mut records = three_records();
    let low = format!("{};RankScore=F1:3", csq("T", "intron_variant").replace("c.903G>T", "c.1A>T"));
    records.insert(1, record("7", 124_500_000, ("G", "T"), &low, genotypes).replacen("\t.\tG", "\trs55\tG", 1));
    let config = app.write_trio("own", "F1", &records, "");
    let mut text =
        std::fs::read_to_string(&config).unwrap().replace("rank_score_threshold: -100", "rank_score_threshold: 5");
    let mut vcf = app.folder().join("own-F1.vcf");
    if compressed {
        use std::io::Write as _;
        let plain = std::fs::read(&vcf).unwrap();
        std::fs::remove_file(&vcf).unwrap();
        vcf.set_extension("vcf.gz");
        let mut writer = noodles::bgzf::io::Writer::new(std::fs::File::create(&vcf).unwrap());
        writer.write_all(&plain).unwrap();
        writer.finish().unwrap();
        let noodles::vcf::Index::Tabix(index) = noodles::vcf::fs::index(&vcf).unwrap() else {
            panic!("an index of tabix")
        };
        noodles::tabix::fs::write(app.folder().join("own-F1.vcf.gz.tbi"), &index).unwrap();
        text = text.replace("own-F1.vcf", "own-F1.vcf.gz");
    }
    std::fs::write(&config, text).unwrap();
    assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await);
    vcf
}

#[tokio::test]
async fn what_the_list_left_out_is_found_in_the_file() {
    for compressed in [false, true] {
        let app = TestApp::start().await;
        let vcf = with_threshold(&app, compressed).await;
        let reader = app.signed_in(&["own:clinician"]).await;
        let file = if compressed { "own-F1.vcf.gz" } else { "own-F1.vcf" };
        let place_by = if compressed { "index" } else { "reading" };
        for (q, by) in [
            ("7:124500000", place_by),
            ("7:124,499,990-124,500,100", place_by),
            ("chr7-124500000-G-T", place_by),
            ("7_124499999_AG_AT", place_by),
            ("rs55", "reading"),
            ("POT1:c.1A>T", "reading"),
        ] {
            let found = find(&reader, q, "").await;
            assert_eq!(found["matching"], 0, "{q}");
            let said = &found["files"][0];
            assert_eq!(
                (&said["name"], &said["by"], &said["outcome"]),
                (&json!(file), &json!(by), &json!("left_out")),
                "{q}: {said}"
            );
            assert_eq!(said["alleles"][0]["simple_id"], "7_124500000_G_T", "{q}");
            assert_eq!(said["alleles"][0]["reason"], "rank at or below threshold (score 3, threshold 5)", "{q}");
        }
        for q in ["7:124500001", "7_124500000_G_C", "2:5", "rs56", "c.2A>T", "KCNQ2"] {
            let found = find(&reader, q, "").await;
            assert_eq!(
                (&found["matching"], &found["files"][0]["outcome"]),
                (&json!(0), &json!("absent")),
                "{q}: {found}"
            );
        }
        // What the list has is not looked up, but for what else lies at a place that an index leads to.
        assert_eq!(find(&reader, "7:124491972", "").await["files"], json!([]));
        let both = find(&reader, "7:124491972-124500000", "").await;
        assert_eq!(both["matching"], 1);
        assert_eq!(both["files"].as_array().unwrap().len(), usize::from(compressed), "{both}");

        let page = reader.page("/own/F1/find?q=7:124500000").await;
        assert!(page.contains("left out, rank at or below threshold (score 3, threshold 5)"), "{page}");

        std::fs::remove_file(&vcf).unwrap();
        for q in ["7:124500000", "rs55"] {
            let found = find(&reader, q, "").await;
            assert_eq!(found["files"][0]["outcome"], "gone", "{q}");
            assert!(found["files"][0]["words"].as_str().unwrap().contains("no longer there"));
        }
        std::fs::write(&vcf, "not a VCF any more").unwrap();
        assert_eq!(find(&reader, "rs55", "").await["files"][0]["outcome"], "unreadable");
        app.end().await;
    }
}

#[tokio::test]
async fn an_index_that_is_older_than_its_file_is_not_believed() {
    let app = TestApp::start().await;
    let vcf = with_threshold(&app, true).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(find(&reader, "7:124500000", "").await["files"][0]["by"], "index");
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    std::fs::File::options().append(true).open(&vcf).unwrap().set_modified(later).unwrap();
    let found = find(&reader, "7:124500000", "").await;
    assert_eq!((&found["files"][0]["by"], &found["files"][0]["outcome"]), (&json!("reading"), &json!("left_out")));
    app.end().await;
}

#[tokio::test]
async fn the_trail_has_the_gene_or_region_and_no_other_text() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    find(&reader, "POT1", "").await;
    find(&reader, "7_124491972_C_A", "").await;
    find(&reader, "p.Trp77Arg", "").await;
    let entries: Vec<String> = app.audit_entries().await.iter().map(ToString::to_string).collect();
    let noted = |text: &str| entries.iter().any(|entry| entry.contains(text));
    assert!(noted("\"POT1\"") && noted("\"7:124491972\""), "{entries:#?}");
    assert!(!noted("Trp77Arg") && !noted("124491972_C_A") && !noted("C_A"), "{entries:#?}");
    app.end().await;
}

#[tokio::test]
async fn the_real_trio_answers_by_its_own_names() {
    let Some(config) = shared_data("scout-demo/643594.config.yaml") else { return };
    let app = TestApp::start().await;
    app.institute("cust000").await;
    assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await);
    let reader = app.signed_in(&["cust000:clinician"]).await;
    let find = async |q: &str| {
        let q = serde_urlencoded::to_string([("q", q)]).unwrap();
        reader.json(&format!("/api/v1/cust000/643594/find?{q}&gnomad_af_max=0.01&consequence=stop_gained")).await
    };
    let variant = &find("7:124,491,972").await["variants"][0];
    assert_eq!((&variant["simple_id"], &variant["shown"]), (&json!("7_124491972_C_A"), &json!(false)));
    assert_eq!(variant["remove"], json!(["consequence"]));
    let hgvs_c = variant["hgvs_c"].as_str().unwrap();
    for q in [format!("POT1:{hgvs_c}"), variant["hgvs_p"].as_str().unwrap().to_owned()] {
        assert!(names(&find(&q).await).contains(&"7_124491972_C_A"), "{q}");
    }
    let absent = find("7:1").await;
    assert_eq!(absent["files"][0]["outcome"], "absent");
    assert_eq!(absent["files"][0]["name"], "643594.clinical.vcf.gz");
    app.end().await;
}
