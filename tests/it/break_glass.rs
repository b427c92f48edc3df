//! I13: an administrator opens no case by that role; in an emergency one case, for an hour, in sight of everybody concerned.
//! Readers do so with a case that is restricted to others: see `restriction`.

use bson::doc;
use jiff::SignedDuration;
use lodestone::auth::{StepUpClass, TokenScope};
use lodestone::events::{Event, EventKind};
use lodestone::users::User;
use reqwest::StatusCode;

use crate::sharing::{send, share, terms, texts};
use crate::support::visitor::masked;
use crate::support::{Browser, TestApp};

const REASON: &str = "the child is in intensive care";

fn asked<'a>(institute: &'a str, case: &'a str, reason: &'a str) -> [(&'a str, &'a str); 3] {
    [("institute", institute), ("case", case), ("reason", reason)]
}

async fn ready() -> TestApp {
    let app = TestApp::start().await;
    for (institute, case) in [("own", "fam"), ("own", "other"), ("foreign", "secret")] {
        if case != "other" {
            app.institute(institute).await;
        }
        app.given_case(institute, case).await;
    }
    app
}

async fn confirmed(app: &TestApp, role: &str) -> (User, Browser) {
    let user = app.user(&[role]).await;
    let browser = app.confirmed(&user).await;
    (user, browser)
}

async fn events(app: &TestApp) -> Vec<Event> {
    let documents = app.documents("events", doc! { "at": 1, "rev": 1 }).await;
    let events = documents.into_iter().map(|document| bson::deserialize_from_document::<Event>(document).unwrap());
    events.filter(|event| matches!(event.kind, EventKind::BreakGlass | EventKind::BreakGlassEnded)).collect()
}

/// I13: reason, fresh code, one case, sixty minutes, to be read; its people and auditors are told.
#[tokio::test]
async fn one_case_is_open_for_an_hour_in_sight_of_everybody() {
    let app = ready().await;
    for role in ["own:admin", "system:admin"] {
        let (user, admin) = confirmed(&app, role).await;
        assert_eq!(admin.get("/own/fam").await.status(), StatusCode::NOT_FOUND, "{role}");
        assert!(admin.page("/").await.contains("href=\"/break-glass\""), "the way there");
        let opened = send(&admin, "/break-glass", &asked("own", "fam", REASON)).await;
        assert_eq!(opened.status(), StatusCode::SEE_OTHER, "{role}");
        assert_eq!(opened.headers()["location"], "/own/fam");
        let list = admin.json("/api/v1/own/fam/variants").await;
        let variant = format!("/own/fam/variants/{}", list["variants"][0]["id"].as_str().unwrap());
        let cara = app.user(&["own:clinician"]).await;
        let assigned = [("user", cara.id.as_str()), ("on", "1")];
        let assigned = send(&app.browser_of(&cara).await, "/own/fam/assignees", &assigned).await;
        assert_eq!(assigned.status(), StatusCode::SEE_OTHER);
        let page = admin.page("/own/fam").await;
        assert_eq!(texts(&page, "#work .tag").last(), Some(&cara.name), "who works on it, by name");
        assert_eq!(texts(&page, "#work form").len(), 0, "nothing is changed in an emergency");
        for path in ["/own/fam", "/own/fam/variants", "/own/fam/find?q=POT1", &variant] {
            let page = admin.page(path).await;
            assert_eq!(texts(&page, ".case-bar .emergency strong"), ["Emergency access"], "{path} as {role}");
            assert!(!page.contains("cases of your institute"), "{path}: nothing of other cases");
        }
        for path in
            ["/own/other", "/own", "/own/cases/worklist", "/foreign/secret", "/api/v1/own/cases", "/api/v1/own/other"]
        {
            assert_eq!(admin.get(path).await.status(), StatusCode::NOT_FOUND, "{path} as {role}: one case");
        }
        let before = app.snapshot().await;
        for format in ["csv", "tsv", "xlsx"] {
            let export = admin.get(&format!("/own/fam/variants.{format}")).await;
            assert_eq!(export.status(), StatusCode::FORBIDDEN, "{format}");
        }
        assert_eq!(admin.get("/own/fam/sharing").await.status(), StatusCode::FORBIDDEN);
        let sharer = app.opened(&user, StepUpClass::BulkExport).await;
        assert_eq!(send(&sharer, "/own/fam/sharing", &terms(&[])).await.status(), StatusCode::FORBIDDEN);
        let again = send(&admin, "/break-glass", &asked("own", "fam", REASON)).await;
        assert_eq!(again.status(), StatusCode::SEE_OTHER, "twice is once");
        assert_eq!(app.snapshot().await, before);
        assert_eq!(texts(&admin.page("/break-glass").await, "[aria-labelledby=open-head] a"), ["fam"]);
        let clinician = app.signed_in(&["own:clinician"]).await;
        let page = clinician.page("/own/fam").await;
        let told = texts(&page, "section[aria-label='Emergency access'] li");
        assert!(told[0].contains("Ann Example") && told[0].contains(REASON), "{told:?}");
        assert!(texts(&page, "[aria-labelledby=history] li").concat().contains("opened in an emergency"));
        assert!(texts(&page, ".emergency").is_empty(), "the banner is for whoever reads by it");

        app.wait(SignedDuration::from_mins(60) - SignedDuration::from_millis(1));
        assert_eq!(app.browser_of(&user).await.get("/own/fam").await.status(), StatusCode::OK, "the last moment");
        app.wait(SignedDuration::from_millis(1));
        let late = app.browser_of(&user).await;
        let (gone, absent) = (late.get("/own/fam").await, late.get("/own/absent").await);
        assert_eq!(gone.status(), StatusCode::NOT_FOUND, "{role}");
        assert_eq!(masked(gone).await, masked(absent).await, "I4");
        assert!(clinician.get("/own/fam").await.status() != StatusCode::OK, "that session is idle by now");
        let page = app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
        assert!(page.contains(REASON), "what happened stays in sight");
    }
    let history = events(&app).await;
    assert_eq!(history.len(), 2);
    assert!(history.iter().all(|event| event.rev == 1 && event.case_id.is_some() && event.actor.user.is_some()));
    assert!(app.cli(&["audit", "flags", "--json"]).await);
    let flags = app.documents("audit_flags", doc! {}).await;
    let emergencies: Vec<_> =
        flags.iter().filter(|flag| flag.get_str("rule").is_ok_and(|rule| rule == "break_glass")).collect();
    assert_eq!(emergencies.len(), 2, "each is reviewed: {flags:?}");
    assert!(
        emergencies
            .iter()
            .all(|flag| flag.get_str("institute").is_ok_and(|of| of == "own") && flag.contains_key("case"))
    );
    let auditor = app.signed_in(&["own:auditor"]).await;
    assert!(auditor.page("/audit/flags").await.contains("took emergency access to fam"));
    app.end().await;
}

