//! All or nothing by list revision; nothing lost; decisions survive.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::vcf::{csq, record, three_records};
use crate::support::{Browser, TestApp};

async fn names(reader: &Browser, case: &str) -> Vec<String> {
    let list = reader.json(&format!("/api/v1/own/{case}/variants?per_page=500")).await;
    list["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["simple_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_same_content_is_loaded_once_and_other_content_needs_update() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let path = app.write_trio("own", "F1", &three_records(), "");
    let load = ["load", "case", path.to_str().unwrap()];
    assert!(app.cli(&load).await);
    let first = app.snapshot().await;
    assert!(app.cli(&load).await, "already loaded");
    assert_eq!(app.snapshot().await, first);
    let two = three_records()[..2].to_vec();
    app.write_trio("own", "F1", &two, "");
    assert!(!app.cli(&load).await, "other content without --update");
    assert_eq!(app.snapshot().await, first);
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(names(&reader, "F1").await, ["7_124491972_C_A", "7_124537031_G_A"]);
    let variants = app.documents("variants", bson::doc! {}).await;
    assert_eq!(variants.len(), 2, "the former revision is collected");
    app.end().await;
}

#[tokio::test]
async fn variant_ids_are_stable_over_reloads() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let path = app.write_trio("own", "F1", &three_records(), "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    let reader = app.signed_in(&["own:clinician"]).await;
    let id = |list: &Value, at: usize| list["variants"][at]["id"].as_str().unwrap().to_owned();
    let before = reader.json("/api/v1/own/F1/variants").await;
    let two = three_records()[..2].to_vec();
    app.write_trio("own", "F1", &two, "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    let after = reader.json("/api/v1/own/F1/variants").await;
    assert_eq!((id(&before, 0), id(&before, 1)), (id(&after, 0), id(&after, 1)));
    app.end().await;
}

#[tokio::test]
async fn every_record_is_stored_or_counted_under_a_reason() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let het = ["0/0:9,0:9:9", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let scored = |position, score: &str, more: &str| {
        record("7", position, ("C", "A"), &format!("{};RankScore=F1:{score}{more}", csq("A", "missense_variant")), het)
    };
    let records = vec![
        scored(100, "6", ""),
        scored(101, "5", ""),
        scored(102, "4", ""),
        scored(103, "-20", ";CLNSIG=Pathogenic;CLNVID=7"),
        record("7", 104, ("C", "A"), &csq("A", "missense_variant"), het),
        record("MT", 105, ("C", "A"), &format!("{};RankScore=F1:-9", csq("A", "missense_variant")), het),
        scored(100, "6", ""),
        record("7", 106, ("C", "A,G"), "RankScore=F1:9", ["0/0:9,0,0:9:9", "1/2:0,5,5:10:99", "0/0:9,0,0:9:9"]),
        "7\tnowhere\t.\tC\tA\t.\t.\t.\tGT\t0/0\t0/1\t0/0\n".to_owned(),
    ];
    let path = app.write_trio("own", "F1", &records, "");
    let text = std::fs::read_to_string(&path).unwrap().replace("rank_score_threshold: -100\n", "");
    std::fs::write(&path, text).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    let reader = app.signed_in(&["own:clinician"]).await;
    let mut found = names(&reader, "F1").await;
    found.sort();
    assert_eq!(
        found,
        ["7_100_C_A", "7_103_C_A", "7_104_C_A", "7_106_C_A", "7_106_C_G", "MT_105_C_A"],
        "strictly above 5, or kept whatever the rank"
    );
    let case = app.documents("cases", bson::doc! {}).await.remove(0);
    let report = case.get_array("lists").unwrap()[0].as_document().unwrap().get_document("report").unwrap().clone();
    let left_out = report.get_document("left_out").unwrap();
    let count = |document: &bson::Document, field: &str| document.get_i64(field).unwrap();
    assert_eq!(count(&report, "records"), 9);
    assert_eq!(count(&report, "alleles"), 9);
    assert_eq!(count(&report, "stored"), 6);
    assert_eq!(count(left_out, "rank_at_or_below_threshold"), 2);
    assert_eq!(count(left_out, "duplicate_record"), 1);
    assert_eq!(count(left_out, "unreadable"), 1);
    let faults = format!("{:?}", report.get_array("first_faults").unwrap());
    assert!(faults.contains("POS"), "{faults}");
    app.end().await;
}

#[tokio::test]
async fn a_threshold_of_zero_is_zero() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let het = ["0/0:9,0:9:9", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let scored = |position, score| record("7", position, ("C", "A"), &format!("RankScore=F1:{score}"), het);
    let path = app.write_trio("own", "F1", &[scored(1, 1), scored(2, 0), scored(3, -1)], "");
    let text = std::fs::read_to_string(&path).unwrap().replace("threshold: -100", "threshold: 0");
    std::fs::write(&path, text).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(names(&reader, "F1").await, ["7_1_C_A"]);
    app.end().await;
}

/// What somebody said something about is not lost for its rank.
#[tokio::test]
async fn a_commented_variant_stays_whatever_its_rank() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let path = app.write_trio("own", "F1", &three_records(), "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    let reader = app.signed_in(&["own:clinician"]).await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let last = list["variants"][2].clone();
    let at = format!("/own/F1/variants/{}/comments", last["id"].as_str().unwrap());
    let said = crate::sharing::send(&reader, &at, &[("id", &"a".repeat(26)), ("text", "Keep an eye on it.")]).await;
    assert_eq!(said.status(), reqwest::StatusCode::SEE_OTHER);
    let text = std::fs::read_to_string(&path).unwrap().replace("threshold: -100", "threshold: 1000");
    std::fs::write(&path, text).unwrap();
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(names(&reader, "F1").await, [last["simple_id"].as_str().unwrap()]);
    app.end().await;
}

#[tokio::test]
async fn the_second_allele_of_a_record_keeps_its_own_values() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let both = record("7", 50, ("C", "A,G"), "RankScore=F1:9", ["0/0:9,0,0:9:9", "1/2:1,7,3:11:99", "0/2:4,0,5:9:50"]);
    app.given_records("own", "F1", &[both]).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let list = reader.json("/api/v1/own/F1/variants").await;
    let calls = |name: &str| -> Vec<(String, u64)> {
        let variant = list["variants"].as_array().unwrap().iter().find(|variant| variant["simple_id"] == name).unwrap();
        let samples = variant["samples"].as_array().unwrap();
        samples.iter().map(|s| (s["genotype"].as_str().unwrap().to_owned(), s["alt_depth"].as_u64().unwrap())).collect()
    };
    let own = |calls: &[(&str, u64)]| calls.iter().map(|(gt, depth)| ((*gt).to_owned(), *depth)).collect::<Vec<_>>();
    assert_eq!(calls("7_50_C_A"), own(&[("1/2", 7), ("0/2", 0), ("0/0", 0)]), "kid, mum, dad");
    assert_eq!(calls("7_50_C_G"), own(&[("1/2", 3), ("0/2", 5), ("0/0", 0)]));
    app.end().await;
}

#[tokio::test]
async fn observations_follow_loads_updates_and_deletions() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    app.given_case("own", "F2").await;
    let counts = async || {
        let mut counts: Vec<(i64, i64)> = app
            .documents("observations", bson::doc! { "_id": 1 })
            .await
            .iter()
            .map(|seen| (seen.get_i64("cases").unwrap(), seen.get_i64("homozygous").unwrap()))
            .collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(counts().await, [(2, 0), (2, 0), (2, 2)], "dad is homozygous for the common one");
    assert!(app.cli(&["load", "case", app.folder().join("own-F1.yaml").to_str().unwrap()]).await);
    assert_eq!(counts().await, [(2, 0), (2, 0), (2, 2)], "the same again counts nothing twice");
    let path = app.write_trio("own", "F1", &three_records()[..1], "");
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(counts().await, [(1, 0), (1, 1), (2, 0)]);
    assert!(app.cli(&["case", "delete", "F2"]).await);
    assert_eq!(counts().await, [(0, 0), (0, 0), (1, 0)]);
    app.end().await;
}

#[tokio::test]
async fn a_deleted_case_is_gone_with_everything_in_it() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    assert!(app.cli(&["case", "delete", "F1", "--institute", "own"]).await);
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(reader.get("/own/F1").await.status(), 404);
    for collection in ["cases", "variants", "variant_columns", "observed_keys", "variant_states"] {
        assert!(app.documents(collection, bson::doc! {}).await.is_empty(), "{collection}");
    }
    let kinds: Vec<String> = app
        .documents("events", bson::doc! { "rev": 1 })
        .await
        .iter()
        .filter(|event| event.contains_key("case_id"))
        .map(|event| event.get_str("kind").unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["case_loaded", "case_deleted"]);
    assert!(!app.cli(&["case", "delete", "F1"]).await);
    app.end().await;
}

