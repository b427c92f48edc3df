//! A case that is restricted to named people: for everybody else of its institute it is not there, unless they open it in an
//! emergency in sight of those who are named.

use bson::doc;
use jiff::SignedDuration;
use lodestone::auth::{StepUpClass, TokenScope};
use lodestone::events::{Event, EventKind};
use lodestone::users::User;
use reqwest::StatusCode;

use crate::access::{TABLE, filled};
use crate::isolation::everything;
use crate::sharing::{send, share, shares, terms, texts};
use crate::support::visitor::masked;
use crate::support::{Browser, TestApp, vcf};

const AT: &str = "/own/fam/restriction";
const LIFT: &str = "/own/fam/restriction/lift";
const WHY: &str = "a colleague is the mother";

/// A case of `own`, two of its people who are to read it, and one who is not.
struct Ward {
    app: TestApp,
    ann: (User, Browser),
    ben: (User, Browser),
    carl: (User, Browser),
}

async fn ready() -> Ward {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.institute("partner").await;
    assert!(app.cli(&["institute", "set", "own", "--share-with", "partner"]).await);
    app.given_case("own", "fam").await;
    let mut people = Vec::new();
    for role in ["own:geneticist", "own:clinician", "own:geneticist"] {
        let user = app.user(&[role]).await;
        let browser = app.browser_of(&user).await;
        people.push((user, browser));
    }
    let [ann, ben, carl] = people.try_into().unwrap_or_else(|_| unreachable!("three were made"));
    Ward { app, ann, ben, carl }
}

fn form<'a>(people: &[&'a User], rev: &'a str) -> Vec<(&'a str, &'a str)> {
    let named = people.iter().map(|user| ("person", user.id.as_str()));
    named.chain([("reason", WHY), ("rev", rev)]).collect()
}

impl Ward {
    /// Ann restricts the case to herself and Ben.
    async fn restrict(&self) {
        let form = form(&[&self.ann.0, &self.ben.0], "0");
        assert_eq!(send(&self.ann.1, AT, &form).await.status(), StatusCode::SEE_OTHER);
    }
}

