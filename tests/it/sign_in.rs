//! Signing in with passphrase and code, invitations, recovery, resets, keys: groups T, S and A of the catalogue.

use jiff::SignedDuration;
use lodestone::auth::TotpSecret;
use reqwest::StatusCode;
use reqwest::header::SET_COOKIE;

use crate::support::TestApp;
use crate::support::visitor::{NO_LOAD_LIMITS, PASSPHRASE, masked, token_in};

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// From the address of a case list to the case list, with all cookies as they should be. S1, S2.
#[tokio::test]
async fn s1_s2_from_a_list_s_address_through_sign_in_to_the_list() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = app.visitor();
    // S1: an id that somebody planted, and one of an earlier session.
    let before = app.entered(&account).await.jar["__Host-sid"].clone();
    visitor.jar.insert("__Host-sid".into(), before.clone());
    app.app.sessions.end_all(&account.user.id).await.unwrap();
    let asked = visitor.get("/own?q=fam").await;
    assert_eq!(asked.headers()["location"], "/login");
    assert!(visitor.get("/login").await.text().await.unwrap().contains("name=\"passphrase\""));
    let first = visitor.give_passphrase(&account.user.email.as_str().to_uppercase(), PASSPHRASE).await;
    assert_eq!(first.headers()["location"], "/login/code");
    let half = visitor.jar["__Host-half"].clone();
    assert_ne!(half, before);
    assert!(!visitor.is_in().await, "half way is not in");
    let code = app.next_code(&account);
    let spaced = format!(" {} {}", &code[..3], &code[3..]);
    let second = visitor.give_code(&spaced).await;
    assert_eq!(second.status(), StatusCode::SEE_OTHER);
    assert_eq!(second.headers()["location"], "/own?q=fam");
    let set: Vec<String> =
        second.headers().get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap().to_owned()).collect();
    for line in &set {
        assert!(line.starts_with("__Host-"), "{line}");
        for flag in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(line.contains(flag), "{line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    let id = visitor.jar["__Host-sid"].clone();
    assert!(id != before && id != half, "a new id at each step");
    assert_eq!(visitor.jar.len(), 1, "the half session's cookie and the target are gone");
    assert!(visitor.get("/own?q=fam").await.text().await.unwrap().contains("Cases"));
    for dead in [before, half.clone()] {
        let mut other = app.visitor();
        other.jar.insert("__Host-sid".into(), dead);
        assert!(!other.is_in().await);
    }
    let mut again = app.visitor();
    again.jar.insert("__Host-half".into(), half);
    assert_eq!(again.get("/login/code").await.headers()["location"], "/login", "a half session is used up");
    app.end().await;
}

/// S16: what is stored of sessions, half sessions and invitations opens nothing. T18: no secret is stored in clear.
#[tokio::test]
async fn s16_t18_what_the_database_holds_opens_nothing() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let visitor = app.entered(&account).await;
    app.half_way(&account).await;
    let token = app.app.sign_in.invitations.create(&account.user.id, "test", app.clock.now()).await.unwrap();
    for collection in ["sessions", "half_sessions", "invitations"] {
        for document in app.documents(collection, bson::doc! {}).await {
            let stored = document.get_str("_id").unwrap();
            let mut thief = app.visitor();
            for name in ["__Host-sid", "__Host-half"] {
                thief.jar.insert(name.into(), stored.to_owned());
            }
            assert!(!thief.is_in().await);
            assert_eq!(thief.get("/login/code").await.status(), StatusCode::SEE_OTHER);
            let link = format!("/auth/invitation?token={stored}");
            assert_eq!(thief.get(&link).await.status(), StatusCode::NOT_FOUND);
        }
    }
    let all = format!("{:?}", app.snapshot().await);
    let text = account.secret.as_text().replace(' ', "");
    for secret in [
        &visitor.jar["__Host-sid"],
        &token,
        &text,
        PASSPHRASE,
        &account.recovery[0],
        &account.recovery[0].replace('-', ""),
    ] {
        assert!(!all.contains(secret));
    }
    app.end().await;
}

