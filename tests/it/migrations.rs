//! Each migration on a document of the old shape, twice; a newer schema is refused.

use bson::{Bson, Document};
use lodestone::db::migrations;

use crate::support::proxy::{Harm, Proxy};
use crate::support::{TestApp, server_uri};

fn collections(name: &str) -> Vec<(String, Vec<Document>)> {
    let value: serde_json::Value = serde_json::from_slice(&migrations::fixture(name).unwrap()).unwrap();
    let Bson::Document(document) = Bson::try_from(value).unwrap() else { panic!("{name} is an object") };
    document
        .into_iter()
        .map(|(name, documents)| {
            let documents =
                documents.as_array().unwrap().iter().map(|one| one.as_document().unwrap().clone()).collect();
            (name, documents)
        })
        .collect()
}

/// Stores the documents of the shape before a migration.
async fn fill(app: &TestApp, migration: &migrations::Migration) {
    for (name, documents) in collections(&format!("{}.before.json", migration.name)) {
        for document in documents {
            app.insert(&name, &document).await;
        }
    }
}

#[tokio::test]
async fn migrations_turn_before_into_after_and_may_be_repeated() {
    for migration in migrations::all().unwrap() {
        let app = TestApp::start().await;
        app.app.db.drop_database().await.unwrap();
        fill(&app, &migration).await;
        for _ in 0..2 {
            migrations::run(&app.app.db, &migration).await.unwrap();
            for (name, expected) in collections(&format!("{}.after.json", migration.name)) {
                assert_eq!(app.documents(&name, bson::doc! { "_id": 1 }).await, expected, "{}", migration.name);
            }
        }
        app.end().await;
    }
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let app = TestApp::start().await;
    let newest = migrations::all().unwrap().last().unwrap().number;
    assert!(migrations::refuse_newer(&app.app.db, newest).await.is_ok());
    let error = migrations::refuse_newer(&app.app.db, newest - 1).await.unwrap_err().to_string();
    assert!(error.contains("newer Lodestone"), "{error}");
    app.end().await;
}

/// Several processes that start at once apply each migration once.
#[tokio::test]
async fn migrating_at_once_is_harmless() {
    let app = TestApp::start().await;
    app.app.db.drop_database().await.unwrap();
    let all = (0..6).map(|_| migrations::migrate(&app.app.db, &app.clock));
    let applied: usize = futures::future::join_all(all).await.into_iter().map(|applied| applied.unwrap().len()).sum();
    assert_eq!(applied, migrations::all().unwrap().len());
    app.end().await;
}

/// A database of the oldest shape, with documents.
async fn old_database() -> TestApp {
    let app = TestApp::start_empty().await;
    for migration in migrations::all().unwrap() {
        fill(&app, &migration).await;
    }
    app
}

/// `lodestone migrate` through a door.
fn migrate_through(app: &TestApp, proxy: &Proxy) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lodestone"));
    command.arg("--config").arg(app.config()).arg("migrate").env("LODESTONE_DATABASE__URI", &proxy.uri);
    command.stdout(std::process::Stdio::null());
    command
}

/// All documents and indexes, but for the times of migrations.
async fn state(app: &TestApp) -> Vec<(String, Vec<Document>, Vec<Document>)> {
    let client = mongodb::Client::with_uri_str(server_uri()).await.unwrap();
    let database = client.database(app.app.db.name());
    let mut names = database.list_collection_names().await.unwrap();
    names.sort();
    let mut all = Vec::new();
    for name in names {
        let mut documents = app.documents(&name, bson::doc! { "_id": 1 }).await;
        for applied in documents.iter_mut().filter_map(|document| document.get_array_mut("applied").ok()).flatten() {
            applied.as_document_mut().unwrap().remove("at");
        }
        let listed = database.run_command(bson::doc! { "listIndexes": &name }).await.unwrap();
        let listed = listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        let mut indexes: Vec<Document> = listed.iter().map(|index| index.as_document().unwrap().clone()).collect();
        indexes.sort_by_key(|index| index.get_str("name").unwrap().to_owned());
        all.push((name, documents, indexes));
    }
    all
}

/// C8: killed at 20 points, before and after a command is carried out, and run again: the same as one whole run.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_migration_is_finished_by_the_next() {
    const POINTS: u64 = 20;
    let clean = old_database().await;
    let proxy = Proxy::start(&server_uri()).await;
    let mut run = migrate_through(&clean, &proxy);
    assert!(tokio::task::spawn_blocking(move || run.status().unwrap()).await.unwrap().success());
    let (commands, expected) = (proxy.commands(), state(&clean).await);
    assert!(commands >= POINTS, "{commands}");
    let killed = (0..POINTS).map(|point| {
        let expected = &expected;
        async move {
            let app = old_database().await;
            let proxy = Proxy::start(&server_uri()).await;
            let at = 1 + point * (commands - 1) / (POINTS - 1);
            proxy.set(Harm::Hold { at, done: point % 2 == 1 });
            let mut child = migrate_through(&app, &proxy).spawn().unwrap();
            proxy.held().await;
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().code(), None, "it was killed at command {at}");
            // Waits for the lock of the killed one to run out.
            assert_eq!(app.exit_code(&["migrate"]).await, 0, "after a kill at command {at}");
            // Killed when nothing but giving back the lock was left, it leaves that, which is nobody's once it has run out.
            app.remove("meta", bson::doc! { "_id": "migration_lock" }).await;
            assert_eq!(state(&app).await, *expected, "after a kill at command {at}");
            assert_eq!(app.exit_code(&["migrate"]).await, 0);
            assert_eq!(state(&app).await, *expected, "once more, after a kill at command {at}");
            app.end().await;
        }
    });
    futures::future::join_all(killed).await;
    println!("killed at {POINTS} of {commands} commands");
    clean.end().await;
}

/// Indexes follow the code: missing ones appear, others go.
#[tokio::test]
async fn indexes_are_synchronised() {
    let app = TestApp::start().await;
    let client = mongodb::Client::with_uri_str(std::env::var("LODESTONE_TEST_DATABASE").unwrap()).await.unwrap();
    let stale = bson::doc! { "createIndexes": "cases", "indexes": [{ "key": { "gone": 1 }, "name": "gone" }] };
    client.database(app.app.db.name()).run_command(stale).await.unwrap();
    lodestone::db::sync_indexes(&app.app.db).await.unwrap();
    let answer = client.database(app.app.db.name()).run_command(bson::doc! { "listIndexes": "cases" }).await.unwrap();
    let text = format!("{answer:?}");
    assert!(text.contains("institute_family") && text.contains("institute_listed"));
    assert!(!text.contains("\"gone\""), "{text}");
    app.end().await;
}
