//! The embedded database server: one process per data folder, shared by all commands that use the folder.
//!
//! Files in `<data>/db/`: `lock` (held while starting or stopping), `lease` (held shared by every user process),
//! `server.json` (`pid`, `port`), `password`, `serving-password`, `server.log`, `store/`. The last process to leave stops the server; a
//! server whose starter was killed is adopted by the next command, and one that died is started again on its old port.

use std::convert::Infallible;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bson::doc;
use mongodb::options::{ClientOptions, Credential};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};
use tracing::{debug, error, info, warn};

use super::rights;

const USER: &str = "lodestone";
/// Files with the passwords of the user who may do everything, and of the one who serves pages.
const PASSWORD: &str = "password";
const SERVING_PASSWORD: &str = "serving-password";
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// How often a server looks after its database.
const WATCH: Duration = Duration::from_millis(500);
/// Between tries to start it.
const PAUSE: Duration = Duration::from_secs(5);
/// The process that all threads of the kernel are children of.
const KERNEL: i32 = 2;
/// What the storage engine (`WiredTiger`) says to everything after an error it cannot go on from.
const STORAGE_GAVE_UP: &str = "WT_PANIC";

/// How the server is started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The server's program.
    pub program: PathBuf,
    /// Its cache, e.g. `512M`.
    pub cache_size: String,
    /// Wait for the disk at each commit.
    pub sync_on_commit: bool,
    /// Size of a log file, e.g. `128MB`; allocated in full.
    pub log_file_max: &'static str,
}

/// A running server and the right to use it. [`Lease::release`] (or dropping) gives the right back.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    options: ServerOptions,
    uri: String,
    held: Option<File>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Running {
    pid: i32,
    port: u16,
}

impl Lease {
    /// Uses the server of `data`, starting it when none runs. Blocks; call it from a blocking task.
    pub async fn acquire(data: &Path, options: &ServerOptions) -> anyhow::Result<Self> {
        let folder = data.join("db");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        // The same for whoever names it in another way: the server's process is known by it.
        let folder = folder.canonicalize().with_context(|| format!("opening {}", folder.display()))?;
        let lock = private_file(&folder.join("lock"))?;
        wait_for_lock(&lock, &folder).await?;
        let lease = private_file(&folder.join("lease"))?;
        lease.lock_shared().context("taking the lease of the embedded database")?;
        let password = password(&folder, PASSWORD)?;
        let running = match answering(&folder, &password).await? {
            Some(running) => {
                debug!(pid = running.pid, "using the embedded database server that runs already");
                running
            }
            None => start_anew(&folder, options, &password).await?,
        };
        drop(lock);
        Ok(Self { uri: uri(running.port, USER, &password), folder, options: options.clone(), held: Some(lease) })
    }

