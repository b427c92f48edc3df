//! A door between the program and the database that does harm when told.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::doc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to commands. Handshakes and pings always pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Nothing.
    None,
    /// Each command waits so long.
    Delay(Duration),
    /// Writes are answered with "no space left".
    RefuseWrites,
    /// Every so many writes one is cut off before it reaches the database.
    LoseWrites(u64),
    /// Every so many writes one is carried out, and the connection is cut off before its answer.
    LoseAnswers(u64),
    /// Every so many writes the connection falls silent for good, and stays open: its other end is gone without a word.
    Deafen(u64),
    /// From the command of this number on nothing passes; that command itself is carried out or not.
    Hold {
        /// Commands before it, plus one.
        at: u64,
        /// Whether the database carries it out, without an answer.
        done: bool,
    },
}

/// What the answer to a request meets.
enum Fate {
    Cut,
    Hold,
}

struct Shared {
    target: String,
    harm: Mutex<Harm>,
    commands: AtomicU64,
    writes: AtomicU64,
    holding: watch::Sender<bool>,
}

/// A running door.
pub struct Proxy {
    /// The database's address through it.
    pub uri: String,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A door in front of a database server, open.
    pub async fn start(server: &str) -> Self {
        let target = server.split("//").nth(1).and_then(|rest| rest.split('/').next()).expect("a host and port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            harm: Mutex::new(Harm::None),
            commands: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            holding: watch::Sender::new(false),
        });
        let all = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&all);
                tokio::spawn(async move {
                    let _ = pass(client, &shared).await; // either side may leave
                });
            }
        });
        let uri = format!("mongodb://{address}/?directConnection=true&serverSelectionTimeoutMS=3000");
        Self { uri, shared }
    }

    /// From now on this happens.
    pub fn set(&self, harm: Harm) {
        *self.shared.harm.lock().expect("nothing panics with it") = harm;
    }

    /// Commands seen so far.
    pub fn commands(&self) -> u64 {
        self.shared.commands.load(Ordering::SeqCst)
    }

    /// Resolves when the command to be held has come.
    pub async fn held(&self) {
        let mut holding = self.shared.holding.subscribe();
        holding.wait_for(|holding| *holding).await.expect("the door is there");
    }
}

/// Passes messages both ways until one side ends, or harm is done.
async fn pass(client: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(&shared.target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let fates = Mutex::<HashMap<i32, Fate>>::default();
    let to_client = tokio::sync::Mutex::new(to_client);
    tokio::select! {
        ended = asked(from_client, to_server, &to_client, &fates, shared) => ended,
        ended = answered(from_server, &to_client, &fates, shared) => ended,
    }
}

async fn asked(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    back: &tokio::sync::Mutex<OwnedWriteHalf>,
    fates: &Mutex<HashMap<i32, Fate>>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let message = read(&mut from).await?;
        let id = number_at(&message, 4);
        let name = command_name(&message);
        if !matches!(name, "" | "hello" | "ping" | "isMaster" | "endSessions") {
            let count = shared.commands.fetch_add(1, Ordering::SeqCst) + 1;
            let writes = ["insert", "update", "delete", "findAndModify", "commitTransaction"].contains(&name);
            let nth = if writes { shared.writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
            let harm = *shared.harm.lock().expect("nothing panics with it");
            match harm {
                Harm::Delay(time) => tokio::time::sleep(time).await,
                Harm::RefuseWrites if writes => {
                    back.lock().await.write_all(&refusal(id)).await?;
                    continue;
                }
                Harm::LoseWrites(every) if writes && nth.is_multiple_of(every) => return Ok(()),
                Harm::Deafen(every) if writes && nth.is_multiple_of(every) => std::future::pending::<()>().await,
                Harm::LoseAnswers(every) if writes && nth.is_multiple_of(every) => {
                    fates.lock().expect("nothing panics with it").insert(id, Fate::Cut);
                }
                Harm::Hold { at, done: true } if count == at => {
                    fates.lock().expect("nothing panics with it").insert(id, Fate::Hold);
                }
                Harm::Hold { at, .. } if count >= at => {
                    if count == at {
                        shared.holding.send_replace(true);
                    }
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
        }
        to.write_all(&message).await?;
    }
}

async fn answered(
    mut from: OwnedReadHalf,
    to: &tokio::sync::Mutex<OwnedWriteHalf>,
    fates: &Mutex<HashMap<i32, Fate>>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let message = read(&mut from).await?;
        let fate = fates.lock().expect("nothing panics with it").remove(&number_at(&message, 8));
        match fate {
            Some(Fate::Cut) => return Ok(()),
            Some(Fate::Hold) => {
                shared.holding.send_replace(true);
                std::future::pending::<()>().await;
            }
            None => to.lock().await.write_all(&message).await?,
        }
    }
}

/// One message of the protocol: its length comes first, in four bytes.
async fn read(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 16];
    from.read_exact(&mut message).await?;
    let length = usize::try_from(number_at(&message, 0)).unwrap_or_default().max(16);
    message.resize(length, 0);
    from.read_exact(&mut message[16..]).await?;
    Ok(message)
}

fn number_at(message: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(message[at..at + 4].try_into().expect("four bytes"))
}

/// The first key of an `OP_MSG`'s document; empty for messages of other kinds.
fn command_name(message: &[u8]) -> &str {
    const OP_MSG: i32 = 2013;
    // Header 16, flags 4, section kind 1, document length 4, element type 1; then the key, ended by a zero.
    let key = message.get(26..).filter(|_| number_at(message, 12) == OP_MSG).unwrap_or_default();
    key.split(|byte| *byte == 0).next().and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default()
}

/// What a database says whose disk is full.
fn refusal(request: i32) -> Vec<u8> {
    let said = doc! { "ok": 0.0, "errmsg": "no space left on device", "code": 14_031, "codeName": "OutOfDiskSpace" };
    let document = said.to_vec().expect("a small document");
    let length = i32::try_from(16 + 5 + document.len()).expect("a small document");
    let mut message = Vec::new();
    for number in [length, 0, request, 2013, 0] {
        message.extend(number.to_le_bytes());
    }
    message.push(0);
    message.extend(document);
    message
}
