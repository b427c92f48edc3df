//! C12 and L8: the disk of the database, and that of the trail's checkpoints, is full. Nothing is lost or served without its
//! entry, and all is well once there is space, without a restart of the program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bson::doc;
use lodestone::audit::checkpoint;

use crate::support::ledger::Arena;
use crate::world::{World, recovers, signal, started, status_of};

/// A small file system in memory, gone with the value.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this account may not mount.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).ok()?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Writes a file until nothing more fits, but for so many bytes.
    fn fill(&self, but: u64) {
        let filler = self.0.join("filler");
        let mut file = std::fs::File::create(&filler).expect("a file");
        // Ends with "no space left", which is what is wanted.
        let _ = std::io::copy(&mut std::io::repeat(b'x'), &mut file);
        let size = file.metadata().expect("a file").len();
        file.set_len(size.saturating_sub(but)).expect("a shorter file");
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("the filler is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status(); // the machine keeps what cannot be unmounted
    }
}

/// Both disks, one after the other.
pub async fn run() -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(store) = Disk::mount(&folder.path().join("store"), "96m") else {
        println!("skipped: this account may not mount a small file system");
        return Vec::new();
    };
    let checkpoints = Disk::mount(&folder.path().join("checkpoints"), "256k").expect("one could be mounted");
    let mut world = World::begin_in(folder);
    let mut broken = Vec::new();
    broken.extend(embedded_full().await.err());
    broken.extend(checkpoints_full(&world, &checkpoints).await.err());
    broken.extend(database_full(&mut world, &store).await.err());
    match world.verify() {
        Ok(report) => println!("{} entries in {} logs; the trail is whole", report["entries"], report["logs"]),
        Err(why) => broken.push(why),
    }
    world.end();
    broken
}

/// L8: notes do not fit; patient data are served, `/readyz` says why, and all is signed after that.
async fn checkpoints_full(world: &World, disk: &Disk) -> Result<(), String> {
    torn_notes(disk)?;
    disk.fill(0);
    let (mut server, address) = world.start_server();
    let ready = async || match reqwest::get(format!("http://{address}/readyz")).await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    let (said, status) = (ready().await, status_of(&address, &world.token).await);
    println!("checkpoints' disk full: /readyz says `{}`, patient data {status:?}", said.trim());
    disk.free();
    signal(&server, "TERM");
    let ended = tokio::task::block_in_place(|| server.wait().expect("it ends"));
    if !said.contains("checkpoints") || status != Some(200) {
        return Err(format!("a full checkpoint folder should be said, and patient data served ({status:?}): {said}"));
    }
    let report = world.verify()?;
    if !ended.success() || report["unsigned"] != 0 {
        return Err(format!("after space returned: ended with {ended}, {report}"));
    }
    Ok(())
}

/// A note for which there is space in part is not there at all, and the next one is.
fn torn_notes(disk: &Disk) -> Result<(), String> {
    let folder = disk.0.join("torn");
    let note = |number: u32| format!("lodestone audit log\n{number}\n{}\n\n— key signature\n", "x".repeat(200));
    checkpoint::publish(&folder, "log", &note(0)).map_err(|error| format!("{error:#}"))?;
    disk.fill(0);
    let fitting = (1..1_000).take_while(|number| checkpoint::publish(&folder, "log", &note(*number)).is_ok()).count();
    let fitting = u32::try_from(fitting).map_err(|error| error.to_string())?;
    disk.free();
    checkpoint::publish(&folder, "log", &note(1_000)).map_err(|error| format!("{error:#}"))?;
    let found = checkpoint::published(&folder).map_err(|error| format!("{error:#}"))?;
    let expected: Vec<String> = (0..=fitting).chain([1_000]).map(note).collect();
    println!("{} notes fit on the full disk, the next one was refused", fitting + 1);
    if fitting == 999 || found != expected {
        return Err(format!("a note was torn: {} found, {} written", found.len(), expected.len()));
    }
    Ok(())
}

