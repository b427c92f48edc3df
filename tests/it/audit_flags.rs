//! Flags: raised from the trail once, shown to those concerned, reviewed by somebody else; and the trail's banner.

use bson::{Bson, doc};
use jiff::SignedDuration;
use lodestone::audit::flags::runner;
use lodestone::audit::verification::{VerificationStore, verify_new, verify_store};
use lodestone::audit::{AuditStore, keys};
use lodestone::users::User;
use reqwest::StatusCode;

use crate::support::TestApp;

/// Identity of the flag that [`planted`] stores.
pub const PLANTED: &str = "plantedflag";

/// A flag in an institute, about a person.
pub async fn planted(app: &TestApp, institute: &str, person: Option<&User>) {
    let at = bson::DateTime::from_millis(app.clock.now().as_millisecond());
    let mut flag = doc! {
        "_id": PLANTED, "rule": "refusals", "institute": institute, "name": "Kim", "reason": "Kim was refused 12 different things.",
        "entries": ["log-000000000001"], "happened_at": at, "raised_at": at, "open": true, "reviews": Vec::<Bson>::new(), "rev": 1_i64,
    };
    if let Some(person) = person {
        flag.insert("person", person.id.as_str());
    }
    app.insert("audit_flags", &flag).await;
}

async fn flags(app: &TestApp) -> Vec<bson::Document> {
    app.documents("audit_flags", doc! { "_id": 1 }).await
}

#[tokio::test]
async fn a_case_opened_by_its_address_is_flagged_once_and_from_the_list_not_at_all() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    app.given_case("own", "other").await;
    let person = app.user(&["own:clinician"]).await;
    app.browser_of(&person).await.page("/own/fam").await;
    let careful = app.signed_in(&["own:geneticist"]).await;
    careful.page("/own").await;
    careful.page("/own/other").await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let (one, other) = tokio::join!(runner::run(&app.app), runner::run(&app.app));
    assert_eq!(one.unwrap() + other.unwrap(), 1, "two processes raise it once");
    assert_eq!(runner::run(&app.app).await.unwrap(), 0, "nothing is read twice");
    let found = flags(&app).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].get_str("rule").unwrap(), "no_relation");
    assert_eq!(found[0].get_str("person").unwrap(), person.id.as_str());
    let reason = found[0].get_str("reason").unwrap();
    assert!(reason.contains("opened case fam by its address"), "{reason}");
    let page =
        app.signed_in(&["own:auditor"]).await.page("/audit/flags?rule=no_relation&state=open&institute=own").await;
    assert!(page.contains("opened case fam"), "{page}");
    assert!(app.cli(&["audit", "flags", "--json"]).await);
    app.end().await;
}

