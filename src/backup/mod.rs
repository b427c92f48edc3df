//! Backups: the whole database at one moment, as files whose hashes are written down, and back again.
//!
//! A backup folder holds `manifest.json`, one `<collection>.bson.lz4` per collection (documents in the order of their ids,
//! in an LZ4 frame) and the trail's published checkpoints. Keys are not in it: they are kept apart.

mod restore;
mod save;

use std::path::Path;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use restore::{refuse_unfinished, restore};
pub use save::{copy_checkpoints, save};

const MANIFEST: &str = "manifest.json";
/// Folder of the trail's published checkpoints within a backup.
pub const CHECKPOINTS: &str = "checkpoints";
/// Layout of a backup folder.
const VERSION: u32 = 1;
/// Documents per insert and per read.
const BATCH: usize = 1_000;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of the folder.
    pub version: u32,
    /// When it was begun.
    pub created_at: Timestamp,
    /// Program version.
    pub program: String,
    /// The database it was made from.
    pub database: String,
    /// All collections, in alphabetical order.
    pub collections: Vec<SavedCollection>,
}

/// One collection of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCollection {
    /// Its name.
    pub name: String,
    /// How many documents it has.
    pub documents: u64,
    /// SHA-256 of all documents, one after the other, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads the manifest of a backup folder.
    ///
    /// # Errors
    /// When there is none, or it is of another layout.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("{} cannot be read; is {} a finished backup?", path.display(), folder.display())
        })?;
        let manifest: Self = serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        ensure!(
            manifest.version == VERSION,
            "this backup has layout {}; this program knows {VERSION}",
            manifest.version
        );
        Ok(manifest)
    }

    /// Documents of all collections.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.collections.iter().map(|collection| collection.documents).sum()
    }
}

fn file_of(folder: &Path, collection: &str) -> std::path::PathBuf {
    folder.join(format!("{collection}.bson.lz4"))
}
