//! What the law asks for: payloads erased on the word of two people, and old months removed; the trail still verifies, and
//! anything taken without an entry about it shows.

use bson::doc;
use jiff::SignedDuration;
use lodestone::audit::verify::Report;
use lodestone::audit::{AuditKeys, AuditStore, AuditWriter, Entry, EntryKind, Outcome, Payload, Subject, keys};
use lodestone::cli::audit::{export_lines, verify_export, verify_store};
use lodestone::clock::Clock;
use reqwest::StatusCode;

use crate::support::{Browser, TestApp};

/// An erasure that is not there by this id.
pub const PLANTED: &str = "anerasure";

/// Stores an erasure that was asked for in an institute.
pub async fn planted(app: &TestApp, institute: &str) {
    let asked = doc! {
        "_id": PLANTED, "institute": institute, "case": "gone", "legal_basis": "a law and a decision",
        "asked_by": { "user": lodestone::ids::UserId::random().to_string(), "name": "Somebody" },
        "asked_at": bson::DateTime::from_millis(app.clock.now().as_millisecond()), "rev": 1_i64,
    };
    app.insert("audit_erasures", &asked).await;
}

/// A server whose database user may change the trail when the settings say so.
async fn started() -> TestApp {
    let uri = std::env::var("LODESTONE_TEST_DATABASE").unwrap();
    TestApp::start_with(&format!("upkeep_uri = '{uri}'\n")).await
}

/// Years ago, somebody opened cases of an institute: a log of its own, from the first of a month on, an entry a day.
async fn long_ago(app: &TestApp, start: &str, cases: &[&str]) {
    let clock = Clock::manual(start.parse().unwrap());
    let keys = AuditKeys::open(&app.folder().join("keys")).unwrap();
    let writer = AuditWriter::start(&app.app.db, &clock, keys, app.checkpoints());
    for (number, case) in cases.iter().enumerate() {
        let request = format!("old-{start}-{number}");
        let subject = |kind: &str, id: &str| Subject { kind: kind.into(), id: id.into(), granted: true };
        for (kind, outcome) in [(EntryKind::Intent, None), (EntryKind::Outcome, Some(Outcome::Success))] {
            let subjects =
                vec![subject("institute", "own"), subject("case", case), subject("case", &format!("id-of-{case}"))];
            let entry = Entry {
                kind,
                outcome,
                institute: Some("own".parse().unwrap()),
                payload: Some(Payload { subjects, ..Payload::default() }),
                ..Entry::new(clock.now(), &request)
            };
            writer.reserve().unwrap().write(entry).await.unwrap();
        }
        clock.advance(SignedDuration::from_hours(24));
    }
    writer.flush(std::time::Duration::from_secs(5)).await;
}

async fn verified(app: &TestApp) -> Report {
    let keys = keys::verifier_keys(&app.folder().join("keys")).unwrap();
    verify_store(&AuditStore::new(&app.app.db), &app.checkpoints(), &keys, None, app.clock.now()).await.unwrap()
}

/// Asks for an erasure of a case as one person does on the page; its id.
async fn asked(app: &TestApp, browser: &Browser, case: &str) -> String {
    let csrf = browser.csrf("/audit/erasures").await;
    let form = [
        ("institute", "own"),
        ("case", case),
        ("legal_basis", "data protection law, article 17, decided by the board"),
        ("csrf", &csrf),
    ];
    assert_eq!(browser.post("/audit/erasures", &form).await.status(), StatusCode::SEE_OTHER);
    let erasures = app.documents("audit_erasures", doc! { "asked_at": 1, "rev": -1 }).await;
    let wanted = erasures.iter().find(|erasure| erasure.get_str("case").is_ok_and(|name| name == case)).unwrap();
    wanted.get_str("_id").unwrap().to_owned()
}

async fn agreed(browser: &Browser, id: &str) -> StatusCode {
    let csrf = browser.csrf("/audit/erasures").await;
    browser.post(&format!("/audit/erasures/{id}/agree"), &[("rev", "1"), ("csrf", &csrf)]).await.status()
}

