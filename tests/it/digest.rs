//! The daily mail: to who asked for it, once a day, numbers of what their start page has, and nothing else.

use bson::doc;
use jiff::SignedDuration;
use lodestone::app::AppState;
use lodestone::auth::Keyring;
use lodestone::db::Db;
use lodestone::mail::delivery;
use lodestone::users::User;
use reqwest::StatusCode;

use crate::comments::say;
use crate::my_work::came;
use crate::sharing::{send, texts};
use crate::support::smtp::{MailBox, configured};
use crate::support::{Browser, TestApp, server_uri};

/// The case's name, which no mail may tell.
const CASE: &str = "canary-case";

async fn choose(who: &Browser, wanted: &str) {
    assert_eq!(send(who, "/account/digest", &[("wanted", wanted)]).await.status(), StatusCode::SEE_OTHER);
}

async fn deliver(app: &TestApp) -> usize {
    delivery::run(&app.app).await.unwrap()
}

/// A server at six minutes past five, an hour before the mails of the day, with a new case in `own` and one in `foreign`.
async fn ready(lines: &str) -> TestApp {
    let app = TestApp::start_with(lines).await;
    for (institute, case) in [("own", CASE), ("foreign", "secret")] {
        app.institute(institute).await;
        app.given_case(institute, case).await;
        came(&app, case, 0).await;
    }
    app
}

/// A reader of `own` who asked for the mail.
async fn asker(app: &TestApp) -> User {
    let user = app.user(&["own:geneticist"]).await;
    choose(&app.browser_of(&user).await, "true").await;
    user
}

/// Numbers of the mail's lines, in their order.
fn numbers(text: &str) -> Vec<(&str, &str)> {
    let body = text.split("\r\n\r\n").nth(1).unwrap();
    body.lines().map(|line| line.rsplit_once(": ").unwrap()).collect()
}

