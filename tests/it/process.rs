//! The program as a process: it starts, serves, stops when asked, and refuses what it must.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::proxy::{Harm, Proxy};
use crate::support::{TestApp, server_uri};

/// Serves this test's database in a process of its own; its address.
pub fn serve(app: &TestApp) -> (Child, String) {
    serve_with(app, &[])
}

/// Likewise, with these variables.
pub fn serve_with(app: &TestApp, variables: &[(&str, &str)]) -> (Child, String) {
    let (child, address, _) = serve_heard(app, variables);
    (child, address)
}

/// Likewise; the thread ends with the process, and has what it said meanwhile.
pub fn serve_heard(app: &TestApp, variables: &[(&str, &str)]) -> (Child, String, JoinHandle<Vec<String>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lodestone"))
        .arg("--config")
        .arg(app.config())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("LODESTONE_LOG__FORMAT", "json")
        .env("LODESTONE_SERVER__METRICS_LISTEN", "127.0.0.1:0")
        .envs(variables.iter().copied())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            let line: serde_json::Value =
                serde_json::from_str(&line.unwrap()).expect("each log line is one JSON object");
            line["fields"]["address"].as_str().map(str::to_owned)
        })
        .expect("it says where it serves");
    let said = std::thread::spawn(move || lines.map_while(Result::ok).collect());
    (child, address, said)
}

fn terminate(child: &Child) {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
}

async fn ended(mut child: Child) -> Option<i32> {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap().code()
}

/// Asks a process to stop; its exit code.
pub async fn end(child: Child) -> Option<i32> {
    terminate(&child);
    ended(child).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_and_stops_when_asked() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let (child, address) = serve(&app);
    let answer = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ready\n");
    let answer = reqwest::get(format!("http://{address}/api/v1/own/cases")).await.unwrap();
    assert_eq!(answer.status(), 401, "no door is open by default");
    assert_eq!(end(child).await, Some(0));
    let entries = app.audit_entries().await;
    let routes = format!("{entries:?}");
    assert!(routes.contains("/api/v1/{institute}/cases"), "the trail is written to its end");
    app.end().await;
}

/// N11: what a client sends becomes no line of the log, and no part of one.
#[tokio::test(flavor = "multi_thread")]
async fn n11_logs_hold_nothing_that_clients_wrote() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let (child, address, said) = serve_heard(&app, &[("LODESTONE_LOG__FILTER", "debug")]);
    let client = reqwest::Client::new();
    let mark = "mark-of-the-client";
    for path in ["%0d%0a{}", "own/%1b[2J{}", "login?q=%0a{}", "%E2%80%AE{}", "own/{}%00"] {
        let url = format!("http://{address}/{}", path.replace("{}", mark));
        let agent = reqwest::header::HeaderValue::from_bytes(format!("{mark} \u{1b}[31m \u{202e}").as_bytes());
        let request = client.get(url).header("referer", mark).header("x-forwarded-for", mark);
        let request = request.header("user-agent", agent.unwrap_or_else(|_| mark.parse().unwrap()));
        assert!(request.send().await.unwrap().status().as_u16() < 500);
    }
    let body = format!("email={mark}%0a&passphrase={mark}");
    let form = client.post(format!("http://{address}/login")).header("origin", mark).body(body);
    assert!(form.send().await.unwrap().status().is_client_error());
    let long = client.get(format!("http://{address}/healthz")).header("user-agent", mark.repeat(60_000));
    assert!(long.send().await.is_ok_and(|answer| answer.status().is_client_error()), "a megabyte of agent is refused");
    assert_eq!(end(child).await, Some(0));
    let said = said.join().unwrap();
    assert!(said.len() > 7, "each request has its line: {said:?}");
    for line in said {
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok_and(|line| line.is_object()), "{line}");
        assert!(!line.contains(mark) && !line.contains('\u{1b}') && !line.contains("\\u001b"), "{line}");
    }
    app.end().await;
}

