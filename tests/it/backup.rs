//! Backup and restore: everything comes back the same, damage is found before anything is written, and an old backup is
//! noticed.

use bson::doc;

use crate::support::TestApp;

async fn with_a_case() -> TestApp {
    let app = TestApp::start().await;
    app.institute("own").await;
    app.given_case("own", "fam").await;
    app.signed_in(&["own:clinician"]).await.get("/own/fam").await;
    app
}

async fn backed_up(app: &TestApp, name: &str) -> String {
    let folder = app.folder().join(name).display().to_string();
    assert!(app.cli(&["backup", &folder]).await);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_comes_back_the_same_and_verified() {
    let app = with_a_case().await;
    let before = app.snapshot().await;
    let folder = backed_up(&app, "b1").await;
    let elsewhere = TestApp::start_empty().await;
    let (code, said) = elsewhere.said_with_keys_of(&app, &["restore", &folder]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("counts and hashes fit") && said.contains("is whole"), "{said}");
    assert_eq!(elsewhere.snapshot().await, before);
    let reader = elsewhere.signed_in(&["own:clinician"]).await;
    assert!(reader.page("/own/fam/variants").await.contains("POT1"), "the restored case is shown");
    elsewhere.end().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_refused_before_anything_is_written() {
    let app = with_a_case().await;
    let folder = backed_up(&app, "b1").await;
    let elsewhere = TestApp::start_empty().await;
    for name in ["variants.bson.lz4", "cases.bson.lz4", "manifest.json"] {
        let path = format!("{folder}/{name}");
        let good = std::fs::read(&path).unwrap();
        let mut damaged = good.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x20;
        for bytes in [damaged, good[..good.len() / 2].to_vec()] {
            std::fs::write(&path, bytes).unwrap();
            assert!(!elsewhere.cli(&["restore", &folder]).await, "{name}");
            assert!(elsewhere.app.db.is_empty().await.unwrap(), "{name}: nothing was written");
        }
        std::fs::write(&path, good).unwrap();
    }
    assert!(!app.cli(&["restore", &folder]).await, "a database in use is not written over");
    assert!(!app.cli(&["backup", &folder]).await, "a backup is not written over");
    elsewhere.end().await;
    app.end().await;
}

/// A restore that was killed half-way is refused by every command, and begun again by the next restore.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_is_finished_by_another() {
    let app = with_a_case().await;
    let folder = backed_up(&app, "b1").await;
    let elsewhere = TestApp::start_empty().await;
    elsewhere.insert("meta", &doc! { "_id": "restoring" }).await;
    elsewhere.insert("cases", &doc! { "_id": "half" }).await;
    assert!(!elsewhere.cli(&["institute", "list"]).await);
    assert!(elsewhere.cli(&["restore", &folder]).await);
    assert_eq!(elsewhere.snapshot().await, app.snapshot().await);
    elsewhere.end().await;
    app.end().await;
}

/// C10: what was signed after the backup was made is missed.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_is_noticed() {
    let app = with_a_case().await;
    let folder = backed_up(&app, "b1").await;
    app.signed_in(&["own:clinician"]).await.get("/own/fam/variants").await;
    app.app.audit.flush(std::time::Duration::from_secs(5)).await;
    let elsewhere = TestApp::start_empty().await;
    let (code, said) = elsewhere.said_with_keys_of(&app, &["restore", &folder]).await;
    assert_eq!(code, 0);
    assert!(said.contains("OLDER than checkpoints"), "{said}");
    let original = app.checkpoints().display().to_string();
    let (code, said) = elsewhere.said_with_keys_of(&app, &["audit", "verify", "--checkpoints", &original]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the log ends after"), "{said}");
    elsewhere.end().await;
    app.end().await;
}

/// What is written while a backup is taken is in it as a whole or not at all: here, that is what the trail's chain tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_of_one_moment() {
    let app = with_a_case().await;
    let browser = app.signed_in(&["own:clinician"]).await;
    let folder = app.folder().join("b1").display().to_string();
    let arguments = ["backup", folder.as_str()];
    let saving = app.exit_code(&arguments);
    let asking = async {
        for round in 0..40 {
            browser.get(&format!("/own/fam/variants?page={}", round + 1)).await;
            app.app.audit.flush(std::time::Duration::from_secs(5)).await;
        }
    };
    let (code, ()) = tokio::join!(saving, asking);
    assert_eq!(code, 0);
    let elsewhere = TestApp::start_empty().await;
    let (code, said) = elsewhere.said_with_keys_of(&app, &["restore", &folder]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("is whole"), "{said}");
    elsewhere.end().await;
    app.end().await;
}
