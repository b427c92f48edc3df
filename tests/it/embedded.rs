//! The embedded server's life: started by the first, shared, adopted, stopped by the last.

use std::path::PathBuf;

use lodestone::db::Db;
use lodestone::db::embedded::{Lease, ServerOptions};

fn options() -> ServerOptions {
    let program = std::env::var("LODESTONE_TEST_SERVER_PROGRAM").expect("run `make test`");
    ServerOptions {
        program: PathBuf::from(program),
        cache_size: "64M".into(),
        sync_on_commit: false,
        log_file_max: "8MB",
    }
}

async fn answers(uri: &str) -> bool {
    Db::connect(uri, "probe", None).await.is_ok()
}

fn running(data: &std::path::Path) -> Option<(i32, u16)> {
    let noted: serde_json::Value = serde_json::from_slice(&std::fs::read(data.join("db/server.json")).ok()?).ok()?;
    Some((noted["pid"].as_i64()?.try_into().ok()?, noted["port"].as_u64()?.try_into().ok()?))
}

fn signal(name: &str, pid: i32) {
    assert!(
        std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_one_out_stops_it() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let options = options();
    let (first, second) =
        tokio::try_join!(Lease::acquire(data.path(), &options), Lease::acquire(data.path(), &options)).unwrap();
    assert_eq!(first.uri(), second.uri(), "one server for both");
    let uri = first.uri().to_owned();
    first.release().unwrap();
    assert!(answers(&uri).await, "the second still uses it");
    second.release().unwrap();
    assert_eq!(running(data.path()), None);
    let again = Lease::acquire(data.path(), &options).await.unwrap();
    assert!(answers(again.uri()).await, "the same store, the same password");
    again.release().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn its_files_are_private_and_it_wants_a_password() {
    use std::os::unix::fs::PermissionsExt as _;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let lease = Lease::acquire(data.path(), &options()).await.unwrap();
    for name in ["password", "server.json"] {
        let mode = std::fs::metadata(data.path().join("db").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let (_, port) = running(data.path()).unwrap();
    let nobody =
        mongodb::Client::with_uri_str(format!("mongodb://127.0.0.1:{port}/?directConnection=true")).await.unwrap();
    assert!(nobody.list_database_names().await.is_err(), "not without the password");
    lease.release().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_adopted_and_a_dead_one_replaced() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let lost = Lease::acquire(data.path(), &options()).await.unwrap();
    let (orphan, _) = running(data.path()).unwrap();
    // As after kill -9 of its user: the lock is gone, the server runs on.
    lost.abandon();
    let adopted = Lease::acquire(data.path(), &options()).await.unwrap();
    assert_eq!(running(data.path()).unwrap().0, orphan);
    assert!(answers(adopted.uri()).await);
    signal("KILL", orphan);
    // Until then it may still answer.
    while answers(adopted.uri()).await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let replaced = Lease::acquire(data.path(), &options()).await.unwrap();
    assert_ne!(running(data.path()).unwrap().0, orphan);
    assert!(answers(replaced.uri()).await);
    drop(adopted);
    replaced.release().unwrap();
    assert_eq!(running(data.path()), None);
}

/// On a machine with other work it may take long to answer; a second one beside it could not open the same store.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_slow_to_answer_is_waited_for() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let lease = Lease::acquire(data.path(), &options()).await.unwrap();
    let (slow, _) = running(data.path()).unwrap();
    signal("STOP", slow);
    let continued = async {
        tokio::time::sleep(std::time::Duration::from_secs(7)).await;
        signal("CONT", slow);
    };
    let options = options();
    let (second, ()) = tokio::join!(Lease::acquire(data.path(), &options), continued);
    assert_eq!(running(data.path()).unwrap().0, slow);
    assert!(answers(second.unwrap().uri()).await);
    lease.release().unwrap();
}

/// After a restart of the machine the noted number may be another program's.
#[tokio::test(flavor = "multi_thread")]
async fn another_program_with_its_number_is_left_alone() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    Lease::acquire(data.path(), &options()).await.unwrap().release().unwrap();
    let mut other = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let note = serde_json::json!({ "pid": other.id(), "port": 1 });
    std::fs::write(data.path().join("db/server.json"), note.to_string()).unwrap();
    // A thread of the kernel, where there is one, has no arguments to be told by.
    std::fs::write(data.path().join("db/server.json"), r#"{"pid":2,"port":1}"#).unwrap();
    Lease::acquire(data.path(), &options()).await.unwrap().release().unwrap();
    std::fs::write(data.path().join("db/server.json"), note.to_string()).unwrap();
    let lease = Lease::acquire(data.path(), &options()).await.unwrap();
    assert_ne!(running(data.path()).unwrap().0, i32::try_from(other.id()).unwrap());
    assert!(answers(lease.uri()).await);
    let (ours, _) = running(data.path()).unwrap();
    std::fs::write(data.path().join("db/server.json"), note.to_string()).unwrap();
    lease.release().unwrap();
    signal("KILL", ours);
    assert_eq!(other.try_wait().unwrap(), None, "it runs on");
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Whoever is connected finds it again under the same address.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_killed_is_started_again_where_it_was() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let lease = Lease::acquire(data.path(), &options()).await.unwrap();
    let (pid, port) = running(data.path()).unwrap();
    let db = Db::connect(lease.uri(), "probe", None).await.unwrap();
    signal("KILL", pid);
    let answered = async {
        while db.ping().await.is_err() || running(data.path()).is_some_and(|(now, _)| now == pid) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = answered => {}
        never = lease.keep_running() => match never {},
    }
    assert_eq!(running(data.path()).unwrap().1, port);
    lease.release().unwrap();
}

/// One that was started and lets nobody in is ended: nobody would know of it, and it would keep every other from the store.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_lets_nobody_in_does_not_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().unwrap();
    let program = data.path().join("server");
    let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho $$ > pid\nmkdir -p db/store\necho listening on 127.0.0.1:1\nexec sleep 600\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let refused = Lease::acquire(data.path(), &ServerOptions { program, ..options() }).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("creating the database user")));
    assert!(!data.path().join("db/store").exists(), "one without a user could never be signed in to");
    let pid = std::fs::read_to_string(data.path().join("pid")).unwrap();
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "it was ended");
}

