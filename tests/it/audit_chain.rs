//! The trail is whole, or it shows: whatever is changed, removed, added or moved behind the program's back is found.

use bson::{Bson, Document, doc};
use lodestone::audit::checkpoint::{self, Checkpoint};
use lodestone::audit::keys::{self, VerifierKey};
use lodestone::audit::verify::Report;
use lodestone::audit::{AuditKeys, AuditStore, AuditWriter, Entry, EntryKind};
use lodestone::cli::audit::{export_lines, verify_export, verify_store};
use lodestone::clock::Clock;

use crate::support::TestApp;

/// A server that some people have used, whose trail is stored and signed.
async fn used() -> TestApp {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let browser = app.signed_in(&["own:clinician"]).await;
    for path in ["/own", "/own/fam", "/own/fam/variants?gene=POT1", "/own/nothing"] {
        browser.get(path).await;
    }
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    app
}

fn text<'a>(entry: &'a Document, field: &str) -> &'a str {
    entry.get_str(field).unwrap_or_default()
}

fn keys_of(app: &TestApp) -> Vec<VerifierKey> {
    keys::verifier_keys(&app.folder().join("keys")).unwrap()
}

async fn verified(app: &TestApp) -> Report {
    let store = AuditStore::new(&app.app.db);
    // Commands sign by the machine's clock, the server by the test's, which is later.
    verify_store(&store, &app.checkpoints(), &keys_of(app), None, app.clock.now()).await.unwrap()
}

/// The server's own log, entry by entry.
async fn log_of_the_server(app: &TestApp) -> Vec<Document> {
    let entries = app.documents("audit", doc! { "log_id": 1, "seq": 1 }).await;
    let log = entries.iter().find(|entry| text(entry, "kind") == "intent").unwrap().get_str("log_id").unwrap();
    entries.iter().filter(|entry| text(entry, "log_id") == log).cloned().collect()
}

#[tokio::test]
async fn an_untouched_trail_is_whole() {
    let app = used().await;
    let report = verified(&app).await;
    assert_eq!(report.exit_code(), 0, "{report:?}");
    assert!(report.logs >= 3, "a log per command and one of the server: {report:?}");
    assert!(report.checkpoints >= report.logs);
    assert_eq!((report.unsigned, report.erased), (0, 0));
    app.end().await;
}

/// L3: one change of each kind, each on its own, in the database.
#[tokio::test]
async fn every_kind_of_tampering_is_found() {
    let app = used().await;
    let log = log_of_the_server(&app).await;
    let id = |at: usize| log[at].get_str("_id").unwrap().to_owned();
    let seq = |at: usize| log[at].get_i64("seq").unwrap();
    let middle = log.len() / 2;
    let one = |at: usize| doc! { "_id": id(at) };
    let changes = [
        ("a field", doc! { "$set": { "occurred_at": bson::DateTime::from_millis(0) } }),
        ("an added field", doc! { "$set": { "innocent": true } }),
        ("a removed field", doc! { "$unset": { "request": "" } }),
        ("the payload", doc! { "$set": { "payload.subjects": Bson::Array(vec![]) } }),
        ("the salt", doc! { "$unset": { "payload": "" } }),
        ("the request", doc! { "$set": { "request_id": "another" } }),
        (
            "a hash",
            doc! { "$set": { "seal.chain": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0; 32] } } },
        ),
        ("the seal", doc! { "$unset": { "seal": "" } }),
        ("the type of a value", doc! { "$set": { "occurred_at": "2036-03-04T05:06:07.000Z" } }),
    ];
    for (what, change) in changes {
        assert_eq!(app.tamper("audit", one(middle), change).await, 1, "{what}");
        let report = verified(&app).await;
        assert_eq!(report.exit_code(), 1, "{what}: {report:?}");
        let first = &report.faults[0];
        assert!((seq(middle)..=seq(middle) + 1).contains(&first.seq), "{what}: {first:?}");
        app.replace("audit", one(middle), &log[middle]).await;
        assert_eq!(verified(&app).await.exit_code(), 0, "{what} was put back");
    }
    for (what, at) in [("the first entry", 0), ("an entry", middle), ("the last entry", log.len() - 1)] {
        assert_eq!(app.remove("audit", one(at)).await, 1);
        let report = verified(&app).await;
        assert_eq!(report.exit_code(), 1, "{what}: {report:?}");
        assert!(report.faults.iter().any(|fault| fault.seq == seq(at)), "{what}: {report:?}");
        app.insert("audit", &log[at]).await;
        assert_eq!(verified(&app).await.exit_code(), 0, "{what} was put back");
    }
    // two entries change places: each keeps its content under the other's number
    for (from, to) in [(middle, middle + 1), (middle + 1, middle)] {
        let mut moved = log[from].clone();
        moved.insert("_id", id(to));
        moved.insert("seq", seq(to));
        app.replace("audit", one(to), &moved).await;
    }
    assert_eq!(verified(&app).await.exit_code(), 1);
    app.end().await;
}

