//! Where the writing task leaves a log: the database and the folder beside it, or nowhere.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use bson::RawDocumentBuf;

use super::checkpoint::{self, StoredCheckpoint};
use super::entry::Head;
use super::store::{AuditStore, LogHead};
use crate::db::StoreError;

/// How long the database may be silent. A connection whose other end is gone without a word would hold up the trail, and
/// all patient data with it, until the operating system gives it up; the command is repeated on another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the writing task needs of the place where a log is kept. Each call may fail and is tried again by the task, also
/// when it was carried out and only its answer was lost.
pub(super) trait Keep: Send + Sync + 'static {
    /// Remembers a log that is about to begin, so that the next one names it however it ends.
    fn begin(&self, head: &LogHead) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Stores sealed entries; those that are there already are not stored twice.
    fn append(&self, entries: &[RawDocumentBuf]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// How far the logs had come that no other log names.
    fn unnamed_heads(&self) -> impl Future<Output = Result<Vec<Head>, StoreError>> + Send;
    /// Remembers that these are named now.
    fn mark_named(&self, heads: &[Head]) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Stores a checkpoint and where its log stands.
    fn checkpoint(
        &self,
        checkpoint: &StoredCheckpoint,
        head: &LogHead,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Leaves a signed note outside the database.
    fn publish(&self, log_id: &str, note: String) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// Waits before the next try.
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(time)
    }
}

/// The trail's collections, and the folder of checkpoints outside the database.
pub(super) struct Database {
    pub(super) store: AuditStore,
    pub(super) folder: PathBuf,
}

async fn answered<T>(command: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, command).await.unwrap_or(Err(StoreError::Silent(PATIENCE.as_secs())))
}

impl Keep for Database {
    async fn begin(&self, head: &LogHead) -> Result<(), StoreError> {
        answered(self.store.begin(head)).await
    }

    async fn append(&self, entries: &[RawDocumentBuf]) -> Result<(), StoreError> {
        // The first time, and without a limit: a new version may bring an index, which takes a large trail long.
        self.store.prepare().await?;
        answered(self.store.append(entries)).await
    }

    async fn unnamed_heads(&self) -> Result<Vec<Head>, StoreError> {
        answered(self.store.unnamed_heads()).await
    }

    async fn mark_named(&self, heads: &[Head]) -> Result<(), StoreError> {
        answered(self.store.mark_named(heads)).await
    }

    async fn checkpoint(&self, checkpoint: &StoredCheckpoint, head: &LogHead) -> Result<(), StoreError> {
        answered(self.store.checkpoint(checkpoint, head)).await
    }

    async fn publish(&self, log_id: &str, note: String) -> anyhow::Result<()> {
        let (folder, log_id) = (self.folder.clone(), log_id.to_owned());
        tokio::task::spawn_blocking(move || checkpoint::publish(&folder, &log_id, &note))
            .await
            .context("waiting for the checkpoint folder")?
    }
}

/// Entries and checkpoints are made and dropped: what measurements compare with.
pub(super) struct Nowhere;

impl Keep for Nowhere {
    async fn begin(&self, _: &LogHead) -> Result<(), StoreError> {
        Ok(())
    }

    async fn append(&self, _: &[RawDocumentBuf]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn unnamed_heads(&self) -> Result<Vec<Head>, StoreError> {
        Ok(Vec::new())
    }

    async fn mark_named(&self, _: &[Head]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn checkpoint(&self, _: &StoredCheckpoint, _: &LogHead) -> Result<(), StoreError> {
        Ok(())
    }

    async fn publish(&self, _: &str, _: String) -> anyhow::Result<()> {
        Ok(())
    }
}
