//! API tokens: listed and ended by their owner and by the institute's admins; dead with the account and the membership.

use bson::doc;
use lodestone::auth::TokenScope;
use lodestone::users::User;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::support::{Browser, TestApp};

async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

async fn token(app: &TestApp, user: &User, institute: &str, days: u16) -> String {
    let institute = institute.parse().unwrap();
    app.app.tokens.create(&user.id, &institute, TokenScope::Read, days, app.clock.now()).await.unwrap()
}

fn handles(page: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    let field = Selector::parse("input[name=token]").unwrap();
    html.select(&field).map(|field| field.attr("value").unwrap().to_owned()).collect()
}

async fn status(app: &TestApp, institute: &str, token: &str) -> StatusCode {
    app.stranger().with_token(&format!("/api/v1/{institute}/cases"), token).await.status()
}

#[tokio::test]
async fn ones_own_tokens_are_listed_and_ended() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let other = app.user(&["own:clinician"]).await;
    let (first, second, foreign) = (
        token(&app, &user, "own", 30).await,
        token(&app, &user, "two", 90).await,
        token(&app, &other, "own", 30).await,
    );
    let browser = app.browser_of(&user).await;
    let page = browser.page("/account/tokens").await;
    let hashes = handles(&page);
    assert_eq!(hashes.len(), 2);
    assert!(page.contains("read cases") && !page.contains(&first) && !page.contains(&second));
    assert!(page.contains("2036-04-03 05:06 UTC"), "when it ends");
    let of_other = handles(&app.browser_of(&other).await.page("/account/tokens").await).remove(0);
    for absent in [of_other.as_str(), "nothing", ""] {
        let answer = send(&browser, "/account/tokens/revoke", &[("token", absent)]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "`{absent}`");
    }
    let own = app.documents("api_tokens", doc! {}).await;
    let of_own = own
        .iter()
        .find(|one| one.get_str("institute").unwrap() == "own" && one.get_str("user").unwrap() == user.id.as_str());
    let hash = of_own.unwrap().get_str("_id").unwrap().to_owned();
    assert!(hashes.contains(&hash));
    let extra = send(&browser, "/account/tokens/revoke", &[("token", &hash), ("user", other.id.as_str())]).await;
    assert_eq!(extra.status(), StatusCode::BAD_REQUEST, "I14");
    let bare = browser.post("/account/tokens/revoke", &[("token", &hash)]).await;
    assert_eq!(bare.status(), StatusCode::FORBIDDEN, "S6");
    assert_eq!(status(&app, "own", &first).await, StatusCode::OK);
    assert_eq!(send(&browser, "/account/tokens/revoke", &[("token", &hash)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(status(&app, "own", &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&app, "two", &second).await, StatusCode::OK);
    assert_eq!(status(&app, "own", &foreign).await, StatusCode::OK);
    assert_eq!(app.stranger().with_token("/account/tokens", &second).await.status(), StatusCode::FORBIDDEN);
    app.end().await;
}

/// An institute's admin sees how many there are for this institute, and ends those.
#[tokio::test]
async fn an_institute_ends_the_tokens_that_reach_it() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let (one, other, elsewhere) =
        (token(&app, &user, "own", 30).await, token(&app, &user, "own", 30).await, token(&app, &user, "two", 30).await);
    let admin = app.confirmed(&app.user(&["own:admin"]).await).await;
    let at = format!("/own/members/{}", user.id);
    assert!(admin.page(&at).await.contains("2 tokens of this person reach own"));
    assert_eq!(send(&admin, &format!("{at}/tokens/revoke"), &[]).await.status(), StatusCode::SEE_OTHER);
    for gone in [&one, &other] {
        assert_eq!(status(&app, "own", gone).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(status(&app, "two", &elsewhere).await, StatusCode::OK, "another institute's");
    assert!(admin.page(&at).await.contains("has no token for own"));
    app.end().await;
}

/// A token reads by a membership; without it there is nothing to read by, however the membership ended.
#[tokio::test]
async fn a_token_dies_with_the_membership() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:clinician"]).await;
    let (own, two) = (token(&app, &user, "own", 30).await, token(&app, &user, "two", 30).await);
    let admin = app.confirmed(&app.user(&["own:admin"]).await).await;
    let roles = format!("/own/members/{}/roles", user.id);
    let form = [("shown", "clinician"), ("role", "researcher")];
    assert_eq!(send(&admin, &roles, &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(status(&app, "own", &own).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&app, "two", &two).await, StatusCode::OK);
    assert_eq!(app.documents("api_tokens", doc! {}).await.len(), 1, "it is gone, not only refused");
    let form = [("shown", "researcher"), ("role", "clinician")];
    assert_eq!(send(&admin, &roles, &form).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(status(&app, "own", &own).await, StatusCode::UNAUTHORIZED, "and does not come back");
    app.tamper("users", doc! { "_id": &user.id }, doc! { "$set": { "memberships": [] } }).await;
    assert_eq!(status(&app, "two", &two).await, StatusCode::UNAUTHORIZED, "whoever ended the membership");
    app.end().await;
}

/// The form of a new token, with other values in place of some.
fn new_token<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form =
        vec![("name", "nightly report"), ("institute", "own"), ("scope", "read"), ("days", "7"), ("addresses", "")];
    for (name, value) in change {
        match form.iter_mut().find(|(known, _)| known == name) {
            Some(field) => field.1 = value,
            None => form.push((name, value)),
        }
    }
    form
}

/// A token made in the browser is shown once, kept nowhere in clear, and counts from its addresses only.
#[tokio::test]
async fn a_token_is_made_in_the_browser_and_shown_once() {
    let app = TestApp::start_with("[server]\ntrusted_proxies = ['127.0.0.0/8']").await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:admin"]).await;
    let browser = app.confirmed(&user).await;
    let form = new_token(&[("addresses", "10.1.0.0/16\r\n2001:db8::7"), ("days", " 7 ")]);
    let answer = send(&browser, "/account/tokens", &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["clear-site-data"], "\"cache\"");
    let page = answer.text().await.unwrap();
    let html = Html::parse_document(&page);
    assert!(html.errors.is_empty());
    let code = Selector::parse("main code").unwrap();
    let token: String = html.select(&code).next().unwrap().text().collect();
    assert!(token.starts_with("lode_") && page.contains("10.1.0.0/16, 2001:db8::7"));

    let script = app.stranger();
    let cases = "/api/v1/own/cases";
    for (from, status) in
        [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("2001:db8::7", 200), ("10.2.0.1", 403), ("2001:db8::8", 403)]
    {
        let answer = script.forwarded(&[from]).with_token(cases, &token).await;
        assert_eq!(answer.status(), status, "{from}");
        if status == 403 {
            let told: serde_json::Value = answer.json().await.unwrap();
            let told = told["detail"].as_str().unwrap();
            assert!(told.contains(&format!("What this token opens is not open from your address, {from}.")), "{told}");
        }
    }
    let entry = crate::support::last_entry(&app.audit_entries().await, "outcome", "/api/v1/{institute}/cases");
    assert_eq!(entry.get_str("reason").unwrap(), "outside the addresses of a token");
    let inside = script.forwarded(&["10.1.2.3"]);
    assert_eq!(inside.with_token("/api/v1/two/cases", &token).await.status(), StatusCode::NOT_FOUND);

    let list = browser.page("/account/tokens").await;
    assert!(list.contains("nightly report") && list.contains("10.1.0.0/16, 2001:db8::7") && !list.contains(&token));
    assert!(list.contains("2036-03-11 05:06 UTC"), "seven days");
    for name in ["api_tokens", "audit", "events", "sessions"] {
        for document in app.documents(name, doc! {}).await {
            assert!(!document.to_string().contains(&token), "{name}");
        }
    }
    let made = app.audit_entries().await;
    let entry = crate::support::last_entry(&made, "outcome", "/account/tokens");
    assert_eq!(entry.get_str("outcome").unwrap(), "success");
    app.end().await;
}

/// The last use is noted with its time, once a minute.
#[tokio::test]
async fn a_tokens_last_use_is_shown() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let user = app.user(&["own:clinician"]).await;
    let token = token(&app, &user, "own", 30).await;
    let browser = app.browser_of(&user).await;
    assert!(browser.page("/account/tokens").await.contains("never"));
    let used = async || {
        let stored = app.documents("api_tokens", doc! {}).await;
        stored[0].get_datetime("last_used_at").map(|at| at.timestamp_millis()).ok()
    };
    let first = app.clock.now().as_millisecond();
    assert_eq!(status(&app, "own", &token).await, StatusCode::OK);
    assert_eq!(used().await, Some(first));
    app.wait(jiff::SignedDuration::from_secs(59));
    assert_eq!(status(&app, "own", &token).await, StatusCode::OK);
    assert_eq!(used().await, Some(first), "at most once a minute");
    app.wait(jiff::SignedDuration::from_secs(1));
    assert_eq!(status(&app, "own", &token).await, StatusCode::OK);
    assert_eq!(used().await, Some(first + 60_000));
    assert!(browser.page("/account/tokens").await.contains("2036-03-04 05:07 UTC"));
    app.end().await;
}

/// S6, S17, I14: a form that does not fit makes no token.
#[tokio::test]
async fn a_token_is_made_by_its_owner_with_a_fresh_code_only() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let user = app.user(&["own:clinician", "two:admin"]).await;
    let browser = app.confirmed(&user).await;
    let unconfirmed = app.browser_of(&user).await;
    let asked = send(&unconfirmed, "/account/tokens", &new_token(&[])).await;
    assert_eq!(asked.status(), StatusCode::FORBIDDEN);
    assert!(asked.text().await.unwrap().contains("/account/confirm?class=administration"));
    assert_eq!(browser.post("/account/tokens", &new_token(&[])).await.status(), StatusCode::FORBIDDEN, "no form token");
    for (field, bad) in [
        ("name", " "),
        ("name", "a name of more than sixty characters, which is more than fits into the list of tokens"),
        ("institute", "two"),
        ("institute", "nowhere"),
        ("institute", ""),
        ("days", "0"),
        ("days", "91"),
        ("days", "many"),
        ("addresses", "10.1.2.3/8"),
        ("addresses", "here"),
    ] {
        let answer = send(&browser, "/account/tokens", &new_token(&[(field, bad)])).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field}: {bad}");
        let html = Html::parse_document(&answer.text().await.unwrap());
        let marked = Selector::parse(&format!("#field-{field}[aria-invalid=true]")).unwrap();
        assert_eq!(html.select(&marked).count(), 1, "{field}: {bad}");
    }
    for (extra, value) in [("user", "x"), ("scope", "admin"), ("expires_at", "2099-01-01")] {
        let answer = send(&browser, "/account/tokens", &new_token(&[(extra, value)])).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{extra}");
    }
    assert_eq!(app.documents("api_tokens", doc! {}).await.len(), 0);
    app.end().await;
}