/// I13, S17, I14: without code, reason or right nothing opens, and what is refused is as absent as what is not there.
#[tokio::test]
async fn nothing_opens_without_code_reason_and_right() {
    let app = ready().await;
    let (user, admin) = confirmed(&app, "own:admin").await;
    let (_, system) = confirmed(&app, "system:admin").await;
    let unconfirmed = app.browser_of(&user).await;
    for role in ["own:clinician", "own:geneticist"] {
        let (_, browser) = confirmed(&app, role).await;
        let before = app.snapshot().await;
        assert_eq!(browser.get("/break-glass").await.status(), StatusCode::OK, "{role}");
        let opened = send(&browser, "/break-glass", &asked("own", "fam", REASON)).await;
        assert_eq!(opened.headers()["location"], "/own/fam", "{role} reads it anyway");
        let foreign = send(&browser, "/break-glass", &asked("foreign", "secret", REASON)).await;
        assert_eq!(foreign.status(), StatusCode::NOT_FOUND, "{role}");
        assert_eq!(send(&browser, "/own/fam/break-glass/end", &[]).await.status(), StatusCode::NOT_FOUND, "{role}");
        assert_eq!(app.snapshot().await, before);
    }
    for role in ["own:researcher", "own:auditor", "system:auditor"] {
        let (_, browser) = confirmed(&app, role).await;
        let before = app.snapshot().await;
        assert_eq!(browser.get("/break-glass").await.status(), StatusCode::NOT_FOUND, "{role}");
        for (path, form) in
            [("/break-glass", asked("own", "fam", REASON).to_vec()), ("/own/fam/break-glass/end", Vec::new())]
        {
            assert_eq!(send(&browser, path, &form).await.status(), StatusCode::NOT_FOUND, "{path} as {role}");
        }
        assert_eq!(app.snapshot().await, before);
    }
    let before = app.snapshot().await;
    let good = asked("own", "fam", REASON);
    assert_eq!(send(&unconfirmed, "/break-glass", &good).await.status(), StatusCode::FORBIDDEN, "S17");
    assert_eq!(admin.post("/break-glass", &good).await.status(), StatusCode::FORBIDDEN, "S6");
    for reason in ["", "  urgent  ", "123456789", "a reason on\ntwo lines", &"x".repeat(501)] {
        for case in ["fam", "absent"] {
            let answer = send(&admin, "/break-glass", &asked("own", case, reason)).await;
            assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{reason:?} {case}");
            assert_eq!(texts(&answer.text().await.unwrap(), "#wrong-reason").len(), 1);
        }
    }
    let mut extra = good.to_vec();
    extra.push(("user", "somebody"));
    assert_eq!(send(&admin, "/break-glass", &extra).await.status(), StatusCode::BAD_REQUEST, "I14");
    let absent = masked(send(&admin, "/break-glass", &asked("own", "absent", REASON)).await).await;
    for (institute, case) in
        [("foreign", "secret"), ("foreign", "absent"), ("nowhere", "fam"), ("../x", "fam"), ("own", "a/b")]
    {
        let refused = send(&admin, "/break-glass", &asked(institute, case, REASON)).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{institute} {case}");
        assert_eq!(masked(refused).await, absent, "{institute} {case}");
    }
    assert_eq!(send(&system, "/break-glass", &asked("own", "absent", REASON)).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(send(&admin, "/own/fam/break-glass/end", &[]).await.status(), StatusCode::NOT_FOUND, "nothing is open");
    assert_eq!(app.snapshot().await, before);
    assert_eq!(app.stranger().post("/break-glass", &good).await.status(), StatusCode::UNAUTHORIZED);
    app.end().await;
}

/// I13, I17: it ends early, with the role, and never passes to somebody else or to a script.
#[tokio::test]
async fn it_is_one_persons_and_ends_with_the_role() {
    let app = ready().await;
    let user = app.user(&["own:admin", "foreign:clinician"]).await;
    let admin = app.confirmed(&user).await;
    let (_, colleague) = confirmed(&app, "own:admin").await;
    let open = async || send(&admin, "/break-glass", &asked("own", "fam", REASON)).await.status();
    assert_eq!(open().await, StatusCode::SEE_OTHER);
    assert_eq!(colleague.get("/own/fam").await.status(), StatusCode::NOT_FOUND, "one person");
    assert_eq!(send(&colleague, "/own/fam/break-glass/end", &[]).await.status(), StatusCode::NOT_FOUND);
    let foreign = "foreign".parse().unwrap();
    let token = app.app.tokens.create(&user.id, &foreign, TokenScope::Read, 1, app.clock.now()).await.unwrap();
    let script = app.stranger();
    assert_eq!(script.with_token("/api/v1/foreign/secret", &token).await.status(), StatusCode::OK);
    assert_eq!(script.with_token("/api/v1/own/fam", &token).await.status(), StatusCode::NOT_FOUND, "a script");
    let changed = app.write_trio("own", "fam", &crate::support::vcf::three_records()[..2], "");
    assert!(app.cli(&["load", "case", changed.to_str().unwrap(), "--update"]).await);
    assert_eq!(admin.get("/own/fam").await.status(), StatusCode::OK, "a reload ends and hides nothing");
    let ended = send(&admin, "/own/fam/break-glass/end", &[]).await;
    assert_eq!(
        (ended.status(), &ended.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/break-glass".parse().unwrap())
    );
    assert_eq!(admin.get("/own/fam").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(open().await, StatusCode::SEE_OTHER, "opened anew, with its own record");
    let clinician =
        bson::bson!([{ "institute": "own", "role": "researcher" }, { "institute": "foreign", "role": "admin" }]);
    app.tamper("users", doc! { "_id": &user.id }, doc! { "$set": { "memberships": clinician } }).await;
    assert_eq!(admin.get("/own/fam").await.status(), StatusCode::NOT_FOUND, "no admin there any more");
    let history = events(&app).await;
    assert_eq!(history.len(), 3, "opened, ended, opened anew");
    let ended = history.iter().find(|event| event.kind == EventKind::BreakGlassEnded).unwrap();
    let began = history.iter().find(|event| event.subject == ended.subject && event.rev == 1).unwrap();
    assert_eq!((&began.after, ended.rev), (&ended.before, 2));
    app.end().await;
}

/// Guests of a shared case learn nothing of emergencies, and an admin of the guest has no way in by them.
#[tokio::test]
async fn emergencies_stay_with_the_owner() {
    let (app, _, owner) = crate::sharing::ready().await;
    share(&owner, &[]).await;
    let (_, admin) = confirmed(&app, "own:admin").await;
    assert_eq!(send(&admin, "/break-glass", &asked("own", "fam", REASON)).await.status(), StatusCode::SEE_OTHER);
    let guest = app.signed_in(&["partner:clinician"]).await;
    assert!(!guest.page("/own/fam").await.contains(REASON));
    let (_, theirs) = confirmed(&app, "partner:admin").await;
    let refused = send(&theirs, "/break-glass", &asked("own", "fam", REASON)).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    app.end().await;
}