/// C12: the database cannot write. Edits under way are refused, nothing is served that is not recorded; afterwards all that
/// was acknowledged is there.
async fn database_full(world: &mut World, disk: &Disk) -> Result<(), String> {
    let (mut server, address) = world.start_server();
    let arena = Arena::new(world.session().await, vec![address.clone()]);
    let clients: Vec<_> = (0..4).map(|client| tokio::spawn(Arc::clone(&arena).edit(client))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    disk.fill(0);
    let began = Instant::now();
    let mut statuses = std::collections::BTreeMap::<Option<u16>, u32>::new();
    let mut refused = 0;
    while refused < 5 && began.elapsed() < Duration::from_secs(60) {
        let status = status_of(&address, &world.token).await;
        *statuses.entry(status).or_default() += 1;
        refused += u32::from(status == Some(503));
    }
    let runs = world.database_runs();
    println!(
        "database's disk full: answers {statuses:?} in {:.0?}; the database server {}",
        began.elapsed(),
        if runs { "goes on" } else { "ended by itself" }
    );
    let health = reqwest::get(format!("http://{address}/healthz")).await.map(|answer| answer.status().as_u16());
    disk.free();
    // The storage engine gives up on a full disk, and serves again once its server has been started again.
    if runs {
        world.kill_database();
    }
    world.revive_database();
    let back = recovers(&address, &world.token).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    arena.open.store(false, Ordering::SeqCst);
    for client in clients {
        client.await.map_err(|error| format!("a client failed: {error}"))?;
    }
    signal(&server, "TERM");
    tokio::task::block_in_place(|| server.wait().expect("it ends"));
    back?;
    if refused == 0
        || statuses.keys().any(|status| !matches!(status, None | Some(200 | 503)))
        || !matches!(health, Ok(200))
    {
        return Err(format!("with a full disk: {statuses:?}, health {health:?}"));
    }
    let institutes = world.documents("institutes", doc! {}).await;
    println!("{}", arena.check(world.documents("events", doc! {}).await, &institutes[0])?);
    Ok(())
}

/// C12, as a small clinic runs it: with the embedded server, nobody has to do more than make space.
async fn embedded_full() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let disk = Disk::mount(&folder.path().join("data"), "400m").ok_or("one could be mounted")?;
    let world = Embedded { data: disk.0.clone(), outside: folder.path().to_owned() };
    world.well(&["institute", "add", "own", "--name", "Own"])?;
    world.well(&["user", "add", "ann@lab.example", "--name", "Ann", "--role", "own:clinician"])?;
    let token =
        world.well(&["token", "create", "--user", "ann@lab.example", "--institute", "own", "--scope", "read"])?;
    let token = token.trim();
    let mut command = world.prepared(&["serve", "--listen", "127.0.0.1:0"]);
    let (mut server, address) = started(&mut command);
    let cases = async || {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
        let asked = client.get(format!("http://{address}/api/v1/own/cases")).bearer_auth(token).send().await;
        asked.ok().map(|answer| answer.status().as_u16())
    };
    if cases().await != Some(200) {
        return Err("it does not serve with space".to_owned());
    }
    disk.fill(0);
    let began = Instant::now();
    let mut statuses = std::collections::BTreeMap::<Option<u16>, u32>::new();
    while statuses.get(&Some(503)).copied().unwrap_or_default() < 3 {
        *statuses.entry(cases().await).or_default() += 1;
        if began.elapsed() > Duration::from_secs(120) {
            return Err(format!("the embedded database's disk is full, and nothing is refused: {statuses:?}"));
        }
    }
    disk.free();
    let began = Instant::now();
    while cases().await != Some(200) {
        if began.elapsed() > Duration::from_secs(120) {
            return Err("the embedded database does not come back after space returned".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "embedded database's disk full: answers {statuses:?}; served again {:.1?} after space returned",
        began.elapsed()
    );
    signal(&server, "TERM");
    let ended = tokio::task::block_in_place(|| server.wait().expect("it ends"));
    if !ended.success() {
        return Err(format!("asked to stop, the server ended with {ended}"));
    }
    world.well(&["audit", "verify"]).map(drop)
}

/// The program with its own database, on a disk of its own; keys and notes are elsewhere.
struct Embedded {
    data: PathBuf,
    outside: PathBuf,
}

impl Embedded {
    fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--data-dir").arg(&self.data).args(arguments).env("LODESTONE_LOG__FORMAT", "json");
        command.env("LODESTONE_AUDIT__KEYS_DIR", self.outside.join("keys"));
        command.env("LODESTONE_AUDIT__CHECKPOINTS_DIR", self.outside.join("checkpoints"));
        command
    }

    /// What a command says that ends well.
    fn well(&self, arguments: &[&str]) -> Result<String, String> {
        let ended = self.prepared(arguments).output().map_err(|error| error.to_string())?;
        if !ended.status.success() {
            return Err(format!("{arguments:?}: {ended:?}"));
        }
        String::from_utf8(ended.stdout).map_err(|error| error.to_string())
    }
}