/// A token never signs out, shares, administers or makes another token: every unsafe route refuses it, whoever made it.
#[tokio::test]
async fn a_script_reaches_no_route_that_changes_something() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let user = app.user(&["own:clinician", "own:admin", "own:auditor", "system:admin", "system:auditor"]).await;
    app.confirmed(&user).await;
    let own = "own".parse().unwrap();
    let token = app.app.tokens.create(&user.id, &own, TokenScope::Load, 30, app.clock.now()).await.unwrap();
    let csrf = app.browser_of(&user).await.csrf("/account").await;
    let member = app.user(&["own:clinician"]).await.id.to_string();
    let script = app.stranger();
    assert_eq!(script.with_token("/api/v1/own/fam", &token).await.status(), StatusCode::OK, "it reads");
    let before = app.snapshot().await;
    for route in lodestone::app::routes().table().iter().filter(|route| route.method != "GET") {
        if route.access == lodestone::web::Access::Public {
            continue;
        }
        let path = route.path.replace("{institute}", "own").replace("{case}", "fam").replace("{user}", &member);
        let answer = match (route.method.as_str(), path.starts_with("/api/")) {
            (method, true) => script.json_with_token(method, &path, &token).await,
            _ => script.post_with_token(&path, &token, &[("csrf", csrf.as_str())]).await,
        };
        let refused = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED];
        assert!(refused.contains(&answer.status()), "{path}: {}", answer.status());
    }
    for path in
        ["/admin/users", "/admin/addresses", "/own/settings", "/own/settings/addresses", "/own/members", "/audit"]
    {
        assert_eq!(script.with_token(path, &token).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(app.snapshot().await, before, "nothing was changed");
    app.end().await;
}

#[tokio::test]
async fn a_command_makes_a_token_for_addresses() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let user = app.user(&["own:clinician"]).await;
    let create =
        ["token", "create", "--user", user.email.as_str(), "--institute", "own", "--scope", "read", "--days", "90"];
    let with = |more: &[&'static str]| create.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let (code, _, said) = app.program(&with(&["--address", "10.1.2.3/8"]));
    assert_eq!(code, 2);
    assert!(said.contains("the range is 10.0.0.0/8"), "{said}");
    let (code, made, _) =
        app.program(&with(&["--name", "pipeline", "--address", "10.1.0.0/16", "--address", "2001:db8::7"]));
    assert_eq!(code, 0);
    assert!(made.starts_with("lode_") && made.lines().count() == 1, "the token and nothing else");
    let stored = app.documents("api_tokens", doc! {}).await;
    assert_eq!(stored[0].get_str("name").unwrap(), "pipeline");
    let addresses: Vec<_> = stored[0].get_array("addresses").unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(addresses, ["10.1.0.0/16", "2001:db8::7"]);
    app.end().await;
}
