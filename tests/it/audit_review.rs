//! Auditors see who looked at what, each within their scope; nobody else sees anything; reviewing is recorded too.

use std::time::Duration;

use bson::{Document, doc};
use jiff::SignedDuration;
use lodestone::audit::checkpoint::Checkpoint;
use lodestone::audit::keys::verifier_keys;
use reqwest::StatusCode;
use scraper::{Html, Selector};
use sha2::{Digest as _, Sha256};

use crate::support::{Browser, TestApp, last_entry};

/// Rows of a page's table as text, each cell after a `|`.
fn rows(page: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    let (row, cell) = (Selector::parse("table.cards tbody tr").unwrap(), Selector::parse("td, th").unwrap());
    html.select(&row)
        .map(|row| {
            let cells = row.select(&cell).map(|cell| cell.text().collect::<String>());
            cells.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(" | ")
        })
        .collect()
}

fn link(page: &str, words: &str) -> String {
    let html = Html::parse_document(page);
    html.select(&Selector::parse("main a").unwrap())
        .find(|link| link.text().collect::<String>().trim() == words)
        .unwrap_or_else(|| panic!("a link `{words}`"))
        .attr("href")
        .unwrap()
        .to_owned()
}

async fn settled(app: &TestApp) {
    app.app.audit.flush(Duration::from_secs(5)).await;
}

/// Two institutes with a case each.
async fn two_institutes() -> TestApp {
    let app = TestApp::start().await;
    for (institute, case) in [("own", "fam"), ("foreign", "secret")] {
        app.institute(institute).await;
        app.given_case(institute, case).await;
    }
    app
}

async fn listed(app: &TestApp, auditor: &Browser, query: &str) -> Vec<String> {
    settled(app).await;
    rows(&auditor.page(&format!("/audit?{query}")).await)
}

#[tokio::test]
async fn each_filter_is_true_on_real_requests() {
    let app = two_institutes().await;
    let kim = app.user(&["own:clinician"]).await;
    let browser = app.browser_of(&kim).await;
    for path in [
        "/own/fam",
        "/own/fam/variants?gene=pot1",
        "/own/fam/variants.csv",
        "/own/nothing",
        "/own/fam/find?q=7:124491972",
    ] {
        browser.get(path).await;
        app.wait(SignedDuration::from_secs(1));
    }
    app.signed_in(&["foreign:clinician"]).await.get("/foreign/secret").await;
    let auditor = app.confirmed_as(&["system:auditor"]).await;
    let has = |rows: &[String], words: &[&str]| {
        assert_eq!(rows.len(), words.len(), "{rows:#?}");
        for (row, words) in rows.iter().zip(words) {
            assert!(row.contains(words), "{row} has `{words}`");
        }
    };
    let query = |name: &str, value: &str| serde_urlencoded::to_string([(name, value)]).unwrap();
    has(
        &listed(&app, &auditor, &query("action", "GET /{institute}/{case}")).await,
        &["opened case", "opened case", "opened case"],
    );
    has(&listed(&app, &auditor, &query("action", "/{institute}/{case}/variants")).await, &["listed variants"]);
    has(&listed(&app, &auditor, &query("action", "load case")).await, &["loaded a case", "loaded a case"]);
    has(&listed(&app, &auditor, "exports=1").await, &["exported variants as CSV"]);
    has(&listed(&app, &auditor, "outcome=denied").await, &["| nothing not granted own |"]);
    has(
        &listed(
            &app,
            &auditor,
            "case=secret&outcome=success&institute=foreign&action=GET+%2F%7Binstitute%7D%2F%7Bcase%7D",
        )
        .await,
        &["secret"],
    );
    has(&listed(&app, &auditor, "asked=POT1").await, &["gene POT1"]);
    has(&listed(&app, &auditor, "asked=chr7%3A124%2C491%2C972").await, &["region 7:124491972"]);
    for person in [kim.id.as_str(), kim.email.as_str()] {
        let of_kim = listed(&app, &auditor, &query("person", person)).await;
        has(&of_kim, &["looked for a variant", "opened case", "exported", "listed variants", "opened case"]);
    }
    assert!(listed(&app, &auditor, "person=ann+exa").await.len() >= 6, "a part of a name");
    assert!(listed(&app, &auditor, "person=nobody").await.is_empty());
    assert!(listed(&app, &auditor, "address=127.0.0.1&outcome=denied").await.len() == 1);
    assert!(listed(&app, &auditor, "address=10.9.8.7").await.is_empty());
    assert!(listed(&app, &auditor, "from=2036-03-05").await.is_empty());
    assert!(listed(&app, &auditor, "to=2036-03-03&outcome=success&person=ann").await.is_empty());
    assert!(listed(&app, &auditor, "from=2036-03-04&to=2036-03-04&person=ann").await.len() >= 6);
    for (query, field) in
        [("nonsense=1", "nonsense"), ("outcome=well", "outcome"), ("from=x", "from"), ("case=a&case=b", "case")]
    {
        let refused = auditor.get(&format!("/audit?{query}")).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(refused.text().await.unwrap().contains(&format!("<code>{field}</code>")), "{query}");
    }
    app.end().await;
}

