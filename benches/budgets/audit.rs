//! What the audit trail costs on the way, and what its pages and verification take.

use std::io::Write as _;
use std::time::{Duration, Instant};

use lodestone::app::AppState;
use lodestone::audit::{Agent, AuditKeys, AuditWriter, Entry, EntryKind, Payload, Subject};
use lodestone::auth::Keyring;
use reqwest::StatusCode;
use tokio::net::TcpListener;

use crate::support::{Browser, TestApp};
use crate::{Line, quantile, step};

/// The list page with the trail written, against one whose entries are made and dropped; in turns, in one run.
pub async fn on_the_way(app: &TestApp, lines: &mut Vec<Line>) {
    step("audit against a null sink");
    let keys = AuditKeys::open(&app.folder().join("keys")).expect("the keys are read");
    let mut settings = app.app.config.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    settings.server.listen = listener.local_addr().expect("it has an address");
    let nowhere = AppState::new(
        settings.clone(),
        app.clock.clone(),
        app.app.db.clone(),
        false,
        AuditWriter::to_nowhere(&app.clock, keys),
        Keyring::open(&app.folder().join("keys")).expect("the keys are read"),
    );
    tokio::spawn(lodestone::app::serve(nowhere.clone(), listener, std::future::pending()));
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.expect("a session starts");
    let client = reqwest::Client::new();
    let cookie = format!("__Host-sid={session}");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..600 {
        for (origin, times) in [(&app.origin, &mut with), (&settings.origin(), &mut without)] {
            let began = Instant::now();
            let page = client.get(format!("{origin}/own/big/variants")).header("cookie", &cookie);
            page.send().await.expect("it answers").bytes().await.expect("it answers to its end");
            if round >= 20 {
                times.push(began.elapsed());
            }
        }
    }
    let of = |times: &mut Vec<Duration>, share| quantile(times, share);
    let (p50, p50_none) = (of(&mut with, 0.5), of(&mut without, 0.5));
    let (p95, p95_none) = (of(&mut with, 0.95), of(&mut without, 0.95));
    let added = p95.saturating_sub(p95_none);
    lines.push(Line {
        what: "audit on the list page, without fsync",
        budget: "p95 + 1 ms".into(),
        measured: format!("p95 {p95:.1?} against {p95_none:.1?}, p50 {p50:.1?} against {p50_none:.1?}"),
        kept: Some(added <= Duration::from_millis(1)),
    });
}

/// Entries stored while the pages of auditors are measured.
const STORED: i64 = 1_000_000;

/// Pages of auditors over a million entries: ninety days of 200 people at 1 000 cases, busier by day than by night.
pub async fn review(lines: &mut Vec<Line>) {
    step("storing 1 000 000 audit entries");
    let app = TestApp::start_heard(false, "", false).await;
    app.institute("own").await;
    let people: Vec<String> = (0..200).map(|_| lodestone::ids::UserId::random().to_string()).collect();
    let end = app.clock.now().as_millisecond();
    let day = 86_400_000;
    let requests = STORED / 2;
    let (mut batch, mut checkpoints) = (Vec::new(), Vec::new());
    let mut since_checkpoint = 0_i64;
    let mut last_checkpoint = end - 90 * day;
    for number in 0..requests {
        let at_day = number * 90 / requests;
        let per_day = requests / 90;
        // Nine tenths between 7 and 17 o'clock.
        let share = (number % per_day) * 1_000 / per_day;
        let of_day = if share < 50 {
            share * 7 * 72_000
        } else if share < 950 {
            25_200_000 + (share - 50) * 40_000
        } else {
            61_200_000 + (share - 950) * 504_000
        };
        let at = end - 90 * day + at_day * day + of_day.min(day - 1) + number % 7;
        let (person, case) = (number * 7919 % 200, number * 104_729 % 1_000);
        batch.extend(stored_request(number, at, &people[usize::try_from(person).expect("small")], case));
        since_checkpoint += 2;
        if at - last_checkpoint >= 60_000 || since_checkpoint >= 1_000 {
            let checkpoint = bson::doc! {
                "_id": format!("bench-{number}"), "log_id": "bench", "size": number * 2, "note": "", "entries": since_checkpoint,
                "at": bson::DateTime::from_millis(at),
            };
            checkpoints.push(checkpoint);
            (since_checkpoint, last_checkpoint) = (0, at);
        }
        if batch.len() >= 10_000 {
            app.insert_many("audit", &batch).await;
            batch.clear();
        }
    }
    if !batch.is_empty() {
        app.insert_many("audit", &batch).await;
    }
    for some in checkpoints.chunks(10_000) {
        app.insert_many("audit_checkpoints", some).await;
    }
    let auditor = app.signed_in(&["own:auditor"]).await;
    let system = app.signed_in(&["system:auditor"]).await;
    step("waiting until the database server is at rest");
    at_rest(&app, &system).await;
    step("pages of auditors");
    for (what, reader, path) in [
        ("review, newest of all", &system, "/audit".to_owned()),
        ("review, newest of an institute", &auditor, "/audit".to_owned()),
        ("review, forty days back", &auditor, "/audit?to=2036-01-24".to_owned()),
        ("review, requests of a case", &auditor, "/audit?case=case7".to_owned()),
        ("review, who opened a case", &auditor, "/audit?case=case7&group=person".to_owned()),
        ("review, what a person did", &auditor, format!("/audit?person={}&group=day", people[3])),
        ("review, refusals", &auditor, "/audit?outcome=denied".to_owned()),
        ("review, a case nobody opened", &auditor, "/audit?case=nothing".to_owned()),
    ] {
        let (p50, p95) = reviewed(&app, reader, &path).await;
        lines.push(Line {
            what,
            budget: "p95 <= 50 ms, 1 000 000 entries stored".into(),
            measured: format!("p50 {p50:.1?}, p95 {p95:.1?}"),
            kept: Some(p95 <= Duration::from_millis(50)),
        });
    }
    app.end().await;
}