/// A log that is gone as a whole, checkpoints in the database included, is missed by the next log and outside.
#[tokio::test]
async fn a_whole_log_that_is_gone_is_missed() {
    let app = used().await;
    let log = log_of_the_server(&app).await;
    let log_id = log[0].get_str("log_id").unwrap();
    // the log of the command that loaded the case was named by the server's or another command's first entry
    let entries = app.documents("audit", doc! { "_id": 1 }).await;
    let other = entries.iter().find(|entry| text(entry, "log_id") != log_id).unwrap();
    let other = other.get_str("log_id").unwrap();
    for collection in ["audit", "audit_checkpoints"] {
        assert!(app.remove(collection, doc! { "log_id": other }).await > 0);
    }
    app.remove("audit_heads", doc! { "_id": other }).await;
    let (store, no_notes, keys) = (AuditStore::new(&app.app.db), app.folder().join("keys"), keys_of(&app));
    let inside = verify_store(&store, &no_notes, &keys, None, app.clock.now()).await.unwrap();
    assert!(
        inside.faults.iter().any(|fault| fault.log_id == other && fault.what.contains("whole log is gone")),
        "without the folder of checkpoints, by the other logs alone: {inside:?}"
    );
    assert_eq!(verified(&app).await.exit_code(), 1);
    app.end().await;
}

/// L4: the whole log computed anew, by somebody who has no key.
#[tokio::test]
async fn a_log_rewritten_without_the_key_does_not_fit_its_checkpoints() {
    use lodestone::audit::{chain, unseal};
    let app = used().await;
    let log = log_of_the_server(&app).await;
    let mut previous = chain::START;
    for entry in &log {
        let mut entry = entry.clone();
        if let Ok(agent) = entry.get_document_mut("agent") {
            agent.insert("name", "Somebody Else");
        }
        let sealed = unseal(&bson::RawDocumentBuf::try_from(&entry).unwrap()).unwrap();
        previous = chain::link(&previous, &chain::leaf(&sealed.payload_hash, &sealed.public));
        let binary = bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: previous.to_vec() };
        entry.get_document_mut("seal").unwrap().insert("chain", binary);
        app.replace("audit", doc! { "_id": entry.get_str("_id").unwrap() }, &entry).await;
    }
    let report = verified(&app).await;
    assert_eq!(report.exit_code(), 1, "{report:?}");
    assert!(report.faults.iter().all(|fault| fault.what.contains("checkpoint")), "the chain itself fits: {report:?}");
    app.end().await;
}

/// L5: a database taken back to an earlier state lacks what was signed outside of it since.
#[tokio::test]
async fn an_earlier_state_of_the_database_is_noticed() {
    let app = used().await;
    let log = log_of_the_server(&app).await;
    let notes = checkpoint::published(&app.checkpoints()).unwrap();
    let keys = keys_of(&app);
    let newest = notes
        .iter()
        .map(|note| Checkpoint::open(note, &keys).unwrap())
        .filter(|checkpoint| checkpoint.log_id == text(&log[0], "log_id"))
        .max_by_key(|checkpoint| checkpoint.size)
        .unwrap();
    assert_eq!(usize::try_from(newest.size).unwrap(), log.len());
    let earlier = newest.size - 2;
    app.remove("audit", doc! { "log_id": &newest.log_id, "seq": { "$gte": earlier } }).await;
    app.remove("audit_checkpoints", doc! { "log_id": &newest.log_id, "size": { "$gt": earlier } }).await;
    let report = verified(&app).await;
    assert_eq!(report.exit_code(), 1, "{report:?}");
    assert!(report.faults[0].what.contains("the log ends after"), "{report:?}");
    app.end().await;
}

