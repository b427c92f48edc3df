//! L8: what is served when the trail cannot be written or signed, and that all is well afterwards without a restart.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bson::doc;
use futures::StreamExt as _;
use lodestone::audit::AuditStore;
use lodestone::audit::keys::verifier_keys;
use lodestone::cli::audit::verify_store;
use reqwest::StatusCode;

use crate::process::{end, serve_with};
use crate::support::ledger::Arena;
use crate::support::proxy::{Harm, Proxy};
use crate::support::{TestApp, server_uri};

/// L8: the folder of checkpoints is on a disk that fails. Entries are still stored, so patient data are served; people who
/// answer for it are told, and `/readyz` says why.
#[tokio::test]
async fn a_checkpoint_folder_that_fails_is_said_and_mends_itself() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let clinician = app.signed_in(&["own:clinician"]).await;
    let admin = app.signed_in(&["own:admin"]).await;
    let late = "Checkpoints of the audit trail are late";
    clinician.page("/own/fam").await;
    app.app.audit.flush(Duration::from_secs(5)).await;
    assert_eq!(admin.page("/readyz").await, "ready\n");
    let aside = app.folder().join("aside");
    std::fs::rename(app.checkpoints(), &aside).unwrap();
    std::fs::write(app.checkpoints(), "a file, where a folder should be").unwrap();
    clinician.page("/own/fam").await;
    app.app.audit.flush(Duration::from_secs(5)).await;
    assert!(clinician.page("/own/fam").await.contains("fam"), "entries are stored: patient data are served");
    assert!(admin.page("/").await.contains(late));
    assert!(!clinician.page("/own").await.contains(late), "others cannot do anything about it");
    let said = admin.page("/readyz").await;
    assert!(said.starts_with("ready, but checkpoints"), "{said}");
    std::fs::remove_file(app.checkpoints()).unwrap();
    std::fs::rename(&aside, app.checkpoints()).unwrap();
    app.app.audit.flush(Duration::from_secs(5)).await;
    assert_eq!(admin.page("/readyz").await, "ready\n");
    assert!(!admin.page("/").await.contains(late));
    app.app.audit.flush(Duration::from_secs(5)).await;
    let keys = verifier_keys(&app.folder().join("keys")).unwrap();
    let report =
        verify_store(&AuditStore::new(&app.app.db), &app.checkpoints(), &keys, None, app.clock.now()).await.unwrap();
    assert_eq!((report.exit_code(), report.unsigned), (0, 0), "{report:?}");
    app.end().await;
}

