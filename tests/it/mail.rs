//! Mail, by a real mail server: who gets it, what it says and what it never says, and what becomes of it.

use bson::doc;
use jiff::SignedDuration;
use lodestone::app::AppState;
use lodestone::auth::Keyring;
use lodestone::db::Db;
use lodestone::mail::delivery;
use lodestone::users::User;
use reqwest::StatusCode;

use crate::process::{end, serve_heard};
use crate::sharing::{send, texts};
use crate::support::smtp::{MailBox, Taken, configured};
use crate::support::{Browser, TestApp, server_uri};

/// A number under which `own`'s case `fam` has an order that was mailed.
pub const PLANTED: &str = "V-AAAA-AAAA";

/// A mail about a variant of `own`'s case `fam`, for tests of who may follow its link.
pub async fn planted(app: &TestApp, variant: &str) {
    let cases = app.documents("cases", doc! { "institute": 1 }).await;
    let case = cases.iter().find(|case| case.get_str("institute").is_ok_and(|id| id == "own")).unwrap();
    let about = doc! {
        "kind": "ordered", "institute": "own", "case_id": case.get_str("_id").unwrap(), "variant": variant, "number": PLANTED,
    };
    let at = bson::DateTime::from_millis(app.clock.now().as_millisecond());
    let mail = doc! { "_id": "planted", "to": "lab@clinic.example", "about": about, "queued_at": at, "tries": 1_i64, "sent_at": at };
    app.insert("outbox", &mail).await;
}

struct Lab {
    app: TestApp,
    /// A geneticist who orders.
    user: User,
    ann: Browser,
    /// Paths of the variants of the list.
    variants: Vec<String>,
}

/// The case's name, which no mail may tell.
const CASE: &str = "canary-case";

impl Lab {
    /// `lines` configure mail; `to` is who gets orders.
    async fn new(lines: &str, to: &str) -> Self {
        let app = TestApp::start_with(lines).await;
        app.institute("own").await;
        app.given_case("own", CASE).await;
        assert!(app.cli(&["institute", "set", "own", "--order-mail", to]).await);
        let user = app.user(&["own:geneticist"]).await;
        let ann = app.browser_of(&user).await;
        let list = ann.json(&format!("/api/v1/own/{CASE}/variants")).await;
        let id = |variant: &serde_json::Value| format!("/own/{CASE}/variants/{}", variant["id"].as_str().unwrap());
        let variants = list["variants"].as_array().unwrap().iter().map(id).collect();
        Self { app, user, ann, variants }
    }

    async fn order(&self, variant: usize) {
        assert_eq!(self.send(variant, "order", &[("on", "1")]).await, StatusCode::SEE_OTHER);
    }

    async fn cancel(&self, variant: usize) {
        let rev = self.ann.json(&format!("/api/v1{}", self.variants[variant])).await["state"]["rev"].to_string();
        assert_eq!(self.send(variant, "order", &[("on", "0"), ("rev", &rev)]).await, StatusCode::SEE_OTHER);
    }

    async fn send(&self, variant: usize, what: &str, form: &[(&str, &str)]) -> StatusCode {
        send(&self.ann, &format!("{}/{what}", self.variants[variant]), form).await.status()
    }

    /// The order's page.
    async fn page(&self, variant: usize) -> String {
        self.ann.page(&format!("{}/order", self.variants[variant])).await
    }

    /// What the order's page says of mail.
    async fn said(&self, variant: usize) -> String {
        let facts = texts(&self.page(variant).await, "dl.facts > div");
        facts.iter().find_map(|fact| fact.strip_prefix("Mail")).expect("it tells of mail").trim().to_owned()
    }

    async fn number(&self, variant: usize) -> String {
        texts(&self.page(variant).await, "dd.num").remove(0)
    }

    async fn deliver(&self) -> usize {
        delivery::run(&self.app.app).await.unwrap()
    }

    async fn outbox(&self) -> usize {
        self.app.documents("outbox", doc! {}).await.len()
    }
}

