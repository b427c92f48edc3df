//! The real trio, as laboratories deliver it.

use serde_json::Value;

use crate::support::{TestApp, shared_data};

async fn trio() -> Option<TestApp> {
    let config = shared_data("scout-demo/643594.config.yaml")?;
    let reference = shared_data("reference")?;
    let panel = shared_data("scout-demo/panel_1.txt")?;
    let app = TestApp::start().await;
    app.institute("cust000").await;
    assert!(app.cli(&["load", "reference", reference.to_str().unwrap()]).await);
    assert!(app.cli(&["load", "panel", panel.to_str().unwrap()]).await);
    assert!(app.cli(&["load", "case", config.to_str().unwrap()]).await);
    Some(app)
}

#[tokio::test]
async fn every_record_is_stored_and_pot1_reads_as_in_the_file() {
    let Some(app) = trio().await else { return };
    let clinician = app.signed_in(&["cust000:clinician"]).await;
    let case = clinician.json("/api/v1/cust000/643594").await;
    let order: Vec<&str> = case["individuals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["individual_id"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["ADM1059A2", "ADM1059A1", "ADM1059A3"]);
    assert_eq!(case["lists"][0]["total"], 680);
    assert!(case["not_assessed"].as_array().unwrap().iter().any(|list| list == "structural variants"));

    let list = clinician.json("/api/v1/cust000/643594/variants?per_page=500").await;
    assert_eq!((&list["total"], &list["matched"]), (&Value::from(680), &Value::from(680)));
    let second = clinician.json("/api/v1/cust000/643594/variants?per_page=500&page=2").await;
    let variants: Vec<&Value> =
        list["variants"].as_array().unwrap().iter().chain(second["variants"].as_array().unwrap()).collect();
    assert_eq!(variants.len(), 680);
    let ranks: Vec<u64> = variants.iter().map(|variant| variant["rank"].as_u64().unwrap()).collect();
    assert_eq!(ranks, (1..=680).collect::<Vec<_>>());

    let pot1 = variants.iter().find(|variant| variant["simple_id"] == "7_124491972_C_A").unwrap();
    assert_eq!(pot1["rank_score"], 11.0);
    assert_eq!(pot1["genes"][0]["symbol"], "POT1");
    assert_eq!(pot1["genes"][0]["hgnc_id"], 17284);
    assert_eq!(pot1["genes"][0]["consequence"], "missense_variant");
    assert_eq!(pot1["scores"]["cadd"], 15.65);
    assert_eq!(pot1["frequencies"]["gnomad"], Value::Null);
    assert_eq!(pot1["frequencies"]["exac"], 0.002_595);
    let genotypes: Vec<(&str, &str, u64)> = pot1["samples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sample| {
            (
                sample["individual_id"].as_str().unwrap(),
                sample["genotype"].as_str().unwrap(),
                sample["alt_depth"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(genotypes, [("ADM1059A2", "0/1", 15), ("ADM1059A1", "0/1", 18), ("ADM1059A3", "0/0", 0)]);
    let compound = &pot1["compounds"][0];
    assert_eq!((&compound["simple_id"], &compound["score"]), (&Value::from("7_124537031_G_A"), &Value::from(17.0)));
    assert!(variants.iter().any(|variant| variant["id"] == compound["id"]));
    app.end().await;
}

#[tokio::test]
async fn pages_show_the_individuals_in_the_same_order() {
    let Some(app) = trio().await else { return };
    let clinician = app.signed_in(&["cust000:clinician"]).await;
    let list = clinician.json("/api/v1/cust000/643594/variants?gene=POT1").await;
    let id = list["variants"][0]["id"].as_str().unwrap();
    for path in ["/cust000/643594", "/cust000/643594/variants", &format!("/cust000/643594/variants/{id}")] {
        let page = clinician.page(path).await;
        let at = |name: &str| page.find(name).unwrap_or_else(|| panic!("{name} is on {path}"));
        assert!(at("NA12882") < at("NA12877") && at("NA12877") < at("NA12878"), "{path}");
    }
    app.end().await;
}
