//! The rules of from where things are open: who changes them, what is seen before, and that nobody is locked out by that.

use bson::doc;
use lodestone::addresses::{AllowedNetwork, Changed, Limits, Maker, Subject, change};
use lodestone::events::Actor;
use lodestone::ids::InstituteId;
use lodestone::users::{Authority, User};
use reqwest::header::ORIGIN;
use reqwest::{Response, StatusCode};
use scraper::{Html, Selector};

use crate::addresses::{INSIDE, OUTSIDE, PROXY, assert_refused, limit};
use crate::support::{Browser, TestApp};

/// Sends a form with the page's token.
async fn send(browser: &Browser, path: &str, form: &[(&str, &str)]) -> Response {
    let csrf = browser.csrf("/account").await;
    let form: Vec<_> = form.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.post(path, &form).await
}

fn texts(page: &str, selector: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    html.select(&Selector::parse(selector).unwrap())
        .map(|element| element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The fields of a preview's form, as a browser would send them.
fn fields(page: &str) -> Vec<(String, String)> {
    let html = Html::parse_document(page);
    html.select(&Selector::parse("main form input[type=hidden]").unwrap())
        .map(|field| (field.attr("name").unwrap().to_owned(), field.attr("value").unwrap().to_owned()))
        .collect()
}

async fn confirm(browser: &Browser, path: &str, preview: &str) -> Response {
    let form = fields(preview);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &form).await
}

const RULES: &str = "/own/settings/addresses";

fn wanted<'a>(subject: &'a str, rev: &'a str, networks: &'a str) -> [(&'a str, &'a str); 4] {
    [("subject", subject), ("rev", rev), ("networks", networks), ("contact", "the help desk, 4711")]
}

/// A change is shown with the people it locks out before it is saved, counts at once, and is told by the history.
#[tokio::test]
async fn a_change_of_rules_is_looked_at_before_it_is_saved() {
    let app = TestApp::start_with(PROXY).await;
    app.institute("own").await;
    let admin = app.user(&["own:admin"]).await;
    let browser = app.confirmed(&admin).await.forwarded(&[INSIDE]);
    let home = app.signed_in(&["own:clinician"]).await.forwarded(&[OUTSIDE]);
    assert_eq!(home.get("/own").await.status(), StatusCode::OK);
    let ward = app.signed_in(&["own:clinician"]).await.forwarded(&["10.7.7.7"]);
    ward.page("/own").await;
    app.user(&["own:researcher"]).await;
    let signed_out = app.account(&["own:clinician"]).await;
    app.entered(&signed_out).await; // from 127.0.0.1
    app.remove("sessions", doc! { "user": &signed_out.user.id }).await;
    let gone = app.account(&["own:clinician"]).await;
    app.disabled(&gone.user).await;

    let form = wanted("own", "0", "10.0.0.0/8 the house\r\n2001:db8::/32 laboratory until 2036-12-31");
    let before = app.snapshot().await;
    let answer = send(&browser, RULES, &form).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let preview = answer.text().await.unwrap();
    assert!(Html::parse_document(&preview).errors.is_empty());
    assert_eq!(texts(&preview, "#outside-head"), ["2 of 5 people would be outside"]);
    let mut addresses = texts(&preview, "td[data-label=Address]");
    addresses.sort();
    assert_eq!(addresses, ["127.0.0.1", OUTSIDE], "one by a session, one by the last sign-in");
    assert!(preview.contains("Of 1 it is not known."));
    assert_eq!(app.snapshot().await, before, "looking saves nothing");
    for seen in ["", "x", "aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let forged: Vec<_> = form.iter().copied().chain([("seen", seen)]).collect();
        let answer = send(&browser, RULES, &forged).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "`{seen}`");
        assert!(answer.text().await.unwrap().contains("look once more"));
    }
    let late = app.signed_in(&["own:geneticist"]).await.forwarded(&["198.51.100.7"]);
    late.page("/own").await;
    let answer = confirm(&browser, RULES, &preview).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT, "somebody else would be outside by now");
    let preview = answer.text().await.unwrap();
    assert_eq!(texts(&preview, "#outside-head"), ["3 of 6 people would be outside"]);
    assert_eq!(app.documents("address_rules", doc! {}).await.len(), 0);

    let answer = confirm(&browser, RULES, &preview).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/own/settings/addresses?done=saved");
    assert_refused(home.get("/own").await, "Institute own").await;
    assert_eq!(ward.get("/own").await.status(), StatusCode::OK);
    let again = confirm(&browser, RULES, &preview).await;
    assert_eq!(again.status(), StatusCode::SEE_OTHER, "sent twice, changed once");
    let shown = browser.page("/own/settings/addresses?done=saved").await;
    assert!(shown.contains("Saved.") && shown.contains("allowed 2001:db8::/32 laboratory until 2036-12-31"));
    assert!(shown.contains("You are at <code>10.1.2.3</code>"));
    let events = app.documents("events", doc! { "rev": 1 }).await;
    let of_rules: Vec<_> = events.iter().filter(|one| one.get_str("subject").unwrap() == "addresses/own").collect();
    assert_eq!(of_rules.len(), 1);
    assert_eq!(of_rules[0].get_document("actor").unwrap().get_str("user").unwrap(), admin.id.as_str());
    let networks = of_rules[0].get_document("after").unwrap().get_array("networks").unwrap();
    assert_eq!(
        networks[0].as_document().unwrap().get_document("owner").unwrap().get_str("name").unwrap(),
        "Ann Example"
    );
    let (_, few) = app.commands_during(browser.page(RULES)).await;
    for _ in 0..3 {
        app.user(&["own:clinician"]).await;
    }
    let (_, many) = app.commands_during(browser.page(RULES)).await;
    assert_eq!(few.len(), many.len());
    app.end().await;
}

