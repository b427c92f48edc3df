//! Requests that no page of ours sends: every route answers them with a sentence, and changes nothing.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderName, ORIGIN};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::access::{TABLE, entry_of_own, filled, variant_of};
use crate::support::{Browser, TestApp};

/// What attackers put where a value is expected.
const VALUES: [&str; 10] = [
    "$ne",
    "{\"$gt\":\"\"}",
    "[object Object]",
    "__proto__",
    "(a+)+$",
    "../../etc/passwd",
    "%00",
    "\u{202e}\u{0}\r\nSet-Cookie: a=b",
    "-1",
    "99999999999999999999999",
];

/// Nobody limits how fast these tests ask.
const NO_LIMITS: &str =
    "[rates]\npages_per_minute = 1000000\nexports_per_minute = 1000000\nchanges_per_minute = 1000000";

/// An institute with a case, and somebody who may do all that people of an institute may.
struct World {
    app: TestApp,
    browser: Browser,
    variant: String,
    entry: String,
    member: String,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start_with(NO_LIMITS).await;
        app.institute("own").await;
        app.given_case("own", "fam").await;
        let grants: &[&str] = &["own:clinician", "own:admin", "own:auditor", "system:admin"];
        let variant = variant_of(&app.signed_in(grants).await).await;
        let entry = entry_of_own(&app).await;
        let member = app.user(&["own:clinician"]).await.id.to_string();
        let browser = app.confirmed_as(grants).await;
        Self { app, browser, variant, entry, member }
    }

    fn filled(&self, path: &str) -> String {
        filled(path, &self.variant, &self.entry, &self.member)
    }

    /// Sends bytes to a route; what it answers.
    async fn send(&self, method: &str, path: &str, kind: &str, csrf: &str, body: Vec<u8>) -> (StatusCode, String) {
        let headers = [
            (ORIGIN, self.browser.origin().to_owned()),
            (CONTENT_TYPE, kind.to_owned()),
            (HeaderName::from_static("x-csrf-token"), csrf.to_owned()),
        ];
        let answer = self.browser.send_bytes(method, path, body, &headers).await;
        (answer.status(), answer.text().await.unwrap())
    }
}

/// Routes that change something, but for those that would end the session that asks.
fn changing() -> impl Iterator<Item = (&'static str, &'static str)> {
    let ends = ["/logout", "/account/sessions/end", "/account/sessions/end-others", "/account/roles/leave"];
    let table = TABLE.iter().map(|(method, path, _)| (*method, *path));
    table.filter(move |(method, path)| *method != "GET" && !ends.contains(path))
}

/// N16: whatever bytes stand in a query, a form or JSON, no route fails or panics.
#[tokio::test]
async fn n16_no_bytes_make_a_route_fail() {
    let world = World::new().await;
    let csrf = world.browser.csrf("/account").await;
    let mut runner = TestRunner::deterministic();
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    let words = proptest::collection::vec(("[a-z_$\\[\\].]{1,12}", proptest::sample::select(VALUES.to_vec())), 0..5);
    let mut asked = 0;
    for (method, path, _) in TABLE {
        let path = world.filled(&path.replace("{*file}", "x"));
        if matches!(path.as_str(), "/logout" | "/account/sessions/end" | "/account/sessions/end-others") {
            continue; // would end the session that asks
        }
        for round in 0..3 {
            let pairs = words.new_tree(&mut runner).unwrap().current();
            let form = serde_urlencoded::to_string(&pairs).unwrap();
            let raw = bytes.new_tree(&mut runner).unwrap().current();
            let (status, said) = if *method == "GET" {
                let query = if round == 0 { percent(&raw) } else { form };
                let joint = if path.contains('?') { '&' } else { '?' };
                let answer = world.browser.get(&format!("{path}{joint}{query}")).await;
                (answer.status(), answer.text().await.unwrap_or_default())
            } else {
                let json = serde_json::to_vec(&pairs).unwrap();
                let (kind, body) = match (round, path.starts_with("/api/")) {
                    (0, _) => ("application/x-www-form-urlencoded", raw),
                    (_, true) => ("application/json", json),
                    (_, false) => ("application/x-www-form-urlencoded", format!("csrf={csrf}&{form}").into_bytes()),
                };
                world.send(method, &path, kind, &csrf, body).await
            };
            let busy = status == StatusCode::SERVICE_UNAVAILABLE && path.contains("/login/with/");
            assert!(!status.is_server_error() || busy, "{method} {path}: {status} {said}");
            asked += 1;
        }
    }
    assert!(asked > 300, "{asked} requests");
    world.app.end().await;
}

