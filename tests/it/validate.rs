//! `lodestone validate` passes what is right and finds what somebody changed.

use bson::doc;
use serde_json::Value;

use crate::support::vcf::{csq, record, three_records};
use crate::support::{TestApp, shared_data};

/// The exit code and the JSON on standard output.
fn validated(app: &TestApp, case: &str) -> (i32, Value) {
    let (code, out, error) = app.program(&["validate", case, "--json"]);
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}")))
}

/// All differences as `who: field, file, shown`.
fn differences(validation: &Value) -> Vec<String> {
    let files = validation["files"].as_array().unwrap();
    files
        .iter()
        .flat_map(|file| file["comparisons"].as_array().unwrap())
        .chain([&validation["load_report"]])
        .flat_map(|comparison| comparison["differences"].as_array().unwrap())
        .map(|difference| {
            let text = |key: &str| difference[key].as_str().unwrap_or("nothing").to_owned();
            format!(
                "{} {} {}: {} / {}",
                text("shown_by"),
                text("sample"),
                text("field"),
                text("in_file"),
                text("shown")
            )
        })
        .collect()
}

async fn small() -> TestApp {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "F1").await;
    app
}

#[tokio::test]
async fn the_real_trio_is_shown_as_its_file_says() {
    let Some(config) = shared_data("scout-demo/643594.config.yaml") else { return };
    let Some(reference) = shared_data("reference") else { return };
    let Some(panel) = shared_data("scout-demo/panel_1.txt") else { return };
    let app = TestApp::start().await;
    app.institute("cust000").await;
    assert!(app.cli(&["load", "reference", reference.to_str().unwrap()]).await);
    assert!(app.cli(&["load", "panel", panel.to_str().unwrap()]).await);
    assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await);
    let (code, validation) = validated(&app, "643594");
    assert_eq!(differences(&validation), [""; 0]);
    assert_eq!((code, &validation["passed"]), (0, &Value::Bool(true)));
    let file = &validation["files"][0];
    assert_eq!(
        (&file["records"], &file["alleles"], &file["samples"]),
        (&Value::from(680), &Value::from(680), &Value::from(3))
    );
    for comparison in file["comparisons"].as_array().unwrap() {
        // The consequence, and five values of each of three calls.
        assert_eq!((&comparison["variants"], &comparison["values"]), (&Value::from(680), &Value::from(680 * 16)));
    }
    assert_eq!(file["comparisons"][0]["shown_by"], "api");
    assert_eq!(file["comparisons"][1]["shown_by"], "page view");
    the_html_says_what_was_compared(&app).await;
    let vcf = shared_data("scout-demo/643594.clinical.vcf.gz").unwrap();
    assert_eq!(file["file_digest"], blake3::hash(&std::fs::read(vcf).unwrap()).to_hex().as_str());
    let (code, out, _) = app.program(&["validate", "643594", "--institute", "cust000"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("page view: 680 variants, 10880 values compared, 0 differences"), "{out}");
    assert!(out.contains("What is shown is what the files say"), "{out}");
    app.end().await;
}