/// S13: nobody locks out themselves, and with them perhaps the last who could undo it.
#[tokio::test]
async fn s13_a_change_that_locks_out_its_maker_is_refused() {
    let app = TestApp::start_with(PROXY).await;
    app.institute("own").await;
    let institute = app.confirmed(&app.user(&["own:admin", "own:clinician"]).await).await.forwarded(&[INSIDE]);
    let system = app.confirmed(&app.user(&["system:admin"]).await).await.forwarded(&[INSIDE]);
    for (browser, path, subject) in [
        (&institute, RULES, "own"),
        (&institute, RULES, "own:admin"),
        (&system, "/admin/addresses", "system"),
        (&system, "/admin/addresses", "system:admin"),
    ] {
        for (networks, told) in [
            ("203.0.113.0/24 home", "you would lock yourself out"),
            ("10.0.0.0/8 house until 2036-03-04", "after it nobody could administer"),
        ] {
            let answer = send(browser, path, &wanted(subject, "0", networks)).await;
            assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{subject}: {networks}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(told) && text.contains(networks), "{subject}: what was typed stays");
        }
    }
    let allowed = send(&institute, RULES, &wanted("own:clinician", "0", "203.0.113.0/24 home")).await;
    assert_eq!(allowed.status(), StatusCode::OK, "no administration is lost by that");
    assert_eq!(app.documents("address_rules", doc! {}).await.len(), 0);
    app.end().await;
}

/// S13: two administrators, each leaving the other outside at the same moment: one of them is refused.
#[tokio::test]
async fn s13_of_two_changes_at_once_one_leaves_a_way_in() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let (one, other) = (app.user(&["own:admin"]).await, app.user(&["own:admin"]).await);
    let own: InstituteId = "own".parse().unwrap();
    let actor = Actor { user: None, name: "a test".into() };
    for round in 0..4 {
        let known = async |subject: &Subject| app.app.addresses.of(subject).await.unwrap().rev;
        let attempt = async |user: &User, subject: &str, address: &str| {
            let subject: Subject = subject.parse().unwrap();
            let network = AllowedNetwork {
                network: address.parse().unwrap(),
                reason: "desk".into(),
                last_day: None,
                owner: actor.clone(),
                added_at: app.clock.now(),
            };
            let limits = Limits { networks: vec![network], contact: "4711".into() };
            let maker = Maker { authority: Authority::Institute(&user.id, &own), from: Some(address.parse().unwrap()) };
            change(&app.app, &subject, known(&subject).await, &limits, maker, &actor).await.unwrap()
        };
        let answers = tokio::join!(attempt(&one, "own", "10.1.0.1"), attempt(&other, "own:admin", "10.2.0.1"));
        let stored = [&answers.0, &answers.1].into_iter().filter(|one| matches!(one, Changed::Stored(_))).count();
        let refused = [&answers.0, &answers.1].into_iter().filter(|one| matches!(one, Changed::LocksOut(_))).count();
        assert_eq!((stored, refused), (1, 1), "round {round}: {answers:?}");
        for subject in ["own", "own:admin"] {
            if known(&subject.parse().unwrap()).await % 2 == 1 {
                limit(&app, subject, &[]).await;
            }
        }
    }
    app.end().await;
}