/// L14: the user that pages are served with reads and adds to what was recorded; nothing lets it change or remove any of
/// it. Everything else it may change.
#[tokio::test(flavor = "multi_thread")]
async fn the_user_that_serves_pages_cannot_change_what_was_recorded() {
    use bson::doc;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let lease = Lease::acquire(data.path(), &options()).await.unwrap();
    let everything = Db::connect(lease.uri(), "clinic", None).await.unwrap();
    lodestone::db::sync_indexes(&everything).await.unwrap();
    let uri = lease.serving_uri("clinic").await.unwrap();
    assert_eq!(lease.serving_uri("clinic").await.unwrap(), uri, "asking again changes nothing");
    let clinic = mongodb::Client::with_uri_str(&uri).await.unwrap().database("clinic");
    for recorded in ["audit", "audit_checkpoints", "events"] {
        let run = |command| clinic.run_command(command);
        run(doc! { "insert": recorded, "documents": [{ "_id": "one", "log_id": "l", "seq": 1, "subject": "s", "rev": 1 }] })
            .await
            .unwrap();
        run(doc! { "find": recorded, "filter": {} }).await.unwrap();
        for (what, command) in [
            ("delete", doc! { "delete": recorded, "deletes": [{ "q": {}, "limit": 0 }] }),
            ("update", doc! { "update": recorded, "updates": [{ "q": {}, "u": { "$set": { "seq": 2 } } }] }),
            (
                "upsert",
                doc! { "update": recorded, "updates": [{ "q": { "_id": 2 }, "u": { "$set": { "a": 2 } }, "upsert": true }] },
            ),
            ("findAndModify", doc! { "findAndModify": recorded, "query": {}, "remove": true }),
            ("aggregate into", doc! { "aggregate": "cases", "pipeline": [{ "$out": recorded }], "cursor": {} }),
            (
                "merge into",
                doc! { "aggregate": "cases", "pipeline": [{ "$merge": { "into": recorded } }], "cursor": {} },
            ),
            ("drop", doc! { "drop": recorded }),
            (
                "expiry",
                doc! { "createIndexes": recorded, "indexes": [{ "key": { "t": 1 }, "name": "t", "expireAfterSeconds": 1 }] },
            ),
            ("collMod", doc! { "collMod": recorded, "validator": {} }),
            ("dropDatabase", doc! { "dropDatabase": 1 }),
        ] {
            let refused = clinic.run_command(command).await.expect_err(what).to_string();
            assert!(refused.contains("not authorized"), "{what} of {recorded}: {refused}");
        }
    }
    let admin = mongodb::Client::with_uri_str(&uri).await.unwrap().database("admin");
    let name = lodestone::db::rights::serving_name("clinic");
    assert!(admin.run_command(doc! { "grantRolesToUser": &name, "roles": ["root"] }).await.is_err());
    clinic.run_command(doc! { "insert": "sessions", "documents": [{ "_id": 1 }] }).await.unwrap();
    clinic.run_command(doc! { "delete": "sessions", "deletes": [{ "q": {}, "limit": 0 }] }).await.unwrap();
    let serving = Db::connect(&uri, "clinic", None).await.unwrap();
    assert!(!lodestone::db::rights::may_remove_entries(&serving).await);
    assert!(lodestone::db::rights::may_remove_entries(&everything).await);
    lease.release().unwrap();
}
