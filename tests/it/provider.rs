//! Group A: signing in with an institute's identity provider, and everything that such a sign-in can be made to lie about.

use bson::doc;
use jiff::SignedDuration;
use lodestone::clock::Clock;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};
use serde_json::json;

use crate::support::TestApp;
use crate::support::provider::{FakeProvider, Lie, Signed};
use crate::support::visitor::{Account, NO_LOAD_LIMITS, Visitor};

/// A server with one provider, by the clock of the tests.
async fn with_provider() -> (TestApp, FakeProvider) {
    let clock = Clock::manual("2036-03-04T05:06:07Z".parse().unwrap());
    let provider = FakeProvider::start(&clock).await;
    let other = FakeProvider::start(&clock).await;
    let lines = format!(
        "{NO_LOAD_LIMITS}\n[[sign_in.providers]]\nid = 'clinic'\nname = 'Clinic account'\nissuer = '{}'\nclient_id = 'lodestone'\n\
         [[sign_in.providers]]\nid = 'other'\nname = 'Other account'\nissuer = '{}'\nclient_id = 'lodestone'\n",
        provider.issuer(),
        other.issuer()
    );
    (TestApp::start_with(&lines).await, provider)
}

/// The address that a browser leaves for, and its state.
async fn leave(visitor: &mut Visitor, provider: &FakeProvider, form: &[(&str, &str)]) -> String {
    let answer = visitor.post_bare("/login/with/clinic", form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let page = Html::parse_document(&answer.text().await.unwrap());
    let link = Selector::parse("main a.button").unwrap();
    let url = page.select(&link).next().unwrap().attr("href").unwrap().to_owned();
    provider.visited(&url);
    let url = reqwest::Url::parse(&url).unwrap();
    url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

async fn come_back(visitor: &mut Visitor, state: &str) -> Response {
    visitor.get(&format!("/auth/callback?code=the-code&state={state}")).await
}

/// An account that is linked to the provider's person, by an invitation as people do it.
async fn linked(app: &TestApp, provider: &FakeProvider, subject: &str) -> Account {
    let account = app.account(&["own:clinician"]).await;
    provider.subject(subject);
    let token = app.app.sign_in.invitations.create(&account.user.id, "an admin", app.clock.now()).await.unwrap();
    let mut visitor = app.visitor();
    let state = leave(&mut visitor, provider, &[("invitation", &token)]).await;
    let answer = come_back(&mut visitor, &state).await;
    assert_eq!(answer.headers()["location"], "/login/code", "an authenticator is there already");
    assert!(app.app.sign_in.identities.of(&account.user.id).await.unwrap().is_empty(), "not before the second factor");
    let code = app.next_code(&account);
    assert_eq!(visitor.give_code(&code).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(app.app.sign_in.identities.of(&account.user.id).await.unwrap()[0].subject, subject);
    account
}

async fn reasons(app: &TestApp, route: &str) -> Vec<String> {
    let entries = app.audit_entries().await;
    let of_route = entries.iter().filter(|entry| {
        entry.get_document("request").is_ok_and(|request| request.get_str("route").is_ok_and(|it| it == route))
    });
    of_route.filter_map(|entry| entry.get_str("reason").ok().map(ToOwned::to_owned)).collect()
}

/// From the sign-in page to one's cases: the provider vouches, our code confirms.
#[tokio::test]
async fn a_linked_person_signs_in_with_both_factors() {
    let (app, provider) = with_provider().await;
    app.institute("own").await;
    let account = linked(&app, &provider, "ann").await;
    let mut visitor = app.visitor();
    let page = visitor.get("/login").await.text().await.unwrap();
    assert!(page.contains("Sign in with Clinic account") && page.contains("Sign in with Other account"));
    let state = leave(&mut visitor, &provider, &[]).await;
    let answer = come_back(&mut visitor, &state).await;
    assert_eq!(
        (answer.status(), answer.headers()["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/login/code")
    );
    assert_eq!(visitor.get("/own").await.status(), StatusCode::SEE_OTHER, "half a sign-in opens nothing");
    let code = app.next_code(&account);
    assert_eq!(visitor.give_code(&code).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(visitor.get("/own").await.status(), StatusCode::OK);
    // A20: neither tokens nor the code are kept or shown anywhere.
    let everything = format!("{:?} {:?}", app.snapshot().await, app.audit_entries().await);
    for secret in ["an-access-token-nobody-needs", "the-code", "eyJ"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    app.end().await;
}

/// A1 to A4: an answer counts for the browser that left, once, within ten minutes.
#[tokio::test]
async fn an_answer_counts_for_the_browser_that_left_once() {
    let (app, provider) = with_provider().await;
    app.institute("own").await;
    linked(&app, &provider, "ann").await;
    let mut one = app.visitor();
    let state = leave(&mut one, &provider, &[]).await;
    let mut nobody = app.visitor();
    assert_eq!(come_back(&mut nobody, &state).await.status(), StatusCode::BAD_REQUEST, "A1: without the cookie");
    let mut other = app.visitor();
    let others = leave(&mut other, &provider, &[]).await;
    assert_eq!(come_back(&mut other, &state).await.status(), StatusCode::BAD_REQUEST, "A2: another's state");
    assert_eq!(come_back(&mut other, &others).await.status(), StatusCode::BAD_REQUEST, "A2: and its own is used up");
    // A3: twice, and twenty times at once
    let state = leave(&mut one, &provider, &[]).await;
    let path = format!("/auth/callback?code=the-code&state={state}");
    let attempt = |mut visitor: Visitor| {
        let path = path.clone();
        async move { visitor.get(&path).await }
    };
    let answers = futures::future::join_all((0..20).map(|_| attempt(one.clone()))).await;
    let entered = answers.iter().filter(|answer| answer.status() == StatusCode::SEE_OTHER).count();
    assert_eq!(entered, 1, "exactly one");
    assert_eq!(come_back(&mut one, &state).await.status(), StatusCode::BAD_REQUEST);
    let state = leave(&mut one, &provider, &[]).await;
    app.wait(SignedDuration::from_mins(10));
    assert_eq!(come_back(&mut one, &state).await.status(), StatusCode::BAD_REQUEST, "A4: too late");
    app.end().await;
}

/// A5 to A10: every lie in a token is refused, with nothing begun.
#[tokio::test]
async fn tokens_that_do_not_hold_are_refused() {
    let (app, provider) = with_provider().await;
    app.institute("own").await;
    linked(&app, &provider, "ann").await;
    let now = app.clock.now().as_second() + 60;
    let issuer = provider.issuer().to_owned();
    let lies: Vec<(&str, Lie)> = vec![
        ("A5: another nonce", Lie::claims(|claims| claims["nonce"] = json!("another"))),
        ("A5: no nonce", Lie::claims(|claims| drop(claims.as_object_mut().unwrap().remove("nonce")))),
        ("A6: another issuer", Lie::claims(|claims| claims["iss"] = json!("https://evil.example"))),
        ("A6: a slash more", Lie::claims(move |claims| claims["iss"] = json!(format!("{issuer}/")))),
        ("A7: another audience", Lie::claims(|claims| claims["aud"] = json!("another"))),
        ("A7: one audience more", Lie::claims(|claims| claims["aud"] = json!(["lodestone", "another"]))),
        ("A7: another party", Lie::claims(|claims| claims["azp"] = json!("another"))),
        ("A8: none", Lie::signed(Signed::None)),
        ("A8: the public key as a secret", Lie::signed(Signed::PublicKeyAsSecret)),
        ("A8: another key", Lie::signed(Signed::OtherKey)),
        ("A8: an unknown key", Lie::header(|header| header["kid"] = json!("unknown"))),
        ("A9: ended", Lie::claims(move |claims| claims["exp"] = json!(now - 200))),
        ("A9: issued in the future", Lie::claims(move |claims| claims["iat"] = json!(now + 120))),
        ("A9: not yet", Lie::claims(move |claims| claims["nbf"] = json!(now + 120))),
        ("another access token's", Lie::claims(|claims| claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"))),
    ];
    for (what, lie) in lies {
        provider.lie(lie);
        let mut visitor = app.visitor();
        let state = leave(&mut visitor, &provider, &[]).await;
        let answer = come_back(&mut visitor, &state).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(visitor.get("/login/code").await.status(), StatusCode::SEE_OTHER, "{what}: nothing was begun");
    }
    // A8: addresses in a header are not gone to.
    let (asked, lie) = (provider.key_requests(), |header: &mut serde_json::Value| {
        header["jku"] = json!("http://127.0.0.1:1/keys");
        header["x5u"] = json!("http://127.0.0.1:1/cert");
    });
    provider.lie(Lie::header(lie));
    let mut visitor = app.visitor();
    let state = leave(&mut visitor, &provider, &[]).await;
    assert_eq!(come_back(&mut visitor, &state).await.status(), StatusCode::SEE_OTHER, "the signature is what counts");
    assert_eq!(provider.key_requests(), asked);
    // A10: the code is worth nothing without the verifier of the browser that left.
    provider.lie(Lie::default());
    let mut thief = app.visitor();
    let state = leave(&mut thief, &provider, &[]).await;
    let mut victim = app.visitor();
    leave(&mut victim, &provider, &[]).await;
    assert_eq!(come_back(&mut thief, &state).await.status(), StatusCode::BAD_REQUEST, "A10");
    // Within the leeway of a minute a token holds.
    let at = app.clock.now().as_second();
    for lie in [
        Lie::claims(move |claims| claims["exp"] = json!(at - 30)),
        Lie::claims(move |claims| claims["iat"] = json!(at + 30)),
        Lie::claims(move |claims| claims["nbf"] = json!(at + 30)),
    ] {
        provider.lie(lie);
        let mut visitor = app.visitor();
        let state = leave(&mut visitor, &provider, &[]).await;
        assert_eq!(come_back(&mut visitor, &state).await.status(), StatusCode::SEE_OTHER);
    }
    let told = reasons(&app, "/auth/callback").await;
    assert!(told.len() >= 16 && told.iter().all(|reason| !reason.contains("eyJ")), "{told:?}");
    app.end().await;
}

/// A6, A11: an answer in another provider's name, and one with words of its own, are refused without echo.
#[tokio::test]
async fn an_answers_own_words_are_not_repeated() {
    let (app, provider) = with_provider().await;
    let mut visitor = app.visitor();
    let state = leave(&mut visitor, &provider, &[]).await;
    let mixed =
        visitor.get(&format!("/auth/callback?code=the-code&state={state}&iss=https%3A%2F%2Fevil.example")).await;
    assert_eq!(mixed.status(), StatusCode::BAD_REQUEST, "A6: mix-up");
    let state = leave(&mut visitor, &provider, &[]).await;
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let refused =
        visitor.get(&format!("/auth/callback?error=access_denied&error_description={script}&state={state}")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "A11");
    let page = refused.text().await.unwrap();
    assert!(!page.contains("alert(1)") && page.contains("was not completed"), "{page}");
    let told = reasons(&app, "/auth/callback").await;
    assert_eq!(told.len(), 2, "one event each: {told:?}");
    app.end().await;
}

/// A12 to A14, A19: people whom the provider knows and we do not get the same page as closed accounts; an e-mail address
/// opens nothing.
#[tokio::test]
async fn nobody_is_let_in_unlinked() {
    let (app, provider) = with_provider().await;
    app.institute("own").await;
    let account = linked(&app, &provider, "ann").await;
    let attempt = async |subject: &str| {
        provider.subject(subject);
        let mut visitor = app.visitor();
        let state = leave(&mut visitor, &provider, &[]).await;
        let answer = come_back(&mut visitor, &state).await;
        let status = answer.status();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        (status, answer.text().await.unwrap().replace(&id, "ID").replace(&nonce, "NONCE"))
    };
    let email = account.user.email.to_string();
    provider.lie(Lie::claims(move |claims| {
        claims["email"] = json!(email);
        claims["email_verified"] = json!(true);
    }));
    let unknown = attempt("somebody").await;
    assert_eq!(unknown.0, StatusCode::FORBIDDEN, "A12, A13: the address of an account is no key to it");
    let users = app.documents("users", doc! {}).await.len();
    assert_eq!(attempt("another").await, unknown, "A14");
    assert_eq!(app.documents("users", doc! {}).await.len(), users, "A14: nobody is made");
    assert!(app.cli(&["user", "disable", account.user.email.as_str()]).await);
    assert_eq!(attempt("ann").await, unknown, "A19: a disabled account looks the same");
    app.end().await;
}

/// An identity belongs to one account; an invitation of another cannot take it over.
#[tokio::test]
async fn an_identity_belongs_to_one_account() {
    let (app, provider) = with_provider().await;
    app.institute("own").await;
    let first = linked(&app, &provider, "ann").await;
    let second = app.account(&["own:clinician"]).await;
    let token = app.app.sign_in.invitations.create(&second.user.id, "an admin", app.clock.now()).await.unwrap();
    let mut visitor = app.visitor();
    let state = leave(&mut visitor, &provider, &[("invitation", &token)]).await;
    assert_eq!(come_back(&mut visitor, &state).await.headers()["location"], "/login/code");
    let code = app.next_code(&second);
    assert_eq!(visitor.give_code(&code).await.status(), StatusCode::FORBIDDEN);
    assert!(app.app.sign_in.identities.of(&second.user.id).await.unwrap().is_empty());
    assert_eq!(app.app.sign_in.identities.of(&first.user.id).await.unwrap().len(), 1);
    for wrong in ["nonsense", ""] {
        let answer = app.visitor().post_bare("/login/with/clinic", &[("invitation", wrong)]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "no such invitation");
    }
    assert_eq!(app.visitor().post_bare("/login/with/nobody", &[]).await.status(), StatusCode::NOT_FOUND);
    app.end().await;
}

/// A15: a provider that fails stands in the way of nobody who is in. A16: new keys are looked for once a minute at most.
#[tokio::test]
async fn a_provider_that_fails_or_changes_its_keys() {
    let (app, provider) = with_provider().await;
    app.institute("own").await;
    provider.goes_down(true);
    let answer = app.visitor().post_bare("/login/with/clinic", &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().await.unwrap().contains("identity provider cannot be used"));
    assert_eq!(app.signed_in(&["own:clinician"]).await.get("/own").await.status(), StatusCode::OK);
    provider.goes_down(false);
    linked(&app, &provider, "ann").await;
    app.wait(SignedDuration::from_secs(61));
    provider.rotate("k2");
    let asked = provider.key_requests();
    let attempt = async || {
        let mut visitor = app.visitor();
        let state = leave(&mut visitor, &provider, &[]).await;
        come_back(&mut visitor, &state).await.status()
    };
    assert_eq!(attempt().await, StatusCode::SEE_OTHER, "the new key is fetched");
    assert_eq!(provider.key_requests(), asked + 1);
    provider.lie(Lie::header(|header| header["kid"] = json!("never")));
    for _ in 0..5 {
        assert_eq!(attempt().await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(provider.key_requests(), asked + 1, "not more often than once a minute");
    app.wait(SignedDuration::from_secs(61));
    assert_eq!(attempt().await, StatusCode::BAD_REQUEST);
    assert_eq!(provider.key_requests(), asked + 2);
    app.end().await;
}