#[tokio::test]
async fn who_opened_a_case_and_what_a_person_did_are_a_click_away() {
    let app = two_institutes().await;
    let kim = app.signed_in(&["own:clinician"]).await;
    for _ in 0..3 {
        kim.page("/own/fam").await;
        app.wait(SignedDuration::from_mins(1));
    }
    kim.page("/own/fam/variants.csv").await;
    app.wait(SignedDuration::from_hours(24));
    let gita = app.signed_in(&["own:geneticist"]).await;
    gita.page("/own/fam").await;
    settled(&app).await;
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    let start = auditor.page("/audit").await;
    let opened = auditor.page(&link(&start, "fam")).await;
    assert!(opened.contains("Who opened case fam"));
    let people = rows(&opened);
    let browsers: Vec<&String> = people.iter().filter(|row| row.starts_with("Ann Example")).collect();
    assert_eq!(browsers.len(), 2, "{people:#?}");
    assert_eq!(browsers[0], "Ann Example | geneticist | 1 | 2036-03-05 05:09:07 | 2036-03-05 05:09:07 | 0 | 0");
    assert_eq!(browsers[1], "Ann Example | clinician | 4 | 2036-03-04 05:06:07 | 2036-03-04 05:09:07 | 1 | 0");
    let person = Html::parse_document(&opened);
    let to_person = person.select(&Selector::parse("tbody tr:nth-child(2) th a").unwrap()).next().unwrap();
    let did = auditor.page(to_person.attr("href").unwrap()).await;
    assert!(did.contains("What Ann Example did"));
    let days = rows(&did);
    assert_eq!(days.len(), 1, "{days:#?}");
    assert!(
        days[0].starts_with("2036-03-04 | fam own | opened case 3 × exported variants as CSV | 4 |"),
        "{}",
        days[0]
    );
    app.end().await;
}

#[tokio::test]
async fn an_intent_without_outcome_is_shown() {
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    assert!(listed(&app, &auditor, "outcome=never_ended").await.is_empty());
    let entries = app.audit_entries().await;
    let mut cut_off = last_entry(&entries, "intent", "/{institute}/{case}");
    cut_off.insert("_id", "killed-000000000009");
    cut_off.insert("log_id", "killed");
    cut_off.insert("request_id", "cut off");
    app.insert("audit", &cut_off).await;
    app.wait(SignedDuration::from_mins(5));
    for query in ["outcome=never_ended", "case=fam&outcome=never_ended", "institute=own&outcome=never_ended"] {
        let found = listed(&app, &auditor, query).await;
        assert_eq!(found.len(), 1, "{query}: {found:#?}");
        assert!(found[0].contains("not signed in | opened case") && found[0].contains("never ended"), "{}", found[0]);
    }
    let all = listed(&app, &auditor, "case=fam").await;
    assert_eq!(all.iter().filter(|row| row.contains("never ended")).count(), 1, "{all:#?}");
    let foreign = app.confirmed_as(&["foreign:auditor"]).await;
    assert!(listed(&app, &foreign, "outcome=never_ended").await.is_empty());
    assert_eq!(foreign.get("/audit/entries/killed-000000000009").await.status(), StatusCode::NOT_FOUND);
    assert!(auditor.page("/audit/entries/killed-000000000009").await.contains("never ended"));
    app.end().await;
}