fn percent(bytes: &[u8]) -> String {
    percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// N1, N3: operators and expressions of the database are text like any other in every search, and match nothing.
#[tokio::test]
async fn n1_n3_what_is_sought_is_text() {
    let world = World::new().await;
    let hay = world.browser.page("/own?q=fam").await;
    assert!(hay.contains("/own/fam\""), "the name itself is found");
    for value in ["$ne", ".*", "f.m", "(a+)+$", "^fam", "{\"$regex\":\"f\"}", "fam\u{0}", &".*".repeat(50)] {
        let sought = serde_urlencoded::to_string([("q", value)]).unwrap();
        let answer = world.browser.get(&format!("/own?{sought}")).await;
        assert!(answer.status().is_success() || answer.status().is_client_error(), "{value}");
        assert!(!answer.text().await.unwrap().contains("href=\"/own/fam\""), "{value} is no pattern");
        let (answer, wire) = world.app.wire_during(world.browser.get(&format!("/own/fam/find?{sought}"))).await;
        assert!(!answer.status().is_server_error(), "{value}");
        let wire = format!("{wire:?}");
        assert!(!wire.contains("$regex") && !wire.contains("$where") && !wire.contains("RegularExpression"), "{wire}");
    }
    for (name, value) in [("gene[$ne]", "x"), ("q[$regex]", "."), ("$where", "1"), ("__proto__", "x"), ("a.b", "x")] {
        let query = serde_urlencoded::to_string([(name, value)]).unwrap();
        let answer = world.browser.get(&format!("/own/fam/variants?{query}")).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    }
    world.app.end().await;
}

/// S9: a method in a header or field is none, JSON is JSON by its name only, and a form has one token.
#[tokio::test]
async fn s9_a_request_is_what_it_says_it_is() {
    let world = World::new().await;
    let csrf = world.browser.csrf("/own/fam").await;
    let before = world.app.snapshot().await;
    let origin = world.browser.origin().to_owned();
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let named = [(ORIGIN, origin.clone()), (HeaderName::from_static(header), "PUT".to_owned())];
        let answer = world.browser.send_json("POST", "/api/v1/own/settings", &serde_json::json!({}), &named).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{header}");
    }
    let answer = world.browser.get(&format!("/own/fam/status?_method=POST&csrf={csrf}&status=solved")).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    for (method, path) in changing() {
        let path = world.filled(path);
        let strange = world.send(method, &path, "text/plain", &csrf, b"{\"text\":\"x\"}".to_vec()).await;
        assert!(strange.0.is_client_error(), "text/plain to {path}: {}", strange.0);
        if !path.starts_with("/api/") {
            let twice = format!("csrf={csrf}&csrf={csrf}&status=solved&text=x").into_bytes();
            let (status, said) = world.send(method, &path, "application/x-www-form-urlencoded", &csrf, twice).await;
            assert!(status.is_client_error() || path.starts_with("/login"), "two tokens to {path}: {status}");
            assert!(!said.is_empty(), "{path} says why");
        }
    }
    assert_eq!(world.app.snapshot().await, before);
    world.app.end().await;
}

/// What a connection answers to these bytes, until it is closed or falls silent.
async fn answered(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may refuse and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut text = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// N15: a request whose end is not certain is refused, and so is what follows it; headers have a limit.
#[tokio::test(flavor = "multi_thread")]
async fn n15_unclear_requests_are_refused() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let address = browser.origin().trim_start_matches("http://").to_owned();
    let follow = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let unclear = [
        format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\nabcd{follow}"),
        format!("POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{follow}"),
        format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{follow}"),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(600_000)),
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(400)),
    ];
    for request in unclear {
        let answer = answered(&address, request.as_bytes()).await;
        let first = request.lines().nth(2).unwrap_or_default().chars().take(40).collect::<String>();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{first}: {answer}");
        assert!(!answer.contains("alive"), "{first}: what follows is not read as a request: {answer}");
    }
    // With both, chunks count (RFC 9112, section 6.3); the connection ends with the answer, so that nothing is smuggled.
    let both = format!(
        "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{follow}"
    );
    let answer = answered(&address, both.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains("alive"), "{answer}");
    let twice = browser.get("/own?sort=name&sort=loaded").await;
    assert!(twice.status().is_client_error(), "a parameter that counts once is given once: {}", twice.status());
    assert_eq!(browser.page("/healthz").await, "alive\n");
    app.end().await;
}