async fn history(app: &TestApp, kind: EventKind) -> Vec<Event> {
    let documents = app.documents("events", doc! { "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| event.kind == kind).collect()
}

/// Whatever is done in a restricted case, who is not named sees the same bytes on every page as if it were not there.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_named_sees_no_trace() {
    let Ward { app, ann, ben, carl } = ready().await;
    let list = carl.1.json("/api/v1/own/fam/variants").await;
    let variant = list["variants"][0]["id"].as_str().unwrap().to_owned();
    let admin = app.signed_in(&["own:admin"]).await;
    let mut before = Vec::new();
    for browser in [&carl.1, &admin] {
        before.push(everything(browser, &variant).await);
    }
    assert!(before[0].len() >= 40, "{} pages", before[0].len());

    // Of a variant that no other case has; local frequencies count it, without a name.
    let genotypes = ["0/1:7,8:15:99", "0/1:7,8:15:99", "0/1:7,8:15:99"];
    let record = vcf::record("7", 124_500_000, ("C", "A"), &vcf::csq("A", "stop_gained"), genotypes);
    let config = app.write_trio("own", "canaryfam", &[record], "");
    let people = [ann.0.email.to_string(), ben.0.email.to_string()];
    let mut load = vec!["load", "case", config.to_str().unwrap(), "--reason", WHY];
    load.extend(people.iter().flat_map(|email| ["--restrict-to", email.as_str()]));
    assert!(app.cli(&load).await);
    assert_eq!(history(&app, EventKind::ReadersNamed).await.len(), 1);
    let list = ann.1.json("/api/v1/own/canaryfam/variants").await;
    let id = list["variants"][0]["id"].as_str().unwrap();
    let handle = carl.0.email.as_str().split('@').next().unwrap().to_owned();
    let text = format!("canary: @{handle}, look.");
    let id_of_comment = "a".repeat(26);
    for (path, form) in [
        ("/own/canaryfam/assignees", vec![("user", ben.0.id.as_str()), ("on", "1")]),
        ("/own/canaryfam/tags", vec![("tag", "medical"), ("on", "1")]),
        ("/own/canaryfam/comments", vec![("id", id_of_comment.as_str()), ("text", &text)]),
        (&format!("/own/canaryfam/variants/{id}/pin"), vec![("on", "1")]),
        (&format!("/own/canaryfam/variants/{id}/order"), vec![("on", "1")]),
        (&format!("/own/canaryfam/variants/{id}/causative"), vec![("on", "1")]),
    ] {
        assert_eq!(send(&ann.1, path, &form).await.status(), StatusCode::SEE_OTHER, "{path}");
    }
    for (browser, before) in [&carl.1, &admin].into_iter().zip(&before) {
        let after = everything(browser, &variant).await;
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (path, text) in before {
            assert_eq!(text, &after[path], "{path}");
        }
    }
    // It can fail: those who are named see it.
    for path in
        ["/", "/own", "/own?q=canary", "/own/cases/worklist?status=solved", "/api/v1/own/cases", "/own/canaryfam"]
    {
        assert!(ben.1.page(path).await.contains("canaryfam"), "{path}");
    }
    assert_eq!(texts(&ben.1.page("/own").await, ".badge.other"), ["restricted"]);
    app.end().await;
}

/// I4: on every route of a case, one that is restricted to others looks like one that is not there.
#[tokio::test]
async fn every_route_of_it_looks_absent() {
    let ward = ready().await;
    let Ward { app, ann, carl, .. } = &ward;
    let variant = crate::access::variant_of(&ann.1).await;
    ward.restrict().await;
    let reader = app.confirmed(&carl.0).await;
    let csrf = reader.csrf("/account").await;
    let mut asked = 0;
    for (method, path, _) in TABLE.iter().filter(|(_, path, _)| path.contains("{case}")) {
        if path.ends_with("/break-glass/end") {
            continue; // of somebody's own emergencies: see below
        }
        let there = filled(path, &variant, "none", carl.0.id.as_str());
        let absent = there.replace("/fam", "/nothing");
        let mut answers = Vec::new();
        for path in [&there, &absent] {
            let answer = match *method {
                "GET" => reader.get(path).await,
                _ if path.starts_with("/api/") => reader.ask(method, path, &serde_json::json!({})).await,
                _ => reader.post(path, &[("csrf", csrf.as_str())]).await,
            };
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
            answers.push(masked(answer).await.replace("/nothing", "/fam"));
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
        asked += 1;
    }
    assert!(asked > 40, "{asked} routes");
    for (user, expected) in [(&carl.0, StatusCode::NOT_FOUND), (&ann.0, StatusCode::OK)] {
        let own = "own".parse().unwrap();
        let token = app.app.tokens.create(&user.id, &own, TokenScope::Read, 1, app.clock.now()).await.unwrap();
        let script = app.stranger();
        assert_eq!(script.with_token("/api/v1/own/fam", &token).await.status(), expected, "a token is its owner’s");
        let cases: serde_json::Value = script.with_token("/api/v1/own/cases", &token).await.json().await.unwrap();
        assert_eq!(cases["cases"].as_array().unwrap().is_empty(), expected == StatusCode::NOT_FOUND);
    }
    ward.app.end().await;
}

/// Who restricts a case is named and keeps everybody who works on it; what cannot be is said, and nothing is written.
#[tokio::test]
async fn people_are_named_with_a_reason() {
    let ward = ready().await;
    let Ward { app, ann, ben, carl } = &ward;
    assert_eq!(send(&ann.1, "/own/fam/assignees", &[("user", ben.0.id.as_str()), ("on", "1")]).await.status(), 303);
    let page = ann.1.page(AT).await;
    assert_eq!(texts(&page, "label.check .muted"), ["you", "works on the case"], "who has to be named");
    let stranger = app.user(&["partner:clinician", "own:researcher"]).await;
    let before = app.snapshot().await;
    for (people, change, field) in [
        (vec![&ben.0], None, "#wrong-person"),
        (vec![&ann.0], None, "#wrong-person"),
        (vec![], None, "#wrong-person"),
        (vec![&ann.0, &ben.0, &stranger], None, "#wrong-person"),
        (vec![&ann.0, &ben.0], Some(("reason", "short")), "#wrong-reason"),
        (vec![&ann.0, &ben.0], Some(("reason", "on two\nlines, which it must not")), "#wrong-reason"),
        (vec![&ann.0, &ben.0], Some(("person", "../../x")), "#wrong-person"),
    ] {
        let mut sent = form(&people, "0");
        sent.retain(|(name, _)| change.is_none_or(|(changed, _)| changed != *name));
        sent.extend(change);
        let answer = send(&ann.1, AT, &sent).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{sent:?}");
        assert_eq!(texts(&answer.text().await.unwrap(), field).len(), 1, "{sent:?}");
    }
    for more in [("rev", "1"), ("institute", "own")] {
        let mut sent = form(&[&ann.0, &ben.0], "0");
        sent.push(more);
        assert_eq!(send(&ann.1, AT, &sent).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{more:?}");
    }
    assert_eq!(app.snapshot().await, before);

    ward.restrict().await;
    ward.restrict().await;
    let told = history(app, EventKind::ReadersNamed).await;
    assert_eq!(told.len(), 1, "twice is once");
    assert_eq!(texts(&ann.1.page("/own/fam").await, ".case-bar .shared-note"), ["Restricted to named people"]);
    let timeline = ben.1.page("/own/fam/timeline?kind=readers").await;
    assert!(timeline.contains(WHY) && timeline.contains(&ann.0.name), "{timeline}");

    // Nobody else is handed the case or called to it.
    let refused = send(&ann.1, "/own/fam/assignees", &[("user", carl.0.id.as_str()), ("on", "1")]).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("restricted to named people"));
    let options = texts(&ann.1.page("/own/fam").await, "#add-user option");
    assert_eq!(options.len(), 0, "Ann is offered to herself, Ben works on it, and nobody else is: {options:?}");

    // Everybody again.
    assert_eq!(send(&ben.1, LIFT, &[("rev", "x")]).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&ben.1, LIFT, &[("rev", "1")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(carl.1.get("/own/fam").await.status(), StatusCode::OK);
    let told = history(app, EventKind::ReadersNamed).await;
    assert_eq!((told.len(), told[1].rev, &told[1].before), (2, 2, &told[0].after));
    assert_eq!(told[1].after, bson::Bson::Null);
    ward.app.end().await;
}

/// Of two people who change it at the same time, the second sees what stands and decides.
#[tokio::test]
async fn a_change_that_was_not_seen_is_not_overwritten() {
    let ward = ready().await;
    let Ward { app, ann, ben, carl } = &ward;
    ward.restrict().await;
    let all = form(&[&ann.0, &ben.0, &carl.0], "0");
    let before = app.snapshot().await;
    let stale = send(&ben.1, AT, &all).await;
    assert_eq!(stale.status(), StatusCode::CONFLICT);
    let page = stale.text().await.unwrap();
    assert!(page.contains(WHY) && texts(&page, "input[name=rev]").len() == 1, "{page}");
    assert_eq!(send(&ben.1, LIFT, &[("rev", "0")]).await.status(), StatusCode::CONFLICT);
    assert_eq!(app.snapshot().await, before);
    let all = form(&[&ann.0, &ben.0, &carl.0], "1");
    assert_eq!(send(&ben.1, AT, &all).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(carl.1.get("/own/fam").await.status(), StatusCode::OK);
    ward.app.end().await;
}

/// Guests are not named people: restricting a case ends its shares, and none begins while it is restricted.
#[tokio::test]
async fn a_restricted_case_is_shared_with_nobody() {
    let ward = ready().await;
    let Ward { app, ann, .. } = &ward;
    let sharer = app.opened(&ann.0, StepUpClass::BulkExport).await;
    share(&sharer, &[]).await;
    let guest = app.signed_in(&["partner:clinician"]).await;
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::OK);
    assert!(ann.1.page(AT).await.contains("Sharing it ends."));
    ward.restrict().await;
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    let ended = shares(app).await[0].ended.clone().unwrap();
    assert!(ended.reason.unwrap().contains("restricted"), "why it ended");
    assert_eq!(history(app, EventKind::ShareEnded).await.len(), 1);
    let refused = send(&sharer, "/own/fam/sharing", &terms(&[])).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("open it to its institute first"));
    assert_eq!(send(&ann.1, LIFT, &[("rev", "1")]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(guest.get("/own/fam").await.status(), StatusCode::NOT_FOUND, "what ended stays over");
    share(&sharer, &[]).await;
    ward.app.end().await;
}

/// I13: somebody else of the institute opens it in an emergency: with a fresh code and a reason, for an hour, to be read, in
/// sight of those who are named and of the auditors.
#[tokio::test]
async fn in_an_emergency_it_is_read_in_sight_of_its_people() {
    let ward = ready().await;
    let Ward { app, ann, carl, .. } = &ward;
    ward.restrict().await;
    let asked = [("institute", "own"), ("case", "fam"), ("reason", "she is unconscious on the ward")];
    let outsider = app.confirmed_as(&["partner:geneticist"]).await;
    let refused = send(&outsider, "/break-glass", &asked).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND, "of another institute");
    assert_eq!(send(&carl.1, "/break-glass", &asked).await.status(), StatusCode::FORBIDDEN, "S17: a fresh code");
    let doctor = app.confirmed(&carl.0).await;
    assert!(doctor.page("/").await.contains("href=\"/break-glass\""), "the way there");
    assert_eq!(send(&doctor, "/own/fam/break-glass/end", &[]).await.status(), StatusCode::NOT_FOUND, "none is open");
    let opened = send(&doctor, "/break-glass", &asked).await;
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let page = doctor.page("/own/fam").await;
    assert_eq!(texts(&page, ".case-bar .emergency strong"), ["Emergency access"]);
    let before = app.snapshot().await;
    for (path, form) in [
        ("/own/fam/comments", vec![("id", "a"), ("text", "x")]),
        ("/own/fam/tags", vec![("tag", "medical"), ("on", "1")]),
        (LIFT, vec![("rev", "1")]),
        (AT, form(&[&carl.0], "1")),
    ] {
        assert_eq!(send(&doctor, path, &form).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(doctor.get("/own/fam/variants.csv").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(app.snapshot().await, before);
    assert!(!doctor.page("/own").await.contains("/own/fam"), "it is on no list");
    let told = texts(&ann.1.page("/own/fam").await, "section[aria-label='Emergency access'] li");
    assert!(told[0].contains(&carl.0.name) && told[0].contains("unconscious"), "{told:?}");
    assert!(app.cli(&["audit", "flags", "--json"]).await);
    let flags = app.documents("audit_flags", doc! {}).await;
    assert!(flags.iter().any(|flag| flag.get_str("rule").is_ok_and(|rule| rule == "break_glass")), "{flags:?}");
    // Who reads it anyway opens nothing.
    let anns = app.confirmed(&ann.0).await;
    assert_eq!(send(&anns, "/break-glass", &asked).await.headers()["location"], "/own/fam");
    assert_eq!(history(app, EventKind::BreakGlass).await.len(), 1);
    app.wait(SignedDuration::from_mins(60));
    assert_eq!(app.browser_of(&carl.0).await.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    ward.app.end().await;
}

/// A load keeps it; when all who were named have left, the machine's administrator names others or opens the case.
#[tokio::test]
async fn it_outlives_loads_and_the_people_named() {
    let ward = ready().await;
    let Ward { app, ann, ben, carl } = &ward;
    ward.restrict().await;
    let changed = app.write_trio("own", "fam", &vcf::three_records()[..2], "");
    let config = changed.to_str().unwrap();
    assert!(app.cli(&["load", "case", config, "--update"]).await);
    assert_eq!(carl.1.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ben.1.get("/own/fam").await.status(), StatusCode::OK);
    let again = ["load", "case", config, "--update", "--restrict-to", ann.0.email.as_str(), "--reason", WHY];
    assert!(!app.cli(&again).await, "a case that is there is restricted by its own command");

    for user in [&ann.0, &ben.0] {
        app.disabled(user).await;
    }
    assert_eq!(app.browser_of(&carl.0).await.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    for (email, well) in [
        ("nobody@lab.example", false),
        (ann.0.email.as_str(), false),
        (carl.0.email.as_str(), true),
        (carl.0.email.as_str(), true),
    ] {
        let arguments = ["case", "restrict", "fam", "--to", email, "--reason", WHY];
        assert_eq!(app.cli(&arguments).await, well, "{email}");
    }
    assert_eq!(carl.1.get("/own/fam").await.status(), StatusCode::OK);
    let dora = app.signed_in(&["own:clinician"]).await;
    assert_eq!(dora.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    assert!(app.cli(&["case", "open", "fam"]).await);
    assert_eq!(dora.get("/own/fam").await.status(), StatusCode::OK);
    let told = history(app, EventKind::ReadersNamed).await;
    assert_eq!(told.iter().map(|event| event.rev).collect::<Vec<_>>(), [1, 2, 3]);
    ward.app.end().await;
}
