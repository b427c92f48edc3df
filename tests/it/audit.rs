//! Every request leaves an intent and an outcome; nothing secret or clinical gets into them.

use std::collections::BTreeMap;

use bson::Document;
use reqwest::StatusCode;

use crate::support::{TestApp, last_entry};

fn text(entry: &Document, field: &str) -> String {
    entry.get_str(field).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn each_request_has_one_intent_and_one_outcome() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    for path in
        ["/own", "/own/fam", "/own/fam/variants", "/own/nothing", "/own/fam/variants?page=x", "/nowhere/at/all/here"]
    {
        browser.get(path).await;
    }
    let csrf = browser.csrf("/own").await;
    browser.post("/logout", &[("csrf", &csrf)]).await;
    let entries: Vec<Document> =
        app.audit_entries().await.into_iter().filter(|entry| entry.get_document("request").is_ok()).collect();
    let mut by_request: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in &entries {
        by_request.entry(text(entry, "request_id")).or_default().push(text(entry, "kind"));
    }
    assert_eq!(by_request.len(), 8);
    for kinds in by_request.values() {
        assert_eq!(kinds, &["intent", "outcome"]);
    }
    app.end().await;
}

#[tokio::test]
async fn a_refused_read_names_what_it_asked_for() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    app.given_case("foreign", "secret").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    assert_eq!(browser.get("/foreign/secret").await.status(), StatusCode::NOT_FOUND);
    let entries = app.audit_entries().await;
    let of = |kind: &str| last_entry(&entries, kind, "/{institute}/{case}");
    let (intent, outcome) = (of("intent"), of("outcome"));
    for entry in [&intent, &outcome] {
        let subjects: Vec<(String, String, bool)> = entry
            .get_document("payload")
            .unwrap()
            .get_array("subjects")
            .unwrap()
            .iter()
            .map(|subject| {
                let subject = subject.as_document().unwrap();
                (text(subject, "kind"), text(subject, "id"), subject.get_bool("granted").unwrap())
            })
            .collect();
        assert!(subjects.contains(&("institute".into(), "foreign".into(), false)), "{subjects:?}");
        assert!(subjects.contains(&("case".into(), "secret".into(), false)), "{subjects:?}");
    }
    assert_eq!(text(&outcome, "outcome"), "denied");
    let agent = outcome.get_document("agent").unwrap();
    assert_eq!(text(agent, "name"), "Ann Example");
    assert!(agent.get_str("role").is_err(), "no role opened a door");
    assert!(
        outcome.get_str("institute").is_err(),
        "a refused read is no business of the other institute's auditors by this field"
    );
    // Nor is looking for its list of cases, while a member's refused look at their own institute is.
    assert_eq!(browser.get("/foreign").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(app.signed_in(&["foreign:researcher"]).await.get("/foreign").await.status(), StatusCode::NOT_FOUND);
    let entries = app.audit_entries().await;
    let looked = entries.iter().filter(|entry| {
        let is_list = |request: &bson::Document| request.get_str("route").is_ok_and(|route| route == "/{institute}");
        text(entry, "kind") == "outcome" && entry.get_document("request").is_ok_and(is_list)
    });
    let concerned: Vec<Option<&str>> = looked.map(|entry| entry.get_str("institute").ok()).collect();
    assert_eq!(concerned, [None, Some("foreign")]);
    app.end().await;
}

#[tokio::test]
async fn a_read_says_who_saw_how_many_rows_of_what() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    browser.page("/own/fam/variants").await;
    browser.page("/own/fam/variants.csv").await;
    let entries = app.audit_entries().await;
    let outcome = |route: &str| last_entry(&entries, "outcome", route);
    let seen = outcome("/{institute}/{case}/variants");
    assert_eq!(seen.get_i64("rows").unwrap(), 3);
    assert_eq!(text(&seen, "institute"), "own");
    assert_eq!(seen.get_i32("status").unwrap(), 200);
    assert!(seen.get_i64("duration_us").unwrap() > 0);
    let agent = seen.get_document("agent").unwrap();
    assert!(agent.get_str("user").is_ok());
    assert_eq!(text(agent, "role"), "clinician");
    assert_eq!(text(&outcome("/{institute}/{case}/variants.csv"), "exported"), "csv");
    app.end().await;
}