/// L11: two people decide, a command erases what is old enough, the chain still verifies, and nothing of it is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_erased_from_old_entries_on_the_word_of_two_people() {
    let app = started().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    long_ago(&app, "2012-05-01T08:00:00Z", &["fam", "other", "fam"]).await;
    let (asker, other) = (app.confirmed_as(&["own:auditor"]).await, app.confirmed_as(&["own:auditor"]).await);
    app.signed_in(&["own:clinician"]).await.page("/own/fam").await;
    let id = asked(&app, &asker, "fam").await;
    assert_eq!(app.exit_code(&["audit", "erase"]).await, 0, "nothing is agreed, so nothing is done");
    assert_eq!(verified(&app).await.erased, 0);
    assert_eq!(agreed(&asker, &id).await, StatusCode::FORBIDDEN, "nobody agrees with themselves");
    assert_eq!(agreed(&other, &id).await, StatusCode::SEE_OTHER);
    assert_eq!(agreed(&other, &id).await, StatusCode::CONFLICT, "once");

    let before = app.documents("audit", doc! { "_id": 1 }).await;
    let (code, said, _) = app.program(&["audit", "erase"]);
    assert_eq!((code, said.as_str()), (0, "1 erasures carried out, 4 entries erased\n"));
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let report = verified(&app).await;
    assert_eq!((report.exit_code(), report.erased), (0, 4), "{report:?}");

    let after = app.documents("audit", doc! { "_id": 1 }).await;
    let mut erased = 0;
    for old in &before {
        let new = after.iter().find(|new| new.get("_id") == old.get("_id")).unwrap();
        let ours = old.get_str("request_id").unwrap().starts_with("old-2012-05-01T08:00:00Z-")
            && old.get_document("payload").is_ok_and(|payload| format!("{payload:?}").contains("\"fam\""));
        if !ours {
            assert_eq!(old, new, "what is younger, or about another case, stays as it was");
            continue;
        }
        erased += 1;
        assert!(!new.contains_key("payload") && !new.get_document("seal").unwrap().contains_key("salt"));
        let rest = |entry: &bson::Document| {
            let mut entry = entry.clone();
            for gone in ["payload", "seal", "erased"] {
                entry.remove(gone);
            }
            entry
        };
        assert_eq!(rest(old), rest(new), "who, what and when stay");
    }
    assert_eq!(erased, 4);
    let decided = app.documents("audit_erasures", doc! {}).await;
    assert!(!format!("{decided:?}").contains("fam"), "the decision itself does not keep the name: {decided:?}");
    let record = after.iter().find(|entry| entry.get_str("kind").is_ok_and(|kind| kind == "removal")).unwrap();
    assert_eq!(record.get_document("removal").unwrap().get_array("decided_by").unwrap().len(), 2);
    assert!(!format!("{record:?}").contains("fam"), "nor does the entry about it: {record:?}");
    assert!(other.page("/audit/erasures").await.contains("4 entries erased"));
    app.end().await;
}