fn recipients(taken: &[Taken]) -> Vec<&str> {
    let mut all: Vec<&str> = taken.iter().flat_map(|mail| &mail.to).map(String::as_str).collect();
    all.sort_unstable();
    all
}

/// Everybody who is named gets number and link, and none of what stands in the case; the link opens for its readers alone.
#[tokio::test]
async fn an_order_is_mailed_with_number_and_link_and_nothing_else() {
    let mail = MailBox::start();
    let lab = Lab::new(&mail.lines(), "lab@clinic.example,b@lab.example").await;
    // N12: names come from people, and would become lines of the head if they stood in it.
    let evil = "Canary\r\nBcc: evil@elsewhere.example\r\n\r\n<b>canary</b>";
    for (collection, id) in [("institutes", "own"), ("users", lab.user.id.as_str())] {
        let renamed = doc! { "$set": { "name": evil } };
        assert_eq!(lab.app.tamper(collection, doc! { "_id": id }, renamed).await, 1);
    }
    lab.order(0).await;
    assert_eq!((lab.outbox().await, mail.taken().len()), (2, 0), "queued with the order, sent later");
    assert!(lab.said(0).await.contains("not mailed yet to b@lab.example: about to be sent"));
    assert_eq!((lab.deliver().await, lab.deliver().await), (2, 0));
    let taken = mail.taken();
    assert_eq!(recipients(&taken), ["b@lab.example", "lab@clinic.example"]);
    let number = lab.number(0).await;
    let link = format!("{}/orders/{number}", lab.app.origin);
    let user = lab.user.email.to_string();
    let canaries = [
        "canary",
        "Canary",
        "evil",
        "own",
        "fam",
        "Kid",
        "Mum",
        "Dad",
        "kid",
        "POT1",
        "124491972",
        "124,491,972",
        "c.903",
        "GRCh",
        "variants",
        "Ann",
        &user,
        lab.variants[0].rsplit('/').next().unwrap(),
    ];
    for mail in &taken {
        assert_eq!(mail.to.len(), 1, "each their own, so that nobody sees who else gets it");
        // Letters of drawn identities may be anything.
        let told = mail.text.lines().filter(|line| !line.starts_with("Message-ID")).collect::<Vec<_>>().join("\r\n");
        let text = told.replace(&lab.app.origin, "");
        assert!(
            mail.text.contains(&link) && text.contains(&format!("Subject: Validation ordered: {number}")),
            "{text}"
        );
        for canary in canaries {
            assert!(!text.replace("From: lodestone", "").contains(canary), "{canary}: {text}");
        }
    }
    let order = format!("{}/order", lab.variants[0]);
    let followed = lab.ann.get(&format!("/orders/{number}")).await;
    assert_eq!(
        (followed.status(), followed.headers()["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, order.as_str())
    );
    assert!(lab.said(0).await.contains(&format!("order {number}: mailed to 2 addresses, 2036-03-04 05:06 UTC")));
    lab.app.institute("foreign").await;
    for other in [&["foreign:geneticist"][..], &["own:admin"], &["system:admin"]] {
        let [there, nowhere] = [number.as_str(), "V-2222-2222"].map(|number| format!("/orders/{number}"));
        let other = lab.app.signed_in(other).await;
        assert_eq!(other.get(&there).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(other.get(&nowhere).await.status(), StatusCode::NOT_FOUND);
    }
    lab.app.end().await;
}

/// That an order is taken back is told as well, by whichever way that is done; what was refused or changed nothing is not.
#[tokio::test]
async fn what_becomes_of_an_order_is_mailed() {
    let mail = MailBox::start();
    let lab = Lab::new(&mail.lines(), "lab@clinic.example").await;
    let kim = lab.app.signed_in(&["own:clinician"]).await;
    let refused = send(&kim, &format!("{}/order", lab.variants[0]), &[("on", "1")]).await;
    assert_eq!((refused.status(), lab.outbox().await), (StatusCode::FORBIDDEN, 0));
    lab.order(0).await;
    lab.order(0).await;
    assert_eq!(lab.send(0, "order", &[("on", "0"), ("rev", "7")]).await, StatusCode::CONFLICT);
    assert_eq!(lab.send(0, "pin", &[("on", "0")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.outbox().await, 1, "sent twice it is one order");
    let number = lab.number(0).await;
    assert_eq!(lab.deliver().await, 1);
    lab.cancel(0).await;
    assert_eq!(lab.deliver().await, 1);
    let subject = |mail: &Taken| {
        let line = mail.text.lines().find(|line| line.starts_with("Subject")).unwrap();
        line.trim().to_owned()
    };
    let subjects = || mail.taken().iter().map(subject).collect::<Vec<_>>();
    let [ordered, cancelled] = ["ordered", "cancelled"].map(|what| format!("Subject: Validation {what}: {number}"));
    assert_eq!(subjects(), [ordered.clone(), cancelled.clone()]);
    let page = lab.page(0).await;
    assert!(page.contains("Nothing is to be done for this order"), "{page}");
    assert!(lab.said(0).await.contains(&format!("that order {number} is cancelled: mailed to 1 address")));
    assert_eq!(
        kim.get(&format!("/orders/{number}")).await.status(),
        StatusCode::SEE_OTHER,
        "its link still leads there"
    );

    assert_eq!(lab.send(0, "undo", &[("rev", "3")]).await, StatusCode::SEE_OTHER);
    assert_eq!((lab.deliver().await, lab.number(0).await), (1, number.clone()));
    assert_eq!(subjects()[2..], [ordered], "undoing a cancellation orders again");
    assert_eq!(lab.send(0, "validated", &[("outcome", "true_positive"), ("rev", "4")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.send(0, "order", &[("on", "1"), ("rev", "5")]).await, StatusCode::SEE_OTHER);
    let second = lab.number(0).await;
    assert_eq!(lab.deliver().await, 1);
    assert_eq!(lab.send(0, "undo", &[("rev", "6")]).await, StatusCode::SEE_OTHER);
    assert_eq!(lab.deliver().await, 1);
    let told = ["ordered", "cancelled"].map(|what| format!("Subject: Validation {what}: {second}"));
    assert_eq!(subjects()[3..], told, "the other order, and that it is undone; nothing of the one that was answered");
    assert!(lab.app.cli(&["case", "delete", CASE]).await);
    assert_eq!(lab.outbox().await, 0, "with the case go its mails");
    lab.app.end().await;
}

/// A server that is down or refuses delays the mail, in the open; each address gets it once.
#[tokio::test]
async fn mail_that_cannot_be_sent_is_tried_again_and_given_up_in_the_open() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut lab = Lab::new(&configured(port), "lab@clinic.example,refused@clinic.example").await;
    lab.order(0).await;
    assert_eq!(lab.deliver().await, 0);
    let said = lab.said(0).await;
    assert!(said.contains("not mailed yet to lab@clinic.example: Connection error"), "{said}");
    let mail = MailBox::start_at(port, "");
    assert_eq!(lab.deliver().await, 0, "not at once");
    lab.app.wait(SignedDuration::from_secs(61));
    assert_eq!(lab.deliver().await, 1);
    let said = lab.said(0).await;
    assert!(said.contains("mailed to 1 address"), "{said}");
    assert!(said.contains("not mailed yet to refused@clinic.example") && said.contains("no such box here"), "{said}");
    for _ in 0..80 {
        lab.app.wait(SignedDuration::from_hours(1));
        assert_eq!(lab.deliver().await, 0);
    }
    lab.ann = lab.app.browser_of(&lab.user).await;
    let said = lab.said(0).await;
    assert!(said.contains("could not be mailed to refused@clinic.example") && said.contains("550"), "{said}");
    assert_eq!(recipients(&mail.taken()), ["lab@clinic.example"]);
    let refused = lab.app.documents("outbox", doc! { "to": 1 }).await.pop().unwrap();
    assert!((10..30).contains(&refused.get_i64("tries").unwrap()), "{refused}");
    lab.app.end().await;
}

/// Two servers on one database send each mail once; one that ended in the midst of it leaves the mail to the other.
#[tokio::test]
async fn of_two_servers_one_sends() {
    let mail = MailBox::start();
    let lab = Lab::new(&mail.lines(), "a@clinic.example,b@clinic.example,c@clinic.example").await;
    let app = &lab.app.app;
    let db = Db::connect(&server_uri(), app.db.name(), None).await.unwrap();
    let keyring = Keyring::open(&lab.app.folder().join("keys")).unwrap();
    let other = AppState::new(app.config.clone(), app.clock.clone(), db, false, app.audit.clone(), keyring);
    for variant in 0..3 {
        lab.order(variant).await;
    }
    let (one, two) = tokio::join!(delivery::run(app), delivery::run(&other));
    assert_eq!(one.unwrap() + two.unwrap(), 9);
    assert_eq!(mail.taken().len(), 9);

    lab.cancel(0).await;
    let claimed = doc! { "$set": { "due": bson::DateTime::from_millis((app.clock.now() + SignedDuration::from_mins(5)).as_millisecond()) }, "$inc": { "tries": 1_i64 } };
    assert_eq!(lab.app.tamper("outbox", doc! { "due": { "$exists": true } }, claimed).await, 3);
    assert_eq!(delivery::run(&other).await.unwrap(), 0, "another process has them in hand");
    lab.app.wait(SignedDuration::from_mins(5));
    assert_eq!(delivery::run(&other).await.unwrap(), 3, "it ended");
    lab.app.end().await;
}

/// Without a mail server, or without anybody named, orders are as before, and their page says why nobody was told.
#[tokio::test]
async fn where_no_mail_is_sent_the_order_says_so() {
    let lab = Lab::new("", "lab@clinic.example").await;
    lab.order(0).await;
    assert_eq!((lab.outbox().await, lab.deliver().await), (0, 0));
    assert_eq!(lab.said(0).await, "not mailed: this server sends no mail");
    lab.cancel(0).await;
    let gone = lab.ann.get(&format!("{}/order", lab.variants[0])).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND, "nobody was told of it");
    let admin = lab.app.signed_in(&["own:admin"]).await;
    assert!(admin.page("/own/settings").await.contains("This server sends no mail"));
    lab.app.end().await;

    let lab = Lab::new(&configured(1), "none").await;
    lab.order(0).await;
    assert_eq!(lab.outbox().await, 0);
    assert!(lab.said(0).await.contains("name nobody who gets orders"));
    assert!(lab.app.cli(&["institute", "set", "own", "--order-mail", "lab@clinic.example"]).await);
    assert!(lab.said(0).await.contains("nobody was to get orders by mail when it was ordered"));
    lab.app.end().await;
}

/// Page, API and command line take addresses and nothing else.
#[tokio::test]
async fn an_institute_names_who_gets_orders() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let admin = app.signed_in(&["own:admin"]).await;
    for wrong in ["lab", "a@x.example\r\nBcc: b@y.example", "Lab <a@x.example>", "a@x.example:b"] {
        let answer = crate::settings::save(&admin, &[("order_mail", wrong)]).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        let (code, _, said) = app.program(&["institute", "set", "own", "--order-mail", wrong]);
        assert_eq!(code, 2, "{wrong}: {said}");
    }
    let answer = crate::settings::save(&admin, &[("order_mail", "Lab@clinic.example, b@lab.example")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let mut settings = admin.json("/api/v1/own/settings").await;
    assert_eq!(settings["order_mail"], serde_json::json!(["b@lab.example", "lab@clinic.example"]));
    settings["order_mail"] = serde_json::json!(["lab@clinic.example\r\nBcc: b@y.example"]);
    let wrong = admin.ask("PUT", "/api/v1/own/settings", &settings).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().await.unwrap().contains("order_mail[0]"));
    settings["order_mail"] = serde_json::json!(["c@lab.example"]);
    assert_eq!(admin.ask("PUT", "/api/v1/own/settings", &settings).await.status(), StatusCode::OK);
    let page = admin.page("/own/settings").await;
    assert!(page.contains("value=\"c@lab.example\""), "{page}");
    assert!(page.contains("Who gets orders of validations by mail: b@lab.example, lab@clinic.example → c@lab.example"));
    assert!(app.cli(&["institute", "set", "own", "--order-mail", "none"]).await);
    assert!(!admin.page("/own/settings").await.contains("value=\"c@lab.example\""));
    app.end().await;
}

/// `lodestone check` says what is wrong with the mail server, over TLS too, and never the password.
#[tokio::test]
async fn check_says_what_is_wrong_with_the_mail_server() {
    let app = TestApp::start().await;
    let password = app.folder().join("password");
    std::fs::write(&password, "geheim\n").unwrap();
    let (wrapped, started) = (MailBox::start_at(0, "smtps"), MailBox::start_at(0, "starttls"));
    let check = |server: String, authority: &std::path::Path, more: &[(&str, &str)]| {
        let mut environment = vec![
            ("LODESTONE_MAIL__SERVER", server.as_str()),
            ("LODESTONE_MAIL__FROM", "lodestone@clinic.example"),
            ("SSL_CERT_FILE", authority.to_str().unwrap()),
        ];
        environment.extend(more);
        let (_, said) = app.program_with(&["check"], &environment);
        assert!(!said.contains("geheim"), "{said}");
        let line = said.lines().find(|line| line.contains("mail server")).unwrap_or_default().to_owned();
        if line.is_empty() { said } else { line }
    };
    let user = [("LODESTONE_MAIL__USER", "lodestone"), ("LODESTONE_MAIL__PASSWORD_FILE", password.to_str().unwrap())];
    let by_tls = format!("smtps://localhost:{}", wrapped.port);
    let said = check(by_tls.clone(), &wrapped.authority(), &user);
    assert_eq!(said, format!("ok     mail server: {by_tls}, as lodestone@clinic.example"));
    let said = check(by_tls.clone(), &started.authority(), &user);
    assert!(said.starts_with("wrong") && said.contains("certificate"), "{said}");
    std::fs::write(&password, "not geheim").unwrap();
    let said = check(by_tls.clone(), &wrapped.authority(), &user);
    assert!(said.starts_with("wrong") && said.contains("535"), "{said}");
    std::fs::write(&password, "geheim").unwrap();
    let upgraded = format!("smtp://127.0.0.2:{}", started.port);
    let said = check(upgraded.clone(), &started.authority(), &user);
    assert_eq!(said, format!("ok     mail server: {upgraded}, as lodestone@clinic.example"));
    let said = check(upgraded, &wrapped.authority(), &user);
    assert!(said.starts_with("wrong") && said.contains("certificate"), "{said}");
    let nowhere = [("LODESTONE_MAIL__USER", "lodestone"), ("LODESTONE_MAIL__PASSWORD_FILE", "/nowhere")];
    let said = check(by_tls, &wrapped.authority(), &nowhere);
    assert!(said.starts_with("wrong") && said.contains("/nowhere cannot be read"), "{said}");
    let down = check("smtp://127.0.0.1:1".to_owned(), &wrapped.authority(), &[]);
    assert!(down.starts_with("wrong") && down.contains("smtp://127.0.0.1:1 cannot be used"), "{down}");
    let unfit = check("smtp://ann:geheim@mail.example".to_owned(), &wrapped.authority(), &[]);
    assert!(unfit.contains("smtps://HOST:PORT"), "{unfit}");
    let none = app.program(&["check"]).1;
    assert!(!none.contains("mail server"), "{none}");
    app.end().await;
}

/// `lodestone serve` sends by itself, encrypted and with the password, which its most talkative log does not have.
#[tokio::test(flavor = "multi_thread")]
async fn serve_sends_what_is_due() {
    let app = TestApp::start().await;
    let password = app.folder().join("password");
    std::fs::write(&password, "geheim\n").unwrap();
    let mail = MailBox::start_at(0, "starttls");
    let about = doc! { "kind": "ordered", "institute": "own", "case_id": "a".repeat(26), "variant": "a".repeat(26), "number": PLANTED };
    let at = bson::DateTime::from_millis(0);
    let due =
        doc! { "_id": "due", "to": "lab@clinic.example", "about": about, "queued_at": at, "due": at, "tries": 0_i64 };
    app.insert("outbox", &due).await;
    let (server, authority) = (format!("smtp://127.0.0.2:{}", mail.port), mail.authority());
    let variables = [
        ("LODESTONE_MAIL__SERVER", server.as_str()),
        ("LODESTONE_MAIL__FROM", "lodestone@clinic.example"),
        ("LODESTONE_MAIL__USER", "lodestone"),
        ("LODESTONE_MAIL__PASSWORD_FILE", password.to_str().unwrap()),
        ("LODESTONE_LOG__FILTER", "trace"),
        ("SSL_CERT_FILE", authority.to_str().unwrap()),
    ];
    let (child, _, said) = serve_heard(&app, &variables);
    for _ in 0..600 {
        if app.documents("outbox", doc! {}).await[0].contains_key("sent_at") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(end(child).await, Some(0));
    assert_eq!(recipients(&mail.taken()), ["lab@clinic.example"]);
    let said = said.join().unwrap().join("\n");
    assert!(said.contains("sent 1 mails"), "it says so");
    for secret in
        ["geheim", &data_encoding::BASE64.encode(b"\0lodestone\0geheim"), &data_encoding::BASE64.encode(b"geheim")]
    {
        assert!(!said.contains(secret), "the log has the password");
    }
    app.end().await;
}

/// Of a case that is restricted to named people no mail is sent: it would tell others that the case is there.
#[tokio::test]
async fn a_restricted_case_sends_no_mail() {
    let mail = MailBox::start();
    let lab = Lab::new(&mail.lines(), "lab@clinic.example").await;
    let restrict = ["case", "restrict", CASE, "--to", lab.user.email.as_str(), "--reason", "a colleague is the mother"];
    assert!(lab.app.cli(&restrict).await);
    lab.order(0).await;
    assert_eq!((lab.outbox().await, lab.deliver().await), (0, 0));
    assert_eq!(lab.said(0).await, "not mailed: the case is restricted to named people");
    lab.cancel(0).await;
    assert_eq!(lab.outbox().await, 0, "nobody knew of it");
    assert!(lab.app.cli(&["case", "open", CASE]).await);
    lab.order(1).await;
    assert_eq!((lab.outbox().await, lab.deliver().await), (1, 1));
    assert!(lab.app.cli(&restrict).await);
    lab.cancel(1).await;
    assert_eq!(lab.deliver().await, 1, "who was told of the order is told that it is cancelled");
    assert!(mail.taken()[1].text.contains("Subject: Validation cancelled"));
    lab.app.end().await;
}

/// An order that could not be mailed before it was cancelled is not mailed any more: the laboratory hears last what counts.
#[tokio::test]
async fn an_order_never_arrives_after_its_cancelling() {
    let mail = MailBox::start();
    let lab = Lab::new(&mail.lines(), "lab@clinic.example,refused@lab.example").await;
    lab.order(0).await;
    assert_eq!(lab.deliver().await, 1, "the other waits for its next try");
    lab.cancel(0).await;
    let kinds: Vec<_> = lab.app.documents("outbox", doc! {}).await;
    let unsent = kinds.iter().filter(|mail| mail.get("sent_at").is_none());
    let unsent: Vec<_> = unsent.map(|mail| mail.get_document("about").unwrap().get_str("kind").unwrap()).collect();
    assert_eq!(unsent, ["cancelled", "cancelled"]);
    lab.app.end().await;
}
