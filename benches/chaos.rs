//! `make chaos`: program and database are killed, stopped and ended under load, round after round; afterwards every answer
//! that a client received whole has its entry in the trail, the trail verifies, and a backup taken under load comes back.
//!
//! `CHAOS_ROUNDS` says how many rounds (default 24, some two minutes). Ends with 1 when a promise was broken.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use futures::TryStreamExt as _;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, reason = "a part of what the tests use")]
mod support;

use support::vcf;

const CLIENTS: usize = 12;
const DATABASE: &str = "lodestone_chaos";

/// What happens to whom in a round.
#[derive(Debug, Clone, Copy)]
enum Blow {
    KillServer,
    KillDatabase,
    KillBoth,
    PauseDatabase,
    AskServerToStop,
}

const BLOWS: [Blow; 5] =
    [Blow::KillServer, Blow::KillDatabase, Blow::KillBoth, Blow::PauseDatabase, Blow::AskServerToStop];

/// Request id to status, of answers received to their last byte.
type Ledger = Arc<Mutex<HashMap<String, u16>>>;

struct World {
    folder: tempfile::TempDir,
    program: PathBuf,
    port: u16,
    database: Child,
    token: String,
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    let broken = runtime.block_on(run());
    for promise in &broken {
        println!("BROKEN: {promise}");
    }
    println!("chaos: {} promises broken", broken.len());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run() -> Vec<String> {
    let rounds = std::env::var("CHAOS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut world = World::begin();
    let ledger = Ledger::default();
    let mut broken = Vec::new();
    println!("{rounds} rounds, {CLIENTS} clients, seed {seed}");
    for round in 0..rounds {
        let blow = *BLOWS.choose(&mut random).expect("there are blows");
        let after = Duration::from_millis(random.random_range(200..1_500));
        let before = ledger.lock().expect("no client panics").len();
        if let Err(promise) = world.round(blow, after, &ledger).await {
            broken.push(format!("round {round}, {blow:?}: {promise}"));
        }
        let answers = ledger.lock().expect("no client panics").len() - before;
        println!("round {round:>3}: {blow:?} after {after:.0?}; {answers} answers received");
    }
    broken.extend(world.backup_drill(&ledger).await);
    broken.extend(world.check(&ledger).await);
    world.end();
    broken
}

impl World {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = std::env::var("LODESTONE_TEST_SERVER_PROGRAM").expect("run `make chaos`");
        let program = PathBuf::from(program);
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        std::fs::write(folder.path().join("server.toml"), "# options are given on the command line\n").expect("a file");
        let database = start_database(&program, port, folder.path());
        let mut world = Self { folder, program, port, database, token: String::new() };
        let settings = format!(
            "[database]\nuri = 'mongodb://127.0.0.1:{port}/?directConnection=true&serverSelectionTimeoutMS=3000'\nname = '{DATABASE}'\n\
             [audit]\nkeys_dir = '{0}/keys'\ncheckpoints_dir = '{0}/checkpoints'\n[log]\nformat = 'json'\n",
            world.path().display()
        );
        std::fs::write(world.path().join("lodestone.toml"), settings).expect("a file");
        assert!(world.command(&["institute", "add", "own"]).status.success());
        let text = vcf::trio_text(&[vcf::record(
            "7",
            124_491_972,
            ("C", "A"),
            &format!("{};RankScore=fam:11", vcf::csq("A", "missense_variant")),
            ["0/1:31,18:49:99", "0/1:24,15:39:99", "0/0:30,0:30:99"],
        )]);
        std::fs::write(world.path().join("fam.vcf"), text).expect("a file");
        let case = vcf::config("own", "fam", &world.path().join("fam.vcf"), "");
        std::fs::write(world.path().join("fam.yaml"), case).expect("a file");
        let case = world.path().join("fam.yaml").display().to_string();
        let loaded = world.command(&["load", "case", &case]);
        assert!(loaded.status.success(), "{loaded:?}");
        let add = ["user", "add", "ann@lab.example", "--name", "Ann", "--role", "own:clinician"];
        assert!(world.command(&add).status.success());
        let token =
            world.command(&["token", "create", "--user", "ann@lab.example", "--institute", "own", "--scope", "read"]);
        String::from_utf8(token.stdout).expect("a token is text").trim().clone_into(&mut world.token);
        assert!(!world.token.is_empty());
        world
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the program with this world's configuration.
    fn command(&self, arguments: &[&str]) -> Output {
        self.prepared(arguments).output().expect("the program runs")
    }

    fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(self.path().join("lodestone.toml")).args(arguments);
        command
    }

    fn start_server(&self) -> (Child, String) {
        let mut command = self.prepared(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log is piped")).lines();
        let address = lines
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
                line["fields"]["address"].as_str().map(str::to_owned)
            })
            .expect("the server says where it serves");
        std::thread::spawn(move || lines.for_each(drop));
        (child, address)
    }