/// I1, S6, S7, S17, I14: who may, and that each form is taken whole and from our own pages; else nothing happens.
#[tokio::test]
async fn rules_are_changed_by_their_administrators_only() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("two").await;
    let networks = "127.0.0.0/8 here";
    let before = app.snapshot().await.len();
    for role in ["own:clinician", "own:auditor", "two:admin", "system:admin", "system:auditor", ""] {
        let grants: &[&str] = if role.is_empty() { &[] } else { &[role] };
        let browser = app.confirmed(&app.user(grants).await).await;
        assert_eq!(browser.get(RULES).await.status(), StatusCode::NOT_FOUND, "`{role}`");
        let answer = send(&browser, RULES, &wanted("own", "0", networks)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "`{role}`");
    }
    let admin = app.user(&["own:admin"]).await;
    let browser = app.confirmed(&admin).await;
    assert_eq!(browser.get("/admin/addresses").await.status(), StatusCode::NOT_FOUND);
    for foreign in ["system", "system:admin", "two", "two:admin"] {
        let answer = send(&browser, RULES, &wanted(foreign, "0", networks)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{foreign}");
    }
    let csrf = browser.csrf("/account").await;
    let good: Vec<_> = wanted("own", "0", networks).into_iter().chain([("csrf", csrf.as_str())]).collect();
    for headers in [vec![], vec![(ORIGIN, "https://evil.example".to_owned())]] {
        assert_eq!(browser.post_from(RULES, &good, &headers).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(browser.post(RULES, &wanted("own", "0", networks)).await.status(), StatusCode::FORBIDDEN, "no token");
    let unconfirmed = app.browser_of(&admin).await;
    let asked = send(&unconfirmed, RULES, &wanted("own", "0", networks)).await;
    assert_eq!(asked.status(), StatusCode::FORBIDDEN);
    assert!(asked.text().await.unwrap().contains("/account/confirm?class=administration"));
    for extra in ["owner", "place", "_id", "institute", "subject", "last_day"] {
        let more: Vec<_> = wanted("own", "0", networks).into_iter().chain([(extra, "two")]).collect();
        assert_eq!(send(&browser, RULES, &more).await.status(), StatusCode::BAD_REQUEST, "{extra}");
    }
    let wrong = wanted("own", "0", "127.0.0.0/8 here\nnowhere at all\n10.1.2.3/8 a slip");
    let answer = send(&browser, RULES, &wrong).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text().await.unwrap();
    let html = Html::parse_document(&page);
    assert!(html.errors.is_empty());
    let marked = Selector::parse("textarea[aria-invalid=true]").unwrap();
    let text = html.select(&marked).next().unwrap().text().collect::<String>();
    assert!(text.contains("nowhere at all"), "what was typed stays");
    assert!(page.contains("Line 2:") && page.contains("the range is 10.0.0.0/8"));
    assert_eq!(app.snapshot().await.len(), before + 1, "people were added, and nothing else");
    app.end().await;
}

#[tokio::test]
async fn of_two_admins_of_rules_nobody_overwrites_the_other_unseen() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let browser = app.confirmed(&app.user(&["own:admin"]).await).await;
    let preview = send(&browser, RULES, &wanted("own", "0", "127.0.0.0/8 here")).await.text().await.unwrap();
    limit(&app, "own", &["127.0.0.0/8", "10.0.0.0/8"]).await;
    let answer = confirm(&browser, RULES, &preview).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = answer.text().await.unwrap();
    assert!(page.contains("Somebody else changed these networks in the meantime") && page.contains("10.0.0.0/8"));
    let rev = Selector::parse("details[open] input[name=rev]").unwrap();
    assert_eq!(Html::parse_document(&page).select(&rev).next().unwrap().attr("value"), Some("1"));
    assert_eq!(
        app.app.addresses.of(&"own".parse().unwrap()).await.unwrap().limits.networks.len(),
        2,
        "nothing is lost"
    );
    let preview = send(&browser, RULES, &wanted("own", "1", "127.0.0.0/8 here")).await.text().await.unwrap();
    assert_eq!(confirm(&browser, RULES, &preview).await.status(), StatusCode::SEE_OTHER, "in sight of what is stored");
    app.end().await;
}

/// The way out for somebody who is locked out: a command on the machine, which the trail and the history tell.
#[tokio::test]
async fn a_command_opens_what_was_shut() {
    let app = TestApp::start_with(PROXY).await;
    app.institute("own").await;
    let browser = app.signed_in(&["own:admin"]).await.forwarded(&[OUTSIDE]);
    limit(&app, "system", &["10.0.0.0/8"]).await;
    limit(&app, "own:admin", &["10.0.0.0/8 2036-03-04"]).await;
    let (code, listed, _) = app.program(&["address", "list"]);
    assert_eq!(code, 0);
    assert!(
        listed.contains("system\t10.0.0.0/8\t-\t") && listed.contains("own:admin\t10.0.0.0/8\t2036-03-04\t"),
        "{listed}"
    );
    let (_, json, _) = app.program(&["address", "list", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["addresses"][1]["subject"], "system");
    assert_refused(browser.get("/own/settings").await, "Lodestone").await;
    assert!(app.cli(&["address", "clear", "system"]).await);
    assert_refused(browser.get("/own/settings").await, "The role admin in own").await;
    assert!(app.cli(&["address", "clear", "own:admin"]).await);
    assert_eq!(browser.get("/own/settings").await.status(), StatusCode::OK);
    assert!(app.cli(&["address", "clear", "own:admin"]).await, "open already");
    let (code, _, said) = app.program(&["address", "clear", "nowhere:boss"]);
    assert_eq!(code, 2);
    assert!(said.contains("write system, an INSTITUTE"), "{said}");
    let entries = app.audit_entries().await;
    let cleared = entries.iter().rfind(|entry| entry.get_str("command").is_ok_and(|text| text == "address clear"));
    assert_eq!(cleared.unwrap().get_str("institute").unwrap(), "own");
    app.end().await;
}