/// What the mail counts is what the start page shows; it names nothing.
#[tokio::test]
async fn the_mail_counts_what_the_start_page_has() {
    let mail = MailBox::start();
    let app = ready(&mail.lines()).await;
    app.given_case("own", "another").await;
    came(&app, "another", 0).await;
    let ann = app.user(&["own:geneticist", "foreign:admin"]).await;
    let anns = app.browser_of(&ann).await;
    assert!(anns.page("/account").await.contains("Once a day, at 6:00 UTC"));
    choose(&anns, "true").await;
    assert!(anns.page("/account").await.contains("Stop the daily mail"));
    let ben = app.signed_in(&["own:geneticist"]).await;
    let handle = ann.email.to_string();
    let handle = handle.split_once('@').unwrap().0;
    say(&ben, &format!("/own/{CASE}/comments"), &"a".repeat(26), &format!("@{handle}, canary.")).await;
    let assigned = [("user", ann.id.as_str()), ("on", "1")];
    assert_eq!(send(&ben, &format!("/own/{CASE}/assignees"), &assigned).await.status(), StatusCode::SEE_OTHER);
    let list = ben.json(&format!("/api/v1/own/{CASE}/variants")).await;
    let variant = |number: usize| format!("/own/{CASE}/variants/{}", list["variants"][number]["id"].as_str().unwrap());
    assert_eq!(send(&ben, &format!("{}/order", variant(0)), &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);
    let number = texts(&ben.page(&format!("{}/order", variant(0))).await, "dd.num").remove(0);
    let right = doc! { "user": ann.id.as_str(), "name": "Ann", "category": "snv", "from": "2036-01-01" };
    let confirmed = doc! { "$set": { "settings.second_reader": "open", "sign_out": [right] } };
    assert_eq!(app.tamper("institutes", doc! { "_id": "own" }, confirmed).await, 1);
    assert_eq!(send(&ben, &format!("{}/causative", variant(1)), &[("on", "1")]).await.status(), StatusCode::SEE_OTHER);

    assert_eq!(deliver(&app).await, 0, "it is five o’clock");
    app.wait(SignedDuration::from_hours(1));
    let anns = app.browser_of(&ann).await;
    let start = anns.page("/").await;
    let captions =
        ["Assigned to me", "Waiting for a second reader", "Waiting for a validation", "New, and nobody took them yet"];
    assert_eq!(texts(&start, "table caption")[..4], captions);
    assert_eq!(deliver(&app).await, 1);
    let taken = mail.taken();
    assert_eq!(taken[0].to, [ann.email.to_string()]);
    let text = &taken[0].text;
    assert_eq!(
        numbers(text),
        [
            ("Comments that mention you, not read yet", "1"),
            ("Cases assigned to you", "1"),
            ("Cases that wait for you as second reader", "1"),
            ("Cases that wait for a validation", "1"),
            ("New cases that nobody took yet", "1"),
        ]
    );
    assert!(
        text.contains(&format!("{}/\r\n", app.origin)) && text.contains("Subject: Your work in Lodestone, 2036-03-04")
    );
    for canary in ["canary", "another", "secret", "own", "foreign", "Ann", "Kid", "POT1", &number, &variant(0)] {
        assert!(!text.replace(&app.origin, "").contains(canary), "{canary}: {text}");
    }
    assert!(app.documents("outbox", doc! {}).await.is_empty(), "nothing of it is kept");
    app.end().await;
}

/// Nobody is told who did not ask, may not sign in, reads nothing, or has nothing waiting; roles count as they are that day.
#[tokio::test]
async fn who_has_no_part_in_it_is_told_nothing() {
    let mail = MailBox::start();
    let app = ready(&mail.lines()).await;
    let asked = asker(&app).await;
    let disabled = asker(&app).await;
    let moved = asker(&app).await;
    let stopped = asker(&app).await;
    let left = asker(&app).await;
    let idle = app.user(&["own:admin", "own:researcher", "system:admin"]).await;
    choose(&app.browser_of(&idle).await, "true").await;
    app.signed_in(&["own:geneticist"]).await;
    choose(&app.browser_of(&stopped).await, "false").await;
    app.disabled(&disabled).await;
    let elsewhere = doc! { "$set": { "memberships": [{ "institute": "foreign", "role": "clinician" }] } };
    assert_eq!(app.tamper("users", doc! { "_id": moved.id.as_str() }, elsewhere).await, 1);
    assert_eq!(app.tamper("users", doc! { "_id": left.id.as_str() }, doc! { "$set": { "memberships": [] } }).await, 1);
    let gone = doc! { "$set": { "status": "archived" } };
    assert_eq!(app.tamper("cases", doc! { "name": "secret" }, gone).await, 1);
    app.wait(SignedDuration::from_hours(1));
    assert_eq!(deliver(&app).await, 1);
    assert_eq!(mail.taken()[0].to, [asked.email.to_string()], "the others’ counts are all 0, or not theirs");
    app.end().await;
}

/// Not twice a day: by no second server, no second look, no switching off and on, and no server that was down.
#[tokio::test]
async fn nobody_is_told_twice_a_day() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let app = ready(&configured(port)).await;
    let users = [asker(&app).await, asker(&app).await];
    let db = Db::connect(&server_uri(), app.app.db.name(), None).await.unwrap();
    let keyring = Keyring::open(&app.folder().join("keys")).unwrap();
    let other = AppState::new(app.app.config.clone(), app.clock.clone(), db, false, app.app.audit.clone(), keyring);
    let both = async || {
        let (one, two) = tokio::join!(delivery::run(&app.app), delivery::run(&other));
        one.unwrap() + two.unwrap()
    };
    app.wait(SignedDuration::from_hours(1));
    assert_eq!(both().await, 0, "the mail server is down");
    assert_eq!(app.documents("outbox", doc! {}).await.len(), 2);
    for _ in 0..22 {
        app.wait(SignedDuration::from_hours(1));
        assert_eq!(both().await, 0);
    }
    assert!(app.documents("outbox", doc! {}).await.is_empty(), "yesterday’s are given up before the next are written");
    let mail = MailBox::start_at(port, "");
    app.wait(SignedDuration::from_hours(2));
    assert_eq!(both().await, 2, "the next day at six");
    let again = app.browser_of(&users[0]).await;
    for wanted in ["false", "true"] {
        choose(&again, wanted).await;
    }
    for _ in 0..5 {
        app.wait(SignedDuration::from_hours(4));
        assert_eq!(both().await, 0);
    }
    app.clock.advance(SignedDuration::from_hours(-48));
    assert_eq!(both().await, 0, "a clock that was set back");
    app.clock.advance(SignedDuration::from_hours(48));
    app.wait(SignedDuration::from_hours(4));
    assert_eq!(both().await, 2, "the next day");
    assert_eq!(mail.taken().len(), 4);

    // What was written and not sent yet is not sent to who stops it or may not sign in any more.
    drop(mail);
    app.wait(SignedDuration::from_hours(24));
    assert_eq!((both().await, app.documents("outbox", doc! {}).await.len()), (0, 2));
    choose(&app.browser_of(&users[0]).await, "false").await;
    app.disabled(&users[1]).await;
    let mail = MailBox::start_at(port, "");
    app.wait(SignedDuration::from_hours(2));
    assert_eq!((both().await, mail.taken().len()), (0, 0));
    assert!(app.documents("outbox", doc! {}).await.is_empty());
    app.end().await;
}

/// Without a mail server nothing is offered, and nothing is written.
#[tokio::test]
async fn without_a_mail_server_there_is_no_daily_mail() {
    let app = ready("").await;
    let user = asker(&app).await;
    let page = app.browser_of(&user).await.page("/account").await;
    assert!(page.contains("This server sends no mail") && !page.contains("/account/digest"));
    app.wait(SignedDuration::from_hours(1));
    assert_eq!(deliver(&app).await, 0);
    assert!(app.documents("outbox", doc! {}).await.is_empty());
    app.end().await;
}
