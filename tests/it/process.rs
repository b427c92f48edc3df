//! The program as a process: it starts, serves, stops when asked, and refuses what it must.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::TestApp;

/// Serves this test's database in a process of its own; its address.
pub fn serve(app: &TestApp) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lodestone"))
        .arg("--config")
        .arg(app.config())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("LODESTONE_LOG__FORMAT", "json")
        .env("LODESTONE_SERVER__METRICS_LISTEN", "127.0.0.1:0")
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
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_and_stops_when_asked() {
    let app = TestApp::start().await;
    app.institute("own").await;
    let (mut child, address) = serve(&app);
    let answer = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ready\n");
    let answer = reqwest::get(format!("http://{address}/api/v1/own/cases")).await.unwrap();
    assert_eq!(answer.status(), 401, "no door is open by default");
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    let entries = app.audit_entries().await;
    let routes = format!("{entries:?}");
    assert!(routes.contains("/api/v1/{institute}/cases"), "the trail is written to its end");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_database_is_not_served_as_a_real_one() {
    let app = TestApp::start().await;
    let client = mongodb::Client::with_uri_str(std::env::var("LODESTONE_TEST_DATABASE").unwrap()).await.unwrap();
    let mark =
        bson::doc! { "update": "meta", "updates": [{ "q": { "_id": "product" }, "u": { "$set": { "demo": true } } }] };
    client.database(app.app.db.name()).run_command(mark).await.unwrap();
    assert!(!app.cli(&["serve", "--listen", "127.0.0.1:0"]).await);
    app.end().await;
}