    /// Clients ask, the blow falls, clients see what is left; then all is ended.
    async fn round(&mut self, blow: Blow, after: Duration, ledger: &Ledger) -> Result<(), String> {
        let (mut server, address) = self.start_server();
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                tokio::spawn(ask(number, address.clone(), self.token.clone(), Arc::clone(ledger), Arc::clone(&stop)))
            })
            .collect();
        tokio::time::sleep(after).await;
        let mut promise = Ok(());
        match blow {
            Blow::KillServer => signal(&server, "KILL"),
            Blow::KillDatabase => {
                signal(&self.database, "KILL");
                self.database.wait().expect("it ends");
                tokio::time::sleep(Duration::from_millis(500)).await;
                if let Some(status) = status_of(&address, &self.token).await
                    && status < 500
                {
                    promise = Err(format!("patient data were served ({status}) while the trail could not be written"));
                }
                self.database = start_database(&self.program, self.port, self.folder.path());
                recovers(&address, &self.token).await?;
            }
            Blow::KillBoth => {
                signal(&server, "KILL");
                signal(&self.database, "KILL");
                self.database.wait().expect("it ends");
                self.database = start_database(&self.program, self.port, self.folder.path());
            }
            Blow::PauseDatabase => {
                signal(&self.database, "STOP");
                tokio::time::sleep(Duration::from_secs(7)).await;
                signal(&self.database, "CONT");
                recovers(&address, &self.token).await?;
            }
            Blow::AskServerToStop => {
                signal(&server, "TERM");
                let ended = tokio::task::block_in_place(|| server.wait().expect("it ends"));
                if !ended.success() {
                    promise = Err(format!("asked to stop, the server ended with {ended}"));
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        let _ = server.kill(); // it may have ended
        server.wait().expect("it ends");
        promise
    }

    /// A backup under load, restored into another database and verified; how long that took.
    async fn backup_drill(&mut self, ledger: &Ledger) -> Vec<String> {
        let (mut server, address) = self.start_server();
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                tokio::spawn(ask(number, address.clone(), self.token.clone(), Arc::clone(ledger), Arc::clone(&stop)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let folder = self.path().join("backup").display().to_string();
        let began = Instant::now();
        let saved = tokio::task::block_in_place(|| self.command(&["backup", &folder]));
        let saving = began.elapsed();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        signal(&server, "TERM");
        server.wait().expect("it ends");
        let began = Instant::now();
        let mut restore = self.prepared(&["restore", &folder]);
        let restored =
            restore.env("LODESTONE_DATABASE__NAME", "lodestone_restored").output().expect("the program runs");
        let said = String::from_utf8_lossy(&restored.stdout).into_owned();
        println!("backup under load {saving:.1?}, restore and verification {:.1?}\n{said}", began.elapsed());
        let mut broken = Vec::new();
        if !saved.status.success() || !restored.status.success() || !said.contains("is whole") {
            let why = String::from_utf8_lossy(&restored.stderr).into_owned();
            broken.push(format!("a backup under load does not come back: {saved:?} {said} {why}"));
        }
        broken
    }

    async fn check(&self, ledger: &Ledger) -> Vec<String> {
        let mut broken = Vec::new();
        // A last log names what killed processes left.
        assert!(self.command(&["institute", "list"]).status.success());
        let verified = self.command(&["audit", "verify"]);
        println!("{}", String::from_utf8_lossy(&verified.stdout));
        if verified.status.code() != Some(0) {
            broken.push(format!("the trail does not verify: {verified:?}"));
        }
        let entries = self.entries().await;
        let mut intents: BTreeMap<&str, u32> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.get_str("kind").is_ok_and(|kind| kind == "intent")) {
            *intents.entry(entry.get_str("request_id").unwrap_or_default()).or_default() += 1;
        }
        let received = ledger.lock().expect("no client panics");
        let mut without = 0;
        for (request, status) in received.iter() {
            match intents.get(request.as_str()) {
                Some(1) => {}
                Some(times) => broken.push(format!("request {request} has {times} intents")),
                // What says only "not now" holds no patient data; its entry may die with the process that waits to write it.
                None if *status == 503 => without += 1,
                None => broken.push(format!("an answer {status} was received, but request {request} has no entry")),
            }
        }
        println!(
            "{} answers received, {} requests in the trail, {without} refusals (503) without an entry",
            received.len(),
            intents.len()
        );
        broken.truncate(20);
        broken
    }

    async fn entries(&self) -> Vec<Document> {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        let client = mongodb::Client::with_uri_str(uri).await.expect("the database answers");
        #[expect(clippy::disallowed_methods, reason = "the check looks at what is stored, whoever wrote it")]
        let collection = client.database(DATABASE).collection::<Document>("audit");
        let wanted = doc! { "kind": 1, "request_id": 1 };
        let cursor = collection.find(doc! {}).projection(wanted).await.expect("the database answers");
        cursor.try_collect().await.expect("the database answers")
    }

    fn end(mut self) {
        signal(&self.database, "TERM");
        self.database.wait().expect("it ends");
    }
}

fn start_database(program: &Path, port: u16, folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("database.log")).expect("a file");
    let mut child = Command::new(program)
        .arg("--config")
        .arg(folder.join("server.toml"))
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--cache-size", "256M", "--log-file-max", "8MB"])
        .args(["--log-level", "WARNING", "--sync-on-commit", "--storage-path"])
        .arg(folder.join("store"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the database server starts");
    for _ in 0..600 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return child;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.kill().and_then(|()| child.wait());
    panic!("the database server does not answer ({ended:?}); see database.log");
}

fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the process is there");
}

async fn status_of(address: &str, token: &str) -> Option<u16> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let answer = client.get(format!("http://{address}/api/v1/own/fam")).bearer_auth(token).send().await.ok()?;
    Some(answer.status().as_u16())
}

/// After an outage patient data are served again, without a restart.
async fn recovers(address: &str, token: &str) -> Result<(), String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if status_of(address, token).await == Some(200) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("a minute after the outage nothing is served".to_owned())
}

/// One client: asks for this and that until told to stop, and notes what it received to the last byte.
async fn ask(number: usize, address: String, token: String, ledger: Ledger, stop: Arc<AtomicBool>) {
    let paths =
        ["/api/v1/own/fam", "/api/v1/own/fam/variants", "/api/v1/own/cases", "/own", "/nowhere", "/api/v1/own/none"];
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let mut turn = number;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let url = format!("http://{address}{}", paths[turn % paths.len()]);
        let request = if turn.is_multiple_of(7) { client.post(url) } else { client.get(url) };
        let Ok(answer) = request.bearer_auth(&token).send().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let status = answer.status().as_u16();
        let id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        if answer.bytes().await.is_ok()
            && let Some(id) = id
        {
            ledger.lock().expect("no client panics").insert(id, status);
        }
    }
}
