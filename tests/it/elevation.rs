//! Elevated roles are entered and left: being signed in as an admin or auditor opens nothing by itself.

use bson::doc;
use jiff::SignedDuration;
use reqwest::{Response, StatusCode};

use crate::access::{ROLES, TABLE, answers, entry_of_own, filled, variant_of};
use crate::addresses::{INSIDE, OUTSIDE, PROXY, limit};
use crate::sharing::{send, texts};
use crate::support::{Browser, TestApp, last_entry};

const ENTER: &str = "/account/roles/enter";
const LEAVE: &str = "/account/roles/leave";

async fn enter(browser: &Browser, role: &str) -> Response {
    send(browser, ENTER, &[("role", role)]).await
}

async fn plain(app: &TestApp, grants: &[&str]) -> Browser {
    app.plain_browser_of(&app.user(grants).await).await
}

fn location(response: &Response) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()["location"].to_str().unwrap()
}

/// Every route that an elevated role opens is shut until the role is entered, and says so to its holder only.
#[tokio::test]
async fn no_route_of_an_elevated_role_is_open_before_it_is_entered() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("foreign").await;
    app.given_case("own", "fam").await;
    let variant = variant_of(&app.signed_in(&["own:clinician"]).await).await;
    let entry = entry_of_own(&app).await;
    let member = app.user(&["own:clinician"]).await.id.to_string();
    let mut walked = 0;
    for (role, is) in ROLES.into_iter().filter(|(role, _)| role.ends_with(":admin") || role.ends_with(":auditor")) {
        let browser = plain(&app, &[role]).await;
        let csrf = browser.csrf("/account").await;
        let before = app.snapshot().await;
        for (method, path, who) in TABLE {
            let of_people = matches!(*who, "everybody" | "signed in" | "half signed in" | "enrolling" | "confirmed");
            if of_people || path.contains("/static/") {
                continue;
            }
            let at = filled(path, &variant, &entry, &member);
            let is_api = path.starts_with("/api/");
            let answer = match *method {
                "GET" => browser.get(&at).await,
                _ if is_api => browser.ask(method, &at, &serde_json::json!({})).await,
                _ => browser.post(&at, &[("csrf", &csrf)]).await,
            };
            let status = answer.status();
            let text = answer.text().await.unwrap();
            if *who == "openers" && role.ends_with(":admin") {
                // What is open in an emergency is seen and ended in the role or not; opening is tried below.
                assert!(!text.contains("fam</a>"), "{method} {path} as {role}");
            } else if answers(who, role, is) || (*who == "own auditors" && role.ends_with(":auditor")) {
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} as {role}");
                assert!(text.contains("Enter your role first"), "{method} {path} as {role}");
                assert!(is_api || text.contains(ENTER), "{method} {path} as {role}: the way in");
                walked += 1;
            } else {
                assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path} as {role}");
                assert!(!text.contains("Enter your role first"), "{method} {path} as {role}");
            }
        }
        assert_eq!(app.snapshot().await, before, "{role}");
    }
    assert!(walked > 60, "{walked} routes were tried");
    app.end().await;
}

