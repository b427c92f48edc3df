//! Passkeys beside the authenticator: adding, signing in, fresh proof, and everything that must not count.

use jiff::SignedDuration;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::support::TestApp;
use crate::support::authenticator::{SecurityKey, VERIFIED};
use crate::support::visitor::{Account, NO_LOAD_LIMITS, Visitor, masked};

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// A server that people reach by a host name.
async fn named() -> TestApp {
    let app = TestApp::start_with(&format!("{NO_LOAD_LIMITS}\n[server]\nbase_url = 'http://localhost'")).await;
    app.institute("own").await;
    app
}

/// What the server asks a passkey.
async fn asked(visitor: &mut Visitor, page: &str, path: &str, form: &[(&str, &str)]) -> Value {
    let answer = visitor.post(page, path, form).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.unwrap()
}

const ADDING: &str = "/account/passkeys";

async fn add(visitor: &mut Visitor, key: &mut SecurityKey, name: &str) -> Response {
    let options = asked(visitor, ADDING, "/account/passkeys/ask", &[]).await;
    let made = key.made(&options);
    visitor.post(ADDING, ADDING, &[("name", name), ("passkey", &made)]).await
}

/// Somebody signed in who gave a fresh code for administration.
async fn confirmed(app: &TestApp, account: &Account) -> Visitor {
    let mut visitor = app.entered(account).await;
    let code = app.next_code(account);
    assert_eq!(visitor.confirm("administration", "/account", &code).await.status(), StatusCode::SEE_OTHER);
    visitor
}

/// Somebody with a passkey.
async fn owner(app: &TestApp) -> (Account, SecurityKey, Visitor) {
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = confirmed(app, &account).await;
    let mut key = SecurityKey::at(&app.origin);
    let added = add(&mut visitor, &mut key, "key on my ring").await;
    assert_eq!(added.status(), StatusCode::SEE_OTHER);
    (account, key, visitor)
}

/// What signing in asks a passkey.
async fn at_the_door(visitor: &mut Visitor) -> Value {
    asked(visitor, "/login/code", "/login/passkey", &[]).await
}

async fn give(visitor: &mut Visitor, answer: &str) -> Response {
    visitor.post("/login/code", "/login/code", &[("passkey", answer)]).await
}

