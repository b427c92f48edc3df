//! The `lodestone` program; everything it does is in the library.

use std::process::ExitCode;

use clap::Parser as _;
use lodestone::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Two TLS stacks' worth of features meet in the driver's tree: say which one counts, before any connection.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("lodestone: a TLS provider was installed before the program began");
        return ExitCode::from(1);
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(cli::run(cli)),
        Err(error) => {
            eprintln!("lodestone: the asynchronous runtime did not start: {error}");
            ExitCode::from(1)
        }
    }
}
