//! The database: connection, embedded server, typed documents, index synchronisation, migrations.
//!
//! Only stores (one per collection) build queries, and they do it through [`Documents`].

mod documents;
pub mod embedded;
mod indexes;
pub mod migrations;
mod program;
pub mod rights;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::{Bson, RawDocumentBuf, doc};
use mongodb::error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, ClientSession};
use tracing::{debug, info};

pub use documents::{Documents, Stored, decode};
pub use indexes::{index, sync_indexes, unique_index};
pub use program::{SERVER_VERSION, find_program, install as install_server};

/// Looking through a collection for longer than this is logged.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or did not answer.
    #[error("the database did not carry out a command: {0}")]
    Database(#[from] mongodb::error::Error),
    /// A stored document is not what this version expects. Never skipped: a silently missing record is worse.
    #[error("document {id} in `{collection}` cannot be read: {reason}")]
    Unreadable {
        /// Collection of the document.
        collection: &'static str,
        /// Its `_id`.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value cannot be written as a document.
    #[error("a value for `{collection}` cannot be written: {reason}")]
    Unwritable {
        /// Collection it was meant for.
        collection: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else changed the document first.
    #[error("{0} was changed by somebody else in the meantime")]
    Conflict(&'static str),
    /// A failure that several requests waited for together.
    #[error(transparent)]
    Shared(Arc<StoreError>),
    /// The connection is there and nothing comes back on it. Whether the command was carried out is not known.
    #[error("the database did not answer within {0} s")]
    Silent(u64),
    /// A unique name is taken.
    #[error("{0} exists already")]
    Exists(&'static str),
}

impl StoreError {
    /// Whether a unique index refused the write (error 11000).
    #[must_use]
    pub fn is_duplicate(error: &mongodb::error::Error) -> bool {
        use mongodb::error::{ErrorKind, WriteFailure};
        match error.kind.as_ref() {
            ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == 11_000,
            ErrorKind::InsertMany(error) => error.write_errors.iter().flatten().any(|error| error.code == 11_000),
            ErrorKind::Command(error) => error.code == 11_000,
            _ => false,
        }
    }
}

/// A database of this program. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    database: mongodb::Database,
    client: Client,
    indexes_synced: Arc<AtomicBool>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("name", &self.database.name()).finish_non_exhaustive()
    }
}

/// How long a transaction waits for others to finish.
pub const TRANSACTION_PATIENCE: Duration = Duration::from_secs(60);

/// How long the end of a program waits for the driver to clean up.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Work that is stored as a whole or not at all.
///
/// A transaction that meets another one's unfinished work, also that of a process just killed, has to do its own work
/// again:
///
/// ```text
/// let mut transaction = db.begin().await?;
/// loop {
///     let work = change(&mut transaction.session).await;
///     if let Some(done) = transaction.end(work).await {
///         return done;
///     }
/// }
/// ```
pub struct Transaction {
    /// The session that the work's commands carry.
    pub session: ClientSession,
    began: std::time::Instant,
    pause: Duration,
}

impl Transaction {
    /// Commits when the work succeeded, and tells what became of it; `None` asks to do the work again, for at most
    /// [`TRANSACTION_PATIENCE`].
    pub async fn end<T>(&mut self, work: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        let failure = match work {
            Ok(done) => match self.commit().await {
                Ok(()) => return Some(Ok(done)),
                Err(error) => error,
            },
            Err(error) => {
                // The server forgets an unfinished transaction by itself; what counts is why the work failed.
                let _ = self.session.abort_transaction().await;
                error
            }
        };
        let passes =
            matches!(&failure, StoreError::Database(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR));
        if !passes || self.began.elapsed() > TRANSACTION_PATIENCE {
            return Some(Err(failure));
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_millis(500));
        self.session.start_transaction().await.err().map(|error| Err(error.into()))
    }

    /// Commits; an answer that got lost is asked for again, which is harmless.
    async fn commit(&mut self) -> Result<(), StoreError> {
        for _ in 0..3 {
            match self.session.commit_transaction().await {
                Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                other => return Ok(other?),
            }
        }
        Ok(self.session.commit_transaction().await?)
    }
}

/// Whether a change was stored, which it is not when somebody else was faster.
pub fn unless_conflict(written: Result<(), StoreError>) -> Result<bool, StoreError> {
    match written {
        Err(StoreError::Conflict(_)) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Is told each command sent to the database; tests count round trips with it.
pub type CommandSpy = Arc<dyn Fn(&CommandEvent) + Send + Sync>;

impl Db {
    /// Connects and waits until the server answers, at most ten seconds.
    pub async fn connect(uri: &str, name: &str, spy: Option<CommandSpy>) -> Result<Self, StoreError> {
        let mut options = ClientOptions::parse(uri).await?;
        options.app_name = Some("lodestone".to_owned());
        options.server_selection_timeout = Some(Duration::from_secs(10));
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        options.command_event_handler =
            spy.map(|spy| EventHandler::Callback(Arc::new(move |event: CommandEvent| spy(&event))));
        let client = Client::with_options(options)?;
        let database = client.database(name);
        database.run_command(doc! { "ping": 1 }).await?;
        Ok(Self { database, client, indexes_synced: Arc::default() })
    }

    /// Name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.database.name()
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.run_command(doc! { "ping": 1 }).await?;
        Ok(())
    }

    /// Reads each collection once. At the first query of a collection the embedded server looks through all of its documents,
    /// seconds for each million, to learn in which of its indexes a document stands more than once; nobody is to wait for
    /// that at a page.
    #[expect(clippy::disallowed_methods, reason = "nothing is read of what is stored")]
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        let mut names = self.database.list_collection_names().await?;
        names.retain(|name| !name.starts_with("system."));
        for name in names {
            let began = std::time::Instant::now();
            self.database.collection::<RawDocumentBuf>(&name).find_one(doc! { "_id": Bson::Null }).await?;
            if began.elapsed() > WORTH_A_LINE {
                info!("the database looked through {name} for {:.1} s", began.elapsed().as_secs_f64());
            }
        }
        Ok(())
    }

    /// Begins a transaction: all of its work is stored or none.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut session = self.client.start_session().await?;
        session.start_transaction().await?;
        Ok(Transaction { session, began: std::time::Instant::now(), pause: Duration::from_millis(5) })
    }

    /// Removes the whole database. Only for demo and test databases.
    pub async fn drop_database(&self) -> Result<(), StoreError> {
        self.database.drop().await?;
        self.indexes_synced.store(false, Ordering::Release);
        Ok(())
    }

    /// Ends all connections, after the driver has cleaned up behind cursors and transactions: tasks of its own that must
    /// not outlive the runtime. No other clone can be used from then on.
    pub async fn close(self) {
        if tokio::time::timeout(CLOSE_PATIENCE, self.client.shutdown()).await.is_err() {
            debug!("connections to the database were not closed in order within {} s", CLOSE_PATIENCE.as_secs());
        }
    }

    /// Whether there is any collection at all.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.database.list_collection_names().await?.is_empty())
    }

    /// The driver's handle, for migrations and backups, which work on whatever is there.
    pub(crate) fn raw(&self) -> &mongodb::Database {
        &self.database
    }

    /// From now on stores do not create indexes at first use.
    pub(crate) fn mark_indexes_synced(&self) {
        self.indexes_synced.store(true, Ordering::Release);
    }

    pub(crate) fn indexes_synced(&self) -> bool {
        self.indexes_synced.load(Ordering::Acquire)
    }
}