/// A process behind a slow database, and the session of somebody who reads case `fam` of `own` there.
async fn slow() -> (TestApp, Proxy, Child, String, String) {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    let proxy = Proxy::start(&server_uri()).await;
    let (child, address) = serve_with(&app, &[("LODESTONE_DATABASE__URI", &proxy.uri)]);
    let user = app.user(&["own:clinician"]).await;
    let session = app.app.sessions.start(&user.id, app.clock.now()).await.unwrap();
    (app, proxy, child, address, session)
}

async fn ask(client: &reqwest::Client, address: &str, session: &str) -> reqwest::Result<u16> {
    let request = client.get(format!("http://{address}/own/fam/variants"));
    let answer = request.header("cookie", format!("__Host-sid={session}")).send().await?;
    let status = answer.status().as_u16();
    answer.bytes().await?;
    Ok(status)
}

/// C6: asked to stop under load, the server says so at `/readyz`, finishes what it has begun, writes the trail to its end
/// under a checkpoint, and ends with 0.
#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_it_finishes_what_it_has_begun() {
    let (app, proxy, child, address, session) = slow().await;
    let client = reqwest::Client::new();
    assert_eq!(ask(&client, &address, &session).await.unwrap(), 200);
    // Clients behind a balancer, which looks at /readyz every 20 ms and sends nobody once it is not 200.
    let (open, served) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..8)
        .map(|_| {
            let (open, served) = (Arc::clone(&open), Arc::clone(&served));
            let (client, address, session) = (client.clone(), address.clone(), session.clone());
            tokio::spawn(async move {
                while open.load(Ordering::SeqCst) {
                    assert_eq!(ask(&client, &address, &session).await.expect("it is answered"), 200);
                    served.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    proxy.set(Harm::Delay(Duration::from_millis(400)));
    let begun = proxy.commands();
    while proxy.commands() < begun + 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = served.load(Ordering::SeqCst);
    terminate(&child);
    let said = loop {
        let answer = client.get(format!("http://{address}/readyz")).send().await.expect("it still takes requests");
        if answer.status() == 503 {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(said.headers()["connection"], "close");
    assert_eq!(said.text().await.unwrap(), "stopping\n");
    open.store(false, Ordering::SeqCst);
    for client in load {
        client.await.expect("no request fails");
    }
    let finished = served.load(Ordering::SeqCst) - before;
    assert!(finished >= 8, "requests were under way: {finished}");
    assert_eq!(ended(child).await, Some(0));
    assert!(ask(&client, &address, &session).await.unwrap_err().is_connect());
    let (code, report, _) = app.program(&["audit", "verify", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["unsigned"], &report["unfinished"]), (0, &0.into(), &0.into()), "{report}");
    app.end().await;
}

/// C6: a second request to stop ends the process at once.
#[tokio::test(flavor = "multi_thread")]
async fn asked_twice_it_ends_at_once() {
    let (app, proxy, child, address, session) = slow().await;
    proxy.set(Harm::Delay(Duration::from_secs(20)));
    let seen = proxy.commands();
    let cut_off = tokio::spawn(async move { ask(&reqwest::Client::new(), &address, &session).await });
    while proxy.commands() == seen {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    terminate(&child);
    tokio::time::sleep(Duration::from_millis(300)).await;
    terminate(&child);
    assert_eq!(ended(child).await, Some(130), "not the end of one that finished its work");
    assert!(cut_off.await.unwrap().is_err());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_database_is_not_served_as_a_real_one() {
    let app = TestApp::start().await;
    let client = mongodb::Client::with_uri_str(server_uri()).await.unwrap();
    let mark =
        bson::doc! { "update": "meta", "updates": [{ "q": { "_id": "product" }, "u": { "$set": { "demo": true } } }] };
    client.database(app.app.db.name()).run_command(mark).await.unwrap();
    assert!(!app.cli(&["serve", "--listen", "127.0.0.1:0"]).await);
    app.end().await;
}
