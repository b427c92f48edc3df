//! O6: hours of work in minutes. Memory and open files of the program come to rest, and every request's entry is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::world::{World, signal};

const CLIENTS: usize = 6;
/// Between two looks at the process.
const LOOK: Duration = Duration::from_secs(2);
/// Growth from one third of the time to the next that is no leak: pages that the allocator keeps.
const SLACK_KB: u64 = 4_096;

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Resident memory.
    kilobytes: u64,
    files: u64,
}

impl Held {
    fn by(process: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kilobytes = line.split_whitespace().nth(1)?.parse().ok()?;
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        Some(Self { kilobytes, files: u64::try_from(files).ok()? })
    }
}

/// The middle one.
fn middle(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Works for so many minutes (`CHAOS_SOAK_MINUTES`, default 6).
pub async fn run() -> Vec<String> {
    let minutes = std::env::var("CHAOS_SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let time = Duration::from_secs(60 * minutes);
    let world = World::begin();
    let session = world.session().await;
    let (mut server, address) = world.start_server();
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (address, session, token) = (address.clone(), session.clone(), world.token.clone());
            tokio::spawn(work(address, (session, token), Arc::clone(&stop), Arc::clone(&served)))
        })
        .collect();
    let (began, mut seen) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        tokio::time::sleep(LOOK).await;
        seen.extend(Held::by(server.id()));
    }
    stop.store(true, Ordering::Relaxed);
    let mut broken = Vec::new();
    for client in clients {
        broken.extend(client.await.expect("a client does not panic").err());
    }
    signal(&server, "TERM");
    let ended = tokio::task::block_in_place(|| server.wait().expect("it ends"));
    let third = seen.len() / 3;
    let of = |part: &[Held]| {
        (middle(part.iter().map(|held| held.kilobytes).collect()), middle(part.iter().map(|held| held.files).collect()))
    };
    let thirds = [&seen[..third], &seen[third..2 * third], &seen[2 * third..]].map(of);
    println!(
        "{} requests in {minutes} minutes; memory (kB) and files in each third of the time: {thirds:?}",
        served.load(Ordering::Relaxed)
    );
    let [_, (kilobytes, files), (later_kilobytes, later_files)] = thirds;
    if later_kilobytes > kilobytes + kilobytes / 20 + SLACK_KB {
        broken.push(format!("memory grows: {kilobytes} kB, then {later_kilobytes} kB"));
    }
    if later_files > files + 2 {
        broken.push(format!("open files grow: {files}, then {later_files}"));
    }
    if third < 10 || !ended.success() {
        broken.push(format!("{} looks only, or the server ended with {ended}", seen.len()));
    }
    match world.verify() {
        Ok(report) if report["unfinished"] == 0 => println!("{} entries; the trail is whole", report["entries"]),
        Ok(report) => broken.push(format!("requests were left without an end: {}", report["unfinished"])),
        Err(why) => broken.push(why),
    }
    world.end();
    broken
}

/// Reads and writes as people and scripts do, and errs now and then.
async fn work(
    address: String,
    (session, token): (String, String),
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
) -> Result<(), String> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let paths = [
        ("/", 200),
        ("/own", 200),
        ("/own/fam", 200),
        ("/own/fam/variants?gnomad_af_max=0.01", 200),
        ("/own/fam/variants.csv", 200),
        ("/own/fam/find?q=7:124491972", 200),
        ("/own/fam/timeline", 200),
        ("/own/nobody", 404),
        ("/own/fam/variants?gnomad_af_max=2", 422),
        ("/api/v1/own/fam/variants", 200),
    ];
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        let (path, expected) = paths[turn % paths.len()];
        turn += 1;
        let request = client.get(format!("http://{address}{path}"));
        let request = if path.starts_with("/api") {
            request.bearer_auth(&token)
        } else {
            request.header("cookie", format!("__Host-sid={session}"))
        };
        let answer = request.send().await.map_err(|error| format!("{path}: {error}"))?;
        let status = answer.status().as_u16();
        answer.bytes().await.map_err(|error| format!("{path}: {error}"))?;
        if status != expected {
            return Err(format!("{path} answers {status} and not {expected}"));
        }
        served.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