/// What is gone without a lawful entry about it is tampering, and so is an entry that says what cannot be.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_without_its_record_is_tampering() {
    let app = started().await;
    app.institute("own").await;
    long_ago(&app, "2012-05-01T08:00:00Z", &["fam", "other"]).await;
    let taken = doc! { "request_id": "old-2012-05-01T08:00:00Z-1", "kind": "outcome" };
    let gone = doc! { "$unset": { "payload": "", "seal.salt": "" }, "$set": { "erased": "invented" } };
    assert_eq!(verified(&app).await.exit_code(), 0);
    let kept = app.documents("audit", doc! { "_id": 1 }).await;
    assert_eq!(app.tamper("audit", taken, gone).await, 1);
    let report = verified(&app).await;
    assert_eq!((report.exit_code(), report.fault_count), (1, 1), "{report:?}");
    assert!(report.faults[0].what.contains("no entry says that it was erased"), "{report:?}");
    for entry in &kept {
        app.replace("audit", doc! { "_id": entry.get_str("_id").unwrap() }, entry).await;
    }
    // An entry that says so, but for what is too young, by one person, or of no age at all.
    for (before, years, people) in [("2013-01-01", 30, 2), ("2013-01-01", 10, 1), ("2013-01-01", 0, 2)] {
        let somebody = || lodestone::audit::Auditor { user: lodestone::ids::UserId::random(), name: "A".into() };
        let removal = lodestone::audit::removal::Removal {
            erased: vec![lodestone::audit::removal::Span { log_id: "x".into(), from: 0, to: 1 }],
            pruned: vec![],
            before: before.parse().unwrap(),
            retention_years: years,
            legal_basis: "none".into(),
            decided_by: (0..people).map(|_| somebody()).collect(),
        };
        let keys = AuditKeys::open(&app.folder().join("keys")).unwrap();
        let writer = AuditWriter::start(&app.app.db, &app.clock, keys, app.checkpoints());
        let entry = Entry {
            kind: EntryKind::Removal,
            removal: Some(removal),
            ..Entry::new(app.clock.now(), &format!("invented-{years}-{people}"))
        };
        writer.reserve().unwrap().write(entry).await.unwrap();
        writer.flush(std::time::Duration::from_secs(5)).await;
    }
    let report = verified(&app).await;
    assert_eq!(report.fault_count, 3, "{report:?}");
    app.end().await;
}

