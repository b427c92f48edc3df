//! Where requests come from, and from where what is open.

use bson::doc;
use lodestone::addresses::{AllowedNetwork, Changed, Limits, Maker, Subject, change};
use lodestone::auth::TokenScope;
use lodestone::events::Actor;
use lodestone::users::Authority;
use lodestone::web::Access;
use reqwest::header::ORIGIN;
use reqwest::{Response, StatusCode};

use crate::support::visitor::PASSPHRASE;
use crate::support::{CSRF, TestApp, last_entry};

/// A configuration in which this machine is a proxy whose word counts: tests come from wherever they like.
pub(crate) const PROXY: &str = "[server]\ntrusted_proxies = ['127.0.0.0/8', '10.9.0.0/16']";

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

pub(crate) const OUTSIDE: &str = "203.0.113.9";
pub(crate) const INSIDE: &str = "10.1.2.3";

/// Decides from where a subject is open: `10.0.0.0/8`, or `10.0.0.0/8 2036-03-03` with a last day. It is 2036-03-04.
pub(crate) async fn limit(app: &TestApp, subject: &str, networks: &[&str]) {
    let subject: Subject = subject.parse().unwrap();
    let known = app.app.addresses.of(&subject).await.unwrap().rev;
    let actor = Actor { user: None, name: "a test".into() };
    let networks = networks.iter().map(|text| {
        let (network, last_day) = text.split_once(' ').map_or((*text, None), |(range, day)| (range, Some(day)));
        AllowedNetwork {
            network: network.parse().unwrap(),
            reason: "wards".into(),
            last_day: last_day.map(|day| day.parse().unwrap()),
            owner: actor.clone(),
            added_at: app.clock.now(),
        }
    });
    let limits = Limits { networks: networks.collect(), contact: "the help desk, 4711".into() };
    let maker = Maker { authority: Authority::Machine, from: None };
    let changed = change(&app.app, &subject, known, &limits, maker, &actor).await.unwrap();
    assert!(matches!(changed, Changed::Stored(_)), "{subject}");
}

/// Institutes `own` and `two` with a case each, on a server that believes this machine's header.
async fn ready() -> TestApp {
    let app = TestApp::start_with(PROXY).await;
    app.institute("own").await;
    app.institute("two").await;
    app.given_case("own", "fam").await;
    app.given_case("two", "fam").await;
    app
}

/// The answer is the page that tells somebody where they are and whom to call, and nothing else.
pub(crate) async fn assert_refused(answer: Response, subject: &str) {
    let path = answer.url().path().to_owned();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    let text = answer.text().await.unwrap();
    let told = format!("{subject} is not open from your address, {OUTSIDE}.");
    assert!(text.contains(&told) && text.contains("Whom to call: the help desk, 4711."), "{path}: {text}");
    for data in ["POT1", "Kid", "124491972", "10.0.0.0"] {
        assert!(!text.contains(data), "{path} tells {data}");
    }
}

/// S12: outside an institute's addresses nothing of it opens; other institutes do, and the session goes on from inside.
#[tokio::test]
async fn s12_an_institute_is_open_from_its_addresses_only() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician", "own:admin", "own:auditor", "two:clinician"]).await;
    let (inside, outside) = (browser.forwarded(&[INSIDE]), browser.forwarded(&[OUTSIDE]));
    assert_eq!(outside.get("/own").await.status(), StatusCode::OK, "no rule, no limit");
    limit(&app, "own", &["10.0.0.0/8", "2001:db8:5::/64"]).await;
    for path in [
        "/own",
        "/own/fam",
        "/own/nothing",
        "/own/fam/variants",
        "/own/fam/variants.csv",
        "/own/fam/find?q=POT1",
        "/own/cases/worklist",
        "/own/settings",
        "/own/members",
        "/audit",
        "/api/v1/own/cases",
        "/api/v1/own/fam",
        "/api/v1/own/fam/variants",
    ] {
        assert_refused(outside.get(path).await, "Institute own").await;
    }
    let entry = last_entry(&app.audit_entries().await, "outcome", "/{institute}/{case}/variants");
    assert_eq!(entry.get_str("outcome").unwrap(), "denied");
    assert_eq!(entry.get_str("reason").unwrap(), "outside the addresses of own");
    assert_eq!(entry.get_str("institute").unwrap(), "own", "its auditors are concerned");
    assert_eq!(entry.get_document("agent").unwrap().get_str("name").unwrap(), "Ann Example");
    let start = outside.page("/").await;
    assert!(start.contains("Institute own is not open from your address") && start.contains("href=\"/two\""));
    assert!(!start.contains("href=\"/own"), "{start}");
    assert_eq!(outside.json("/api/v1/institutes").await["institutes"].as_array().unwrap().len(), 1);
    for path in ["/two", "/two/fam", "/account"] {
        assert_eq!(outside.get(path).await.status(), StatusCode::OK, "{path}");
    }
    for path in ["/own", "/own/fam/variants", "/own/settings", "/audit"] {
        assert_eq!(inside.get(path).await.status(), StatusCode::OK, "{path}: the same session, inside");
    }
    assert_eq!(browser.forwarded(&["2001:db8:5::9"]).get("/own").await.status(), StatusCode::OK);
    assert_eq!(browser.forwarded(&["::ffff:10.1.2.3"]).get("/own").await.status(), StatusCode::OK, "the same address");
    assert_refused(outside.get("/own").await, "Institute own").await;
    app.end().await;
}

