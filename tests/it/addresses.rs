//! Where requests come from, and from where what is open.

use reqwest::StatusCode;

use crate::support::{TestApp, last_entry};

/// A configuration in which this machine is a proxy whose word counts: tests come from wherever they like.
const PROXY: &str = "[server]\ntrusted_proxies = ['127.0.0.0/8', '10.9.0.0/16']";

/// Address and peer of the last request to `/account` in the trail.
async fn recorded(app: &TestApp) -> (String, String) {
    let entry = last_entry(&app.audit_entries().await, "outcome", "/account");
    let request = entry.get_document("request").unwrap();
    let text = |name: &str| request.get_str(name).unwrap().to_owned();
    (text("client_ip"), text("peer_ip"))
}

/// S11: without a trusted proxy no header counts; the trail and the limits know the socket's other end.
#[tokio::test]
async fn s11_a_header_of_anybody_is_ignored() {
    let app = TestApp::start_with("[sign_in]\nper_address = 2").await;
    let browser = app.signed_in(&[]).await;
    for lines in [&["203.0.113.9"] as &[&str], &["203.0.113.9", "198.51.100.1"], &["nonsense"], &["::ffff:10.0.0.1"]] {
        assert_eq!(browser.forwarded(lines).get("/account").await.status(), StatusCode::OK, "{lines:?}");
        assert_eq!(recorded(&app).await, ("127.0.0.1".into(), "127.0.0.1".into()), "{lines:?}");
    }
    let csrf = browser.csrf("/account").await;
    let mut answers = Vec::new();
    for number in 0..3 {
        let form = [("class", "administration"), ("to", "/"), ("code", "000000"), ("csrf", csrf.as_str())];
        let elsewhere = browser.forwarded(&[&format!("203.0.113.{number}")]);
        answers.push(elsewhere.post("/account/confirm", &form).await.status().as_u16());
    }
    assert_eq!(answers, [403, 403, 429], "a new header is no new address");
    app.end().await;
}

/// S11: a trusted proxy's word counts, in all lines, from the right; other headers never do.
#[tokio::test]
async fn s11_a_trusted_proxys_header_counts() {
    let app = TestApp::start_with(PROXY).await;
    let browser = app.signed_in(&[]).await;
    for (lines, client) in [
        (&[] as &[&str], "127.0.0.1"),
        (&["203.0.113.9"], "203.0.113.9"),
        (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (&["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (&["198.51.100.1, 203.0.113.9", "10.9.1.1 , 10.9.1.2"], "203.0.113.9"),
        (&["::ffff:203.0.113.9"], "203.0.113.9"),
        (&["nonsense, 2001:db8::9"], "2001:db8::9"),
    ] {
        assert_eq!(browser.forwarded(lines).get("/account").await.status(), StatusCode::OK, "{lines:?}");
        assert_eq!(recorded(&app).await, (client.into(), "127.0.0.1".into()), "{lines:?}");
    }
    let client = reqwest::Client::new();
    for name in ["forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"] {
        let value = if name == "forwarded" { "for=203.0.113.9" } else { "203.0.113.9" };
        client.get(format!("{}/account", app.origin)).header(name, value).send().await.unwrap();
        assert_eq!(recorded(&app).await.0, "127.0.0.1", "{name}");
    }
    for line in ["nonsense", "", "203.0.113.9:4711", "203.0.113.9,", "unknown, 10.9.1.1"] {
        let refused = browser.forwarded(&[line]).get("/account").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "`{line}`");
        assert!(refused.text().await.unwrap().contains("names your address in a way that cannot be read"));
        let entry = last_entry(&app.audit_entries().await, "outcome", "/account");
        assert_eq!(entry.get_str("reason").unwrap(), "unreadable X-Forwarded-For");
    }
    app.end().await;
}