/// A form that is not complete comes back with its words; another institute's auditors see nothing of it.
#[tokio::test]
async fn erasures_belong_to_their_institute() {
    let app = started().await;
    app.institute("own").await;
    app.institute("foreign").await;
    let (own, foreign) = (app.confirmed_as(&["own:auditor"]).await, app.confirmed_as(&["foreign:auditor"]).await);
    let csrf = own.csrf("/audit/erasures").await;
    for (institute, case, basis, field) in [
        ("foreign", "fam", "a law and a decision of the board", "institute"),
        ("nowhere", "fam", "a law and a decision of the board", "institute"),
        ("own", "", "a law and a decision of the board", "case"),
        ("own", "fam", "no reason", "legal_basis"),
    ] {
        let form = [("institute", institute), ("case", case), ("legal_basis", basis), ("csrf", csrf.as_str())];
        let answer = own.post("/audit/erasures", &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{institute} {case} {basis}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(&format!("href=\"#{field}\"")) && page.contains(basis), "{field}: {page}");
    }
    let id = asked(&app, &own, "fam").await;
    assert!(own.page("/audit/erasures").await.contains("fam"));
    assert!(!foreign.page("/audit/erasures").await.contains("article 17"));
    assert_eq!(agreed(&foreign, &id).await, StatusCode::NOT_FOUND);
    assert_eq!(agreed(&foreign, "nothing").await, StatusCode::NOT_FOUND);
    let withdraw = format!("/audit/erasures/{id}/withdraw");
    assert_eq!(own.post(&withdraw, &[("rev", "1"), ("csrf", &csrf)]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(own.post(&withdraw, &[("rev", "1"), ("csrf", &csrf)]).await.status(), StatusCode::CONFLICT);
    assert!(own.page("/audit/erasures").await.contains("withdrawn by"));
    app.end().await;
}

/// L12: months older than the retention period go; the trail verifies from what is kept, by either verifier, and neither
/// more nor less may be gone.
#[tokio::test(flavor = "multi_thread")]
async fn old_months_are_removed_and_the_rest_verifies() {
    let app = started().await;
    app.institute("own").await;
    long_ago(&app, "2012-05-30T08:00:00Z", &["a", "b", "c", "d"]).await;
    // A log over the edge: a process that ran from then until within the retention period of ten years.
    let today = Clock::system().now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let edge = today.checked_sub(jiff::Span::new().years(10)).unwrap().first_of_month();
    let start = format!("{}T08:00:00Z", edge.checked_sub(jiff::Span::new().days(2)).unwrap());
    long_ago(&app, &start, &["e", "f", "g", "h"]).await;
    assert_eq!(verified(&app).await.exit_code(), 0);

    let (code, said, _) = app.program(&["audit", "prune", "--dry-run"]);
    let planned = format!("14 entries of 2 logs were recorded before {edge}\n");
    assert_eq!(
        (code, said),
        (0, planned),
        "the first log whole with its opening, of the second its opening and two days"
    );
    let (code, said, wrong) = app.program(&["audit", "prune"]);
    assert_eq!(
        (code, said, wrong),
        (0, format!("14 entries of 2 logs, recorded before {edge}, removed\n"), String::new())
    );
    let report = verified(&app).await;
    assert_eq!((report.exit_code(), report.removed), (0, 14), "{report:?}");
    let left = app.documents("audit", doc! { "log_id": 1, "seq": 1 }).await;
    let subjects = format!("{left:?}");
    assert!(!subjects.contains("id-of-f") && subjects.contains("id-of-g") && subjects.contains("id-of-h"));
    let (code, said, _) = app.program(&["audit", "prune"]);
    assert_eq!((code, said), (0, format!("0 entries of 0 logs were recorded before {edge}\n")), "once is enough");

    // Both verifiers, on an export, as it is and with the record or the first kept entry taken away.
    let mut whole = Vec::new();
    export_lines(&AuditStore::new(&app.app.db), doc! {}, true, &mut whole).await.unwrap();
    let (path, notes) = (app.folder().join("trail.ndjson"), app.checkpoints());
    let public = app.folder().join("keys/audit-verifier.pub");
    let both = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let keys = keys::verifier_keys(&app.folder().join("keys")).unwrap();
        let ours = verify_export(&path, Some(&notes), &keys, None, app.clock.now()).unwrap();
        let theirs = std::process::Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit_verifier.py"))
            .args([&path, &notes, &public])
            .output()
            .expect("Python 3 runs");
        (ours.exit_code(), theirs.status.code(), format!("{ours:?} {theirs:?}"))
    };
    let (ours, theirs, said) = both(&whole);
    assert_eq!((ours, theirs), (0, Some(0)), "{said}");
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    for gone in ["\"kind\":\"removal\"", "id-of-g"] {
        let at = lines.iter().position(|line| String::from_utf8_lossy(line).contains(gone)).unwrap();
        let without: Vec<u8> =
            lines.iter().enumerate().filter(|(n, _)| *n != at).flat_map(|(_, line)| line.to_vec()).collect();
        let (ours, theirs, said) = both(&without);
        assert_eq!((ours, theirs), (1, Some(1)), "without {gone}: {said}");
    }

    // What a killed run left is finished by the next, and said meanwhile.
    let log = left.iter().find(|entry| format!("{entry:?}").contains("id-of-g")).unwrap();
    let mut again = log.clone();
    again.insert("_id", "left-over");
    again.insert("seq", 1_i64);
    app.insert("audit", &again).await;
    let report = verified(&app).await;
    assert_eq!(report.exit_code(), 1, "it stands under a wrong id: {report:?}");
    app.remove("audit", doc! { "_id": "left-over" }).await;
    let id = format!("{}-{:012}", log.get_str("log_id").unwrap(), 1);
    again.insert("_id", id.as_str());
    app.insert("audit", &again).await;
    let report = verified(&app).await;
    assert_eq!(report.exit_code(), 2, "{report:?}");
    assert!(report.incomplete[0].contains("still there"), "{report:?}");
    assert_eq!(app.exit_code(&["audit", "prune"]).await, 0);
    assert_eq!(verified(&app).await.exit_code(), 0);

    // More may not go.
    app.remove("audit", doc! { "_id": log.get_str("_id").unwrap() }).await;
    assert_eq!(verified(&app).await.exit_code(), 1);
    assert_eq!(app.exit_code(&["audit", "prune"]).await, 1, "a trail that does not verify is kept as it is");
    app.end().await;
}

/// The web process cannot do it, and a command only with the credential for it.
#[tokio::test]
async fn taking_out_asks_for_its_own_credential() {
    let app = TestApp::start().await;
    for command in [["audit", "erase"].as_slice(), &["audit", "prune"]] {
        let (code, _, said) = app.program(command);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("LODESTONE_AUDIT__UPKEEP_URI"), "{said}");
    }
    app.end().await;
}
