//! Opening the database for a command.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bson::doc;

use super::{Globals, SystemScope};
use crate::app::AppState;
use crate::audit::{Agent, AuditKeys, AuditStore, AuditWriter, Entry, EntryKind, Outcome, Payload};
use crate::auth::Keyring;
use crate::backup;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::embedded::{Lease, ServerOptions};
use crate::db::{Db, find_program, migrations, sync_indexes};
use crate::events::Actor;

/// An open database; the lease keeps the embedded server running.
pub(super) struct Open {
    pub db: Db,
    pub lease: Option<Lease>,
}

impl Open {
    /// Does the work, and meanwhile starts the embedded server again should it end.
    pub async fn looked_after<T>(&self, work: impl Future<Output = T>) -> T {
        let Some(lease) = &self.lease else { return work.await };
        tokio::select! {
            done = work => done,
            never = lease.keep_running() => match never {},
        }
    }

    /// The database as the process that serves pages has it: on the embedded server as a user who cannot change what was
    /// recorded; elsewhere as the user of `database.uri`. Indexes are there before, and each collection was read once.
    pub async fn for_serving(&self) -> anyhow::Result<Db> {
        sync_indexes(&self.db).await?;
        self.db.warm_up().await?;
        let Some(lease) = &self.lease else { return Ok(self.db.clone()) };
        let uri = lease.serving_uri(self.db.name()).await?;
        let db = Db::connect(&uri, self.db.name(), None).await.context("connecting to serve pages")?;
        db.mark_indexes_synced();
        Ok(db)
    }

    /// Closes the connections, gives the lease back and says when that fails. Every command ends here, also one that failed.
    pub async fn close(self) {
        self.db.close().await;
        if let Some(lease) = self.lease
            && let Err(error) = lease.release()
        {
            tracing::warn!("the embedded database server was not stopped: {error:#}");
        }
    }
}

/// The folder of a process's files.
pub(super) fn data_dir(globals: &Globals) -> anyhow::Result<PathBuf> {
    match &globals.data_dir {
        Some(dir) => std::path::absolute(dir).with_context(|| format!("--data-dir {}", dir.display())),
        None => Ok(dirs::data_dir().context("no data folder: set HOME, or give --data-dir")?.join("lodestone")),
    }
}

/// Connects to the configured MongoDB, or to the embedded server of `data`.
pub(super) async fn connect(config: &Config, data: &std::path::Path, name: &str) -> anyhow::Result<Open> {
    if !config.database.uri.is_empty() {
        let db = Db::connect(&config.database.uri, name, None).await.context(
            "connecting to the MongoDB of database.uri; check the address, the user and that it is a replica set",
        )?;
        return Ok(Open { db, lease: None });
    }
    let options = ServerOptions {
        program: find_program(&config.database.server_program)?,
        cache_size: config.database.cache_size.clone(),
        sync_on_commit: config.database.sync_on_commit,
        log_file_max: "64MB",
    };
    let lease = Lease::acquire(data, &options).await?;
    let db = Db::connect(lease.uri(), name, None).await.context("connecting to the embedded database server")?;
    Ok(Open { db, lease: Some(lease) })
}

/// Connects as the user who may change and remove entries of the trail.
pub(super) async fn connect_for_upkeep(config: &Config, data: &std::path::Path) -> anyhow::Result<Open> {
    if config.database.uri.is_empty() {
        return connect(config, data, &config.database.name).await;
    }
    if config.audit.upkeep_uri.is_empty() {
        bail!(
            "set LODESTONE_AUDIT__UPKEEP_URI to a database user who may change and remove entries of the trail; the user of database.uri should not"
        );
    }
    let db = Db::connect(&config.audit.upkeep_uri, &config.database.name, None)
        .await
        .context("connecting to the MongoDB of audit.upkeep_uri")?;
    Ok(Open { db, lease: None })
}

