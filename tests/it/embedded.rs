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
    let killed = std::process::Command::new("kill").args(["-9", &orphan.to_string()]).status().unwrap();
    assert!(killed.success());
    let replaced = Lease::acquire(data.path(), &options()).await.unwrap();
    assert_ne!(running(data.path()).unwrap().0, orphan);
    assert!(answers(replaced.uri()).await);
    drop(adopted);
    replaced.release().unwrap();
    assert_eq!(running(data.path()), None);
}

/// Whoever is connected finds it again under the same address.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_killed_is_started_again_where_it_was() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = tempfile::tempdir().unwrap();
    let lease = Lease::acquire(data.path(), &options()).await.unwrap();
    let (pid, port) = running(data.path()).unwrap();
    let db = Db::connect(lease.uri(), "probe", None).await.unwrap();
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
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
