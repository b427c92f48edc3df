//! Whoever tries to get in without being let in: groups T, S and A of the catalogue.

use futures::future::join_all;
use jiff::SignedDuration;
use reqwest::StatusCode;

use crate::support::TestApp;
use crate::support::visitor::{Account, NO_LOAD_LIMITS, PASSPHRASE, Visitor, masked};

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

async fn ready() -> (TestApp, Account) {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    (app, account)
}

/// The counter of codes, as stored.
async fn code_attempts(app: &TestApp, account: &Account) -> bson::Document {
    let all = app.documents("credentials", bson::doc! {}).await;
    let own = all.into_iter().find(|document| document.get_str("_id").unwrap() == account.user.id.as_str()).unwrap();
    own.get_document("code_attempts").unwrap().clone()
}

async fn at_once(half: &Visitor, csrf: &str, codes: impl Iterator<Item = String>) -> Vec<StatusCode> {
    let tries = codes.map(|code| {
        let (mut half, csrf) = (half.clone(), csrf.to_owned());
        async move { half.post_bare("/login/code", &[("csrf", &csrf), ("code", &code)]).await.status() }
    });
    join_all(tries).await
}

/// T3: of fifty requests with one right code, one gets in.
#[tokio::test]
async fn t3_one_code_at_once_lets_one_in() {
    let (app, account) = ready().await;
    let mut half = app.half_way(&account).await;
    let csrf = half.csrf("/login/code").await;
    let code = app.next_code(&account);
    let statuses = at_once(&half, &csrf, (0..50).map(|_| code.clone())).await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    assert_eq!(app.documents("sessions", bson::doc! {}).await.len(), 1);
    app.end().await;
}

/// T3, apart from the limits on tries: a step is used up once, whoever looked at the account before.
#[tokio::test]
async fn t3_a_step_is_used_up_once() {
    let (app, account) = ready().await;
    let store = &app.app.sign_in.credentials;
    let seen = store.of(&account.user.id).await.unwrap().unwrap();
    let now = app.clock.now();
    let code = account.secret.code_at(now);
    let answers = join_all((0..50).map(|_| store.use_code(&seen, &code, now))).await;
    let answers: Vec<Option<bool>> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == Some(true)).count(), 1, "{answers:?}");
    assert!(answers.iter().all(Option::is_some), "all others are told apart from a wrong code, for the trail");
    app.end().await;
}

/// T7, T9: five wrong codes pause the factor, whatever browser or half session asks; the right code is refused meanwhile, in
/// the same words. T11: whoever is in stays in.
#[tokio::test]
async fn t7_t9_wrong_codes_pause_the_factor_and_then_close_it() {
    let (app, account) = ready().await;
    let mut inside = app.entered(&account).await;
    let mut half = app.half_way(&account).await;
    let before = half.clone();
    for pause in [15, 30, 60, 60] {
        let wrong = app.wrong_code(&account);
        let mut said = Vec::new();
        for _ in 0..5 {
            let refused = half.give_code(&wrong).await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            said.push(masked(refused).await);
        }
        let spent = half.give_code(&wrong).await;
        assert_eq!(spent.status(), StatusCode::FORBIDDEN, "five tries in a half session");
        for waited in [0, pause - 2] {
            app.wait(minutes(waited));
            let mut other = app.half_way(&account).await;
            let right = app.next_code(&account);
            let refused = other.give_code(&right).await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "paused for {pause} min, after {waited} min");
            assert_eq!(masked(refused).await, said[0], "no oracle");
        }
        let mut replayed = before.clone();
        assert_eq!(
            replayed.get("/login/code").await.status(),
            StatusCode::SEE_OTHER,
            "T9: a cookie of before counts nothing back"
        );
        app.wait(minutes(2));
        half = app.half_way(&account).await;
    }
    let right = app.next_code(&account);
    assert_eq!(half.give_code(&right).await.status(), StatusCode::SEE_OTHER, "after the pause");
    assert_eq!(code_attempts(&app, &account).await.get_i64("consecutive").unwrap(), 0, "a success forgets");

    let filter = bson::doc! { "_id": account.user.id.as_str() };
    app.tamper("credentials", filter, bson::doc! { "$set": { "code_attempts.consecutive": 99_i64 } }).await;
    let wrong = app.wrong_code(&account);
    assert_eq!(app.half_way(&account).await.give_code(&wrong).await.status(), StatusCode::FORBIDDEN, "the hundredth");
    app.wait(SignedDuration::from_hours(48));
    let right = app.next_code(&account);
    assert_eq!(app.half_way(&account).await.give_code(&right).await.status(), StatusCode::FORBIDDEN, "closed");
    let mut half = app.half_way(&account).await;
    let recovery = half.post("/login/recovery", "/login/recovery", &[("code", &account.recovery[0])]).await;
    assert_eq!(recovery.status(), StatusCode::FORBIDDEN, "recovery codes are of the same factor");
    assert!(!inside.is_in().await, "two days are more than a session lives");
    app.end().await;
}