#[tokio::test]
async fn a_review_is_added_with_its_author_and_never_overwritten() {
    let app = TestApp::start().await;
    app.institute("own").await;
    planted(&app, "own", None).await;
    let path = format!("/audit/flags/{PLANTED}");
    let review = format!("{path}/review");
    let auditor = app.signed_in(&["own:auditor"]).await;
    let csrf = auditor.csrf(&path).await;
    let form = |rev, decision, note| [("csrf", csrf.as_str()), ("rev", rev), ("decision", decision), ("note", note)];
    for (decision, note) in [("fine", "too short"), ("", "three good words"), ("whatever", "three good words")] {
        let answer = auditor.post(&review, &form("1", decision, note)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{decision} {note}");
        assert!(answer.text().await.unwrap().contains(note), "what was written is kept");
    }
    let no_token = [("rev", "1"), ("decision", "fine"), ("note", "three good words")];
    assert_eq!(auditor.post(&review, &no_token).await.status(), StatusCode::FORBIDDEN);
    let stored = auditor.post(&review, &form("1", "follow_up", "I asked the ward")).await;
    assert_eq!(
        (stored.status(), stored.headers()["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, path.as_str())
    );
    let late = auditor.post(&review, &form("1", "incident", "seen from an old page")).await;
    assert_eq!(late.status(), StatusCode::CONFLICT);
    let shown = late.text().await.unwrap();
    assert!(shown.contains("I asked the ward") && shown.contains("seen from an old page"), "{shown}");
    assert!(flags(&app).await[0].get_bool("open").unwrap(), "a follow-up stays open");
    assert_eq!(auditor.post(&review, &form("2", "fine", "he was on duty")).await.status(), StatusCode::SEE_OTHER);
    let page = auditor.page(&path).await;
    assert!(page.contains("I asked the ward") && page.contains("he was on duty") && page.contains("Ann Example"));
    let flag = &flags(&app).await[0];
    assert!(!flag.get_bool("open").unwrap());
    assert_eq!((flag.get_array("reviews").unwrap().len(), flag.get_i64("rev").unwrap()), (2, 3));
    app.end().await;
}

#[tokio::test]
async fn nobody_reviews_themselves_and_other_institutes_do_not_know() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let person = app.user(&["own:clinician", "own:auditor"]).await;
    planted(&app, "own", Some(&person)).await;
    let path = format!("/audit/flags/{PLANTED}");
    let own = app.browser_of(&person).await;
    assert!(own.page(&path).await.contains("This flag is about you"));
    let csrf = own.csrf(&path).await;
    let form = [("csrf", csrf.as_str()), ("rev", "1"), ("decision", "fine"), ("note", "it was me")];
    assert_eq!(own.post(&format!("{path}/review"), &form).await.status(), StatusCode::FORBIDDEN);
    assert!(flags(&app).await[0].get_array("reviews").unwrap().is_empty());
    let foreign = app.signed_in(&["foreign:auditor"]).await;
    assert_eq!(foreign.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert!(!foreign.page("/audit/flags").await.contains("Kim"));
    let csrf = foreign.csrf("/audit/flags").await;
    let form = [("csrf", csrf.as_str()), ("rev", "1"), ("decision", "fine"), ("note", "it was me")];
    assert_eq!(foreign.post(&format!("{path}/review"), &form).await.status(), StatusCode::NOT_FOUND);
    app.wait(SignedDuration::from_hours(24 * 8));
    let page = app.signed_in(&["system:auditor"]).await.page("/audit/flags").await;
    assert!(page.contains("8 days – long overdue"), "unreviewed flags age visibly");
    app.end().await;
}

const STUCK: &str = "The audit trail is not searched for flags";
const BROKEN: &str = "The audit trail does not verify";
const LATE: &str = "Checkpoints of the audit trail are late";

#[tokio::test]
async fn administrators_and_auditors_see_that_the_trail_does_not_verify() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let clinician = app.signed_in(&["own:clinician"]).await;
    clinician.page("/own").await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let known = keys::verifier_keys(&app.folder().join("keys")).unwrap();
    let report = verify_new(&app.app.db, &app.checkpoints(), &known, app.clock.now()).await.unwrap();
    assert_eq!(report.fault_count, 0, "{report:?}");
    clinician.page("/own").await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let report = verify_new(&app.app.db, &app.checkpoints(), &known, app.clock.now()).await.unwrap();
    assert_eq!(
        (report.fault_count, report.entries > 0 && report.entries < 8),
        (0, true),
        "only what is new: {report:?}"
    );
    let auditor = app.signed_in(&["own:auditor"]).await;
    assert!(!auditor.page("/").await.contains(BROKEN));
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let entries = app.audit_entries().await;
    let last = entries.iter().rfind(|entry| entry.get_str("kind").is_ok_and(|kind| kind == "intent")).unwrap().clone();
    let id = doc! { "_id": last.get_str("_id").unwrap() };
    app.tamper("audit", id.clone(), doc! { "$set": { "request_id": "another" } }).await;
    let report = verify_new(&app.app.db, &app.checkpoints(), &known, app.clock.now()).await.unwrap();
    assert!(report.fault_count > 0, "{report:?}");
    for role in ["own:admin", "own:auditor", "system:admin", "system:auditor"] {
        assert!(app.signed_in(&[role]).await.page("/").await.contains(BROKEN), "{role}");
    }
    assert!(!clinician.page("/own").await.contains(BROKEN));
    assert_eq!(auditor.get("/readyz").await.status(), StatusCode::OK, "the server serves all the same");
    app.replace("audit", id, &last).await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    verify_new(&app.app.db, &app.checkpoints(), &known, app.clock.now()).await.unwrap();
    assert!(auditor.page("/").await.contains(BROKEN), "a look at what is new takes no fault back");
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let store = AuditStore::new(&app.app.db);
    let whole = verify_store(&store, &app.checkpoints(), &known, None, app.clock.now()).await.unwrap();
    VerificationStore::new(&app.app.db).note_whole(&whole, app.clock.now()).await.unwrap();
    assert!(!auditor.page("/").await.contains(BROKEN));
    app.end().await;
}

/// L5, without waiting for somebody to verify the whole: entries and checkpoints taken back together are missed by what
/// stands outside.
#[tokio::test]
async fn a_trail_taken_back_is_noticed_by_the_look_at_what_is_new() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let clinician = app.signed_in(&["own:clinician"]).await;
    let known = keys::verifier_keys(&app.folder().join("keys")).unwrap();
    for _ in 0..2 {
        clinician.page("/own").await;
        app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    }
    let fine = verify_new(&app.app.db, &app.checkpoints(), &known, app.clock.now()).await.unwrap();
    assert_eq!(fine.fault_count, 0, "{fine:?}");
    clinician.page("/own").await;
    let entries = app.audit_entries().await;
    let last = entries.iter().rfind(|entry| entry.get_str("kind").is_ok_and(|kind| kind == "outcome")).unwrap();
    let (log, end) = (last.get_str("log_id").unwrap(), last.get_i64("seq").unwrap() + 1);
    app.remove("audit", doc! { "log_id": log, "seq": { "$gte": end - 2 } }).await;
    app.remove("audit_checkpoints", doc! { "log_id": log, "size": { "$gt": end - 2 } }).await;
    app.tamper("audit_heads", doc! { "_id": log }, doc! { "$set": { "size": end - 2 } }).await;
    let report = verify_new(&app.app.db, &app.checkpoints(), &known, app.clock.now()).await.unwrap();
    assert!(report.faults.iter().any(|fault| fault.what.contains("the log ends after")), "{report:?}");
    app.end().await;
}

/// Flags that are not looked for are no flags: after a quarter of an hour without a search a banner says so.
#[tokio::test]
async fn administrators_and_auditors_see_that_nobody_looks_for_flags() {
    let app = TestApp::start().await;
    let admin = app.signed_in(&["system:admin"]).await;
    assert!(!admin.page("/").await.contains(STUCK), "never searched: the server has only begun");
    lodestone::audit::flags::runner::run(&app.app).await.unwrap();
    app.wait(SignedDuration::from_mins(14));
    assert!(!admin.page("/").await.contains(STUCK));
    app.wait(SignedDuration::from_mins(2));
    assert!(admin.page("/").await.contains(STUCK));
    lodestone::audit::flags::runner::run(&app.app).await.unwrap();
    assert!(!admin.page("/").await.contains(STUCK), "searched again");
    app.end().await;
}

#[tokio::test]
async fn administrators_and_auditors_see_that_checkpoints_are_late() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let admin = app.signed_in(&["own:admin"]).await;
    assert!(!admin.page("/").await.contains(LATE));
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    admin.page("/").await;
    app.wait(SignedDuration::from_mins(4));
    assert!(admin.page("/").await.contains(LATE));
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    assert!(!admin.page("/").await.contains(LATE), "signed again");
    // Another process that writes to the same trail, signs nothing and says nothing.
    let at =
        |minutes| bson::DateTime::from_millis((app.clock.now() - SignedDuration::from_mins(minutes)).as_millisecond());
    let head = doc! { "_id": "other", "size": 1_i64, "chain": "", "named": false, "at": at(5) };
    app.insert("audit_heads", &head).await;
    let entry = |seq: i64| doc! { "_id": format!("other-{seq}"), "log_id": "other", "seq": seq, "recorded_at": at(4) };
    app.insert("audit", &entry(0)).await;
    assert!(!admin.page("/").await.contains(LATE), "all of it is signed");
    app.insert("audit", &entry(1)).await;
    assert!(admin.page("/").await.contains(LATE));
    app.end().await;
}