/// L19 and L3 on an export: our verifier and an independent one agree on good and on mutated trails.
#[tokio::test(flavor = "multi_thread")]
async fn two_verifiers_agree_on_good_and_mutated_exports() {
    let app = used().await;
    let mut whole = Vec::new();
    let store = AuditStore::new(&app.app.db);
    export_lines(&store, doc! {}, true, &mut whole).await.unwrap();
    let path = app.folder().join("trail.ndjson");
    let notes = app.checkpoints();
    let keys = app.folder().join("keys/audit-verifier.pub");
    let both = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let ours = verify_export(&path, Some(&notes), &keys_of(&app), None, app.clock.now()).unwrap();
        let theirs = std::process::Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit_verifier.py"))
            .args([&path, &notes, &keys])
            .output()
            .expect("Python 3 runs");
        (ours.exit_code(), theirs.status.code(), format!("{ours:?} {theirs:?}"))
    };
    let (ours, theirs, said) = both(&whole);
    assert_eq!((ours, theirs), (0, Some(0)), "{said}");
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    let mut mutated: Vec<(String, Vec<u8>)> = Vec::new();
    for at in [1, lines.len() / 2, lines.len() - 2] {
        let without: Vec<&[u8]> = lines.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, line)| *line).collect();
        mutated.push((format!("line {at} removed"), without.concat()));
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        mutated.push((format!("line {at} twice"), twice.concat()));
        let mut swapped = lines.clone();
        swapped.swap(at, at - 1);
        mutated.push((format!("lines {at} and {} swapped", at - 1), swapped.concat()));
    }
    for at in (0..whole.len()).step_by(whole.len() / 25) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        mutated.push((format!("byte {at} changed"), changed));
    }
    for (what, bytes) in mutated {
        let (ours, theirs, said) = both(&bytes);
        assert_eq!(ours, 1, "{what}: {said}");
        assert_eq!(theirs, Some(1), "{what}: {said}");
    }
    app.end().await;
}

/// Any single byte of an export, changed: found. (Ours alone; starting Python for each would take minutes.)
#[tokio::test(flavor = "multi_thread")]
async fn any_changed_byte_of_an_export_is_found() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.signed_in(&["own:clinician"]).await.get("/own").await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let mut whole = Vec::new();
    export_lines(&AuditStore::new(&app.app.db), doc! {}, true, &mut whole).await.unwrap();
    let path = app.folder().join("trail.ndjson");
    let notes = app.checkpoints();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 7);
        std::fs::write(&path, &changed).unwrap();
        let report = verify_export(&path, Some(&notes), &keys_of(&app), None, app.clock.now()).unwrap();
        assert_ne!(report.exit_code(), 0, "byte {at}: {report:?}");
    }
    app.end().await;
}

/// A process that was killed signs no last checkpoint; the next log names what it left, so that its end cannot be cut.
#[tokio::test(flavor = "multi_thread")]
async fn the_tail_of_a_killed_process_is_named_by_the_next_log() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let (mut killed, address) = crate::process::serve(&app);
    for _ in 0..5 {
        reqwest::get(format!("http://{address}/own")).await.unwrap();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let entries = app.documents("audit", doc! { "seq": 1 }).await;
    let last = entries.last().unwrap();
    assert!(last.get_i64("seq").unwrap() >= 10, "five requests, ten entries: {last}");
    // one that begins after the kill names the head; its own first checkpoint signs that
    assert!(app.cli(&["institute", "list"]).await);
    let report = verified(&app).await;
    assert_eq!((report.exit_code(), report.unsigned), (0, 0), "{report:?}");
    app.remove("audit", doc! { "_id": text(last, "_id") }).await;
    assert_eq!(verified(&app).await.exit_code(), 1, "the last entry of the killed process is missed");
    app.end().await;
}