/// T2, T4: a code counts once, and none counts that is older than the newest that did; refused in the same words as a wrong one.
#[tokio::test]
async fn t2_t4_a_code_counts_once_and_never_after_a_newer_one() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let mut first = app.half_way(&account).await;
    let older = account.secret.code_at(app.clock.now());
    let code = app.next_code(&account);
    assert_eq!(first.give_code(&code).await.status(), StatusCode::SEE_OTHER);
    let wrong_code = app.wrong_code(&account);
    let wrong = app.half_way(&account).await.give_code(&wrong_code).await;
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    let wrong = masked(wrong).await;
    for used in [code, older] {
        let refused = app.half_way(&account).await.give_code(&used).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(masked(refused).await, wrong);
    }
    let next = app.next_code(&account);
    assert_eq!(app.half_way(&account).await.give_code(&next).await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

/// The one path of an invitation: passphrase, QR code, code, recovery codes, in. T5: the code that confirmed does not sign in.
#[tokio::test]
async fn t5_an_invited_person_sets_everything_up_once() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let user = app.user(&["own:clinician"]).await;
    let (code, link, _) = app.program(&["user", "invite", user.email.as_str()]);
    assert_eq!(code, 0);
    let link = format!("/auth/{}", link.trim().split_once("/auth/").unwrap().1);
    live_again(&app).await;
    let token = link.split_once("token=").unwrap().1.to_owned();
    assert_eq!(token.len(), 26, "128 bits");
    let mut visitor = app.visitor();
    for _ in 0..2 {
        let page = visitor.get(&link).await;
        assert_eq!(page.status(), StatusCode::OK, "looking does not use it up");
        assert!(page.text().await.unwrap().contains(user.email.as_str()));
    }
    for (passphrase, again, why) in [
        ("short", "short", "at least 12"),
        ("Administrator1!", "Administrator1!", "tried first"),
        (user.email.as_str(), user.email.as_str(), "your address"),
        (PASSPHRASE, "something else", "not the same"),
    ] {
        let form = [("token", token.as_str()), ("passphrase", passphrase), ("again", again)];
        let refused = visitor.post_bare("/auth/invitation", &form).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = refused.text().await.unwrap();
        assert!(page.to_lowercase().contains(why), "{why}");
        assert!(!page.contains("value=\"short\""), "secrets are not sent back");
    }
    let form = [("token", token.as_str()), ("passphrase", PASSPHRASE), ("again", PASSPHRASE)];
    assert_eq!(visitor.post_bare("/auth/invitation", &form).await.headers()["location"], "/auth/enrol");
    assert!(!visitor.is_in().await);
    assert!(visitor.get("/auth/enrol").await.text().await.unwrap().contains("Show the QR code"));
    let shown = visitor.post("/auth/enrol", "/auth/enrol/secret", &[]).await;
    assert_eq!(shown.headers()["cache-control"], "no-store");
    let page = shown.text().await.unwrap();
    assert!(page.contains("<svg class=\"qr\""));
    let secret = secret_of(&page);
    assert!(!visitor.get("/auth/enrol").await.text().await.unwrap().contains("<svg class=\"qr\""), "shown once");
    let wrong = visitor.post("/auth/enrol", "/auth/enrol", &[("code", "000000")]).await;
    assert_eq!(wrong.status(), StatusCode::FORBIDDEN);
    let code = secret.code_at(app.clock.now());
    let csrf = visitor.csrf("/auth/enrol").await;
    let done = visitor.post_bare("/auth/enrol", &[("csrf", &csrf), ("code", &code)]).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert_eq!(done.headers()["cache-control"], "no-store");
    let page = done.text().await.unwrap();
    assert_eq!(page.matches("<li><code>").count(), 10);
    assert!(visitor.is_in().await);
    let again = visitor.post_bare("/auth/enrol", &[("csrf", &csrf), ("code", &code)]).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "recovery codes are shown once");

    let mut later = app.visitor();
    assert_eq!(later.get(&link).await.status(), StatusCode::NOT_FOUND, "the invitation is used up");
    assert_eq!(later.post_bare("/auth/invitation", &form).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(later.give_passphrase(user.email.as_str(), PASSPHRASE).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(later.give_code(&code).await.status(), StatusCode::FORBIDDEN, "T5");
    app.wait(SignedDuration::from_secs(30));
    assert_eq!(later.give_code(&secret.code_at(app.clock.now())).await.status(), StatusCode::SEE_OTHER);
    app.end().await;
}

/// Commands in processes of their own go by the machine's clock, long before the server's: what they invited to is over.
async fn live_again(app: &TestApp) {
    let later = bson::DateTime::from_millis((app.clock.now() + minutes(60)).as_millisecond());
    app.tamper("invitations", bson::doc! {}, bson::doc! { "$set": { "expires_at": later } }).await;
}

/// The secret that a page shows as text.
fn secret_of(page: &str) -> TotpSecret {
    let html = scraper::Html::parse_document(page);
    let text: String = html.select(&scraper::Selector::parse(".secret code").unwrap()).next().unwrap().text().collect();
    let bytes = data_encoding::BASE32_NOPAD.decode(text.replace(' ', "").as_bytes()).unwrap();
    TotpSecret::from_bytes(&bytes).unwrap()
}

/// An invitation ends after 72 hours, with the next one, and with the account; it never replaces an authenticator.
#[tokio::test]
async fn an_invitation_ends_and_resets_no_authenticator() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let invite = async || app.app.sign_in.invitations.create(&account.user.id, "test", app.clock.now()).await.unwrap();
    let status = async |token: &str| app.visitor().get(&format!("/auth/invitation?token={token}")).await.status();
    let (first, second) = (invite().await, invite().await);
    assert_eq!(status(&first).await, StatusCode::NOT_FOUND, "replaced");
    assert_eq!(status(&second).await, StatusCode::OK);
    app.wait(SignedDuration::from_hours(72));
    assert_eq!(status(&second).await, StatusCode::NOT_FOUND, "late");

    let token = invite().await;
    let mut visitor = app.entered(&account).await;
    let new = "ein ganz anderer Satz 7";
    let form = [("token", token.as_str()), ("passphrase", new), ("again", new)];
    let mut invited = app.visitor();
    assert_eq!(invited.post_bare("/auth/invitation", &form).await.headers()["location"], "/login/code");
    assert_eq!(invited.get("/auth/enrol").await.status(), StatusCode::SEE_OTHER);
    assert!(visitor.is_in().await, "nothing has changed yet");
    let mut old = app.visitor();
    assert_eq!(old.give_passphrase(account.user.email.as_str(), PASSPHRASE).await.status(), StatusCode::SEE_OTHER);
    let code = app.next_code(&account);
    assert_eq!(invited.give_code(&code).await.status(), StatusCode::SEE_OTHER);
    assert!(invited.is_in().await && !visitor.is_in().await, "all other sessions end");
    assert_eq!(
        app.visitor().give_passphrase(account.user.email.as_str(), PASSPHRASE).await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(app.visitor().give_passphrase(account.user.email.as_str(), new).await.status(), StatusCode::SEE_OTHER);

    let token = invite().await;
    assert!(app.cli(&["user", "disable", account.user.email.as_str()]).await);
    assert_eq!(status(&token).await, StatusCode::NOT_FOUND, "disabled");
    app.end().await;
}

/// T17: a recovery code works once, of several at once for one, sets up a new authenticator, and burns the codes of now.
#[tokio::test]
async fn t17_a_recovery_code_works_once_and_leads_to_a_new_authenticator() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let give = async |code: &str| {
        let mut visitor = app.half_way(&account).await;
        let answer = visitor.post("/login/recovery", "/login/recovery", &[("code", code)]).await;
        (visitor, answer)
    };
    let (mut visitor, answer) = give(&account.recovery[0].to_uppercase()).await;
    assert_eq!(answer.headers()["location"], "/auth/enrol");
    assert!(!visitor.is_in().await, "a new authenticator first");
    for steps in [0, 30] {
        let burnt = account.secret.code_at(app.clock.now() + SignedDuration::from_secs(steps));
        assert_eq!(app.half_way(&account).await.give_code(&burnt).await.status(), StatusCode::FORBIDDEN);
    }
    let (_, again) = give(&account.recovery[0]).await;
    assert_eq!(again.status(), StatusCode::FORBIDDEN, "used");

    let halves: Vec<_> =
        [app.half_way(&account).await, app.half_way(&account).await, app.half_way(&account).await].into();
    let tries = halves.into_iter().map(|mut half| {
        let code = account.recovery[1].clone();
        async move { half.post("/login/recovery", "/login/recovery", &[("code", &code)]).await.status() }
    });
    let statuses = futures::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");

    let page = visitor.post("/auth/enrol", "/auth/enrol/secret", &[]).await.text().await.unwrap();
    let code = secret_of(&page).code_at(app.clock.now());
    let done = visitor.post_bare("/auth/enrol", &[("csrf", &token_in(&page)), ("code", &code)]).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert!(visitor.is_in().await);
    assert!(
        visitor.get("/account").await.text().await.unwrap().contains("A recovery code was used"),
        "the owner is told"
    );
    app.wait(minutes(16));
    let (_, old) = give(&account.recovery[2]).await;
    assert_eq!(old.status(), StatusCode::FORBIDDEN, "the old set is dead");
    app.end().await;
}

