//! What an institute does leaves no trace in what people of another see: not a word, not a count, not a byte.

use std::collections::{BTreeMap, BTreeSet};

use bson::doc;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::support::visitor::masked;
use crate::support::{Browser, TestApp, vcf};

/// Pages of one person at most.
const PAGES: usize = 120;

/// Everything somebody reaches from their first page, from searches and from the API, without what is made anew each time.
pub async fn everything(browser: &Browser, variant: &str) -> BTreeMap<String, String> {
    let variant_of_own = format!("/api/v1/own/fam/variants/{variant}");
    let mut waiting: Vec<String> = [
        "/",
        "/own?q=f",
        "/own?q=canary",
        "/own/fam/find?q=7:124491972",
        "/own/fam/find?q=POT1",
        "/own/canaryfam",
        "/foreign",
        "/foreign/canaryfam",
        "/foreign/settings",
        "/api/v1/institutes",
        "/api/v1/own/cases",
        "/api/v1/own/fam/variants",
        "/api/v1/foreign/cases",
        "/api/v1/own/members",
        "/api/v1/own/settings",
        "/api/v1/foreign/members",
        "/api/v1/foreign/settings",
        &variant_of_own,
    ]
    .map(str::to_owned)
    .to_vec();
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut pages = BTreeMap::new();
    while let Some(path) = waiting.pop() {
        let answer = browser.get(&path).await;
        let status = answer.status();
        assert!(!status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS, "{path}: {status}");
        let text = masked(answer).await;
        if text.contains("<html") && seen.len() < PAGES {
            let html = Html::parse_document(&text);
            let links = Selector::parse("a[href^='/']").unwrap();
            let links =
                html.select(&links).map(|link| link.attr("href").unwrap().split('#').next().unwrap().to_owned());
            // The trail has its own test, because looking at it is in it; a workbook holds the time it was made, and the
            // same rows as the other two formats.
            let left_out = |link: &String| {
                ["/static", "/audit"].iter().any(|start| link.starts_with(start)) || link.contains(".xlsx")
            };
            let links = links.filter(|link| !left_out(link));
            waiting.extend(links.filter(|link| seen.insert(link.clone())));
        }
        pages.insert(path, format!("{status}\n{text}"));
    }
    pages
}

/// Something that people of other institutes do.
async fn something(app: &TestApp, random: &mut StdRng, number: usize) {
    let name = format!("canary{number}");
    match random.random_range(0..7) {
        0 => app.given_case("foreign", &name).await,
        1 => {
            let genotypes = ["1/1:0,18:18:99", "1/1:0,15:15:99", "0/1:7,8:15:99"];
            let record = vcf::record("7", 124_491_972, ("C", "A"), &vcf::csq("A", "stop_gained"), genotypes);
            app.given_records("foreign", &name, &[record]).await;
        }
        2 => assert!(app.cli(&["institute", "set", "foreign", "--name", &format!("canary clinic {number}")]).await),
        3 => assert!(app.cli(&["institute", "set", "foreign", "--share-with", "third"]).await),
        4 => drop(app.user(&["foreign:clinician", "third:geneticist"]).await),
        5 => {
            let browser = app.signed_in(&["foreign:clinician"]).await;
            let paths = ["/foreign", "/foreign/canaryfam", "/foreign/canaryfam/variants?gene=POT1", "/own/fam"];
            browser.get(paths.choose(random).unwrap()).await;
        }
        _ => {
            let changed = doc! { "$set": { "synopsis": "canary", "cohorts": ["canary"], "status": "solved" } };
            app.tamper("cases", doc! { "institute": "foreign" }, changed).await;
        }
    }
}

/// I5, I6: random work of other institutes, on cases and patients of the same names and on the same variants, changes no
/// answer that people of this one get, whatever their role.
#[tokio::test(flavor = "multi_thread")]
async fn i5_i6_what_others_do_changes_nothing_one_sees() {
    let app = TestApp::start().await;
    for institute in ["own", "foreign", "third"] {
        app.institute(institute).await;
    }
    app.given_case("own", "fam").await;
    app.given_case("foreign", "canaryfam").await;
    let reader = app.signed_in(&["own:clinician"]).await;
    let list = reader.json("/api/v1/own/fam/variants").await;
    let variant = list["variants"][0]["id"].as_str().unwrap().to_owned();
    let mut people = vec![(reader, "clinician")];
    for role in ["geneticist", "researcher", "admin", "auditor"] {
        people.push((app.signed_in(&[&format!("own:{role}")]).await, role));
    }
    let mut before = Vec::new();
    for (browser, role) in &people {
        let pages = everything(browser, &variant).await;
        let most = if matches!(*role, "clinician" | "geneticist") { 40 } else { 10 };
        assert!(pages.len() >= most, "{role}: {} pages", pages.len());
        for (path, text) in &pages {
            let asked = path.contains("canary");
            assert!(asked || !text.to_lowercase().contains("canary"), "{role} reads of it on {path}: {text}");
        }
        before.push(pages);
    }
    for seed in 0..2 {
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0..8 {
            something(&app, &mut random, usize::try_from(seed).unwrap() * 100 + number).await;
        }
        for ((browser, role), before) in people.iter().zip(&before) {
            let after = everything(browser, &variant).await;
            assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{role}, seed {seed}");
            for (path, text) in before {
                assert_eq!(text, &after[path], "{role}, seed {seed}: {path}");
            }
        }
    }
    // It can fail: people of the other institute do see it.
    let other = app.signed_in(&["foreign:clinician"]).await;
    assert!(other.page("/foreign").await.contains("canaryfam"));
    app.end().await;
}