/// L2: cookies, tokens and free text stay out; genes and regions asked for are in clear, so that snooping is seen.
#[tokio::test]
async fn no_secret_and_no_clinical_value_gets_into_the_trail() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    let token = app
        .app
        .tokens
        .create(&user.id, &"own".parse().unwrap(), lodestone::auth::TokenScope::Read, 1, app.clock.now())
        .await
        .unwrap();
    let client = reqwest::Client::new();
    client
        .get(format!("{}/own/fam/variants?gene=POT1&region=7:1-9&find=Givenname+Surname", app.origin))
        .header("x-note", "Givenname Surname")
        .header("cookie", format!("__Host-sid={session}"))
        .send()
        .await
        .unwrap();
    app.stranger().with_token("/api/v1/own/fam", &token).await;
    app.stranger().get("/auth/demo?token=geheim").await;
    let trail = format!("{:?}", app.audit_entries().await);
    for secret in [session.as_str(), &token, "geheim", "Givenname", "Surname", "124491972"] {
        assert!(!trail.contains(secret), "{secret}");
    }
    for clear in ["POT1", "7:1-9", "present"] {
        assert!(trail.contains(clear), "{clear}");
    }
    app.end().await;
}

#[tokio::test]
async fn the_sequence_of_a_process_has_no_gaps() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    for _ in 0..6 {
        let requests = (0..10).map(|_| browser.get("/own"));
        futures::future::join_all(requests).await;
    }
    let mut by_log: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for entry in app.audit_entries().await {
        by_log.entry(text(&entry, "log_id")).or_default().push(entry.get_i64("seq").unwrap());
    }
    assert!(by_log.values().any(|log| log.len() >= 120));
    for log in by_log.values_mut() {
        log.sort_unstable(); // entries are numbered in the order they are written, not in that of their times
        assert_eq!(*log, (0..i64::try_from(log.len()).unwrap()).collect::<Vec<_>>());
    }
    app.end().await;
}

#[tokio::test]
async fn each_command_leaves_an_entry() {
    let app = TestApp::start().await;
    app.institute("own").await;
    assert!(!app.cli(&["case", "delete", "nobody"]).await);
    let commands: Vec<(String, String)> = app
        .audit_entries()
        .await
        .iter()
        .filter(|entry| entry.contains_key("command"))
        .map(|entry| (text(entry, "command"), text(entry, "outcome")))
        .collect();
    assert_eq!(
        commands,
        [("institute add".to_owned(), "success".to_owned()), ("case delete".to_owned(), "client_error".to_owned())]
    );
    app.end().await;
}

/// L1: every route, asked by a stranger and by a clinician, leaves one intent and one outcome under its template, with
/// the subject its path names; those that leave none are counted in a summary.
#[tokio::test]
async fn every_route_leaves_its_entries() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let clinician = app.signed_in(&["own:clinician"]).await;
    let stranger = app.stranger();
    for route in lodestone::app::routes().table() {
        let unrecorded = matches!(route.path, "/healthz" | "/readyz" | "/favicon.ico" | "/static/{*file}");
        let path = route
            .path
            .replace("{institute}", "own")
            .replace("{case}", "fam")
            .replace("{id}", "nothing")
            .replace("{flag}", "nothing");
        for browser in [&stranger, &clinician] {
            let before = app.audit_entries().await;
            match route.method.as_str() {
                "POST" => drop(browser.post(&path, &[]).await),
                "PUT" => drop(browser.send_json("PUT", &path, &serde_json::json!({}), &[]).await),
                _ => drop(browser.get(&path).await),
            }
            let after = app.audit_entries().await;
            let known: Vec<&str> = before.iter().map(|entry| entry.get_str("_id").unwrap()).collect();
            let mut new: Vec<&Document> =
                after.iter().filter(|entry| !known.contains(&entry.get_str("_id").unwrap())).collect();
            new.sort_by_key(|entry| entry.get_i64("seq").unwrap());
            let kinds: Vec<String> =
                new.iter().map(|entry| text(entry, "kind")).filter(|kind| kind != "opened").collect();
            if unrecorded {
                assert_eq!(kinds, ["summary"], "{}", route.path);
                continue;
            }
            assert_eq!(kinds, ["intent", "outcome"], "{} {}", route.method, route.path);
            for entry in new.iter().filter(|entry| text(entry, "kind") != "opened") {
                let request = entry.get_document("request").unwrap();
                assert_eq!(text(request, "route"), route.path);
                assert_eq!(text(request, "method"), route.method.as_str());
                if route.path.contains("{institute}") && text(entry, "kind") == "intent" {
                    let payload = format!("{:?}", entry.get_document("payload").unwrap());
                    assert!(payload.contains("institute") && payload.contains("own"), "{payload}");
                }
            }
        }
    }
    app.end().await;
}

/// L17: the sequence goes on when the clock jumps back, and the entry says so.
#[tokio::test]
async fn a_clock_that_goes_back_is_marked() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    browser.get("/own").await;
    app.clock.advance(jiff::SignedDuration::from_mins(-10));
    browser.get("/own").await;
    browser.get("/own").await;
    let entries = app.audit_entries().await;
    let marked: Vec<_> = entries.iter().filter(|entry| entry.get_bool("clock_regressed").unwrap_or(false)).collect();
    assert_eq!(marked.len(), 1, "only the first entry after the jump");
    app.end().await;
}
