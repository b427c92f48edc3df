//! What holds for every answer: headers, error pages, ids, limits, the API's description.

use std::collections::BTreeSet;

use reqwest::StatusCode;

use crate::support::TestApp;

const PATHS: [&str; 12] = [
    "/",
    "/own",
    "/own/fam",
    "/own/fam/variants",
    "/own/fam/variants.csv",
    "/nowhere",
    "/own/nothing",
    "/login",
    "/healthz",
    "/api/v1/own/fam",
    "/api/v1/own/nothing",
    "/own/fam/variants?page=x",
];

async fn ready() -> TestApp {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    app
}

/// S10
#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let mut nonces = BTreeSet::new();
    for path in PATHS {
        let response = browser.get(path).await;
        let header = |name: &str| {
            response.headers().get(name).unwrap_or_else(|| panic!("{name} on {path}")).to_str().unwrap().to_owned()
        };
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert!(nonces.insert(policy), "each answer has a nonce of its own");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(!header("permissions-policy").is_empty());
        assert!(response.headers().get("access-control-allow-origin").is_none(), "{path}");
        assert!(response.headers().get("server").is_none(), "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn static_files_are_immutable_and_named_by_content() {
    let app = TestApp::start().await;
    let stranger = app.stranger();
    let icon = lodestone::web::asset("icon.svg");
    let response = stranger.get(icon).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "image/svg+xml");
    assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(stranger.get("/static/icon.svg").await.status(), StatusCode::NOT_FOUND, "only the hashed name");
    assert_eq!(stranger.get("/static/..%2fCargo.toml").await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}

/// D10, I15: hostile paths end in a plain "not found" that tells nothing.
#[tokio::test]
async fn error_answers_tell_nothing_about_the_inside() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let long = "x".repeat(9_000);
    for path in [
        "/own/..%2f..%2fetc",
        "/own/%00",
        "/own/fam/variants/$ne",
        "/own/fam/variants/[]",
        "/own/fam/variants/%F0%9F%98%80",
        "/OWN",
        "/own.",
        "/own/fam/variants/AAAAAAAAAAAAAAAAAAAAAAAAAA",
        &format!("/own/{long}"),
    ] {
        let response = browser.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{}", &path[..path.len().min(60)]);
        let text = response.text().await.unwrap();
        for inside in ["mongodb", "panicked", "src/", env!("CARGO_PKG_VERSION"), &long] {
            assert!(!text.contains(inside), "{inside}");
        }
    }
    app.end().await;
}

/// API errors are problems with the field that is wrong. O9: pages of no size, of any size, and far away.
#[tokio::test]
async fn o9_a_wrong_parameter_is_named() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await;
    for (query, field) in [
        ("gnomad_af_max=2", "gnomad_af_max"),
        ("sv_type=del", "sv_type"),
        ("frobnicate=1", "frobnicate"),
        ("per_page=501", "per_page"),
        ("per_page=-1", "per_page"),
        ("per_page=0", "per_page"),
        ("per_page=1000000000", "per_page"),
        ("page=-1", "page"),
        ("page=99999999999999999999", "page"),
        ("region=7:9-3", "region"),
        ("gene[$ne]=x", "gene[$ne]"),
        ("category=sv", "category"),
    ] {
        let response = browser.get(&format!("/api/v1/own/fam/variants?{query}")).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let problem: serde_json::Value = response.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field);
        assert_eq!(problem["request_id"], id.as_str());
        assert_eq!(problem["status"], 422);
        let page = browser.get(&format!("/own/fam/variants?{query}")).await;
        assert_eq!(page.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().await.unwrap().contains(field));
    }
    let far = browser.json("/api/v1/own/fam/variants?page=4000000").await;
    assert_eq!(far["variants"].as_array().unwrap().len(), 0);
    app.end().await;
}

/// S8: reading changes nothing but the trail and the session's last use.
#[tokio::test]
async fn no_get_changes_anything() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await;
    browser.get("/own").await;
    let before = app.snapshot().await;
    for path in PATHS {
        browser.get(path).await;
        browser.get(path).await;
    }
    assert_eq!(app.snapshot().await, before);
    app.end().await;
}

#[tokio::test]
async fn the_api_is_described_as_it_is_routed() {
    let app = TestApp::start().await;
    let document = app.stranger().json("/api/v1/openapi.json").await;
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let routed: BTreeSet<String> = lodestone::app::routes()
        .table()
        .iter()
        .filter(|route| route.path.starts_with("/api/"))
        .map(|route| route.path.to_owned())
        .collect();
    assert_eq!(described, routed);
    app.end().await;
}

#[tokio::test]
async fn pages_stay_within_their_round_trips() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let list = browser.json("/api/v1/own/fam/variants").await;
    let variant = format!("/own/fam/variants/{}", list["variants"][0]["id"].as_str().unwrap());
    for (path, budget) in [("/own/fam/variants", 6), (variant.as_str(), 8), ("/own/fam", 8), ("/own", 8)] {
        browser.page(path).await;
        let (_, commands) = app.commands_during(browser.page(path)).await;
        assert!(!commands.is_empty() && commands.len() <= budget, "{path}: {commands:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn readiness_tells_when_the_server_stops() {
    let app = TestApp::start().await;
    let stranger = app.stranger();
    assert_eq!(stranger.page("/readyz").await, "ready\n");
    app.app.begin_stopping();
    let response = stranger.get("/readyz").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.text().await.unwrap(), "stopping\n");
    assert_eq!(stranger.page("/healthz").await, "alive\n");
    app.end().await;
}