/// Whether the database says that it is a demo.
pub(super) async fn is_demo(db: &Db) -> anyhow::Result<bool> {
    let answer = db.raw().run_command(doc! { "find": "meta", "filter": { "_id": "product" }, "limit": 1 }).await?;
    let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).map(Vec::as_slice);
    Ok(batch
        .unwrap_or_default()
        .first()
        .and_then(|product| product.as_document())
        .is_some_and(|product| product.get_bool("demo").unwrap_or(false)))
}

/// Migrates a new database; refuses one that has to be migrated on purpose, and one of a newer program.
pub(super) async fn ready(db: &Db, clock: &Clock) -> anyhow::Result<()> {
    backup::refuse_unfinished(db).await?;
    let newest = migrations::all()?.last().map_or(0, |migration| migration.number);
    migrations::refuse_newer(db, newest).await?;
    match migrations::version(db).await? {
        0 => migrations::migrate(db, clock).await.map(drop),
        present if present < newest => {
            bail!("database {} is at migration {present} of {newest}: run `lodestone migrate` first", db.name())
        }
        _ => Ok(()),
    }
}

/// Whether the machine's clock is where the trail was signed last, or later; in words what is wrong when it is not.
pub(super) async fn clock_passed_the_trail(db: &Db, clock: &Clock) -> anyhow::Result<String> {
    let now = clock.now();
    if let Some(at) = AuditStore::new(db).signed_in_the_future(now).await? {
        bail!(
            "it says {now:.0}, but the audit trail was signed at {at:.0}: set the clock, and see to what sets it, since codes \
             of authenticators, ends of sessions and times of entries go by it"
        )
    }
    Ok(format!("{now:.0}, not behind the audit trail"))
}

/// Opens everything for one command, carries it out, writes its audit entry, closes everything.
pub(super) async fn with_app(
    globals: &Globals,
    config: Config,
    command: &'static str,
    work: impl AsyncFnOnce(&AppState, &SystemScope) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let clock = Clock::system();
    let data = data_dir(globals)?;
    let open = connect(&config, &data, &config.database.name).await?;
    let done = async {
        ready(&open.db, &clock).await?;
        let demo = is_demo(&open.db).await?;
        let audit = audit_writer(&config, &data, &open.db, &clock)?;
        let keyring = Keyring::open(&config.audit.keys_folder(&data))?;
        let app = AppState::new(config, clock, open.db.clone(), demo, audit, keyring);
        let scope = SystemScope::new();
        let done = work(&app, &scope).await;
        record(&app.audit, &app.clock, command, &scope, done.is_ok()).await;
        done
    }
    .await;
    open.close().await;
    done
}

/// Starts the trail's writer with the keys and folders of a data folder.
pub(super) fn audit_writer(
    config: &Config,
    data: &std::path::Path,
    db: &Db,
    clock: &Clock,
) -> anyhow::Result<AuditWriter> {
    let keys = AuditKeys::open(&config.audit.keys_folder(data))?;
    Ok(AuditWriter::start(db, clock, keys, config.audit.checkpoints_folder(data, db.name())))
}

/// One audit entry per command, under a signed checkpoint.
pub(super) async fn record(audit: &AuditWriter, clock: &Clock, command: &str, scope: &SystemScope, well: bool) {
    let facts = scope.trail().collected();
    let entry = Entry {
        kind: EntryKind::Outcome,
        command: Some(command.to_owned()),
        agent: Some(Agent { user: None, name: actor().name, via: "command".to_owned(), role: None }),
        institute: facts.institute,
        outcome: Some(if well { Outcome::Success } else { Outcome::ClientError }),
        rows: facts.rows,
        exported: facts.exported,
        payload: Some(Payload { subjects: facts.subjects, ..Payload::default() }),
        ..Entry::new(clock.now(), &uuid::Uuid::now_v7().to_string())
    };
    if let Ok(place) = audit.reserve() {
        place.write_later(entry);
    }
    audit.flush(std::time::Duration::from_secs(10)).await;
}

/// Who runs a command: the account on the machine.
pub(super) fn actor() -> Actor {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    Actor { user: None, name: format!("{name} (command line)") }
}