/// Entered for half an hour, in one browser, in sight, and left at any time.
#[tokio::test]
async fn a_role_counts_from_entering_to_leaving_and_at_most_half_an_hour() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let user = app.user(&["own:admin", "own:auditor", "own:clinician"]).await;
    let browser = app.plain_browser_of(&user).await;
    let other = app.plain_browser_of(&user).await;
    assert_eq!(texts(&browser.page("/").await, "h1"), ["My work"], "reading cases goes on as ever");
    let page = browser.page("/own").await;
    assert!(texts(&page, ".role-bar").is_empty() && !page.contains("href=\"/audit\""));
    assert_eq!(texts(&page, ".site-end a[href='/account/roles']"), ["Enter a role"]);

    assert_eq!(location(&enter(&browser, "own:admin").await), "/own/members");
    let page = browser.page("/own/settings").await;
    assert_eq!(texts(&page, ".role-bar strong"), ["admin of own"]);
    assert!(texts(&page, ".role-bar")[0].contains("until 05:36 UTC"), "{page}");
    assert_eq!(browser.get("/audit").await.status(), StatusCode::FORBIDDEN, "one role was entered, not all");
    assert_eq!(other.get("/own/settings").await.status(), StatusCode::FORBIDDEN, "in one browser");

    assert_eq!(location(&send(&browser, LEAVE, &[("role", "own:admin")]).await), "/");
    assert_eq!(browser.get("/own/settings").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(location(&send(&browser, LEAVE, &[("role", "own:admin")]).await), "/", "twice is once");

    assert_eq!(location(&enter(&browser, "own:auditor").await), "/audit");
    for _ in 0..29 {
        app.wait(SignedDuration::from_mins(1));
        browser.page("/audit").await;
    }
    app.wait(SignedDuration::from_mins(1) - SignedDuration::from_millis(1));
    browser.page("/audit").await;
    app.wait(SignedDuration::from_millis(1));
    let over = browser.get("/audit?outcome=denied").await;
    assert_eq!(over.status(), StatusCode::FORBIDDEN);
    let page = over.text().await.unwrap();
    assert!(page.contains("This is for the auditor of own"));
    let to = scraper::Html::parse_document(&page);
    let field = scraper::Selector::parse("main input[name=to]").unwrap();
    let to = to.select(&field).next().unwrap().attr("value").unwrap().to_owned();
    let again = send(&browser, ENTER, &[("role", "own:auditor"), ("to", &to)]).await;
    assert_eq!(location(&again), "/audit?outcome=denied", "one goes on where one was");
    browser.page("/audit?outcome=denied").await;
    assert_eq!(browser.get("/own").await.status(), StatusCode::OK);
    app.end().await;
}

/// Nobody enters what they do not have, or have not from where they are; no script enters anything; nobody is led elsewhere.
#[tokio::test]
async fn only_an_own_elevated_role_is_entered() {
    let app = TestApp::start_with(PROXY).await;
    app.institute("own").await;
    app.institute("foreign").await;
    let user = app.user(&["own:admin", "own:clinician"]).await;
    let browser = app.plain_browser_of(&user).await.forwarded(&[INSIDE]);
    for role in ["foreign:admin", "system:admin", "own:auditor", "own:clinician", "nowhere:admin"] {
        let refused = enter(&browser, role).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{role}");
    }
    for role in ["", "admin", "own:", "own:boss", "own.x:admin", "$set:admin"] {
        let refused = enter(&browser, role).await;
        assert!(refused.status().is_client_error(), "{role}");
    }
    assert_eq!(browser.post(ENTER, &[("role", "own:admin")]).await.status(), StatusCode::FORBIDDEN, "S6");
    let sessions = app.documents("sessions", doc! {}).await;
    assert!(sessions[0].get_document("entered").unwrap().is_empty(), "nothing was stored: {sessions:?}");
    for away in ["https://evil.example/", "//evil.example", "/\\evil.example", "/logout"] {
        let answer = send(&browser, ENTER, &[("role", "own:admin"), ("to", away)]).await;
        assert_eq!(location(&answer), "/own/members", "{away}");
    }
    limit(&app, "own:admin", &["10.0.0.0/8"]).await;
    let home = browser.forwarded(&[OUTSIDE]);
    assert_eq!(home.get("/own/settings").await.status(), StatusCode::FORBIDDEN, "though it was entered inside");
    let refused = enter(&home, "own:admin").await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.text().await.unwrap().contains("is not open from your address"));
    assert_eq!(home.get("/own").await.status(), StatusCode::OK);
    assert_eq!(browser.get("/own/settings").await.status(), StatusCode::OK);

    let own = "own".parse().unwrap();
    let scope = lodestone::auth::TokenScope::Read;
    let token = app.app.tokens.create(&user.id, &own, scope, 1, app.clock.now()).await.unwrap();
    let script = app.stranger().forwarded(&[INSIDE]);
    let refused = script.post_with_token(ENTER, &token, &[("role", "own:admin")]).await;
    assert!(refused.status().is_client_error(), "{}", refused.status());
    assert_eq!(script.with_token("/own/settings", &token).await.status(), StatusCode::NOT_FOUND);
    app.tamper("users", doc! { "_id": &user.id }, doc! { "$pull": { "memberships": { "role": "admin" } } }).await;
    assert_eq!(browser.get("/own/settings").await.status(), StatusCode::NOT_FOUND, "a role that was taken away");
    app.end().await;
}

