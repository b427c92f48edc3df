//! `make chaos`: program and database are killed, stopped, starved and restarted under load; afterwards they are held to
//! what they promise. Ends with 1 when a promise was broken.
//!
//! `CHAOS_ROUNDS` says how many rounds (default 24, some minutes), `CHAOS_SEED` their order, `CHAOS_SCENES` which scenes are
//! played (default `blows,ledger,rolling,disk,alone,soak`).

mod alone;
mod blows;
mod disk;
mod ledger;
mod rolling;
mod soak;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

#[path = "../../tests/it/support/mod.rs"]
#[expect(dead_code, reason = "a part of what the tests use")]
mod support;

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
    let scenes = std::env::var("CHAOS_SCENES").unwrap_or_else(|_| "blows,ledger,rolling,disk,alone,soak".to_owned());
    let mut random = StdRng::seed_from_u64(seed);
    println!("seed {seed}");
    let mut broken = Vec::new();
    for scene in scenes.split(',') {
        let began = Instant::now();
        println!("== {scene}");
        let found = match scene {
            "blows" => blows::run(rounds, &mut random).await,
            "ledger" => ledger::run(rounds, &mut random).await,
            "rolling" => rolling::run(rounds / 4).await,
            "disk" => disk::run().await,
            "alone" => alone::run().await,
            "soak" => soak::run().await,
            other => vec![format!("there is no scene `{other}`")],
        };
        println!("{scene}: {} promises broken, {:.0?}", found.len(), began.elapsed());
        broken.extend(found);
    }
    broken
}
