//! C1 to C3: clients append numbered edits while program and database are killed and stopped. What was acknowledged is in
//! the history, what is in the history was sent, once and in order, and replaying it gives what is stored.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bson::doc;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::support::ledger::Arena;
use crate::world::{Process, World, signal};

const CLIENTS: usize = 8;
/// Longer than clients wait: they have gone elsewhere when the stopped process comes back.
const STANDSTILL: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Blow {
    /// C1
    KillServer,
    /// C2
    KillDatabase,
    KillBoth,
    /// C3: stopped in the middle of edits, while another process takes over; then it comes back.
    Zombie,
}

/// Strikes under edits, then compares ledger, history and document.
pub async fn run(rounds: u32, random: &mut StdRng) -> Vec<String> {
    let mut world = World::begin();
    let (mut server, address) = world.start_server();
    let arena = Arena::new(world.session().await, vec![address]);
    let clients: Vec<_> = (0..CLIENTS).map(|client| tokio::spawn(Arc::clone(&arena).edit(client))).collect();
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(random.random_range(500..2_500))).await;
        let kills = [Blow::KillServer, Blow::KillServer, Blow::KillDatabase, Blow::KillBoth];
        let blow = if round % 8 == 3 { Blow::Zombie } else { *kills.choose(random).expect("there are blows") };
        server = strike(&mut world, &arena, server, blow).await;
        println!("round {round:>3}: {blow:?}");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    arena.open.store(false, Ordering::SeqCst);
    let mut broken = Vec::new();
    for client in clients {
        if let Err(error) = client.await {
            broken.push(format!("a client failed: {error}"));
        }
    }
    signal(&server, "TERM");
    server.wait().expect("it ends");
    let institutes = world.documents("institutes", doc! {}).await;
    match arena.check(world.documents("events", doc! {}).await, &institutes[0]) {
        Ok(figures) => println!("{figures}"),
        Err(why) => broken.push(why),
    }
    broken.extend(world.verify().err());
    world.end();
    broken
}

/// One blow; the process that serves afterwards.
async fn strike(world: &mut World, arena: &Arena, mut server: Process, blow: Blow) -> Process {
    let move_to = |addresses: &[&String]| {
        *arena.addresses.lock().expect("nothing panics with it") = addresses.iter().map(|one| (*one).clone()).collect();
    };
    if blow == Blow::Zombie {
        let before = arena.addresses.lock().expect("nothing panics with it").clone();
        let (other, address) = world.start_server();
        move_to(&[&before[0], &address]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        signal(&server, "STOP");
        tokio::time::sleep(Duration::from_millis(200)).await;
        move_to(&[&address]);
        tokio::time::sleep(STANDSTILL).await;
        signal(&server, "CONT");
        move_to(&[&before[0], &address]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        move_to(&[&address]);
        signal(&server, "TERM");
        tokio::task::block_in_place(|| server.wait().expect("it ends"));
        return other;
    }
    if blow != Blow::KillDatabase {
        signal(&server, "KILL");
        server.wait().expect("it ends");
    }
    if blow != Blow::KillServer {
        world.kill_database();
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.revive_database();
    }
    if blow == Blow::KillDatabase {
        return server;
    }
    let (next, address) = world.start_server();
    move_to(&[&address]);
    next
}