/// T8: of 500 guesses at once at most five are looked at. T11: the victim's session goes on.
#[tokio::test]
async fn t8_t11_a_burst_of_guesses_gets_five() {
    let (app, account) = ready().await;
    let mut inside = app.entered(&account).await;
    let mut halves = Vec::new();
    for _ in 0..10 {
        let mut half = app.half_way(&account).await;
        let csrf = half.csrf("/login/code").await;
        halves.push((half, csrf));
    }
    let wrong = app.wrong_code(&account);
    let mut guesses = Vec::new();
    for (half, csrf) in &halves {
        guesses.push(at_once(half, csrf, std::iter::repeat_n(wrong.clone(), 50)));
    }
    let statuses: Vec<StatusCode> = join_all(guesses).await.concat();
    assert_eq!(statuses.len(), 500);
    assert!(statuses.iter().all(|status| status.is_client_error() || status.is_server_error()), "{statuses:?}");
    let counted = code_attempts(&app, &account).await;
    assert!(counted.get_i64("consecutive").unwrap() <= 5, "{counted}");
    let right = app.next_code(&account);
    assert_eq!(app.half_way(&account).await.give_code(&right).await.status(), StatusCode::FORBIDDEN);
    assert!(inside.is_in().await, "T11");
    app.end().await;
}

/// T10: tries beyond the limit of an address or account are refused before any work, with the time to wait.
#[tokio::test]
async fn t10_tries_are_limited_by_address_and_account() {
    let app = TestApp::start_with("[sign_in]\nper_address = 8\nper_account = 3").await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = app.visitor();
    for _ in 0..3 {
        let wrong = visitor.give_passphrase(account.user.email.as_str(), "wrong and long enough").await;
        assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    }
    let refused = visitor.give_passphrase(account.user.email.as_str(), PASSPHRASE).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "the account");
    let wait: i64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(refused.text().await.unwrap().contains("Wait"));
    for n in 0..4 {
        let other = visitor.give_passphrase(&format!("nobody{n}@lab.example"), "wrong and long enough").await;
        assert_eq!(other.status(), StatusCode::FORBIDDEN);
    }
    let refused = visitor.give_passphrase("nobody9@lab.example", "x").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "the address");
    app.wait(minutes(1));
    let answer = visitor.give_passphrase(account.user.email.as_str(), PASSPHRASE).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let reasons: Vec<String> = app
        .audit_entries()
        .await
        .iter()
        .filter_map(|entry| entry.get_str("reason").ok().map(ToOwned::to_owned))
        .collect();
    assert_eq!(reasons.iter().filter(|reason| reason.contains("too many tries")).count(), 2, "{reasons:?}");
    app.end().await;
}

