//! What one session, script or address may ask for, and how long a connection may dawdle.

use std::time::Duration;

use jiff::SignedDuration;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::TestApp;

const FEW: &str = "[rates]\npages_per_minute = 5\nexports_per_minute = 1\nchanges_per_minute = 2";

/// O2, O7: whoever asks for too much waits, and nobody else does.
#[tokio::test]
async fn o2_o7_too_much_of_one_session_is_refused_and_of_no_other() {
    let app = TestApp::start_with(FEW).await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let eager = app.signed_in(&["own:clinician"]).await;
    for _ in 0..5 {
        assert_eq!(eager.get("/own").await.status(), StatusCode::OK);
    }
    let before = app.commands_during(eager.get("/own")).await;
    let (refused, commands) = before;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=13).contains(&wait), "{wait} s");
    assert!(refused.text().await.unwrap().contains("Wait "));
    assert!(
        commands.iter().all(|(name, _)| name == "aggregate"),
        "only who asks is looked up, for the page: {commands:?}"
    );
    assert_eq!(app.signed_in(&["own:clinician"]).await.get("/own").await.status(), StatusCode::OK, "somebody else");
    assert_eq!(eager.get("/own/fam/variants.csv").await.status(), StatusCode::OK, "another kind of work");
    assert_eq!(eager.get("/own/fam/variants.csv").await.status(), StatusCode::TOO_MANY_REQUESTS);
    let api = eager.get("/api/v1/own/cases").await;
    assert_eq!(api.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(api.headers()["content-type"], "application/problem+json");
    assert_eq!(eager.get("/healthz").await.status(), StatusCode::OK);
    app.wait(SignedDuration::from_secs(wait));
    let page = eager.page("/own").await;
    let csrf = crate::support::visitor::token_in(&page);
    for _ in 0..2 {
        eager.post("/own/settings", &[("csrf", &csrf)]).await;
    }
    assert_eq!(eager.post("/own/settings", &[("csrf", &csrf)]).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(eager.post("/logout", &[("csrf", &csrf)]).await.status(), StatusCode::SEE_OTHER, "the way out is open");
    let refused =
        app.audit_entries().await.iter().filter(|entry| format!("{entry:?}").contains("too many requests")).count();
    assert_eq!(refused, 4, "each refusal is in the trail, once");
    app.end().await;
}

/// O3: a client that sends its headers byte by byte is cut off; others are answered meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn o3_a_client_that_never_finishes_its_headers_is_cut_off() {
    let app = TestApp::start_with("[server]\nheader_timeout_s = 1").await;
    let address = app.origin.strip_prefix("http://").unwrap().to_owned();
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET /login HTTP/1.1\r\nhost: here\r\nx-slow: ").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(app.stranger().get("/login").await.status(), StatusCode::OK);
    for stream in &mut slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the server hangs up by itself");
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    app.end().await;
}