/// How long the server gets to come to rest.
const RESTS: Duration = Duration::from_mins(30);

/// Waits until small reads are answered as usual: after so many entries at once the embedded server writes them out for
/// minutes, as it never does with entries that come one by one, and what first reads a collection waits for all of it.
async fn at_rest(app: &TestApp, auditor: &Browser) {
    let began = Instant::now();
    while began.elapsed() < RESTS {
        tokio::time::sleep(Duration::from_secs(5)).await;
        app.wait(jiff::SignedDuration::from_secs(1));
        if auditor.get("/audit").await.status() != StatusCode::OK {
            continue;
        }
        let asked = Instant::now();
        for _ in 0..50 {
            app.app.institutes.all().await.expect("the database answers");
        }
        if asked.elapsed() < Duration::from_millis(50 * 3) {
            return;
        }
    }
    eprintln!("the database server did not come to rest; what follows is measured beside its work");
}

/// How long one page takes, again and again. A second passes between two requests: entries that all bear one time would
/// have to be read at once.
async fn reviewed(app: &TestApp, reader: &Browser, path: &str) -> (Duration, Duration) {
    let mut times = Vec::new();
    for round in 0..43 {
        app.wait(jiff::SignedDuration::from_secs(1));
        let began = Instant::now();
        reader.page(path).await;
        if round > 2 {
            times.push(began.elapsed());
        }
    }
    (quantile(&mut times, 0.5), quantile(&mut times, 0.95))
}

/// An intent and an outcome as they are stored, without their hashes.
fn stored_request(number: i64, at: i64, person: &str, case: i64) -> [bson::Document; 2] {
    let request = bson::doc! { "method": "GET", "route": "/{institute}/{case}/variants", "client_ip": "10.0.0.7", "peer_ip": "10.0.0.7", "session_ref": "abcdefgh" };
    let entry = |kind: &str, seq: i64, granted: bool| {
        bson::doc! {
            "_id": format!("bench-{seq:012}"), "v": 2, "log_id": "bench", "seq": seq, "kind": kind,
            "occurred_at": bson::DateTime::from_millis(at), "recorded_at": bson::DateTime::from_millis(at),
            "request_id": format!("bench-{number:036}"), "build": "0.1.0", "institute": "own", "request": request.clone(),
            "payload": { "subjects": [
                { "kind": "institute", "id": "own", "granted": granted },
                { "kind": "case", "id": format!("case{case}"), "granted": granted },
                { "kind": "case_id", "id": format!("{case:026}"), "granted": granted },
            ] },
        }
    };
    let mut outcome = entry("outcome", number * 2 + 1, true);
    outcome
        .insert("agent", bson::doc! { "user": person, "name": "Ann Example", "via": "session", "role": "clinician" });
    outcome.insert("outcome", if number % 50 == 0 { "denied" } else { "success" });
    outcome.insert("status", 200);
    outcome.insert("rows", 50_i64);
    outcome.insert("duration_us", 4_000_i64);
    [entry("intent", number * 2, false), outcome]
}

/// Verifies an export of 300 000 entries as the command does.
pub fn verification(app: &TestApp) -> Line {
    step("verifying an export of 300 000 entries");
    let path = app.folder().join("trail.ndjson");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file can be written"));
    let mut chain = lodestone::audit::chain::START;
    let count = 300_000_u32;
    for number in 0..count {
        let subject = |kind: &str, id: &str| Subject { kind: kind.into(), id: id.into(), granted: true };
        let mut entry = Entry::new(app.clock.now(), &format!("request-{}", number / 2));
        entry.kind = match number {
            0 => EntryKind::Opened,
            n if n % 2 == 1 => EntryKind::Intent,
            _ => EntryKind::Outcome,
        };
        (entry.log_id, entry.seq) = ("log".into(), i64::from(number));
        entry.agent = Some(Agent { user: None, name: "Ann Example".into(), via: "session".into(), role: None });
        entry.payload = Some(Payload {
            subjects: vec![subject("institute", "own"), subject("case", "big"), subject("variant", &"v".repeat(26))],
            url: Some("s".repeat(120)),
            headers: Some((0..12).map(|n| (format!("header-{n}"), "a value of some length".into())).collect()),
            ..Payload::default()
        });
        let (document, after) = lodestone::audit::seal(&entry, &chain).expect("an entry is sealed");
        chain = after;
        let line = lodestone::audit::lines::write(&lodestone::audit::unseal(&document).expect("it is read back"));
        file.write_all(line.expect("it has a line").as_bytes()).expect("a file takes lines");
    }
    file.flush().expect("a file takes lines");
    drop(file);
    let began = Instant::now();
    let report =
        lodestone::cli::audit::verify_export(&path, None, &[], None, app.clock.now()).expect("the file is read");
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    assert!(report.faults.is_empty() && report.entries == u64::from(count), "{report:?}");
    Line {
        what: "verification of an export, one core",
        budget: ">= 200 000 entries/s".into(),
        measured: format!(
            "{rate:.0} entries/s of {} bytes",
            std::fs::metadata(&path).map_or(0, |file| file.len()) / u64::from(count)
        ),
        kept: Some(rate >= 200_000.0),
    }
}