    /// Starts the server again whenever its process has ended, or its storage has given up, as it does on a full disk.
    /// Never returns; drop it to end it.
    pub async fn keep_running(&self) -> Infallible {
        loop {
            tokio::time::sleep(WATCH).await;
            if let Some(running) = read_running(&self.folder).filter(|running| lives(running.pid, &self.folder)) {
                if let Some(pid) = Pid::from_raw(running.pid).filter(|_| self.has_given_up()) {
                    error!("the embedded database's storage gave up; was its disk full? Starting it again");
                    let _ = kill_process(pid, Signal::KILL); // what it has committed is on the disk
                }
                continue;
            }
            warn!("the embedded database server has ended; starting it again");
            if let Err(error) = self.revive().await {
                error!("the embedded database server could not be started again: {error:#}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Whether the server's log says that its storage engine stopped for good. It says so again every minute; on a full disk
    /// it can do that only when there is space, which is when starting again helps.
    fn has_given_up(&self) -> bool {
        fs::read_to_string(self.folder.join("server.log")).is_ok_and(|log| log.contains(STORAGE_GAVE_UP))
    }

    async fn revive(&self) -> anyhow::Result<()> {
        let lock = private_file(&self.folder.join("lock"))?;
        wait_for_lock(&lock, &self.folder).await?;
        let password = password(&self.folder, PASSWORD)?;
        if answering(&self.folder, &password).await?.is_none() {
            start_anew(&self.folder, &self.options, &password).await?;
        }
        Ok(())
    }

    /// The address of the server, with its password: not for logs.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The address for the process that serves a database's pages, as a user who cannot change what was recorded.
    ///
    /// # Errors
    /// When the server does not answer or the user cannot be made.
    pub async fn serving_uri(&self, database: &str) -> anyhow::Result<String> {
        let password = password(&self.folder, SERVING_PASSWORD)?;
        let client = mongodb::Client::with_uri_str(&self.uri).await?;
        rights::grant(&client, database, &password).await?;
        let running = read_running(&self.folder).context("the embedded database server has ended")?;
        Ok(uri(running.port, &rights::serving_name(database), &password))
    }

    /// Gives the lease back, and stops the server when nobody else holds one.
    pub fn release(mut self) -> anyhow::Result<()> {
        self.give_back()
    }

    /// Lets go of the lease without stopping the server, as a killed process does. For tests of adoption.
    pub fn abandon(mut self) {
        self.held = None;
    }

    fn give_back(&mut self) -> anyhow::Result<()> {
        let Some(lease) = self.held.take() else { return Ok(()) };
        let lock = private_file(&self.folder.join("lock"))?;
        lock.lock().context("locking the embedded database")?;
        drop(lease);
        let everybody = private_file(&self.folder.join("lease"))?;
        if let Err(TryLockError::WouldBlock) = everybody.try_lock() {
            return Ok(());
        }
        if let Some(running) = read_running(&self.folder) {
            stop(running.pid, &self.folder)?;
            let _ = fs::remove_file(self.folder.join("server.json"));
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(error) = self.give_back() {
            tracing::warn!("the embedded database server was not stopped: {error:#}");
        }
    }
}

fn private_file(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

async fn wait_for_lock(lock: &File, folder: &Path) -> anyhow::Result<()> {
    let since = Instant::now();
    while let Err(error) = lock.try_lock() {
        match error {
            TryLockError::Error(error) => return Err(error).context("locking the embedded database"),
            TryLockError::WouldBlock if since.elapsed() > START_LIMIT => {
                bail!("another command keeps {} locked; wait for it or end it", folder.display())
            }
            TryLockError::WouldBlock => tokio::time::sleep(POLL).await,
        }
    }
    Ok(())
}

fn password(folder: &Path, name: &str) -> anyhow::Result<String> {
    let path = folder.join(name);
    if let Ok(password) = fs::read_to_string(&path) {
        return Ok(password);
    }
    let password = crate::clock::random_token();
    let mut file = private_file(&path)?;
    file.write_all(password.as_bytes()).and_then(|()| file.sync_all()).context("writing the database password")?;
    Ok(password)
}

fn uri(port: u16, user: &str, password: &str) -> String {
    format!("mongodb://{user}:{password}@127.0.0.1:{port}/?authSource=admin&directConnection=true")
}

fn read_running(folder: &Path) -> Option<Running> {
    serde_json::from_slice(&fs::read(folder.join("server.json")).ok()?).ok()
}

/// The server that `server.json` names, once it answers to our password; `None` when its process has ended. While it lives,
/// however busy, no other can open its store.
async fn answering(folder: &Path, password: &str) -> anyhow::Result<Option<Running>> {
    let Some(running) = read_running(folder) else { return Ok(None) };
    let since = Instant::now();
    while lives(running.pid, folder) {
        match ping(running.port, Some(password)).await {
            Ok(()) => return Ok(Some(running)),
            Err(error) if since.elapsed() > START_LIMIT => {
                return Err(error).with_context(|| {
                    format!(
                        "the embedded database server does not answer; end its process {} and try again",
                        running.pid
                    )
                });
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
    Ok(None)
}

async fn client(port: u16, password: Option<&str>) -> mongodb::error::Result<mongodb::Client> {
    let mut options = ClientOptions::parse(format!("mongodb://127.0.0.1:{port}/?directConnection=true")).await?;
    options.server_selection_timeout = Some(Duration::from_secs(5));
    options.credential = password.map(|password| {
        Credential::builder().username(USER.to_owned()).password(password.to_owned()).source("admin".to_owned()).build()
    });
    mongodb::Client::with_options(options)
}

async fn ping(port: u16, password: Option<&str>) -> mongodb::error::Result<()> {
    client(port, password).await?.database("admin").run_command(doc! { "ping": 1 }).await?;
    Ok(())
}

/// On the port that the last server had, so that whoever is connected finds it again; on any other when that is taken.
async fn start_anew(folder: &Path, options: &ServerOptions, password: &str) -> anyhow::Result<Running> {
    if let Some(last) = read_running(folder)
        && let Ok(running) = start(folder, options, password, last.port).await
    {
        return Ok(running);
    }
    start(folder, options, password, 0).await
}

async fn start(folder: &Path, options: &ServerOptions, password: &str, port: u16) -> anyhow::Result<Running> {
    let config = folder.join("server.toml");
    fs::write(&config, "# Options are given on the command line; this file keeps others from being found.\n")
        .with_context(|| format!("writing {}", config.display()))?;
    let store = folder.join("store");
    let fresh = !store.exists();
    let output = folder.join("server.out");
    let log = folder.join("server.log");
    let mut command = Command::new(&options.program);
    command
        .arg("--config")
        .arg(&config)
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--auth", "--log-level", "WARNING"])
        .args(["--cache-size", &options.cache_size, "--log-file-max", options.log_file_max])
        .arg("--storage-path")
        .arg(&store)
        .stdin(Stdio::null())
        .stdout(File::create(&output).with_context(|| format!("creating {}", output.display()))?)
        .stderr(File::create(&log).with_context(|| format!("creating {}", log.display()))?)
        .process_group(0); // an interrupt typed at our terminal is ours, not the database's
    if options.sync_on_commit {
        command.arg("--sync-on-commit");
    }
    let mut child = command.spawn().with_context(|| format!("starting {}", options.program.display()))?;
    let started = answer_of(&mut child, (&output, &log), fresh, password).await;
    match started.and_then(|running| note(folder, &running).map(|()| running)) {
        Ok(running) => {
            info!(pid = running.pid, port = running.port, "started the embedded database server");
            Ok(running)
        }
        Err(error) => {
            // Nobody would know of it, and while it runs no other server can open the store.
            let _ = child.kill();
            let _ = child.wait();
            if fresh {
                let _ = fs::remove_dir_all(&store); // there may be no user in it, and there is nothing else
            }
            Err(error)
        }
    }
}

/// Notes for others where the server is.
fn note(folder: &Path, running: &Running) -> anyhow::Result<()> {
    let mut file = private_file(&folder.join("server.json.new"))?;
    file.set_len(0)
        .and_then(|()| file.write_all(&serde_json::to_vec(running)?))
        .context("noting the database server")?;
    fs::rename(folder.join("server.json.new"), folder.join("server.json")).context("noting the database server")
}

/// Waits until a server that was started lets us in. `output`: where it says its port; `fresh`: its store is new, without a user.
async fn answer_of(
    child: &mut Child,
    (output, log): (&Path, &Path),
    fresh: bool,
    password: &str,
) -> anyhow::Result<Running> {
    let since = Instant::now();
    let port = loop {
        if let Some(port) = announced_port(output) {
            break port;
        }
        if let Some(status) = child.try_wait().context("watching the database server")? {
            bail!("the embedded database server ended at once ({status}); see {}", log.display());
        }
        if since.elapsed() > START_LIMIT {
            bail!(
                "the embedded database server did not start within {} s; see {}",
                START_LIMIT.as_secs(),
                log.display()
            );
        }
        tokio::time::sleep(POLL).await;
    };
    let running = Running { pid: i32::try_from(child.id()).context("a process id is positive")?, port };
    if fresh {
        create_user(port, password).await?;
    }
    // On a machine with much other work the first try may be cut off.
    if ping(port, Some(password)).await.is_err() {
        ping(port, Some(password)).await.context("signing in to the embedded database server")?;
    }
    Ok(running)
}

fn announced_port(output: &Path) -> Option<u16> {
    let text = fs::read_to_string(output).ok()?;
    let line = text.lines().find(|line| line.contains("listening on"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// The first user of an empty store may be created without credentials.
async fn create_user(port: u16, password: &str) -> anyhow::Result<()> {
    client(port, None)
        .await?
        .database("admin")
        .run_command(doc! { "createUser": USER, "pwd": password, "roles": ["root"] })
        .await
        .context("creating the database user")?;
    Ok(())
}

fn stop(pid: i32, folder: &Path) -> anyhow::Result<()> {
    let Some(process) = Pid::from_raw(pid).filter(|_| lives(pid, folder)) else { return Ok(()) };
    if kill_process(process, Signal::TERM).is_err() {
        return Ok(()); // it ended by itself
    }
    let since = Instant::now();
    while lives(pid, folder) {
        if since.elapsed() > STOP_LIMIT {
            bail!("the embedded database server (process {pid}) did not stop");
        }
        std::thread::sleep(POLL);
    }
    info!("stopped the embedded database server");
    Ok(())
}

/// Whether the process is there, has not ended, and is the server of `folder`, not another program that has its number now.
fn lives(pid: i32, folder: &Path) -> bool {
    let Some(process) = Pid::from_raw(pid).filter(|pid| test_kill_process(*pid).is_ok()) else { return false };
    let proc = Path::new("/proc").join(process.as_raw_nonzero().to_string());
    let Ok(stat) = fs::read_to_string(proc.join("stat")) else {
        return !Path::new("/proc/self/stat").exists(); // a system without /proc
    };
    // Our own child stays in the process table until we end, and its store is open until the last of its threads is gone.
    let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let (state, parent) = (fields.next(), fields.next());
    let ended = state == Some("Z") && fs::read_dir(proc.join("task")).map_or(0, Iterator::count) <= 1;
    // A process that is ending has no arguments any more; a thread of the kernel, child of process 2, never had any.
    let arguments = fs::read(proc.join("cmdline")).unwrap_or_default();
    let store = folder.join("store");
    !ended
        && ((arguments.is_empty() && process.as_raw_nonzero().get() != KERNEL && parent != Some("2"))
            || arguments.split(|byte| *byte == 0).any(|argument| argument == store.as_os_str().as_encoded_bytes()))
}
