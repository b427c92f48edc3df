//! Each migration on a document of the old shape, twice; a newer schema is refused.

use bson::{Bson, Document};
use lodestone::db::migrations;

use crate::support::TestApp;

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

#[tokio::test]
async fn migrations_turn_before_into_after_and_may_be_repeated() {
    for migration in migrations::all().unwrap() {
        let app = TestApp::start().await;
        app.app.db.drop_database().await.unwrap();
        let client = mongodb::Client::with_uri_str(std::env::var("LODESTONE_TEST_DATABASE").unwrap()).await.unwrap();
        for (name, documents) in collections(&format!("{}.before.json", migration.name)) {
            if !documents.is_empty() {
                let command = bson::doc! { "insert": name, "documents": documents };
                client.database(app.app.db.name()).run_command(command).await.unwrap();
            }
        }
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
    assert!(text.contains("institute_family") && text.contains("institute_search"));
    assert!(!text.contains("\"gone\""), "{text}");
    app.end().await;
}
