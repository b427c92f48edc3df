//! Checkpoints: the head of one log, signed, in the text format of signed notes (C2SP signed-note, tlog-checkpoint).

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use bson::doc;
use data_encoding::BASE64;
use jiff::Timestamp;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::chain::Hash;
use super::keys::{Signer, VerifierKey};
use crate::db::{Stored, index};

/// What every origin begins with; the log's id follows.
const ORIGIN: &str = "lodestone/audit/";

/// How far a log had come, and what its chain was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub log_id: String,
    /// Number of entries so far; the last one's sequence number is one less.
    pub size: i64,
    /// The chain's value after the last entry.
    pub head: Hash,
    /// When it was signed, by the clock of the process that wrote the log.
    pub at: Timestamp,
}

/// A checkpoint as it stands in the database. Appended, never changed.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCheckpoint {
    /// `<log>-<size>`
    #[serde(rename = "_id")]
    pub id: String,
    /// The log.
    pub log_id: String,
    /// Number of entries it covers.
    pub size: i64,
    /// The signed note.
    pub note: String,
    /// When it was signed; those of the first versions say so in their note only.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Entries since the log's checkpoint before: how dense the trail is here, without looking at entries.
    #[serde(default)]
    pub entries: i64,
}

impl Stored for StoredCheckpoint {
    const COLLECTION: &'static str = "audit_checkpoints";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_log", doc! { "log_id": 1, "size": -1 }), index("by_time", doc! { "at": -1 })]
    }
}

impl Checkpoint {
    /// The note: origin, size, head, time; an empty line; a signature.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> String {
        let text =
            format!("{ORIGIN}{}\n{}\n{}\nat {:.3}\n", self.log_id, self.size, BASE64.encode(&self.head), self.at);
        let signature = signer.sign(&text);
        format!("{text}\n{signature}")
    }

    /// Reads a note, when one of the keys signed it.
    ///
    /// # Errors
    /// When it is malformed or no known key signed it.
    pub fn open(note: &str, keys: &[VerifierKey]) -> anyhow::Result<Self> {
        let (text, signatures) = note.split_once("\n\n").context("it has no signature")?;
        let text = format!("{text}\n");
        ensure!(
            signatures.lines().any(|line| keys.iter().any(|key| key.verifies(&text, line))),
            "no known key signed it"
        );
        let mut lines = text.lines();
        let mut next = || lines.next().context("a line is missing");
        let log_id = next()?.strip_prefix(ORIGIN).context("it is not about an audit log")?.to_owned();
        let size: i64 = next()?.parse().context("its size is not a number")?;
        ensure!(size > 0, "it covers nothing");
        let head = BASE64.decode(next()?.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let head = head.context("its head is not a hash")?;
        let at = next()?.strip_prefix("at ").and_then(|time| time.parse().ok()).context("its time is not a time")?;
        Ok(Self { log_id, size, head, at })
    }
}

impl StoredCheckpoint {
    /// The document of a signed checkpoint over `entries` more than the one before.
    #[must_use]
    pub fn new(checkpoint: &Checkpoint, note: String, entries: i64) -> Self {
        Self {
            id: format!("{}-{:012}", checkpoint.log_id, checkpoint.size),
            log_id: checkpoint.log_id.clone(),
            size: checkpoint.size,
            note,
            at: Some(checkpoint.at),
            entries,
        }
    }
}

/// Appends a note to its log's file in a folder outside the database, and waits for the disk.
///
/// # Errors
/// When the folder or file cannot be written.
pub fn publish(folder: &Path, log_id: &str, note: &str) -> anyhow::Result<()> {
    let append = || {
        std::fs::create_dir_all(folder)?;
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(folder.join(format!("{log_id}.notes")))?;
        let before = file.metadata()?.len();
        let written = file.write_all(format!("{note}\n").as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            file.set_len(before)?; // the next note must not follow a part of this one
        }
        written
    };
    append().with_context(|| format!("writing a checkpoint to {}", folder.display()))
}

/// All notes of a checkpoint folder.
///
/// # Errors
/// When the folder or a file cannot be read.
pub fn published(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("reading the checkpoint folder {}", folder.display()))?
        .into_iter()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "notes"))
        .collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        notes.extend(split_notes(&text));
    }
    Ok(notes)
}

/// Published notes of one log that cover more than `size` entries, and those that cannot be read as notes.
///
/// # Errors
/// When the log's file is there and cannot be read.
pub(super) fn published_of(folder: &Path, log_id: &str, size: i64) -> anyhow::Result<Vec<String>> {
    let path = folder.join(format!("{log_id}.notes"));
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.with_context(|| format!("reading {}", path.display()))?,
    };
    let covered = |note: &str| note.lines().nth(1).and_then(|line| line.parse::<i64>().ok());
    Ok(split_notes(&text).into_iter().filter(|note| covered(note).is_none_or(|covered| covered > size)).collect())
}

/// A note ends where, after its signature lines, an empty line follows.
fn split_notes(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = String::new();
    let mut signed = false;
    for line in text.lines() {
        if line.is_empty() && signed {
            notes.push(std::mem::take(&mut note));
            signed = false;
            continue;
        }
        signed |= line.starts_with("— ");
        note.push_str(line);
        note.push('\n');
    }
    if !note.trim().is_empty() {
        notes.push(note);
    }
    notes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::keys::AuditKeys;

    fn checkpoint(size: i64) -> Checkpoint {
        Checkpoint { log_id: "abc".into(), size, head: [5; 32], at: "2026-01-02T03:04:05.678Z".parse().unwrap() }
    }

    #[test]
    fn a_note_is_read_back_and_any_change_breaks_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = AuditKeys::open(folder.path()).unwrap();
        let known = [keys.signer.verifier().clone()];
        let note = checkpoint(3).sign(&keys.signer);
        assert_eq!(Checkpoint::open(&note, &known).unwrap(), checkpoint(3));
        assert!(Checkpoint::open(&note, &[]).is_err());
        for at in 0..note.len() {
            let mut changed = note.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(Checkpoint::open(&changed, &known).is_err(), "byte {at} of {note:?}");
        }
    }

    #[test]
    fn a_folder_gives_back_all_notes() {
        let folder = tempfile::tempdir().unwrap();
        let keys = AuditKeys::open(&folder.path().join("keys")).unwrap();
        let notes: Vec<String> = (1..4).map(|size| checkpoint(size).sign(&keys.signer)).collect();
        for note in &notes {
            publish(&folder.path().join("notes"), "abc", note).unwrap();
        }
        assert_eq!(published(&folder.path().join("notes")).unwrap(), notes);
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_note(text in any::<String>()) {
            let known: [VerifierKey; 0] = [];
            prop_assert!(Checkpoint::open(&text, &known).is_err());
            split_notes(&text);
        }
    }
}
