//! One's own account: sessions, fresh codes, changing factors. Groups S and T of the catalogue.

use jiff::SignedDuration;
use reqwest::StatusCode;

use crate::support::TestApp;
use crate::support::visitor::{Account, NO_LOAD_LIMITS, PASSPHRASE, token_in};

async fn ready() -> (TestApp, Account) {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    (app, account)
}

/// S14: the sixth session ends the oldest; the list names all, and each can be ended, or all others.
#[tokio::test]
async fn s14_five_sessions_are_listed_and_can_be_ended() {
    let (app, account) = ready().await;
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(app.entered(&account).await);
    }
    assert!(!all[0].is_in().await, "the oldest ended");
    for visitor in &mut all[1..] {
        assert!(visitor.is_in().await);
    }
    let mut own = all[5].clone();
    let page = own.get("/account").await.text().await.unwrap();
    assert_eq!(page.matches("name=\"session\"").count(), 4, "all but this browser can be ended");
    assert!(page.contains("this browser") && page.contains("127.0.0.1"));
    let html = scraper::Html::parse_document(&page);
    let hash = html.select(&scraper::Selector::parse("[name=session]").unwrap()).next().unwrap();
    let hash = hash.attr("value").unwrap().to_owned();
    assert_eq!(
        own.post("/account", "/account/sessions/end", &[("session", &hash)]).await.status(),
        StatusCode::SEE_OTHER
    );
    let again = own.post("/account", "/account/sessions/end", &[("session", &hash)]).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let mut left = 0;
    for visitor in &mut all[1..] {
        left += usize::from(visitor.is_in().await);
    }
    assert_eq!(left, 4);

    let stranger = app.account(&["own:clinician"]).await;
    let mut stranger = app.entered(&stranger).await;
    let hash = app.documents("sessions", bson::doc! {}).await[0].get_str("_id").unwrap().to_owned();
    let foreign = stranger.post("/account", "/account/sessions/end", &[("session", &hash)]).await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "somebody else's");

    assert_eq!(own.post("/account", "/account/sessions/end-others", &[]).await.status(), StatusCode::SEE_OTHER);
    assert!(own.is_in().await && stranger.is_in().await);
    for visitor in &mut all[1..5] {
        assert!(!visitor.is_in().await);
    }
    app.end().await;
}

/// S4: who administers is signed out after a quarter of an hour without a request.
#[tokio::test]
async fn s4_admins_are_idle_for_less_long() {
    let (app, account) = ready().await;
    let admin = app.account(&["own:admin"]).await;
    let (mut clinician, mut admin) = (app.entered(&account).await, app.entered(&admin).await);
    app.wait(SignedDuration::from_mins(16));
    assert!(!admin.is_in().await);
    assert!(clinician.is_in().await);
    app.end().await;
}

/// S17: a fresh code opens its class for ten minutes in its session; neither another class nor another session, and never the
/// code that signed in.
#[tokio::test]
async fn s17_a_fresh_code_opens_one_class_for_ten_minutes() {
    let (app, account) = ready().await;
    let mut visitor = app.half_way(&account).await;
    let code = app.next_code(&account);
    visitor.give_code(&code).await;
    let asked = visitor.get("/account/totp").await;
    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
    let confirm = "/account/confirm?class=administration&to=%2Faccount%2Ftotp";
    assert_eq!(asked.headers()["location"], confirm);
    assert!(visitor.get(confirm).await.text().await.unwrap().contains("value=\"/account/totp\""));
    let used = visitor.confirm("administration", "/account/totp", &code).await;
    assert_eq!(used.status(), StatusCode::FORBIDDEN, "it signed in");

    let code = app.next_code(&account);
    let opened = visitor.confirm("bulk_export", "/account", &code).await;
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    assert_eq!(visitor.get("/account/totp").await.status(), StatusCode::SEE_OTHER, "another class");
    let used = visitor.confirm("administration", "/account/totp", &code).await;
    assert_eq!(used.status(), StatusCode::FORBIDDEN, "a code opens one class");

    let mut other = app.entered(&account).await;
    let code = app.next_code(&account);
    let opened = visitor.confirm("administration", "/account/totp", &code).await;
    assert_eq!(opened.headers()["location"], "/account/totp");
    assert_eq!(visitor.get("/account/totp").await.status(), StatusCode::OK);
    assert_eq!(other.get("/account/totp").await.status(), StatusCode::SEE_OTHER, "another session");
    app.wait(SignedDuration::from_mins(10));
    assert_eq!(visitor.get("/account/totp").await.status(), StatusCode::SEE_OTHER, "ten minutes later");

    for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "/%2f%2fevil.example", "/logout"] {
        let code = app.next_code(&account);
        let opened = visitor.confirm("administration", evil, &code).await;
        assert_eq!(opened.headers()["location"], "/account", "A17: {evil}");
    }
    let csrf = visitor.csrf("/account").await;
    let odd = visitor
        .post_bare("/account/confirm", &[("csrf", &csrf), ("class", "everything"), ("to", "/"), ("code", "1")])
        .await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
    app.end().await;
}