/// L8: the database answers, but takes no writes. Nothing of patients is served, what needs no entry is; afterwards all is
/// well without a restart, and each entry is there once.
#[tokio::test(flavor = "multi_thread")]
async fn no_entry_no_patient_data() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let proxy = Proxy::start(&server_uri()).await;
    let (child, address) = serve_with(&app, &[("LODESTONE_DATABASE__URI", &proxy.uri)]);
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    let client = reqwest::Client::new();
    let ask = async |path: &str| {
        let request = client.get(format!("http://{address}{path}")).header("cookie", format!("__Host-sid={session}"));
        let answer = request.send().await.expect("every request is answered");
        (answer.status(), answer.text().await.unwrap())
    };
    let (status, page) = ask("/own/fam").await;
    assert_eq!(status, StatusCode::OK);
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let style = page.split("href=\"/static/").nth(1).unwrap().split('"').next().unwrap().to_owned();

    proxy.set(Harm::RefuseWrites);
    let refused =
        ["/own/fam", "/own/fam/variants", "/own", "/api/v1/own/fam/variants", "/own/fam/variants.csv"].map(ask);
    for (status, text) in futures::future::join_all(refused).await {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!text.contains("kid") && !text.contains("124491972") && !text.contains("124,491,972"), "{text}");
    }
    assert_eq!(ask("/healthz").await, (StatusCode::OK, "alive\n".to_owned()));
    assert_eq!(
        ask("/readyz").await,
        (StatusCode::SERVICE_UNAVAILABLE, "the audit trail cannot be written\n".to_owned())
    );
    assert_eq!(ask(&format!("/static/{style}")).await.0, StatusCode::OK);
    let leaving = client.post(format!("http://{address}/logout")).header("cookie", "__Host-sid=none");
    let answer = leaving.header("origin", format!("http://{address}")).send().await.unwrap();
    assert_ne!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "signing out does not wait for the trail");

    // A session that cannot be ended is forgotten by its browser, which is told so.
    let form = [("csrf", csrf.as_str())];
    let leaving = client.post(format!("http://{address}/logout")).header("cookie", format!("__Host-sid={session}"));
    let answer = leaving.header("origin", format!("http://{address}")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let forgotten: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    assert!(
        forgotten.iter().any(|line| line.starts_with("__Host-sid=;") && line.contains("Max-Age=0")),
        "{forgotten:?}"
    );
    assert!(answer.text().await.unwrap().contains("Signed out in this browser only"));

    proxy.set(Harm::None);
    let began = Instant::now();
    while ask("/readyz").await.0 != StatusCode::OK {
        assert!(began.elapsed() < Duration::from_secs(60), "it recovers by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ask("/own/fam").await.0, StatusCode::OK);
    assert_eq!(end(child).await, Some(0));
    let mut by_request = std::collections::BTreeMap::<(String, String), u32>::new();
    let mut asked = 0;
    for entry in app.documents("audit", doc! {}).await {
        let text = |field: &str| entry.get_str(field).unwrap_or_default().to_owned();
        let route = entry.get_document("request").and_then(|request| request.get_str("route"));
        asked += u32::from(route.is_ok_and(|route| route.starts_with("/own") || route.contains("{institute}")));
        *by_request.entry((text("request_id"), text("kind"))).or_default() += 1;
    }
    assert_eq!(asked, 14, "two that were served and five that were not, each with intent and outcome");
    assert!(by_request.values().all(|times| *times == 1), "{by_request:#?}");
    let (code, said, _) = app.program(&["audit", "verify"]);
    assert_eq!(code, 0, "{said}");
    app.end().await;
}

/// O8: while the database takes seconds for each command, what is too much is refused at once; when it is quick again, so is the
/// program. O5: whoever leaves before the answer is recorded as such, and takes no place any more.
#[tokio::test(flavor = "multi_thread")]
async fn o5_o8_a_slow_database_makes_no_queue() {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let proxy = Proxy::start(&server_uri()).await;
    let few = [("LODESTONE_DATABASE__URI", proxy.uri.as_str()), ("LODESTONE_SERVER__CONCURRENT_READS_PER_CORE", "4")];
    let (child, address) = serve_with(&app, &few);
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    let client = reqwest::Client::new();
    let ask = || {
        let request = client.get(format!("http://{address}/own/fam"));
        request.header("cookie", format!("__Host-sid={session}")).send()
    };
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    let places = 4 * std::thread::available_parallelism().unwrap().get();

    proxy.set(Harm::Delay(Duration::from_secs(5)));
    let asked: Vec<_> = (0..5 * places).map(|_| tokio::spawn(ask())).collect();
    let mut asked = futures::stream::FuturesUnordered::from_iter(asked);
    let mut refused = 0;
    while refused < 4 * places {
        // None of those at work can be done before these: each waits for several commands.
        let answer = asked.next().await.unwrap().unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key("retry-after"));
        refused += 1;
    }
    assert_eq!(client.get(format!("http://{address}/healthz")).send().await.unwrap().status(), StatusCode::OK);
    for leaving in &asked {
        leaving.abort();
    }
    while asked.next().await.is_some() {}

    proxy.set(Harm::None);
    let began = Instant::now();
    while ask().await.unwrap().status() != StatusCode::OK {
        assert!(began.elapsed() < Duration::from_secs(60), "it recovers by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for at_once in futures::future::join_all((0..places).map(|_| ask())).await {
        assert_eq!(at_once.unwrap().status(), StatusCode::OK, "every place is free again");
    }
    assert_eq!(end(child).await, Some(0));
    let entries = app.audit_entries().await;
    let left = entries.iter().filter(|entry| entry.get_str("outcome").is_ok_and(|outcome| outcome == "abandoned"));
    assert_eq!(left.count(), places, "who left is in the trail");
    app.end().await;
}

/// C4: commands and answers between program and database get lost, are late, or connections fall silent. What nobody was told is found by reading again, no
/// revision has two changes, and the trail has each entry once.
#[tokio::test(flavor = "multi_thread")]
async fn lost_commands_and_answers_change_nothing_twice() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let proxy = Proxy::start(&server_uri()).await;
    let (child, address) = serve_with(&app, &[("LODESTONE_DATABASE__URI", &proxy.uri)]);
    let user = app.user(&["own:admin"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    app.enter_roles(&session, &user).await;
    let arena = Arena::new(session, vec![address]);
    let clients: Vec<_> = (0..4).map(|client| tokio::spawn(Arc::clone(&arena).edit(client))).collect();
    // The driver waits half a second after each lost connection.
    let slow = Harm::Delay(Duration::from_millis(500));
    for harm in [Harm::None, Harm::LoseAnswers(40), Harm::Deafen(30), Harm::LoseWrites(40), slow, Harm::LoseAnswers(7)]
    {
        proxy.set(harm);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    proxy.set(Harm::None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    arena.open.store(false, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(end(child).await, Some(0));
    let institutes = app.documents("institutes", doc! {}).await;
    println!("{}", arena.check(app.documents("events", doc! {}).await, &institutes[0]).unwrap());
    let (code, said, _) = app.program(&["audit", "verify"]);
    assert_eq!(code, 0, "{said}");
    app.end().await;
}