/// How many commands a visit to a case's list takes.
async fn visit(app: &TestApp, reader: &Browser, case: &str) -> usize {
    let shown = names(reader, case);
    let (shown, commands) = app.commands_during(shown).await;
    assert_eq!(shown, ["7_124491972_C_A", "7_124537031_G_A", "1_7847367_T_TC"], "{case}");
    commands.len()
}

/// Spoils the columns of F2 to F5, each in another way.
async fn spoil(app: &TestApp) {
    let of = async |name: &str| {
        let cases = app.documents("cases", bson::doc! {}).await;
        let case = cases.into_iter().find(|case| case.get_str("name").unwrap() == name).unwrap();
        bson::doc! { "case_id": case.get_str("_id").unwrap() }
    };
    let set = |name: &str, value: bson::Bson| bson::doc! { "$set": { name: value } };
    assert_eq!(app.tamper("variant_columns", of("F2").await, set("hash", "x".into())).await, 1);
    assert_eq!(app.tamper("variant_columns", of("F3").await, set("format", 0.into())).await, 1);
    assert_eq!(app.tamper("variant_columns", of("F4").await, set("data", "not bytes".into())).await, 1);
    assert_eq!(app.remove("variant_columns", of("F5").await).await, 1);
}

#[tokio::test]
async fn columns_that_do_not_verify_are_built_once_and_kept() {
    let app = TestApp::start().await;
    app.institute("own").await;
    for case in ["F0", "F1", "F2", "F3", "F4", "F5"] {
        app.given_case("own", case).await;
    }
    spoil(&app).await;
    let reader = app.signed_in(&["own:clinician"]).await;
    visit(&app, &reader, "F0").await; // creates indexes
    let (cold, warm) = (visit(&app, &reader, "F1").await, visit(&app, &reader, "F1").await);
    assert_eq!(warm, cold - 1);
    for case in ["F2", "F3", "F4", "F5"] {
        assert_eq!(visit(&app, &reader, case).await, cold + 1, "{case}: the documents are read");
        for _ in 0..3 {
            assert_eq!(visit(&app, &reader, case).await, warm, "{case}: from memory");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn migrate_writes_columns_back() {
    let app = TestApp::start().await;
    app.institute("own").await;
    for case in ["F0", "F1", "F2", "F3", "F4", "F5"] {
        app.given_case("own", case).await;
    }
    spoil(&app).await;
    let (code, said, _) = app.program(&["migrate"]);
    assert_eq!(code, 0);
    assert!(said.contains("the columns of 4 of 6 published lists were written again"), "{said}");
    for reason in ["were damaged", "were missing", "were of another version's format"] {
        assert!(said.contains(reason), "{said}");
    }
    let stored = app.documents("variant_columns", bson::doc! { "_id": 1 }).await;
    assert_eq!(stored.len(), 6);
    let (code, said, _) = app.program(&["migrate"]);
    assert_eq!((code, said.contains("the columns of all published lists (6) are in order")), (0, true), "{said}");
    assert_eq!(app.documents("variant_columns", bson::doc! { "_id": 1 }).await, stored);
    let reader = app.signed_in(&["own:clinician"]).await;
    visit(&app, &reader, "F0").await; // creates indexes
    let cold = visit(&app, &reader, "F1").await;
    for case in ["F2", "F3", "F4", "F5"] {
        assert_eq!(visit(&app, &reader, case).await, cold, "{case}: nothing had to be built");
    }
    app.end().await;
}

/// A list whose documents are not all there is never shown as if it were whole.
#[tokio::test]
async fn columns_are_not_built_from_a_part_of_the_documents() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    assert_eq!(app.remove("variant_columns", bson::doc! {}).await, 1);
    assert_eq!(app.remove("variants", bson::doc! { "position": 124_491_972_i64 }).await, 1);
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(reader.get("/own/F1/variants").await.status(), 500);
    let (code, _, error) = app.program(&["migrate"]);
    assert_eq!(code, 1);
    assert!(error.contains("the list has 2 documents and should have 3; load the case again"), "{error}");
    assert_eq!(app.documents("variant_columns", bson::doc! {}).await.len(), 0);
    app.end().await;
}

/// F7: killed at many points, then run again: the state of one clean run, and never half a case visible.
#[tokio::test]
async fn a_killed_load_leaves_the_former_list_whole() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let het = ["0/0:9,0:9:9", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let many = |from: u32| -> Vec<String> {
        (0..3_000)
            .map(|at| {
                record(
                    "7",
                    from + at,
                    ("C", "A"),
                    &format!("{};RankScore=F1:{}", csq("A", "missense_variant"), at % 40),
                    het,
                )
            })
            .collect()
    };
    app.given_records("own", "F1", &many(1_000)).await;
    let path = app.write_trio("own", "F1", &many(2_000), "");
    let reader = app.signed_in(&["own:clinician"]).await;
    let shown = async || {
        let list = reader.json("/api/v1/own/F1/variants?sort=position&per_page=1").await;
        (list["total"].as_u64().unwrap(), list["variants"][0]["position"].as_u64().unwrap())
    };
    let mut published = false;
    for round in 0..12 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lodestone"))
            .arg("--config")
            .arg(app.config())
            .args(["load", "case", path.to_str().unwrap(), "--update"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(40 + 130 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let (total, first) = shown().await;
        assert_eq!(total, 3_000, "round {round}");
        assert!(first == 1_000 || first == 2_000, "round {round}");
        published |= first == 2_000;
        assert!(!published || first == 2_000, "what was published stays");
    }
    assert!(app.cli(&["load", "case", path.to_str().unwrap(), "--update"]).await);
    assert_eq!(shown().await, (3_000, 2_000));
    assert_eq!(app.documents("variants", bson::doc! {}).await.len(), 3_000);
    let seen: i64 =
        app.documents("observations", bson::doc! {}).await.iter().map(|seen| seen.get_i64("cases").unwrap()).sum();
    assert_eq!(seen, 3_000);
    app.end().await;
}

/// F8: of two loaders at once one wins and the other is told, or finds the work done.
#[tokio::test]
async fn two_loaders_at_once_do_not_mix() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let path = app.write_trio("own", "F1", &three_records(), "");
    let load = ["load", "case", path.to_str().unwrap()];
    let (one, two) = tokio::join!(app.cli(&load), app.cli(&load));
    assert!(one || two);
    assert!(app.cli(&load).await);
    assert_eq!(app.documents("cases", bson::doc! {}).await.len(), 1);
    let reader = app.signed_in(&["own:clinician"]).await;
    assert_eq!(names(&reader, "F1").await.len(), 3);
    app.end().await;
}

/// The case page tells the load report, and what is not assessed.
#[tokio::test]
async fn the_case_page_tells_what_was_loaded_and_what_not() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let sv = app.folder().join("sv.vcf");
    std::fs::write(&sv, "").unwrap();
    let path = app.write_trio("own", "F1", &three_records(), &format!("vcf_sv: {}\n", sv.display()));
    assert!(app.cli(&["load", "case", path.to_str().unwrap()]).await);
    let page = app.signed_in(&["own:clinician"]).await.page("/own/F1").await;
    for words in ["structural variants", "not assessed", "own-F1.vcf", "3", "proband", "father", "mother"] {
        assert!(page.to_lowercase().contains(&words.to_lowercase()), "{words}");
    }
    app.end().await;
}