/// What was filled in while the half hour ran out comes back after the role is entered again.
#[tokio::test]
async fn a_form_that_needs_a_role_comes_back_after_it() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let account = app.account(&["own:auditor"]).await;
    let mut visitor = app.entered(&account).await;
    let csrf = visitor.csrf("/audit").await;
    visitor.post("/audit", LEAVE, &[("role", "own:auditor")]).await;
    let form = [("name", "What we look at on Mondays"), ("query", "outcome=denied"), ("csrf", &csrf)];
    let refused = visitor.post_bare("/audit/views", &form).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let page = refused.text().await.unwrap();
    assert!(page.contains("Nothing of what you sent is lost") && page.contains("value=\"/account/kept\""), "{page}");
    let entered = [("role", "own:auditor"), ("to", "/account/kept"), ("csrf", &csrf)];
    let entered = visitor.post_bare(ENTER, &entered).await;
    assert_eq!(location(&entered), "/account/kept");
    let kept = visitor.get("/account/kept").await.text().await.unwrap();
    assert!(kept.contains("What we look at on Mondays") && kept.contains("action=\"/audit/views\""));
    app.end().await;
}

/// Emergency access has its own reason, code and hour: it is read and ended without the role, and opened only in it.
#[tokio::test]
async fn an_emergency_is_opened_in_the_role_and_outlasts_it() {
    let app = TestApp::start().await;
    app.institute("own").await;
    for case in ["fam", "other"] {
        app.given_case("own", case).await;
    }
    let user = app.user(&["own:admin"]).await;
    let admin = app.confirmed(&user).await;
    let open = async |case: &str| {
        let form = [("institute", "own"), ("case", case), ("reason", "the child is in intensive care")];
        send(&admin, "/break-glass", &form).await
    };
    assert_eq!(location(&open("fam").await), "/own/fam");
    send(&admin, LEAVE, &[("role", "own:admin")]).await;
    assert_eq!(admin.get("/own/fam").await.status(), StatusCode::OK);
    let read = last_entry(&app.audit_entries().await, "outcome", "/{institute}/{case}");
    assert_eq!(read.get_document("agent").unwrap().get_str("role").unwrap(), "emergency", "no role gives a case");
    for case in ["other", "absent"] {
        let refused = open(case).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{case}");
        assert!(refused.text().await.unwrap().contains("This is for the admin of own"));
    }
    assert_eq!(admin.get("/own/other").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(location(&send(&admin, "/own/fam/break-glass/end", &[]).await), "/break-glass");
    assert_eq!(admin.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}

/// The trail tells who entered and left what, and that somebody was refused for not having entered it.
#[tokio::test]
async fn entering_and_leaving_stand_in_the_trail() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = plain(&app, &["own:admin"]).await;
    browser.get("/own/settings").await;
    enter(&browser, "own:admin").await;
    browser.page("/own/settings").await;
    send(&browser, LEAVE, &[("role", "own:admin")]).await;
    enter(&browser, "own:auditor").await;
    let entries = app.audit_entries().await;
    let subjects = |entry: &bson::Document| {
        let subjects = entry.get_document("payload").unwrap().get_array("subjects").unwrap().clone();
        let subjects = subjects.into_iter().map(|subject| subject.as_document().unwrap().clone());
        subjects.filter(|subject| subject.get_str("kind").unwrap() == "role").collect::<Vec<_>>()
    };
    let of = |route: &str| -> Vec<bson::Document> {
        let outcome = |entry: &&bson::Document| {
            entry.get_str("kind").is_ok_and(|kind| kind == "outcome")
                && entry
                    .get_document("request")
                    .is_ok_and(|request| request.get_str("route").is_ok_and(|of| of == route))
        };
        entries.iter().filter(outcome).cloned().collect()
    };
    let entered = of(ENTER);
    assert_eq!(entered[0].get_str("institute").unwrap(), "own", "its auditors see it");
    assert_eq!(subjects(&entered[0]), [doc! { "kind": "role", "id": "own:admin", "granted": true }]);
    assert_eq!(subjects(&entered[1]), [doc! { "kind": "role", "id": "own:auditor", "granted": false }]);
    assert_eq!(subjects(&of(LEAVE)[0]), [doc! { "kind": "role", "id": "own:admin", "granted": true }]);
    let settings = of("/{institute}/settings");
    assert_eq!(settings[0].get_str("reason").unwrap(), "the role own:admin is not entered");
    assert!(settings[0].get_document("agent").unwrap().get_str("role").is_err(), "in no role");
    assert_eq!(settings[1].get_document("agent").unwrap().get_str("role").unwrap(), "admin");
    app.end().await;
}