/// T16: one person cannot reset an authenticator; two can, and the owner is told and out.
#[tokio::test]
async fn t16_a_reset_takes_two_people() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let mut visitor = app.entered(&account).await;
    let email = account.user.email.as_str();
    let run = |uid: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(app.config()).args(arguments).env("SUDO_UID", uid);
        let ended = command.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        (ended.status.code().unwrap(), said)
    };
    let confirm = ["user", "reset-totp", email, "--confirm"];
    assert_eq!(run("1001", &confirm).0, 1, "nobody asked");
    assert_eq!(run("1001", &["user", "reset-totp", email]).0, 0);
    if rustix_is_root() {
        let (code, said) = run("1001", &confirm);
        assert_eq!(code, 1, "the same person");
        assert!(said.contains("another person"), "{said}");
        assert!(visitor.is_in().await, "nothing has changed");
        assert!(
            visitor.get("/account").await.text().await.unwrap().contains("A reset of your authenticator was asked for")
        );
        let (code, said) = run("1002", &confirm);
        assert_eq!(code, 0, "{said}");
        assert!(!visitor.is_in().await, "sessions have ended");
        let answer = app.visitor().give_passphrase(email, PASSPHRASE).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "a passphrase alone sets up no authenticator");
        live_again(&app).await;
        let token = said.split_once("token=").unwrap().1.lines().next().unwrap().to_owned();
        let form = [("token", token.as_str()), ("passphrase", PASSPHRASE), ("again", PASSPHRASE)];
        assert_eq!(app.visitor().post_bare("/auth/invitation", &form).await.headers()["location"], "/auth/enrol");
    }
    let entries = app.audit_entries().await;
    let commands: Vec<&str> = entries.iter().filter_map(|entry| entry.get_str("command").ok()).collect();
    assert!(commands.contains(&"user reset-totp") && commands.contains(&"user reset-totp --confirm"));
    if rustix_is_root() {
        let (_, flags, _) = app.program(&["audit", "flags"]);
        assert!(flags.contains("as the second of two people"), "{flags}");
    }
    app.end().await;
}