/// The command reads the page's words before they become HTML; here the HTML itself is held against the API.
async fn the_html_says_what_was_compared(app: &TestApp) {
    let clinician = app.signed_in(&["cust000:clinician"]).await;
    for number in [1, 2] {
        let query = format!("per_page=500&page={number}");
        let list = clinician.json(&format!("/api/v1/cust000/643594/variants?{query}")).await;
        let html = scraper::Html::parse_document(&clinician.page(&format!("/cust000/643594/variants?{query}")).await);
        let select = |css: &str| scraper::Selector::parse(css).unwrap();
        let rows: Vec<_> = html.select(&select("table.variants tbody tr")).collect();
        let variants = list["variants"].as_array().unwrap();
        assert_eq!(rows.len(), variants.len());
        for (row, variant) in rows.iter().zip(variants) {
            let link = format!("a[href*='/variants/{}']", variant["id"].as_str().unwrap());
            assert!(row.select(&select(&link)).next().is_some(), "{link}");
            let cells: Vec<_> = row.select(&select("td.call .gt")).collect();
            let samples = variant["samples"].as_array().unwrap();
            assert_eq!(cells.len(), samples.len());
            for (cell, sample) in cells.iter().zip(samples) {
                let known = |value: &Value| value.as_u64().map_or_else(|| "–".to_owned(), |number| number.to_string());
                assert_eq!(cell.text().collect::<String>(), sample["genotype"].as_str().unwrap_or("–"));
                let title = cell.attr("title").unwrap();
                assert!(title.starts_with(&format!("{} (", sample["name"].as_str().unwrap())), "{title}");
                let (reference, alternative) = (known(&sample["ref_depth"]), known(&sample["alt_depth"]));
                assert!(
                    title.contains(&format!(" {reference}:{alternative} of {}", known(&sample["depth"]))),
                    "{title}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_genotype_and_a_depth_changed_in_the_database_are_found() {
    let app = small().await;
    assert_eq!(validated(&app, "F1").0, 0);
    let kid_at = "samples.0.call";
    let changed = app
        .tamper(
            "variants",
            doc! { "position": 124_491_972_i64 },
            doc! { "$set": { format!("{kid_at}.genotype"): "1/1", format!("{kid_at}.alt_depth"): 99, format!("{kid_at}.depth"): 7, format!("{kid_at}.genotype_quality"): 3.0 } },
        )
        .await;
    assert_eq!(changed, 1);
    let (code, validation) = validated(&app, "F1");
    assert_eq!(code, 1);
    let of_api = [
        "api kid genotype: 0/1 / 1/1",
        "api kid alt_depth: 15 / 99",
        "api kid depth: 39 / 7",
        "api kid genotype_quality: 99 / 3",
    ];
    assert_eq!(differences(&validation), of_api, "the page is made from the columns, which are as they were");
    // Columns that are gone are built again from the documents; then the page is as wrong as they are.
    assert_eq!(app.remove("variant_columns", doc! {}).await, 1);
    let found = differences(&validated(&app, "F1").1);
    assert_eq!(found.len(), 8, "{found:?}");
    assert_eq!(found[4..], of_api.map(|words| words.replace("api", "page view")));
    let (code, out, error) = app.program(&["validate", "F1"]);
    assert_eq!(code, 1);
    assert!(out.contains("  API, variant 7_124491972_C_A (line "), "{out}");
    assert!(error.contains("8 differences"), "{error}");
    app.end().await;
}

#[tokio::test]
async fn swapped_samples_are_found_in_documents_and_in_the_case() {
    let app = small().await;
    let swap = |at: usize, id: &str| doc! { "$set": { format!("samples.{at}.individual_id"): id } };
    assert_eq!(app.tamper("variants", doc! {}, swap(0, "dad")).await, 3);
    let ids: Vec<String> = {
        let variants = app.documents("variants", doc! {}).await;
        let samples = variants[0].get_array("samples").unwrap().clone();
        samples
            .iter()
            .map(|sample| sample.as_document().unwrap().get_str("individual_id").unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids, ["dad", "mum", "dad"], "page order: kid, mum, dad");
    assert_eq!(app.tamper("variants", doc! {}, swap(2, "kid")).await, 3);
    let (code, validation) = validated(&app, "F1");
    assert_eq!(code, 1);
    let found = differences(&validation);
    assert!(found.contains(&"api kid alt_depth: 15 / 18".to_owned()), "{found:?}");
    assert!(found.contains(&"api dad alt_depth: 18 / 15".to_owned()), "{found:?}");
    app.end().await;

    let app = small().await;
    let mut people = app.documents("cases", doc! {}).await[0].get_array("individuals").unwrap().clone();
    people.swap(0, 1);
    assert_eq!(app.tamper("cases", doc! {}, doc! { "$set": { "individuals": people } }).await, 1);
    let (code, validation) = validated(&app, "F1");
    assert_eq!(code, 1);
    let found = differences(&validation);
    assert!(found.contains(&"api nothing order: kid, mum, dad / mum, kid, dad".to_owned()), "{found:?}");
    // The heads follow the case, the cells the columns: the mother's column would show the child's genotypes.
    assert!(found.iter().any(|words| words.starts_with("page view mum genotype")), "{found:?}");
    app.end().await;
}

#[tokio::test]
async fn columns_that_say_otherwise_than_the_file_are_found() {
    let app = small().await;
    let chunk = app.documents("variant_columns", doc! {}).await.remove(0);
    let packed = chunk.get_binary_generic("data").unwrap();
    let mut plain = lz4_flex::decompress_size_prepended(packed).unwrap();
    let at = plain.windows(3).position(|text| text == b"0/1").expect("texts are in one block");
    plain[at] = b'1';
    let packed = lz4_flex::compress_prepend_size(&plain);
    let hash = lodestone::ids::base32(blake3::hash(&packed).as_bytes());
    let data = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: packed };
    assert_eq!(app.tamper("variant_columns", doc! {}, doc! { "$set": { "data": data, "hash": hash } }).await, 1);
    let (code, validation) = validated(&app, "F1");
    assert_eq!(code, 1);
    let found = differences(&validation);
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|words| words.starts_with("page view") && words.ends_with("genotype: 0/1 / 1/1")),
        "{found:?}"
    );
    app.end().await;
}

#[tokio::test]
async fn what_is_left_out_must_be_left_out_for_its_reason() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let genotypes = ["0/1:3,3:6:50", "0/1:5,5:10:99", "0/0:9,0:9:9"];
    let mut records = three_records();
    let twice = record("7", 124_491_980, ("C", "A"), &format!("{};RankScore=F1:8", csq("A", "stop_gained")), genotypes);
    records.insert(1, twice.clone());
    records.insert(1, twice);
    let pathogenic = record(
        "7",
        124_600_000,
        ("C", "A"),
        &format!("{};RankScore=F1:-9;CLNVID=7;CLNSIG=Pathogenic", csq("A", "stop_gained")),
        genotypes,
    );
    records.insert(4, pathogenic);
    let two_alleles =
        record("X", 2_999_999, ("C", "A,T"), "RankScore=F1:9", ["0/1:3,3,0:6:50", "2:0,1,7:8:99", "0/2:9,0,4:13:9"]);
    records.insert(5, two_alleles);
    let vcf = app.write_trio("own", "F1", &records, "");
    let text = std::fs::read_to_string(&vcf).unwrap().replace("rank_score_threshold: -100", "rank_score_threshold: 5");
    std::fs::write(&vcf, text).unwrap();
    assert!(app.cli(&["load", "case", vcf.to_str().unwrap()]).await);
    let (code, validation) = validated(&app, "F1");
    assert_eq!(differences(&validation), [""; 0]);
    assert_eq!(code, 0);
    assert_eq!(
        validation["left_out"],
        serde_json::json!({ "rank_at_or_below_threshold": 1, "duplicate_record": 1, "unreadable": 0 })
    );
    assert_eq!(validation["total"], 6, "the pathogenic one is kept whatever its rank");

    assert_eq!(
        app.tamper("cases", doc! {}, doc! { "$set": { "lists.0.report.left_out.duplicate_record": 4 } }).await,
        1
    );
    assert_eq!(differences(&validated(&app, "F1").1), ["load report nothing duplicates: 1 / 4"]);
    assert_eq!(
        app.tamper("cases", doc! {}, doc! { "$set": { "lists.0.report.left_out.duplicate_record": 1 } }).await,
        1
    );

    // A variant that vanished from the columns, behind everybody's back.
    assert_eq!(app.remove("variants", doc! { "position": 124_491_980_i64 }).await, 1);
    let (code, _, error) = app.program(&["validate", "F1"]);
    assert_eq!(code, 1);
    assert!(error.contains("not among its documents"), "{error}");
    assert_eq!(app.remove("variant_columns", doc! {}).await, 1);
    let (code, validation) = validated(&app, "F1");
    let found = differences(&validation);
    assert_eq!(code, 1);
    assert!(found.contains(&"api nothing variant: 7_124491980_C_A / nothing".to_owned()), "{found:?}");
    assert!(found.contains(&"page view nothing variant: 7_124491980_C_A / nothing".to_owned()), "{found:?}");
    app.end().await;
}

#[tokio::test]
async fn what_cannot_be_compared_is_an_error_in_words() {
    let app = small().await;
    let (code, out, error) = app.program(&["validate", "nobody"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("there is no case `nobody`"), "{error}");
    assert_eq!(app.program(&["validate"]).0, 2);
    std::fs::remove_file(app.folder().join("own-F1.vcf")).unwrap();
    let (code, _, error) = app.program(&["validate", "F1"]);
    assert_eq!(code, 1);
    assert!(error.contains("own-F1.vcf") && error.contains("cannot be opened"), "{error}");
    let entries = app.audit_entries().await;
    assert!(
        entries.iter().any(|entry| entry.get_str("command").is_ok_and(|name| name == "validate")),
        "the command is in the trail"
    );
    app.end().await;
}