/// T15: without a fresh code no factor is changed; with one the new authenticator takes over, the others are out, the owner is
/// told.
#[tokio::test]
async fn t15_factors_are_changed_after_a_fresh_code_only() {
    let (app, account) = ready().await;
    let mut other = app.entered(&account).await;
    let mut visitor = app.entered(&account).await;
    let csrf = visitor.csrf("/account").await;
    for path in ["/account/totp", "/account/totp/secret", "/account/recovery", "/account/passphrase"] {
        let refused = visitor
            .post_bare(
                path,
                &[("csrf", &csrf), ("code", "000000"), ("current", PASSPHRASE), ("passphrase", "x"), ("again", "x")],
            )
            .await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(
            refused.text().await.unwrap().contains("/account/confirm?class=administration"),
            "{path} says what to do"
        );
    }
    let code = app.next_code(&account);
    visitor.confirm("administration", "/account/totp", &code).await;
    let page = visitor.post("/account/totp", "/account/totp/secret", &[]).await.text().await.unwrap();
    let shown: String = scraper::Html::parse_document(&page)
        .select(&scraper::Selector::parse(".secret code").unwrap())
        .flat_map(|code| code.text())
        .collect();
    let bytes = data_encoding::BASE32_NOPAD.decode(shown.replace(' ', "").as_bytes()).unwrap();
    let new = Account { secret: lodestone::auth::TotpSecret::from_bytes(&bytes).unwrap(), ..account };
    let code = new.secret.code_at(app.clock.now());
    let done = visitor.post_bare("/account/totp", &[("csrf", &token_in(&page)), ("code", &code)]).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert_eq!(done.text().await.unwrap().matches("<li><code>").count(), 10);
    assert!(visitor.is_in().await && !other.is_in().await, "other sessions end");
    assert!(visitor.get("/account").await.text().await.unwrap().contains("A new authenticator was set up"));
    app.entered(&new).await;
    app.end().await;
}

/// A new passphrase needs the present one besides; new recovery codes put the old ones out of use.
#[tokio::test]
async fn passphrase_and_recovery_codes_are_changed() {
    let (app, account) = ready().await;
    let mut other = app.entered(&account).await;
    let mut visitor = app.entered(&account).await;
    let code = app.next_code(&account);
    visitor.confirm("administration", "/account/passphrase", &code).await;
    let new = "ein ganz anderer Satz 7";
    for (current, passphrase, again, status) in [
        ("wrong and long enough", new, new, StatusCode::FORBIDDEN),
        (PASSPHRASE, "short", "short", StatusCode::UNPROCESSABLE_ENTITY),
        (PASSPHRASE, new, "another", StatusCode::UNPROCESSABLE_ENTITY),
        (PASSPHRASE, new, new, StatusCode::SEE_OTHER),
    ] {
        let form = [("current", current), ("passphrase", passphrase), ("again", again)];
        let answer = visitor.post("/account/passphrase", "/account/passphrase", &form).await;
        assert_eq!(answer.status(), status, "{current} {passphrase}");
    }
    assert!(visitor.is_in().await && !other.is_in().await);
    let email = account.user.email.as_str();
    assert_eq!(app.visitor().give_passphrase(email, PASSPHRASE).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(app.visitor().give_passphrase(email, new).await.status(), StatusCode::SEE_OTHER);

    let page = visitor.post("/account/recovery", "/account/recovery", &[]).await.text().await.unwrap();
    let html = scraper::Html::parse_document(&page);
    let codes: Vec<String> =
        html.select(&scraper::Selector::parse(".codes code").unwrap()).map(|code| code.text().collect()).collect();
    assert_eq!(codes.len(), 10);
    for (code, status) in [(&account.recovery[0], StatusCode::FORBIDDEN), (&codes[0], StatusCode::SEE_OTHER)] {
        let mut half = app.visitor();
        half.give_passphrase(email, new).await;
        assert_eq!(half.post("/login/recovery", "/login/recovery", &[("code", code)]).await.status(), status);
    }
    app.end().await;
}

/// Every page says how long it can be left alone: half an hour, and less towards the session's last hour.
#[tokio::test]
async fn a_page_says_what_is_left_of_the_session() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let ann = app.signed_in(&["own:clinician"]).await;
    let left = async || {
        let page = ann.page("/account").await;
        let seconds = page.split("data-seconds-left=\"").nth(1).unwrap().split('"').next().unwrap();
        seconds.parse::<i64>().unwrap()
    };
    assert_eq!(left().await, 30 * 60);
    app.wait(SignedDuration::from_mins(29));
    assert_eq!(left().await, 30 * 60, "who asks for a page begins anew");
    for _ in 0..24 {
        app.wait(SignedDuration::from_mins(28));
        left().await;
    }
    assert_eq!(left().await, (12 * 60 - 29 - 24 * 28) * 60, "after twelve hours it ends anyhow");
    app.end().await;
}