/// S12, I4: whoever has no role there learns nothing of rules.
#[tokio::test]
async fn s12_to_strangers_an_institute_looks_absent_as_before() {
    let app = ready().await;
    limit(&app, "own", &["10.0.0.0/8"]).await;
    let stranger = app.signed_in(&["two:clinician", "two:admin"]).await.forwarded(&[OUTSIDE]);
    for path in ["/own", "/own/fam", "/own/settings", "/api/v1/own/fam", "/admin/users"] {
        assert_eq!(stranger.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let researcher = app.signed_in(&["own:researcher"]).await.forwarded(&[OUTSIDE]);
    assert_eq!(researcher.get("/own/fam").await.status(), StatusCode::NOT_FOUND, "no role of theirs opens it anywhere");
    app.end().await;
}

/// S12: a role's rules take that role and no other.
#[tokio::test]
async fn s12_a_role_is_open_from_its_addresses_only() {
    let app = ready().await;
    for (subject, role, closed) in [
        ("own:admin", "own:admin", "/own/settings"),
        ("system:admin", "system:admin", "/admin/users"),
        ("system:auditor", "system:auditor", "/audit"),
        ("own:geneticist", "own:geneticist", "/own/fam"),
    ] {
        let browser = app.signed_in(&[role, "two:clinician"]).await.forwarded(&[OUTSIDE]);
        assert_eq!(browser.get(closed).await.status(), StatusCode::OK, "{role}");
        limit(&app, subject, &["10.0.0.0/8"]).await;
        let (place, word) = (subject.split(':').next().unwrap(), subject.split(':').nth(1).unwrap());
        let named = if place == "system" { "of the system" } else { "in own" };
        assert_refused(browser.get(closed).await, &format!("The role {word} {named}")).await;
        assert_eq!(browser.get("/two").await.status(), StatusCode::OK, "{role}");
        assert_eq!(browser.forwarded(&[INSIDE]).get(closed).await.status(), StatusCode::OK, "{role}");
    }
    let both = app.signed_in(&["own:clinician", "own:geneticist"]).await.forwarded(&[OUTSIDE]);
    assert_eq!(both.get("/own/fam").await.status(), StatusCode::OK, "the other role still reads");
    assert_eq!(both.get("/own/nothing").await.status(), StatusCode::NOT_FOUND);
    assert!(both.page("/").await.contains("The role geneticist in own is not open from your address"));
    app.end().await;
}

/// S12: outside the system's addresses every route behind sign-in is shut, but signing out; nobody signs in, and nothing
/// is changed.
#[tokio::test]
async fn s12_outside_the_systems_addresses_nothing_is_open() {
    let app = ready().await;
    let person = app.account(&["own:clinician", "own:admin", "system:admin", "system:auditor"]).await;
    let browser = app.browser_of(&person.user).await.forwarded(&[OUTSIDE]);
    let csrf = browser.csrf("/account").await;
    limit(&app, "system", &["10.0.0.0/8"]).await;
    let before = app.snapshot().await;
    let filled = |path: &str| {
        let member = person.user.id.to_string();
        path.replace("{institute}", "own")
            .replace("{case}", "fam")
            .replace("{id}", &"a".repeat(26))
            .replace("{user}", &member)
    };
    for route in lodestone::app::routes().table() {
        let path = filled(route.path);
        if matches!(route.access, Access::Public | Access::SecondFactor | Access::Enrolling) || route.path == "/logout"
        {
            continue;
        }
        let answer = match route.method.as_str() {
            "GET" => browser.get(&path).await,
            "PUT" => {
                let headers = [(ORIGIN, app.origin.clone()), (CSRF, csrf.clone())];
                browser.send_json("PUT", &path, &serde_json::json!({}), &headers).await
            }
            _ => browser.post(&path, &[("csrf", csrf.as_str())]).await,
        };
        assert_refused(answer, "Lodestone").await;
    }
    let shown = browser.get("/own").await.text().await.unwrap();
    assert!(
        shown.contains("Ann Example") && shown.contains("action=\"/logout\"") && shown.contains("You stay signed in")
    );
    assert!(!shown.contains("/admin/users") && !shown.contains("href=\"/audit\""));
    for path in ["/login", "/healthz", "/readyz", "/api/v1/openapi.json"] {
        assert_eq!(browser.get(path).await.status(), StatusCode::OK, "{path}");
    }
    let door = [("email", person.user.email.as_str()), ("passphrase", PASSPHRASE)];
    assert_refused(app.stranger().forwarded(&[OUTSIDE]).post("/login", &door).await, "Lodestone").await;
    assert_eq!(app.snapshot().await, before, "nothing was changed");
    let inside = app.stranger().forwarded(&[INSIDE]).post("/login", &door).await;
    assert_eq!(inside.status(), StatusCode::SEE_OTHER, "inside, the same passphrase is taken");
    assert_eq!(browser.forwarded(&[INSIDE]).get("/own").await.status(), StatusCode::OK, "the session stays");
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(
        browser.forwarded(&[INSIDE]).get("/own").await.status(),
        StatusCode::SEE_OTHER,
        "signed out from outside"
    );
    app.end().await;
}

/// S12: a network counts to the end of its last day; when all are over nothing is open, when all are taken out everything.
#[tokio::test]
async fn s12_networks_end_with_their_last_day_and_open_nothing_by_that() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await.forwarded(&[INSIDE]);
    limit(&app, "own", &["10.0.0.0/8 2036-03-04"]).await;
    assert_eq!(browser.get("/own").await.status(), StatusCode::OK, "on its last day");
    app.wait(jiff::SignedDuration::from_hours(19));
    let browser = app.signed_in(&["own:clinician"]).await.forwarded(&[OUTSIDE]);
    for from in [INSIDE, OUTSIDE] {
        let answer = browser.forwarded(&[from]).get("/own").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{from}");
        assert!(answer.text().await.unwrap().contains("Every network it was open from has had its last day."));
    }
    limit(&app, "own", &["10.0.0.0/8 2036-03-04", "198.51.100.0/24"]).await;
    assert_refused(browser.get("/own").await, "Institute own").await;
    limit(&app, "own", &[]).await;
    assert_eq!(browser.get("/own").await.status(), StatusCode::OK, "emptied: open from everywhere");
    let events = app.documents("events", doc! { "rev": 1 }).await;
    let of_rules: Vec<_> = events.iter().filter(|one| one.get_str("subject").unwrap() == "addresses/own").collect();
    assert_eq!(of_rules.iter().map(|one| one.get_i64("rev").unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(of_rules[0].get("before"), Some(&bson::Bson::Null));
    assert_eq!(of_rules[1].get("before"), of_rules[0].get("after"), "the history tells each step");
    app.end().await;
}

/// S12: a token acts in its owner's roles, so their rules hold for it.
#[tokio::test]
async fn s12_rules_hold_for_tokens() {
    let app = ready().await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let mut tokens = Vec::new();
    for institute in ["own", "two"] {
        let institute = institute.parse().unwrap();
        tokens.push(app.app.tokens.create(&user.id, &institute, TokenScope::Read, 1, app.clock.now()).await.unwrap());
    }
    let (inside, outside) = (app.stranger().forwarded(&[INSIDE]), app.stranger().forwarded(&[OUTSIDE]));
    limit(&app, "own", &["10.0.0.0/8"]).await;
    for path in ["/api/v1/own/fam", "/api/v1/own/cases", "/api/v1/institutes"] {
        assert_eq!(inside.with_token(path, &tokens[0]).await.status(), StatusCode::OK, "{path}");
        let refused = outside.with_token(path, &tokens[0]).await;
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        assert_refused(refused, "Institute own").await;
    }
    assert_eq!(outside.with_token("/api/v1/two/fam", &tokens[1]).await.status(), StatusCode::OK);
    assert_eq!(outside.with_token("/api/v1/own/fam", &tokens[1]).await.status(), StatusCode::NOT_FOUND, "not its own");
    limit(&app, "system", &["10.0.0.0/8"]).await;
    assert_refused(outside.with_token("/api/v1/two/fam", &tokens[1]).await, "Lodestone").await;
    app.end().await;
}

/// Rules come with whoever asks: no page takes a round trip more for them.
#[tokio::test]
async fn rules_cost_no_round_trip() {
    let app = ready().await;
    let browser = app.signed_in(&["own:clinician"]).await.forwarded(&[INSIDE]);
    browser.page("/own").await;
    let (_, without) = app.commands_during(browser.page("/own")).await;
    for subject in ["system", "own", "own:clinician", "two", "two:admin"] {
        limit(&app, subject, &["10.0.0.0/8"]).await;
    }
    browser.page("/own").await;
    let (_, with) = app.commands_during(browser.page("/own")).await;
    assert_eq!(with, without);
    app.end().await;
}