/// The body without what is made anew for each request.
async fn masked(browser: &Browser, path: &str) -> String {
    let response = browser.get(path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let nonce = response
        .headers()
        .get("content-security-policy")
        .and_then(|policy| policy.to_str().unwrap().split("'nonce-").nth(1))
        .map(|rest| rest.split('\'').next().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let text = nonce.map_or(text.clone(), |nonce| text.replace(&nonce, "NONCE"));
    // Checkpoints cover whole logs, whoever wrote in them; that an export carries one is asked for.
    text.lines().filter(|line| !line.contains("trailer")).collect::<Vec<_>>().join("\n")
}

/// Only institute B's entries change; every byte that an auditor of A sees stays the same.
#[tokio::test]
async fn what_another_institute_does_changes_nothing_an_auditor_sees() {
    let app = two_institutes().await;
    let kim = app.user(&["own:clinician"]).await;
    let browser = app.browser_of(&kim).await;
    for path in ["/own/fam", "/own/fam/variants?gene=POT1", "/own/nothing"] {
        browser.get(path).await;
        app.wait(SignedDuration::from_mins(7));
    }
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    settled(&app).await;
    let entry = app
        .audit_entries()
        .await
        .iter()
        .find(|entry| {
            entry.get_str("kind").is_ok_and(|text| text == "outcome")
                && entry.get_str("institute").is_ok_and(|text| text == "own")
                && entry.contains_key("request")
        })
        .unwrap()
        .get_str("_id")
        .unwrap()
        .to_owned();
    let mut pages: Vec<String> = [
        "case=fam",
        "case=secret",
        "case=fam&group=person",
        "case=fam&group=day",
        "asked=POT1",
        "outcome=denied",
        "person=ann&action=GET+%2F%7Binstitute%7D%2F%7Bcase%7D",
        "institute=foreign",
        "outcome=never_ended",
    ]
    .iter()
    .flat_map(|query| {
        [format!("/audit?{query}"), format!("/audit/export.csv?{query}"), format!("/audit/export.ndjson?{query}")]
    })
    .collect();
    pages.push(format!("/audit?person={}", kim.id));
    pages.push(format!("/audit/entries/{entry}"));
    let mut before = Vec::new();
    for page in &pages {
        before.push(masked(&auditor, page).await);
    }
    let noor = app.signed_in(&["foreign:clinician", "foreign:geneticist"]).await;
    for path in [
        "/foreign/secret",
        "/foreign/secret/variants?gene=POT1",
        "/foreign/fam",
        "/own/fam",
        "/foreign/secret/variants.csv",
    ] {
        noor.get(path).await;
    }
    app.confirmed_as(&["system:auditor"]).await.page("/audit?case=secret").await;
    let template = app
        .audit_entries()
        .await
        .into_iter()
        .rfind(|entry| {
            entry.get_str("kind").is_ok_and(|text| text == "outcome")
                && entry.get_str("institute").is_ok_and(|text| text == "foreign")
        })
        .unwrap();
    let started = app.clock.now().as_millisecond();
    let (mut dense, mut checkpoints) = (Vec::new(), Vec::new());
    for number in 0..2_500_i64 {
        let at = bson::DateTime::from_millis(started - number * 500);
        let mut entry = template.clone();
        entry.insert("_id", format!("dense-{number:012}"));
        entry.insert("log_id", "dense");
        entry.insert("seq", number);
        entry.insert("request_id", format!("dense {number}"));
        entry.insert("occurred_at", at);
        dense.push(entry);
        checkpoints.push(doc! { "_id": format!("dense-{number}"), "log_id": "dense", "size": number, "note": "", "at": at, "entries": 900_i64 });
    }
    app.insert_many("audit", &dense).await;
    app.insert_many("audit_checkpoints", &checkpoints).await;
    for (page, before) in pages.iter().zip(before) {
        assert_eq!(masked(&auditor, page).await, before, "{page}");
    }
    // The auditor's own questions name it; what others did does not.
    let opened = auditor.page("/audit?action=%2F%7Binstitute%7D%2F%7Bcase%7D").await;
    let rows = crate::sharing::texts(&opened, "tbody td").concat();
    assert!(rows.contains("fam") && !rows.contains("secret"), "{rows}");
    app.end().await;
}

/// A refusal concerns the institute whose member was refused, and nobody else but the system's auditors.
#[tokio::test]
async fn refusals_are_seen_by_those_concerned() {
    let app = two_institutes().await;
    app.signed_in(&["own:admin"]).await.get("/own/fam").await;
    app.signed_in(&["foreign:clinician"]).await.get("/own/fam").await;
    let (own, foreign) = (app.confirmed_as(&["own:auditor"]).await, app.confirmed_as(&["foreign:auditor"]).await);
    let system = app.confirmed_as(&["system:auditor"]).await;
    let refused = "outcome=denied&action=GET+%2F%7Binstitute%7D%2F%7Bcase%7D";
    assert_eq!(listed(&app, &own, refused).await.len(), 1);
    assert_eq!(listed(&app, &foreign, refused).await.len(), 0);
    assert_eq!(listed(&app, &system, refused).await.len(), 2);
    app.end().await;
}

/// L14: no route changes an entry; what auditors may send changes openings and views only.
#[tokio::test]
async fn no_route_edits_or_deletes_entries() {
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let auditor = app.confirmed_as(&["system:auditor"]).await;
    let csrf = auditor.csrf("/audit").await;
    let before = app.audit_entries().await;
    let entry = before.last().unwrap().get_str("_id").unwrap().to_owned();
    for path in ["/audit".to_owned(), format!("/audit/entries/{entry}"), format!("/audit/entries/{entry}/delete")] {
        let status = auditor.post(&path, &[("csrf", &csrf)]).await.status();
        assert!(matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND), "{path}: {status}");
    }
    let changing: Vec<&str> = lodestone::app::routes()
        .table()
        .iter()
        .filter(|route| route.method != "GET" && route.path.starts_with("/audit"))
        .map(|route| route.path)
        .collect();
    let beside = |path: &&str| {
        ["/opening", "/views", "/review", "/erasures", "/redactions"].iter().any(|what| path.contains(what))
    };
    assert!(changing.iter().all(beside), "{changing:?}");
    let reason = "because a patient complained";
    for (path, form) in [
        (format!("/audit/entries/{entry}/opening"), vec![("csrf", csrf.as_str()), ("reason", reason)]),
        ("/audit/views".to_owned(), vec![("csrf", csrf.as_str()), ("name", "mine"), ("query", "")]),
        (
            "/audit/erasures".to_owned(),
            vec![
                ("csrf", csrf.as_str()),
                ("institute", "own"),
                ("case", "fam"),
                ("legal_basis", "a law and a decision"),
            ],
        ),
    ] {
        assert_eq!(auditor.post(&path, &form).await.status(), StatusCode::SEE_OTHER, "{path}");
    }
    // An erasure that a second auditor agrees to erases nothing by itself.
    let erasures = app.documents("audit_erasures", doc! {}).await;
    let second = app.confirmed_as(&["system:auditor"]).await;
    let csrf = second.csrf("/audit/erasures").await;
    let agree = format!("/audit/erasures/{}/agree", erasures[0].get_str("_id").unwrap());
    assert_eq!(second.post(&agree, &[("csrf", &csrf), ("rev", "1")]).await.status(), StatusCode::SEE_OTHER);
    let after = app.audit_entries().await;
    for entry in &before {
        assert!(after.contains(entry), "{entry:?} stayed as it was");
    }
    app.end().await;
}

/// L15: reading the log is logged; an export carries its rows, hash and checkpoint, and is an entry with its rows.
#[tokio::test]
async fn reviewing_is_recorded_and_exports_end_with_proof() {
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    settled(&app).await;
    auditor.page("/audit?case=fam&group=person").await;
    let csv = auditor.page("/audit/export.csv?case=fam").await;
    let ndjson = auditor.page("/audit/export.ndjson?case=fam").await;
    let entries = app.audit_entries().await;
    let outcome = |route: &str| last_entry(&entries, "outcome", route);
    let review = outcome("/audit");
    assert_eq!(review.get_str("institute").unwrap(), "own");
    let subjects = format!("{:?}", review.get_document("payload").unwrap().get_array("subjects").unwrap());
    assert!(subjects.contains("reviewed_case") && subjects.contains("fam"), "{subjects}");
    assert_eq!(outcome("/audit/export.csv").get_str("exported").unwrap(), "csv");
    let exported = outcome("/audit/export.ndjson");
    assert_eq!(exported.get_str("exported").unwrap(), "ndjson");

    let keys = verifier_keys(&app.folder().join("keys")).unwrap();
    let (body, last) = ndjson.trim_end().rsplit_once('\n').unwrap();
    let trailer: serde_json::Value = serde_json::from_str(last).unwrap();
    let trailer = &trailer["trailer"];
    let count = body.lines().count();
    assert_eq!(trailer["rows"].as_u64().unwrap(), count as u64);
    assert_eq!(exported.get_i64("rows").unwrap(), i64::try_from(count).unwrap());
    let hash = |text: &str| data_encoding::HEXLOWER.encode(&Sha256::digest(text));
    assert_eq!(trailer["sha256"].as_str().unwrap(), hash(&format!("{body}\n")));
    Checkpoint::open(trailer["notes"][0].as_str().unwrap(), &keys).unwrap();

    let (body, last) = csv.trim_end().rsplit_once("\r\n").unwrap();
    assert!(last.starts_with("trailer,"), "{last}");
    assert!(last.contains(&format!("rows {}", body.lines().count() - 1)), "{last}");
    assert!(last.contains(&format!("sha256 {}", hash(&format!("{body}\r\n")))), "{last}");
    assert!(last.contains("checkpoint lodestone/audit/"), "{last}");
    assert!(body.lines().skip(1).all(|line| line.contains("fam")), "{body}");
    app.end().await;
}

/// S17: what leaves the trail, or is decided about it, takes a fresh code; looking does not.
#[tokio::test]
async fn s17_exports_and_decisions_take_a_fresh_code() {
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let auditor = app.signed_in(&["own:auditor"]).await;
    let page = auditor.page("/audit?case=fam").await;
    assert!(page.contains("/audit/export.csv"));
    for path in ["/audit/export.csv?case=fam", "/audit/export.ndjson?case=fam"] {
        let asked = auditor.get(path).await;
        assert_eq!(asked.status(), StatusCode::SEE_OTHER, "{path}");
        let to = asked.headers()["location"].to_str().unwrap();
        assert!(to.starts_with("/account/confirm?class=administration&to=%2Faudit%2Fexport."), "{to}");
    }
    let entry = app.audit_entries().await.last().unwrap().get_str("_id").unwrap().to_owned();
    let csrf = auditor.csrf("/audit").await;
    let csrf = csrf.as_str();
    let reason = "because a patient complained";
    let erasure = [("institute", "own"), ("case", "fam"), ("legal_basis", reason), ("csrf", csrf)];
    let opening = format!("/audit/entries/{entry}/opening");
    for (path, form) in [
        ("/audit/erasures", erasure.as_slice()),
        ("/audit/erasures/none/agree", &[("rev", "1"), ("csrf", csrf)]),
        (&opening, &[("reason", reason), ("csrf", csrf)]),
        (&format!("{opening}/agree"), &[("opening", "none"), ("rev", "1"), ("csrf", csrf)]),
    ] {
        let asked = auditor.post(path, form).await;
        assert_eq!(asked.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(asked.text().await.unwrap().contains("/account/confirm?class=administration"), "{path}");
    }
    assert!(app.documents("audit_erasures", doc! {}).await.is_empty());
    assert!(app.documents("audit_openings", doc! {}).await.is_empty());
    app.end().await;
}

#[tokio::test]
async fn sealed_text_is_opened_by_two() {
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.get("/own/fam/variants?find=Kid+Surname").await;
    let entry = {
        let entries = app.audit_entries().await;
        let of = |entry: &&Document| {
            entry.get_str("kind").is_ok_and(|text| text == "outcome")
                && entry.get_document("request").is_ok_and(|request| {
                    request.get_str("route").is_ok_and(|text| text == "/{institute}/{case}/variants")
                })
        };
        entries.iter().rfind(of).unwrap().get_str("_id").unwrap().to_owned()
    };
    let page = format!("/audit/entries/{entry}");
    let (ask, agree) = (format!("{page}/opening"), format!("{page}/opening/agree"));
    let [one, other, third] = [
        app.confirmed_as(&["own:auditor"]).await,
        app.confirmed_as(&["own:auditor"]).await,
        app.confirmed_as(&["system:auditor"]).await,
    ];
    let foreign = app.confirmed_as(&["foreign:auditor"]).await;
    let csrf = one.csrf(&page).await;
    assert_eq!(
        one.post(&ask, &[("csrf", &csrf), ("reason", "short")]).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let reason = ("reason", "a patient complained in writing");
    assert_eq!(one.post(&ask, &[reason]).await.status(), StatusCode::FORBIDDEN, "no token");
    assert_eq!(one.post(&ask, &[("csrf", &csrf), reason]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        one.post(&ask, &[("csrf", &csrf), reason]).await.status(),
        StatusCode::SEE_OTHER,
        "asking twice is once"
    );
    let openings = app.documents("audit_openings", doc! {}).await;
    assert_eq!(openings.len(), 1);
    let id = openings[0].get_str("_id").unwrap();
    let form = |csrf: &str| vec![("csrf", csrf.to_owned()), ("opening", id.to_owned()), ("rev", "1".to_owned())];
    let send = async |browser: &Browser, csrf: &str| {
        let form = form(csrf);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(&agree, &form).await.status()
    };
    assert_eq!(send(&one, &csrf).await, StatusCode::FORBIDDEN, "one person alone opens nothing");
    let foreign_csrf = foreign.csrf("/audit").await;
    assert_eq!(send(&foreign, &foreign_csrf).await, StatusCode::NOT_FOUND);
    assert!(other.page("/audit").await.contains("waits for your agreement"));
    assert!(!foreign.page("/audit").await.contains("waits for"));
    for browser in [&one, &other, &third] {
        assert!(!browser.page(&page).await.contains("Surname"), "nothing is open yet");
    }
    let other_csrf = other.csrf(&page).await;
    assert_eq!(send(&other, &other_csrf).await, StatusCode::SEE_OTHER);
    assert_eq!(send(&other, &other_csrf).await, StatusCode::CONFLICT, "once");
    for (browser, reads) in [(&one, true), (&other, true), (&third, false)] {
        assert_eq!(browser.page(&page).await.contains("find=Kid+Surname"), reads);
    }
    let read =
        app.audit_entries().await.iter().filter(|entry| format!("{entry:?}").contains("reviewed_sealed_text")).count();
    assert_eq!(read, 2, "each reading is recorded");
    assert!(!format!("{:?}", app.audit_entries().await).contains("Surname"));
    for _ in 0..3 {
        app.wait(SignedDuration::from_mins(20));
        one.page("/audit/notice").await;
    }
    crate::sharing::send(&one, "/account/roles/enter", &[("role", "own:auditor")]).await;
    assert!(!one.page(&page).await.contains("Surname"), "an hour later it is sealed again");
    app.end().await;
}

#[tokio::test]
async fn views_are_kept_for_their_owner() {
    let app = two_institutes().await;
    let (auditor, other) = (app.confirmed_as(&["own:auditor"]).await, app.confirmed_as(&["own:auditor"]).await);
    let csrf = auditor.csrf("/audit").await;
    let add = async |name: &str, query: &str| {
        auditor.post("/audit/views", &[("csrf", &csrf), ("name", name), ("query", query)]).await.status()
    };
    assert_eq!(add("refusals", "outcome=denied&live=1&before=2036-01-01T00:00:00Z").await, StatusCode::SEE_OTHER);
    assert_eq!(add("refusals", "").await, StatusCode::UNPROCESSABLE_ENTITY, "the name is taken");
    assert_eq!(add(" ", "").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(add("bad", "outcome=well").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(link(&auditor.page("/audit").await, "refusals"), "/audit?outcome=denied");
    assert!(!other.page("/audit").await.contains("refusals"));
    let id = app.documents("audit_views", doc! {}).await[0].get_str("_id").unwrap().to_owned();
    let delete = format!("/audit/views/{id}/delete");
    let other_csrf = other.csrf("/audit").await;
    assert_eq!(other.post(&delete, &[("csrf", &other_csrf)]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(auditor.post(&delete, &[("csrf", &csrf)]).await.status(), StatusCode::SEE_OTHER);
    assert!(!auditor.page("/audit").await.contains("refusals"));
    app.end().await;
}

/// Outcomes like the last one of institute `own`, from a log of their own, at these moments (Unix milliseconds).
async fn add_outcomes(app: &TestApp, count: i64, at: impl Fn(i64) -> i64) {
    let like = |entry: &bson::Document| {
        entry.get_str("kind").is_ok_and(|text| text == "outcome")
            && entry.get_str("institute").is_ok_and(|text| text == "own")
            && entry.contains_key("request")
    };
    let template = app.audit_entries().await.into_iter().rfind(like).unwrap();
    let one = |number: i64| {
        let mut entry = template.clone();
        entry.insert("_id", format!("many-{number:012}"));
        entry.insert("log_id", "many");
        entry.insert("seq", number);
        entry.insert("request_id", format!("many {number}"));
        entry.insert("occurred_at", bson::DateTime::from_millis(at(number)));
        entry
    };
    app.insert_many("audit", &(0..count).map(one).collect::<Vec<_>>()).await;
}

/// However much happened long ago in a time of which nothing is known, it is not read at once.
#[tokio::test]
async fn what_is_read_at_once_is_bounded() {
    use mongodb::event::command::CommandEvent;
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    let long_ago = app.clock.now().as_millisecond() - 40 * 86_400_000;
    add_outcomes(&app, 12_000, |number| long_ago - number * 300).await;
    settled(&app).await;
    let until = jiff::Timestamp::from_millisecond(long_ago).unwrap().strftime("%F");
    let (page, wire) = app.wire_during(auditor.page(&format!("/audit?case=fam&to={until}"))).await;
    assert_eq!(rows(&page).len(), 100);
    for newest in ["many-000000000000", "many-000000000099"] {
        assert!(page.contains(newest), "{newest}");
    }
    let read: Vec<usize> = wire
        .iter()
        .filter_map(|event| match event {
            CommandEvent::Succeeded(answer) => answer.reply.get_document("cursor").ok(),
            _ => None,
        })
        .map(|cursor| cursor.get_array("firstBatch").or(cursor.get_array("nextBatch")).unwrap().len())
        .collect();
    assert!(read.iter().all(|read| *read <= 5_001), "{read:?}");
    assert!(read.iter().sum::<usize>() <= 12_000, "{read:?}");
    app.end().await;
}

/// Windows follow each other without a gap or a row twice, and each is read by a few queries over bounded time.
#[tokio::test]
async fn windows_are_bounded_and_complete() {
    let app = two_institutes().await;
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let auditor = app.confirmed_as(&["own:auditor"]).await;
    // Three at each moment, so that pages end between moments.
    let started = app.clock.now().as_millisecond() - 86_400_000;
    add_outcomes(&app, 350, |number| started - number / 3 * 60_000).await;
    let mut seen = Vec::new();
    let mut url = "/audit?case=fam&to=2036-03-03".to_owned();
    let mut urls = Vec::new();
    loop {
        settled(&app).await;
        let (page, queries) = app.queries_during("audit", auditor.page(&url)).await;
        assert!(queries.len() <= 12 && !queries.contains(&"getMore".to_owned()), "{queries:?}");
        let html = Html::parse_document(&page);
        let entry = Selector::parse("tbody a.row-link").unwrap();
        let found: Vec<String> = html.select(&entry).map(|link| link.attr("href").unwrap().to_owned()).collect();
        assert!(found.len() <= 103, "{}", found.len());
        seen.extend(found);
        urls.push(url);
        match html.select(&Selector::parse("a[rel=next]").unwrap()).next() {
            Some(next) => url = next.attr("href").unwrap().to_owned(),
            None => break,
        }
        assert!(urls.len() < 10);
    }
    let of_many: Vec<&String> = seen.iter().filter(|url| url.contains("many")).collect();
    assert_eq!(of_many.len(), 350, "each once, over {} pages", urls.len());
    let mut distinct = of_many.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 350);
    let back = auditor.page(&link(&auditor.page(&urls[2]).await, "‹ Newer")).await;
    assert!(rows(&back).len() >= 100, "the way back shows rows too");
    app.end().await;
}

#[tokio::test]
async fn staff_are_told_what_is_recorded() {
    let app = two_institutes().await;
    let clinician = app.signed_in(&["own:clinician"]).await;
    assert!(clinician.page("/own").await.contains("href=\"/audit/notice\""));
    assert!(!clinician.page("/own").await.contains("href=\"/audit\""));
    let notice = clinician.page("/audit/notice").await;
    for words in ["What is recorded", "What is not recorded", "Why", "How long", "Who may look", "Legal bases"] {
        assert!(notice.contains(words), "{words}");
    }
    assert_eq!(app.stranger().get("/audit/notice").await.status(), StatusCode::SEE_OTHER);
    assert!(app.confirmed_as(&["own:auditor"]).await.page("/").await.contains("href=\"/audit\""));
    app.end().await;
}