/// Where there is one administrator, a code from a sealed envelope is the second person's word, once; the same person cannot
/// make more of them without one.
#[tokio::test]
async fn a_break_seal_code_stands_for_the_second_person_once() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:admin"]).await;
    let email = account.user.email.as_str();
    let run = |arguments: &[&str], typed: &str| {
        use std::io::Write as _;
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(app.config()).args(arguments);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{typed}\n").as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        (
            ended.status.code().unwrap(),
            String::from_utf8(ended.stdout).unwrap(),
            String::from_utf8(ended.stderr).unwrap(),
        )
    };
    let (code, printed, _) = run(&["user", "break-seal-codes"], "");
    assert_eq!(code, 0);
    let codes: Vec<&str> = printed.lines().collect();
    assert_eq!(codes.len(), 10);
    let (code, _, said) = run(&["user", "break-seal-codes"], "");
    assert!(code == 1 && said.contains("--replace"), "{said}");
    let by_seal = ["user", "reset-totp", email, "--break-seal"];
    assert_eq!(run(&by_seal, codes[0]).0, 1, "nobody asked yet, and the code is kept");
    assert_eq!(run(&["user", "reset-totp", email], "").0, 0);
    for wrong in ["", "nonsense", &"a".repeat(26)] {
        assert_eq!(run(&by_seal, wrong).0, 1, "{wrong}");
    }
    let (code, link, said) = run(&by_seal, &codes[0].to_uppercase());
    assert_eq!(code, 0, "{said}");
    assert!(link.contains("/auth/invitation?token="));
    let stored = format!("{:?}", app.documents("credentials", bson::doc! {}).await);
    assert!(stored.contains("a break-seal code"), "the owner is told");
    assert_eq!(run(&["user", "reset-totp", email], "").0, 0);
    assert_eq!(run(&by_seal, codes[0]).0, 1, "used");
    assert_eq!(run(&["user", "break-seal-codes", "--replace"], codes[0]).0, 1, "used");
    let (code, printed, said) = run(&["user", "break-seal-codes", "--replace"], codes[1]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(printed.lines().count(), 10);
    assert_eq!(run(&by_seal, codes[2]).0, 1, "of the earlier set");
    assert_eq!(run(&by_seal, printed.lines().next().unwrap()).0, 0);
    let stored = format!("{:?}", app.snapshot().await);
    assert!(!printed.lines().any(|code| stored.contains(&code.replace('-', ""))));
    app.end().await;
}

