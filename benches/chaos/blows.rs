//! Blows under load: every answer that a client received whole has its entry in the trail.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bson::doc;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::world::{World, recovers, signal, status_of};

const CLIENTS: usize = 12;

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

/// Program and database are struck under load, round after round; then the trail and a backup are held to their promises.
pub async fn run(rounds: u32, random: &mut StdRng) -> Vec<String> {
    let mut world = World::begin();
    let ledger = Ledger::default();
    let mut broken = Vec::new();
    println!("{rounds} rounds, {CLIENTS} clients");
    for round in 0..rounds {
        let blow = *BLOWS.choose(random).expect("there are blows");
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
    /// Clients ask, the blow falls, clients see what is left; then all is ended.
    async fn round(&mut self, blow: Blow, after: Duration, ledger: &Ledger) -> Result<(), String> {
        let (mut server, address) = self.start_server();
        let load = Load::begin(&address, &self.token, ledger);
        tokio::time::sleep(after).await;
        let mut promise = Ok(());
        match blow {
            Blow::KillServer => signal(&server, "KILL"),
            Blow::KillDatabase => {
                self.kill_database();
                tokio::time::sleep(Duration::from_millis(500)).await;
                if let Some(status) = status_of(&address, &self.token).await
                    && status < 500
                {
                    promise = Err(format!("patient data were served ({status}) while the trail could not be written"));
                }
                self.revive_database();
                recovers(&address, &self.token).await?;
            }
            Blow::KillBoth => {
                signal(&server, "KILL");
                self.kill_database();
                self.revive_database();
            }
            Blow::PauseDatabase => {
                self.signal_database("STOP");
                tokio::time::sleep(Duration::from_secs(7)).await;
                self.signal_database("CONT");
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
        load.end().await;
        let _ = server.kill(); // it may have ended
        server.wait().expect("it ends");
        promise
    }

    /// A backup under load, restored into another database and verified; how long that took.
    async fn backup_drill(&mut self, ledger: &Ledger) -> Vec<String> {
        let (mut server, address) = self.start_server();
        let load = Load::begin(&address, &self.token, ledger);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let folder = self.path().join("backup").display().to_string();
        let began = Instant::now();
        let saved = tokio::task::block_in_place(|| self.command(&["backup", &folder]));
        let saving = began.elapsed();
        load.end().await;
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
        match self.verify() {
            Ok(report) => println!("{} entries in {} logs; the trail is whole", report["entries"], report["logs"]),
            Err(why) => broken.push(why),
        }
        let entries = self.documents("audit", doc! { "kind": 1, "request_id": 1 }).await;
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
}

/// Clients that ask for this and that until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn begin(address: &str, token: &str, ledger: &Ledger) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |number| ask(number, address.to_owned(), token.to_owned(), Arc::clone(ledger), Arc::clone(&stop));
        let clients = (0..CLIENTS).map(|number| tokio::spawn(client(number))).collect();
        Self { stop, clients }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("a client does not panic");
        }
    }
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
