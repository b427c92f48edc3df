//! C7: two processes behind a switch are restarted one after the other under load. Nobody gets an answer other than 2xx,
//! and nobody has to sign in again.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::world::{World, signal};

const CLIENTS: usize = 8;

/// Passes connections on to processes that say they are ready, as a balancer does.
struct Switch {
    address: String,
    backends: Mutex<Vec<Backend>>,
    turn: AtomicU64,
}

struct Backend {
    address: String,
    ready: bool,
}

impl Switch {
    async fn start(addresses: &[String]) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let backends = addresses.iter().map(|address| Backend { address: address.clone(), ready: true }).collect();
        let switch = Arc::new(Self {
            address: listener.local_addr()?.to_string(),
            backends: Mutex::new(backends),
            turn: AtomicU64::new(0),
        });
        tokio::spawn(Arc::clone(&switch).look());
        let passing = Arc::clone(&switch);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let switch = Arc::clone(&passing);
                tokio::spawn(async move {
                    let _ = switch.pass(client).await; // either side may leave
                });
            }
        });
        Ok(switch)
    }

    /// Looks at `/readyz` of each every 100 ms.
    async fn look(self: Arc<Self>) {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build().expect("a client");
        loop {
            let known: Vec<String> = self.list(|backend| Some(backend.address.clone()));
            for address in known {
                let answer = client.get(format!("http://{address}/readyz")).send().await;
                let ready = answer.is_ok_and(|answer| answer.status() == 200);
                let mut backends = self.backends.lock().expect("nothing panics with it");
                backends.iter_mut().filter(|one| one.address == address).for_each(|one| one.ready = ready);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn list(&self, wanted: impl Fn(&Backend) -> Option<String>) -> Vec<String> {
        self.backends.lock().expect("nothing panics with it").iter().filter_map(wanted).collect()
    }

    async fn pass(&self, mut client: TcpStream) -> io::Result<()> {
        let ready = self.list(|backend| backend.ready.then(|| backend.address.clone()));
        let turn = usize::try_from(self.turn.fetch_add(1, Ordering::Relaxed)).unwrap_or_default();
        for step in 0..ready.len() {
            if let Ok(mut server) = TcpStream::connect(&ready[(turn + step) % ready.len()]).await {
                tokio::io::copy_bidirectional(&mut client, &mut server).await?;
                return Ok(());
            }
        }
        Ok(())
    }

    fn replace(&self, old: &str, new: String) {
        let mut backends = self.backends.lock().expect("nothing panics with it");
        backends.retain(|backend| backend.address != old);
        backends.push(Backend { address: new, ready: false });
    }
}

#[derive(Default)]
struct Seen {
    served: AtomicU64,
    /// No answer: the connection ended first.
    cut: AtomicU64,
    other: Mutex<Vec<String>>,
}

/// Restarts one process after the other, so many times.
pub async fn run(restarts: u32) -> Vec<String> {
    let world = World::begin();
    let session = world.session().await;
    let mut servers = vec![world.start_server(), world.start_server()];
    let addresses: Vec<String> = servers.iter().map(|(_, address)| address.clone()).collect();
    let switch = Switch::start(&addresses).await.expect("a port");
    let (seen, stop) = (Arc::<Seen>::default(), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let credentials = (session.clone(), world.token.clone());
            tokio::spawn(ask(number, switch.address.clone(), credentials, Arc::clone(&seen), Arc::clone(&stop)))
        })
        .collect();
    let mut broken = Vec::new();
    for _ in 0..restarts {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (mut old, address) = servers.remove(0);
        signal(&old, "TERM");
        let ended = tokio::task::block_in_place(|| old.wait().expect("it ends"));
        if !ended.success() {
            broken.push(format!("asked to stop, a process ended with {ended}"));
        }
        let next = tokio::task::block_in_place(|| world.start_server());
        switch.replace(&address, next.1.clone());
        servers.push(next);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client does not panic");
    }
    for (mut server, _) in servers {
        signal(&server, "TERM");
        server.wait().expect("it ends");
    }
    println!(
        "{restarts} restarts, {} answers of 2xx to one session and one token, {} connections asked again",
        seen.served.load(Ordering::Relaxed),
        seen.cut.load(Ordering::Relaxed)
    );
    broken.append(&mut seen.other.lock().expect("nothing panics with it"));
    broken.truncate(20);
    match world.verify() {
        Ok(report) if report["unfinished"] == 0 => {}
        Ok(report) => broken.push(format!("requests were left without an end: {}", report["unfinished"])),
        Err(why) => broken.push(why),
    }
    world.end();
    broken
}

/// One client: pages by session, JSON by token.
async fn ask(
    number: usize,
    address: String,
    (session, token): (String, String),
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let paths = ["/own", "/own/fam", "/own/fam/variants", "/api/v1/own/fam/variants"];
    let mut turn = number;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let path = paths[turn % paths.len()];
        let request = client.get(format!("http://{address}{path}"));
        let request = if path.starts_with("/api") {
            request.bearer_auth(&token)
        } else {
            request.header("cookie", format!("__Host-sid={session}"))
        };
        let answer = match request.send().await {
            Ok(answer) => Ok((answer.status(), answer.bytes().await)),
            Err(error) => Err(error),
        };
        match answer {
            Ok((status, Ok(_))) if status.is_success() => drop(seen.served.fetch_add(1, Ordering::Relaxed)),
            Ok((status, Ok(_))) => {
                seen.other.lock().expect("nothing panics with it").push(format!("{path} was answered with {status}"));
            }
            Ok((_, Err(error))) => {
                seen.other.lock().expect("nothing panics with it").push(format!("{path} ended in the middle: {error}"));
            }
            Err(_) => {
                seen.cut.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