/// Only root's other accounts can be played in a test.
fn rustix_is_root() -> bool {
    std::process::Command::new("id").arg("-u").output().is_ok_and(|ended| ended.stdout.starts_with(b"0\n"))
}

/// T19: keys change while people sign in; nobody fails, and the old key is gone.
#[tokio::test]
async fn t19_keys_are_rotated_while_people_sign_in() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let account = app.account(&["own:clinician"]).await;
    let key_of = async || {
        let documents = app.documents("credentials", bson::doc! {}).await;
        let sealed = documents[0].get_document("totp").unwrap().get_str("sealed").unwrap().to_owned();
        sealed.split(':').nth(1).unwrap().to_owned()
    };
    let before = key_of().await;
    let mut half = app.half_way(&account).await;
    let code = app.next_code(&account);
    let (rotated, answer) = tokio::join!(app.cli(&["keys", "rotate"]), half.give_code(&code));
    assert!(rotated);
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_ne!(key_of().await, before);
    app.entered(&account).await;
    let file = std::fs::read_to_string(app.folder().join("keys/sign-in.keys")).unwrap();
    assert!(!file.contains(&before));
    assert_eq!(file.lines().count(), 1);
    let (code, said, _) = app.program(&["keys", "rotate"]);
    assert_eq!(code, 0, "{said}");
    app.entered(&account).await;
    app.end().await;
}

/// T20: a clock that was set back lets no old code in, and administrators are told; codes that people give early or late say
/// how far it is off.
#[tokio::test]
async fn t20_a_wrong_clock_is_told_and_accepts_no_old_code() {
    let app = TestApp::start_with(NO_LOAD_LIMITS).await;
    app.institute("own").await;
    let mut accounts = Vec::new();
    for _ in 0..5 {
        accounts.push(app.account(&["own:clinician"]).await);
    }
    let told = async |role: &str| {
        let page =
            app.signed_in(&[role]).await.page(if role == "own:admin" { "/own/members" } else { "/admin/users" }).await;
        crate::sharing::texts(&page, "section[aria-label=Clock] strong")
    };
    assert!(told("system:admin").await.is_empty(), "setting an authenticator up tells nothing of clocks");
    let noon = app.clock.now();
    let mut used = Vec::new();
    for account in &accounts {
        let mut visitor = app.half_way(account).await;
        let code = app.next_code(account);
        used.push(code.clone());
        assert_eq!(visitor.give_code(&code).await.status(), StatusCode::SEE_OTHER);
    }
    assert!(told("system:admin").await.is_empty(), "codes fit");
    for account in accounts.iter().take(3) {
        app.wait(minutes(2));
        let ahead = account.secret.code_at(app.clock.now() + SignedDuration::from_secs(30));
        let mut visitor = app.half_way(account).await;
        assert_eq!(visitor.give_code(&ahead).await.status(), StatusCode::SEE_OTHER, "one step is accepted");
    }
    assert_eq!(told("system:admin").await, ["The server’s clock seems to be behind."]);
    assert!(told("own:admin").await.is_empty(), "who can do nothing about it is not told");

    // Another process signed the trail before the clock was set back.
    let signed = bson::DateTime::from_millis(app.clock.now().as_millisecond());
    let head = bson::doc! { "_id": "other", "size": 0_i64, "chain": "", "named": true, "at": signed };
    app.insert("audit_heads", &head).await;
    app.wait(noon.duration_since(app.clock.now()));
    let page = app.signed_in(&["system:auditor"]).await.page("/audit").await;
    assert!(page.contains("The server’s clock is behind the audit trail."), "{page}");
    for (account, code) in accounts.iter().zip(&used) {
        app.wait(SignedDuration::from_secs(30));
        let mut visitor = app.half_way(account).await;
        let refused = visitor.give_code(code).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "a code of then counts once, though its time comes again");
    }
    app.end().await;
}