/// L12: the trail is verified from a time on, which leaves alone what a signed checkpoint covered by then.
#[tokio::test]
async fn what_is_new_is_verified_from_a_time_on() {
    let app = used().await;
    let early = log_of_the_server(&app).await;
    let from = app.clock.now();
    app.wait(jiff::SignedDuration::from_hours(1));
    app.stranger().get("/own").await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let late = log_of_the_server(&app).await;
    assert!(late.len() > early.len());
    let (store, keys) = (AuditStore::new(&app.app.db), keys_of(&app));
    let since = async || verify_store(&store, &app.checkpoints(), &keys, Some(from), app.clock.now()).await.unwrap();
    let report = since().await;
    assert_eq!((report.exit_code(), report.unsigned), (0, 0), "{report:?}");
    assert_eq!(usize::try_from(report.entries).unwrap(), late.len() - early.len(), "{report:?}");
    for (changed, then, whole) in [(&early[2], 0, 1), (late.last().unwrap(), 1, 1)] {
        let one = doc! { "_id": text(changed, "_id") };
        app.tamper("audit", one.clone(), doc! { "$set": { "status": 204 } }).await;
        assert_eq!((since().await.exit_code(), verified(&app).await.exit_code()), (then, whole), "{changed:?}");
        app.replace("audit", one, changed).await;
    }
    let earlier = from - jiff::SignedDuration::from_hours(24 * 365);
    let all = verify_store(&store, &app.checkpoints(), &keys, Some(earlier), app.clock.now()).await.unwrap();
    assert!(all.entries >= u64::try_from(late.len()).unwrap(), "nothing of this log was signed then: {all:?}");
    app.end().await;
}

/// The command's exit codes are what scripts go by.
#[tokio::test]
async fn the_command_ends_with_what_it_found() {
    let app = used().await;
    assert_eq!(app.exit_code(&["audit", "verify"]).await, 0);
    assert_eq!(app.exit_code(&["audit", "verify", "--from", "2026-01-31"]).await, 0);
    let log = log_of_the_server(&app).await;
    app.tamper("audit", doc! { "_id": text(&log[2], "_id") }, doc! { "$set": { "status": 204 } }).await;
    assert_eq!(app.exit_code(&["audit", "verify", "--json"]).await, 1);
    app.replace("audit", doc! { "_id": text(&log[2], "_id") }, &log[2]).await;
    std::fs::rename(app.checkpoints(), app.folder().join("elsewhere")).unwrap();
    std::fs::write(app.checkpoints(), "no folder").unwrap();
    assert_eq!(app.exit_code(&["audit", "verify"]).await, 2, "checkpoints outside are not at hand");
    app.end().await;
}

/// L10: two processes write at once, their clocks five minutes apart: a log each, in its own order, and the trail is whole.
#[tokio::test]
async fn two_writers_with_different_clocks_do_not_disturb_each_other() {
    let app = TestApp::start().await;
    let fast = Clock::manual(app.clock.now() + jiff::SignedDuration::from_mins(5));
    let keys = || AuditKeys::open(&app.folder().join("keys")).unwrap();
    let writers = [&app.clock, &fast].map(|clock| AuditWriter::start(&app.app.db, clock, keys(), app.checkpoints()));
    for round in 0..300 {
        for (writer, clock) in writers.iter().zip([&app.clock, &fast]) {
            let entry = Entry { kind: EntryKind::Outcome, ..Entry::new(clock.now(), &format!("request-{round}")) };
            writer.reserve().unwrap().write_later(entry);
            clock.advance(jiff::SignedDuration::from_millis(7));
        }
        if round % 20 == 0 {
            tokio::task::yield_now().await;
        }
    }
    futures::future::join_all(writers.iter().map(|writer| writer.flush(std::time::Duration::from_secs(10)))).await;
    let sorted = || app.documents("audit", doc! { "occurred_at": 1, "log_id": 1, "seq": 1 });
    let merged = sorted().await;
    assert_eq!(merged, sorted().await, "the merged view is stable");
    let mut logs = std::collections::BTreeMap::<&str, Vec<&Document>>::new();
    for entry in &merged {
        logs.entry(text(entry, "log_id")).or_default().push(entry);
    }
    assert_eq!(logs.len(), 2);
    for log in logs.values_mut() {
        log.sort_by_key(|entry| entry.get_i64("seq").unwrap());
        let numbers: Vec<i64> = log.iter().map(|entry| entry.get_i64("seq").unwrap()).collect();
        assert_eq!(numbers, (0..301).collect::<Vec<_>>(), "no gap, nothing twice");
        assert!(log.is_sorted_by_key(|entry| entry.get_datetime("recorded_at").unwrap()));
        assert!(log.iter().all(|entry| !entry.get_bool("clock_regressed").unwrap_or(false)));
    }
    let store = AuditStore::new(&app.app.db);
    let report = verify_store(&store, &app.checkpoints(), &keys_of(&app), None, fast.now()).await.unwrap();
    assert_eq!((report.exit_code(), report.unsigned), (0, 0), "{report:?}");
    app.end().await;
}
