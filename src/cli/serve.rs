use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use super::{Command, Globals, SystemScope, open};
use crate::app::{self, AppState};
use crate::audit::{flags, verification};
use crate::auth::Keyring;
use crate::clock::Clock;
use crate::config::{Config, LogFormat};
use crate::db::migrations;
use crate::mail::delivery;

/// Log lines go to standard error, so that standard output holds results only.
pub(super) fn start_logging(config: &Config, command: &Command) {
    let long_running = matches!(command, Command::Serve { .. } | Command::Demo { .. });
    let filter = if long_running { config.log.filter.as_str() } else { "warn" };
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second command in one process (tests) keeps the first one's subscriber.
    let _ = match config.log.format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Text => lines.try_init(),
    };
}

/// Resolves when the process is asked to end.
pub(super) async fn asked_to_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler can be installed");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a signal handler can be installed");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // A second request ends the process at once.
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
}

/// Takes the port, and puts the address that was taken into the configuration: forms are checked against it.
pub(super) async fn listen(config: &mut Config, wanted: Option<SocketAddr>) -> anyhow::Result<TcpListener> {
    let wanted = wanted.unwrap_or(config.server.listen);
    let listener = TcpListener::bind(wanted).await.with_context(|| {
        format!("listening on {wanted}; another program may use the port: choose one with --listen")
    })?;
    config.server.listen = listener.local_addr().context("reading the address")?;
    Ok(listener)
}

/// `lodestone serve`
pub(super) async fn serve(globals: &Globals, mut config: Config, wanted: Option<SocketAddr>) -> anyhow::Result<()> {
    let listener = listen(&mut config, wanted).await?;
    let clock = Clock::system();
    let data = open::data_dir(globals)?;
    let open = open::connect(&config, &data, &config.database.name).await?;
    let served = async {
        if open::is_demo(&open.db).await? {
            bail!("database {} is a demo; serve it with `lodestone demo`", open.db.name());
        }
        if config.database.migrate_on_serve {
            migrations::migrate(&open.db, &clock).await?;
        } else {
            open::ready(&open.db, &clock).await?;
        }
        if let Err(behind) = open::clock_passed_the_trail(&open.db, &clock).await {
            warn!("{behind:#}");
        }
        let db = open.for_serving().await?;
        let audit = open::audit_writer(&config, &data, &db, &clock)?;
        let keyring = Keyring::open(&config.audit.keys_folder(&data))?;
        let app = AppState::new(config, clock, db.clone(), false, audit, keyring);
        open::record(&app.audit, &app.clock, "serve", &SystemScope::new(), true).await;
        let served = run(app, listener, &data).await;
        db.close().await;
        served
    };
    let served = open.looked_after(Box::pin(served)).await;
    open.close().await;
    served
}

/// Serves until asked to stop.
pub(super) async fn run(app: AppState, listener: TcpListener, data: &Path) -> anyhow::Result<()> {
    if let Ok(metrics) = app.config.server.metrics_listen.parse() {
        app::serve_metrics(metrics).await?;
    }
    let address = app.config.server.listen;
    info!(%address, "Lodestone {} serves on http://{address}", env!("CARGO_PKG_VERSION"));
    let keys = app.config.audit.keys_folder(data);
    let outside = app.config.audit.checkpoints_folder(data, app.db.name());
    let watches = [flags::runner::watch(&app), verification::watch(&app, keys, outside), delivery::watch(&app)];
    app::serve(app, listener, asked_to_stop()).await;
    watches.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}