/// The page that a wrong code is answered with, after which the account is as if nothing had been tried.
async fn refusal(app: &TestApp, account: &Account) -> String {
    let refused = app.half_way(account).await.give_code(&app.wrong_code(account)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    app.wait(minutes(16));
    masked(refused).await
}

async fn account_page(visitor: &mut Visitor) -> String {
    visitor.get("/account").await.text().await.unwrap()
}

#[tokio::test]
async fn a_passkey_is_added_after_a_fresh_code_told_of_and_recorded() {
    let app = named().await;
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = app.entered(&account).await;
    assert!(account_page(&mut visitor).await.contains("Add a passkey"));
    let early = visitor.get(ADDING).await;
    assert!(early.headers()["location"].to_str().unwrap().starts_with("/account/confirm?class=administration"));
    for path in [ADDING, "/account/passkeys/ask", "/account/passkeys/remove"] {
        assert_eq!(visitor.post("/account", path, &[]).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert!(app.documents("passkey_ceremonies", bson::doc! {}).await.is_empty());

    let mut visitor = confirmed(&app, &account).await;
    let mut key = SecurityKey::at(&app.origin);
    let options = asked(&mut visitor, ADDING, "/account/passkeys/ask", &[]).await;
    assert_eq!(options["rp"]["id"], "localhost");
    assert_eq!(options["authenticatorSelection"]["residentKey"], "discouraged");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "preferred");
    assert_eq!(options["attestation"], "none");
    let made = key.made(&options);
    let nameless = visitor.post(ADDING, ADDING, &[("name", "  "), ("passkey", &made)]).await;
    assert_eq!(nameless.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let name = "<b>my key</b>";
    let added = visitor.post(ADDING, ADDING, &[("name", name), ("passkey", &made)]).await;
    assert_eq!(added.headers()["location"], "/account?done=passkey");
    let again = visitor.post(ADDING, ADDING, &[("name", name), ("passkey", &made)]).await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY, "what was asked for is used up");

    let page = account_page(&mut visitor).await;
    assert!(page.contains("<strong>&#60;b&#62;my key&#60;/b&#62;</strong>") && page.contains("never used"), "{page}");
    assert!(page.contains("The passkey “&#60;b&#62;my key&#60;/b&#62;” was added"));
    let entries = format!("{:?}", app.audit_entries().await);
    assert!(entries.contains("\"passkey\"") && entries.contains("\"added\""), "the trail says what was done");
    assert!(!entries.contains("my key"), "and not what it is called");

    let second = add(&mut visitor, &mut key, "again").await;
    assert_eq!(second.status(), StatusCode::UNPROCESSABLE_ENTITY, "one key is one passkey");
    assert_eq!(page.matches("name=\"passkey\"").count(), 1);
    app.end().await;
}

#[tokio::test]
async fn a_passkey_signs_in_in_place_of_a_code_and_the_code_still_does() {
    let app = named().await;
    let (account, mut key, _) = owner(&app).await;
    let mut visitor = app.half_way(&account).await;
    let page = visitor.get("/login/code").await.text().await.unwrap();
    assert!(page.contains("data-passkey=\"/login/passkey\"") && page.contains("name=\"code\""));
    assert!(page.contains("<button type=\"submit\" hidden>Use a passkey</button>"), "shown by the script only");
    let options = at_the_door(&mut visitor).await;
    assert_eq!(options["allowCredentials"][0]["id"], key.name());
    assert_eq!((&options["rpId"], &options["userVerification"]), (&"localhost".into(), &"preferred".into()));
    let before = visitor.jar["__Host-half"].clone();
    let answer = give(&mut visitor, &key.signed(&options)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(visitor.is_in().await);
    assert!(visitor.jar["__Host-sid"] != before && !visitor.jar.contains_key("__Host-half"), "S1: a new id");
    assert!(account_page(&mut visitor).await.contains("last used <span class=\"num\">2036-"));
    app.entered(&account).await;

    // Whoever has none is offered none.
    let other = app.account(&["own:clinician"]).await;
    let mut other = app.half_way(&other).await;
    assert!(!other.get("/login/code").await.text().await.unwrap().contains("passkey"));
    assert_eq!(other.post("/login/code", "/login/passkey", &[]).await.status(), StatusCode::NOT_FOUND);
    // Neither the first factor nor nobody at all can be replaced by one.
    assert_eq!(app.visitor().post_bare("/login/passkey", &[]).await.status(), StatusCode::UNAUTHORIZED);
    app.end().await;
}

#[tokio::test]
async fn a_passkey_opens_one_class_in_the_session_it_was_asked_in() {
    let app = named().await;
    let (account, mut key, _) = owner(&app).await;
    let (mut visitor, mut elsewhere) = (app.entered(&account).await, app.entered(&account).await);
    let page = "/account/confirm?class=administration&to=%2Faccount%2Ftotp";
    let ask = async |visitor: &mut Visitor| {
        asked(visitor, page, "/account/confirm/passkey", &[("class", "administration")]).await
    };
    let send = async |visitor: &mut Visitor, class: &str, answer: &str| {
        let form = [("class", class), ("to", "/account/totp"), ("passkey", answer)];
        visitor.post(page, "/account/confirm", &form).await
    };
    assert!(visitor.get(page).await.text().await.unwrap().contains("data-passkey=\"/account/confirm/passkey\""));

    let answer = key.signed(&ask(&mut visitor).await);
    for (who, class) in [(&mut visitor, "bulk_export"), (&mut elsewhere, "administration")] {
        assert_eq!(send(who, class, &answer).await.status(), StatusCode::FORBIDDEN, "{class}");
    }
    let opened = send(&mut visitor, "administration", &answer).await;
    assert_eq!(opened.headers()["location"], "/account/totp");
    assert_eq!(visitor.get("/account/totp").await.status(), StatusCode::OK);
    assert_eq!(elsewhere.get("/account/totp").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(send(&mut visitor, "administration", &answer).await.status(), StatusCode::FORBIDDEN, "once");

    // What was asked for signing in opens nothing, and the other way round.
    let mut half = app.half_way(&account).await;
    let at_the_door = key.signed(&at_the_door(&mut half).await);
    let inside = key.signed(&ask(&mut elsewhere).await);
    assert_eq!(send(&mut elsewhere, "administration", &at_the_door).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(give(&mut half, &inside).await.status(), StatusCode::FORBIDDEN);

    let late = key.signed(&ask(&mut visitor).await);
    app.wait(minutes(16)); // also past the pause after five tries
    assert_eq!(send(&mut visitor, "administration", &late).await.status(), StatusCode::FORBIDDEN, "after five minutes");
    let in_time = key.signed(&ask(&mut visitor).await);
    app.wait(minutes(4));
    assert_eq!(send(&mut visitor, "administration", &in_time).await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

#[tokio::test]
async fn an_answer_counts_once_also_of_twenty_at_once() {
    let app = named().await;
    let (account, mut key, _) = owner(&app).await;
    let wrong = refusal(&app, &account).await;
    let mut visitor = app.half_way(&account).await;
    let csrf = visitor.csrf("/login/code").await;
    let answer = key.signed(&at_the_door(&mut visitor).await);
    let tries = (0..20).map(|_| {
        let (mut one, csrf, answer) = (visitor.clone(), csrf.clone(), answer.clone());
        async move { one.post_bare("/login/code", &[("csrf", &csrf), ("passkey", &answer)]).await.status() }
    });
    let statuses = futures::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    app.wait(minutes(16));

    // Kept, and sent again from another sign-in, in which a passkey is waited for too.
    let mut later = app.half_way(&account).await;
    at_the_door(&mut later).await;
    let replayed = give(&mut later, &answer).await;
    assert_eq!(replayed.status(), StatusCode::FORBIDDEN);
    assert_eq!(masked(replayed).await, wrong);
    app.end().await;
}

type Change = fn(&mut SecurityKey);
/// What it is, and the answer to what was asked.
type Lie<'a> = (&'static str, Box<dyn FnMut(&Value) -> String + 'a>);

/// Each lie is answered like a wrong code, and the truth afterwards is believed.
#[tokio::test]
async fn what_a_passkey_must_not_say_is_refused_in_the_words_of_a_wrong_code() {
    let app = named().await;
    let (account, mut key, _) = owner(&app).await;
    let (_, mut foreign, _) = owner(&app).await;
    key.counter = 9;
    let mut visitor = app.half_way(&account).await;
    let answer = key.signed(&at_the_door(&mut visitor).await);
    assert_eq!(give(&mut visitor, &answer).await.status(), StatusCode::SEE_OTHER);
    let wrong = refusal(&app, &account).await;
    let mut stranger = SecurityKey::at(&app.origin);
    stranger.id.clone_from(&key.id);
    let origin = app.origin.clone();

    let own = std::cell::RefCell::new(&mut key);
    let telling = |change: Change, back: fn(&mut SecurityKey, &str)| {
        let (own, origin) = (&own, origin.clone());
        move |options: &Value| {
            let mut key = own.borrow_mut();
            change(&mut key);
            let answer = key.signed(options);
            back(&mut key, &origin);
            answer
        }
    };
    let lies: Vec<Lie> = vec![
        (
            "another origin",
            Box::new(telling(|key| key.origin = "http://localhost:1".into(), |key, o| key.origin = o.into())),
        ),
        ("a longer origin", Box::new(telling(|key| key.origin.push('0'), |key, o| key.origin = o.into()))),
        (
            "another host",
            Box::new(telling(|key| key.host = "evil.example".into(), |key, _| key.host = "localhost".into())),
        ),
        ("nobody there", Box::new(telling(|key| key.flags = VERIFIED, |key, _| key.flags = 5))),
        ("a counter that stands", Box::new(telling(|key| key.counter = 9, |key, _| key.counter = 50))),
        ("a counter that goes back", Box::new(telling(|key| key.counter = 4, |key, _| key.counter = 50))),
        ("no counter any more", Box::new(telling(|key| key.counter = u32::MAX, |key, _| key.counter = 50))),
        (
            "another challenge",
            Box::new(|_: &Value| own.borrow_mut().signed(&serde_json::json!({ "challenge": "A".repeat(22) }))),
        ),
        ("an answer for adding", Box::new(|options: &Value| own.borrow_mut().made(options))),
        ("somebody else's passkey", Box::new(|options: &Value| foreign.signed(options))),
        ("another key by this one's name", Box::new(|options: &Value| stranger.signed(options))),
        ("no answer", Box::new(|_: &Value| "{}".to_owned())),
        ("no JSON", Box::new(|_: &Value| "\u{0}".repeat(1000))),
    ];
    for (what, mut lie) in lies {
        let mut visitor = app.half_way(&account).await;
        let answer = lie(&at_the_door(&mut visitor).await);
        let refused = give(&mut visitor, &answer).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{what}");
        assert_eq!(masked(refused).await, wrong, "{what}");
        assert!(!visitor.is_in().await, "{what}");
        app.wait(minutes(16));
    }
    // Nothing was asked in this sign-in; it was in another one.
    let (mut asked_in, mut visitor) = (app.half_way(&account).await, app.half_way(&account).await);
    let options = at_the_door(&mut asked_in).await;
    let answer = own.borrow_mut().signed(&options);
    assert_eq!(masked(give(&mut visitor, &answer).await).await, wrong);
    assert_eq!(give(&mut asked_in, &answer).await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

/// T7: tries of passkeys are tries of codes.
#[tokio::test]
async fn t7_wrong_passkeys_and_wrong_codes_are_counted_together() {
    let app = named().await;
    let (account, mut key, mut inside) = owner(&app).await;
    for _ in 0..2 {
        let mut visitor = app.half_way(&account).await;
        at_the_door(&mut visitor).await;
        assert_eq!(give(&mut visitor, "{}").await.status(), StatusCode::FORBIDDEN);
        let code = app.wrong_code(&account);
        assert_eq!(visitor.give_code(&code).await.status(), StatusCode::FORBIDDEN);
    }
    let mut visitor = app.half_way(&account).await;
    assert_eq!(give(&mut visitor, "{}").await.status(), StatusCode::FORBIDDEN);
    let right = key.signed(&at_the_door(&mut visitor).await);
    assert_eq!(give(&mut visitor, &right).await.status(), StatusCode::FORBIDDEN, "no passkey counts");
    let code = app.next_code(&account);
    assert_eq!(visitor.give_code(&code).await.status(), StatusCode::FORBIDDEN, "and no code");
    assert!(inside.is_in().await, "whoever is in stays in");
    app.wait(minutes(16));
    let mut visitor = app.half_way(&account).await;
    let right = key.signed(&at_the_door(&mut visitor).await);
    assert_eq!(give(&mut visitor, &right).await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

#[tokio::test]
async fn a_removed_passkey_is_gone_and_so_are_the_other_sessions() {
    let app = named().await;
    let (account, mut key, mut visitor) = owner(&app).await;
    let (_, _, mut stranger) = owner(&app).await;
    let wrong_name = [("passkey", key.name())];
    let form: Vec<(&str, &str)> = wrong_name.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let foreign = stranger.post("/account", "/account/passkeys/remove", &form).await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "somebody else's");

    let mut half = app.half_way(&account).await;
    let answer = key.signed(&at_the_door(&mut half).await);
    let mut elsewhere = app.half_way(&account).await;
    let options = at_the_door(&mut elsewhere).await;
    assert_eq!(give(&mut elsewhere, &key.signed(&options)).await.status(), StatusCode::SEE_OTHER);
    let removed = visitor.post("/account", "/account/passkeys/remove", &form).await;
    assert_eq!(removed.status(), StatusCode::SEE_OTHER);
    assert!(!elsewhere.is_in().await && visitor.is_in().await);
    assert!(account_page(&mut visitor).await.contains("The passkey “key on my ring” was removed"));
    assert_eq!(give(&mut half, &answer).await.status(), StatusCode::FORBIDDEN, "asked for before it was removed");
    assert_eq!(half.post("/login/code", "/login/passkey", &[]).await.status(), StatusCode::NOT_FOUND);
    assert!(app.entered(&account).await.is_in().await, "nobody is locked out by a lost key");
    app.end().await;
}

#[tokio::test]
async fn a_reset_a_recovery_code_and_disabling_take_the_passkeys_away() {
    let app = named().await;
    let held = async |account: &Account| {
        app.app.sign_in.credentials.of(&account.user.id).await.unwrap().unwrap().passkeys.len()
    };
    let now = app.clock.now();
    let (account, mut key, _) = owner(&app).await;
    let mut half = app.half_way(&account).await;
    let answer = key.signed(&at_the_door(&mut half).await);
    app.app.sign_in.credentials.ask_reset(&account.user.id, "one", now).await.unwrap();
    assert_eq!(held(&account).await, 1);
    app.app.sign_in.credentials.confirm_reset(&account.user.id, "another", now).await.unwrap();
    assert_eq!(held(&account).await, 0);
    assert_eq!(give(&mut half, &answer).await.status(), StatusCode::FORBIDDEN);

    let (account, ..) = owner(&app).await;
    let mut half = app.half_way(&account).await;
    let answer = half.post("/login/recovery", "/login/recovery", &[("code", &account.recovery[0])]).await;
    assert_eq!(answer.headers()["location"], "/auth/enrol");
    assert_eq!(held(&account).await, 0);

    let (account, mut key, mut visitor) = owner(&app).await;
    let mut half = app.half_way(&account).await;
    let answer = key.signed(&at_the_door(&mut half).await);
    let csrf = half.csrf("/login/code").await;
    let email = account.user.email.as_str();
    assert!(app.cli(&["user", "disable", email]).await);
    assert!(!visitor.is_in().await);
    let refused = half.post_bare("/login/code", &[("csrf", &csrf), ("passkey", &answer)]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(held(&account).await, 0);
    app.end().await;
}

#[tokio::test]
async fn one_person_has_at_most_ten_passkeys_and_no_one_else_s() {
    let app = named().await;
    let (_, key, _) = owner(&app).await;
    let (account, _, mut visitor) = owner(&app).await;
    let mut same = SecurityKey::at(&app.origin);
    same.id.clone_from(&key.id);
    assert_eq!(add(&mut visitor, &mut same, "taken").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for n in 2..=10 {
        let mut key = SecurityKey::at(&app.origin);
        assert_eq!(add(&mut visitor, &mut key, &n.to_string()).await.status(), StatusCode::SEE_OTHER, "{n}");
    }
    let page = account_page(&mut visitor).await;
    assert_eq!(page.matches("/account/passkeys/remove").count(), 10);
    assert!(!page.contains("Add a passkey"));
    assert_eq!(visitor.get(ADDING).await.headers()["location"], "/account");
    let options = at_the_door(&mut app.half_way(&account).await).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 10);
    app.end().await;
}

#[tokio::test]
async fn what_a_new_passkey_must_not_say_is_refused() {
    let app = named().await;
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = confirmed(&app, &account).await;
    let lies: [(&str, Change); 3] = [
        ("another origin", |key| key.origin = "https://localhost".into()),
        ("another host", |key| key.host = "evil.example".into()),
        ("nobody there", |key| key.flags = 0),
    ];
    for (what, lie) in lies {
        let mut key = SecurityKey::at(&app.origin);
        lie(&mut key);
        assert_eq!(add(&mut visitor, &mut key, what).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{what}");
    }
    let mut key = SecurityKey::at(&app.origin);
    let options = asked(&mut visitor, ADDING, "/account/passkeys/ask", &[]).await;
    app.wait(minutes(5));
    let late = visitor.post(ADDING, ADDING, &[("name", "late"), ("passkey", &key.made(&options))]).await;
    assert_eq!(late.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(app.app.sign_in.credentials.of(&account.user.id).await.unwrap().unwrap().passkeys.is_empty());
    app.end().await;
}

#[tokio::test]
async fn at_an_address_no_passkey_is_offered_and_the_account_says_why() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = confirmed(&app, &account).await;
    let page = account_page(&mut visitor).await;
    assert!(page.contains("Browsers make passkeys for a host name") && !page.contains("Add a passkey"));
    assert_eq!(visitor.get(ADDING).await.headers()["location"], "/account");
    assert_eq!(visitor.post("/account", "/account/passkeys/ask", &[]).await.status(), StatusCode::FORBIDDEN);
    app.end().await;
}