/// A14, A18, A19: whatever is wrong with an account, the answer is the same to the byte, and the same work is done.
#[tokio::test]
async fn a14_a18_a19_all_refusals_of_a_passphrase_are_one() {
    let (app, account) = ready().await;
    let disabled = app.account(&["own:clinician"]).await;
    app.disabled(&disabled.user).await;
    let without_role = app.account(&[]).await;
    let never_invited = app.user(&["own:clinician"]).await;
    let reset = app.account(&["own:clinician"]).await;
    app.tamper("credentials", bson::doc! { "_id": reset.user.id.as_str() }, bson::doc! { "$set": { "totp": null } })
        .await;
    let paused = app.account(&["own:clinician"]).await;
    for _ in 0..5 {
        app.visitor().give_passphrase(paused.user.email.as_str(), "wrong and long enough").await;
    }
    let mut answers = Vec::new();
    for (email, passphrase) in [
        (account.user.email.as_str(), "wrong and long enough"),
        (account.user.email.as_str(), ""),
        ("nobody@lab.example", PASSPHRASE),
        ("no address", PASSPHRASE),
        (disabled.user.email.as_str(), PASSPHRASE),
        (without_role.user.email.as_str(), PASSPHRASE),
        (never_invited.email.as_str(), PASSPHRASE),
        (reset.user.email.as_str(), PASSPHRASE),
        (paused.user.email.as_str(), PASSPHRASE),
    ] {
        let refused = app.visitor().give_passphrase(email, passphrase).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{email}");
        assert!(refused.headers().get("set-cookie").is_none());
        let headers: Vec<String> = refused.headers().keys().map(ToString::to_string).collect();
        answers.push((headers, masked(refused).await.replace(email, "EMAIL")));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let entries = app.audit_entries().await;
    let refusals: Vec<_> = entries
        .iter()
        .filter(|entry| entry.get_str("kind").is_ok_and(|kind| kind == "outcome"))
        .filter(|entry| {
            entry
                .get_document("request")
                .is_ok_and(|request| request.get_str("route").is_ok_and(|route| route == "/login"))
        })
        .collect();
    assert_eq!(refusals.len(), 14);
    for refusal in refusals {
        assert_eq!(refusal.get_str("outcome").unwrap(), "denied", "{refusal}");
        assert!(refusal.get_str("reason").is_ok_and(|reason| !reason.is_empty()), "{refusal}");
        if refusal.get_str("reason").is_ok_and(|reason| reason == "wrong passphrase") {
            assert_eq!(refusal.get_str("institute").unwrap(), "own", "its auditors see it");
        }
    }
    app.end().await;
}

/// A19, S5: who is disabled or loses a role is out at the next request, half way or all the way.
#[tokio::test]
async fn a19_s5_a_lost_role_ends_the_session() {
    let (app, account) = ready().await;
    app.institute("second").await;
    let two = app.account(&["own:clinician", "second:clinician"]).await;
    let mut visitor = app.entered(&two).await;
    assert_eq!(visitor.get("/own").await.status(), StatusCode::OK);
    let taken = bson::doc! { "$pull": { "memberships": { "institute": "second" } }, "$inc": { "rev": 1_i64 } };
    app.tamper("users", bson::doc! { "_id": two.user.id.as_str() }, taken).await;
    assert!(!visitor.is_in().await, "S5");
    let mut visitor = app.entered(&two).await;
    let given = bson::doc! { "$push": { "memberships": { "institute": "second", "role": "auditor" } } };
    app.tamper("users", bson::doc! { "_id": two.user.id.as_str() }, given).await;
    assert!(visitor.is_in().await, "a further role ends nothing");

    let mut half = app.half_way(&account).await;
    let mut inside = app.entered(&account).await;
    app.disabled(&account.user).await;
    assert!(!inside.is_in().await);
    assert_eq!(half.get("/login/code").await.headers()["location"], "/login");
    app.end().await;
}

/// T12: half way in, nothing answers but the second factor and signing out. S15: forged cookies are nobody's.
#[tokio::test]
async fn t12_s15_half_a_sign_in_opens_nothing() {
    let (app, account) = ready().await;
    app.given_case("own", "fam").await;
    let half = app.half_way(&account).await;
    let id = half.jar["__Host-half"].clone();
    let mut jars = vec![half.clone()];
    for forged in [id.clone(), id[1..].to_owned(), format!("{id}x"), "a".repeat(52), String::new(), "%00".into()] {
        let mut visitor = app.visitor();
        visitor.jar.insert("__Host-sid".into(), forged.clone());
        visitor.jar.insert("__Host-half".into(), if forged == id { "x".into() } else { forged });
        jars.push(visitor);
    }
    let public = [
        "/healthz",
        "/readyz",
        "/static/{*file}",
        "/favicon.ico",
        "/login",
        "/auth/demo",
        "/auth/invitation",
        "/auth/callback",
        "/login/with/{provider}",
        "/api/v1/openapi.json",
    ];
    for (number, jar) in jars.iter().enumerate() {
        for route in lodestone::app::routes().table() {
            if public.contains(&route.path) || route.path == "/logout" {
                continue;
            }
            let path = route
                .path
                .replace("{institute}", "own")
                .replace("{case}", "fam")
                .replace("{id}", &"a".repeat(26))
                .replace("{entry}", "x")
                .replace("{flag}", "x")
                .replace("{view}", "x");
            let mut visitor = jar.clone();
            let own = number == 0 && matches!(route.path, "/login/code" | "/login/recovery");
            if route.method == "GET" {
                let answer = visitor.get(&path).await;
                match (own, path.starts_with("/api/")) {
                    (true, _) => assert_eq!(answer.status(), StatusCode::OK, "{path}"),
                    (false, true) => assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}"),
                    (false, false) => assert_eq!(answer.headers()["location"], "/login", "{path}"),
                }
            } else if !own {
                let answer = if route.method == "PUT" {
                    visitor.put_bare(&path).await
                } else {
                    visitor.post_bare(&path, &[("csrf", "x"), ("code", "000000")]).await
                };
                assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
            }
        }
    }
    let mut half = half;
    let refused = half.post_bare("/logout", &[("csrf", "x")]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let left = half.post("/login/code", "/logout", &[]).await;
    assert_eq!(left.headers()["location"], "/login");
    let mut copied = app.visitor();
    copied.jar.insert("__Host-half".into(), id);
    assert_eq!(copied.get("/login/code").await.status(), StatusCode::SEE_OTHER, "gone for every browser");
    app.end().await;
}

/// A half session ends after five minutes.
#[tokio::test]
async fn half_a_sign_in_lasts_five_minutes() {
    let (app, account) = ready().await;
    let mut half = app.half_way(&account).await;
    app.wait(minutes(5));
    assert_eq!(half.get("/login/code").await.headers()["location"], "/login");
    app.end().await;
}

/// Nothing that was typed or handed out stands in the trail: passphrases, codes, tokens, cookies.
#[tokio::test]
async fn the_trail_holds_no_secret_of_sign_in() {
    let (app, account) = ready().await;
    let token = app.app.sign_in.invitations.create(&account.user.id, "test", app.clock.now()).await.unwrap();
    app.visitor().get(&format!("/auth/invitation?token={token}")).await;
    let mut visitor = app.half_way(&account).await;
    let half = visitor.jar["__Host-half"].clone();
    let code = app.next_code(&account);
    visitor.give_code(&code).await;
    let fresh = app.next_code(&account);
    visitor.confirm("administration", "/account", &fresh).await;
    let trail = format!("{:?}", app.audit_entries().await);
    for secret in [token.as_str(), &half, &code, &fresh, PASSPHRASE, &visitor.jar["__Host-sid"]] {
        assert!(!trail.contains(secret));
    }
    assert!(trail.contains("step_up"));
    app.end().await;
}
