//! A database server, a case, people, and the program as processes that can be struck.

use std::io::{BufRead as _, BufReader};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use futures::TryStreamExt as _;
use lodestone::auth::SessionStore;
use lodestone::clock::Clock;
use lodestone::config::Config;
use lodestone::db::Db;
use lodestone::users::UserStore;
use sha2::{Digest as _, Sha256};

use crate::support::vcf;

/// Name of the database that is struck.
const DATABASE: &str = "lodestone_chaos";

/// A process that does not outlive its scene.
pub struct Process(Child);

impl Deref for Process {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Process {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait()); // it may have ended
    }
}

/// What a scene plays in.
pub struct World {
    folder: tempfile::TempDir,
    program: PathBuf,
    port: u16,
    database: Process,
    /// A read token of a clinician of `own`, where case `fam` is.
    pub token: String,
}

impl World {
    /// A new world on this machine's disk.
    pub fn begin() -> Self {
        Self::begin_in(tempfile::tempdir().expect("a folder"))
    }

    /// A new world whose files are in this folder: the database's in `store`, the trail's notes in `checkpoints`.
    pub fn begin_in(folder: tempfile::TempDir) -> Self {
        let program = std::env::var("LODESTONE_TEST_SERVER_PROGRAM").expect("run `make chaos`");
        let program = PathBuf::from(program);
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        std::fs::write(folder.path().join("server.toml"), "# options are given on the command line\n").expect("a file");
        let database = start_database(&program, port, folder.path());
        let mut world = Self { folder, program, port, database, token: String::new() };
        let settings = format!(
            "[database]\nuri = 'mongodb://127.0.0.1:{port}/?directConnection=true&serverSelectionTimeoutMS=3000'\nname = '{DATABASE}'\n\
             [audit]\nkeys_dir = '{0}/keys'\ncheckpoints_dir = '{0}/checkpoints'\n[log]\nformat = 'json'\n{1}\n",
            world.path().display(),
            crate::support::NO_RATES
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
        let add =
            ["user", "add", "alex@lab.example", "--name", "Alex", "--role", "own:admin", "--role", "own:clinician"];
        assert!(world.command(&add).status.success());
        let token =
            world.command(&["token", "create", "--user", "ann@lab.example", "--institute", "own", "--scope", "read"]);
        String::from_utf8(token.stdout).expect("a token is text").trim().clone_into(&mut world.token);
        assert!(!world.token.is_empty());
        world
    }

    /// The folder of all files.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the program with this world's configuration.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.prepared(arguments).output().expect("the program runs")
    }

    /// Likewise, to be run.
    pub fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lodestone"));
        command.arg("--config").arg(self.path().join("lodestone.toml")).args(arguments);
        command
    }

    /// A process that serves, and its address.
    pub fn start_server(&self) -> (Process, String) {
        let mut command = self.prepared(&["serve", "--listen", "127.0.0.1:0"]);
        started(&mut command)
    }

    /// Sends the database server a signal.
    pub fn signal_database(&self, name: &str) {
        signal(&self.database, name);
    }

    /// Whether the database server still runs.
    pub fn database_runs(&mut self) -> bool {
        self.database.try_wait().expect("it can be asked").is_none()
    }

    /// Kills the database server.
    pub fn kill_database(&mut self) {
        signal(&self.database, "KILL");
        self.database.wait().expect("it ends");
    }

    /// Starts the database server again, on the same files and port.
    pub fn revive_database(&mut self) {
        self.database = start_database(&self.program, self.port, self.folder.path());
    }

    /// A session in which the admin of `own`, who also reads its cases, has entered that role.
    pub async fn session(&self) -> String {
        let config = Config::load(Some(&self.path().join("lodestone.toml"))).expect("the configuration is well-formed");
        let db = Db::connect(&config.database.uri, DATABASE, None).await.expect("the database answers");
        let admin = UserStore::new(&db).by_email(&"alex@lab.example".parse().expect("an address")).await;
        let admin = admin.expect("the database answers").expect("the admin was added");
        let (sessions, now) = (SessionStore::new(&db, &config.session), Clock::system().now());
        let session = sessions.start(&admin.id, now).await.expect("the database answers");
        let stored = data_encoding::HEXLOWER.encode(&Sha256::digest(&session));
        let role = "own:admin".parse().expect("a role");
        assert!(sessions.enter(&stored, &role, now).await.expect("the database answers"));
        db.close().await;
        session
    }

    /// These fields of all documents of a collection.
    pub async fn documents(&self, collection: &str, wanted: Document) -> Vec<Document> {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.port);
        let client = mongodb::Client::with_uri_str(uri).await.expect("the database answers");
        #[expect(clippy::disallowed_methods, reason = "the check looks at what is stored, whoever wrote it")]
        let collection = client.database(DATABASE).collection::<Document>(collection);
        let cursor = collection.find(doc! {}).projection(wanted).await.expect("the database answers");
        cursor.try_collect().await.expect("the database answers")
    }

    /// Whether the trail is whole, and what it says of itself.
    pub fn verify(&self) -> Result<serde_json::Value, String> {
        // A last log names what killed processes left.
        let listed = self.command(&["institute", "list"]);
        if !listed.status.success() {
            return Err(format!("a command fails: {listed:?}"));
        }
        let verified = self.command(&["audit", "verify", "--json"]);
        match verified.status.code() {
            Some(0) => serde_json::from_slice(&verified.stdout).map_err(|error| error.to_string()),
            _ => Err(format!("the trail does not verify: {verified:?}")),
        }
    }

    /// Ends the database server.
    pub fn end(mut self) {
        signal(&self.database, "TERM");
        self.database.wait().expect("it ends");
    }
}

/// Starts the program's server; its address.
pub fn started(command: &mut Command) -> (Process, String) {
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its log is piped")).lines();
    let address = lines
        .find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
            line["fields"]["address"].as_str().map(str::to_owned)
        })
        .expect("the server says where it serves");
    std::thread::spawn(move || lines.for_each(drop));
    (Process(child), address)
}

fn start_database(program: &Path, port: u16, folder: &Path) -> Process {
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
            return Process(child);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.kill().and_then(|()| child.wait());
    panic!("the database server does not answer ({ended:?}); see database.log");
}

/// Sends a process a signal.
pub fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the process is there");
}

/// The status of a case's answer; none when there was no answer.
pub async fn status_of(address: &str, token: &str) -> Option<u16> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let answer = client.get(format!("http://{address}/api/v1/own/fam")).bearer_auth(token).send().await.ok()?;
    Some(answer.status().as_u16())
}

/// After an outage patient data are served again, without a restart.
pub async fn recovers(address: &str, token: &str) -> Result<(), String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if status_of(address, token).await == Some(200) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("a minute after the outage nothing is served".to_owned())
}
