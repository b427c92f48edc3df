use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use bson::{RawDocumentBuf, doc};
use data_encoding::HEXLOWER;
use futures::TryStreamExt as _;
use lz4_flex::frame::FrameDecoder;
use mongodb::Collection;
use sha2::{Digest as _, Sha256};

use super::{BATCH, Manifest, SavedCollection, file_of};
use crate::db::{Db, sync_indexes};

/// Largest document a MongoDB stores, in bytes, with some room.
const LARGEST: usize = 17 * 1024 * 1024;
const META: &str = "meta";
/// Stands in `meta` while a restore is under way.
const UNFINISHED: &str = "restoring";

/// Refuses a database that holds half a restore.
///
/// # Errors
/// When it does, or the database does not answer.
pub async fn refuse_unfinished(db: &Db) -> anyhow::Result<()> {
    let mark = raw(db, META).find_one(doc! { "_id": UNFINISHED }).await.context("reading the database's marks")?;
    ensure!(mark.is_none(), "a restore into database {} was interrupted; run `lodestone restore` again", db.name());
    Ok(())
}

/// Puts a backup into an empty database, or into one that an interrupted restore left.
///
/// All files are held against their hashes before anything is written; afterwards everything is read back and held
/// against them once more.
///
/// # Errors
/// When the backup is damaged, the database is not empty, or what was stored does not read back the same.
pub async fn restore(db: &Db, folder: &Path) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read(folder)?;
    for saved in &manifest.collections {
        check_file(folder, saved)?;
    }
    let interrupted =
        raw(db, META).find_one(doc! { "_id": UNFINISHED }).await.context("reading the database's marks")?;
    if interrupted.is_some() {
        db.drop_database().await?;
    } else if !db.is_empty().await? {
        bail!(
            "database {} is not empty; restore into a new one (--data-dir, or database.name) and look at it before you change over",
            db.name()
        );
    }
    let mark = bson::rawdoc! { "_id": UNFINISHED };
    raw(db, META).insert_one(mark).await.context("marking the database")?;
    // Before the documents: the embedded server does not come to an end with an index over the subjects of a hundred
    // thousand entries that are there already.
    sync_indexes(db).await?;
    for saved in &manifest.collections {
        put_back(&raw(db, &saved.name), folder, saved).await.with_context(|| format!("restoring {}", saved.name))?;
    }
    for saved in &manifest.collections {
        let (documents, sha256) = hash_of(&raw(db, &saved.name)).await?;
        ensure!(
            documents == saved.documents && sha256 == saved.sha256,
            "{} does not read back as it was saved: {documents} documents of {}",
            saved.name,
            saved.documents
        );
    }
    raw(db, META).delete_one(doc! { "_id": UNFINISHED }).await.context("taking the mark away")?;
    Ok(manifest)
}

#[expect(clippy::disallowed_methods, reason = "a restore writes every collection as it was, whoever owns it")]
fn raw(db: &Db, name: &str) -> Collection<RawDocumentBuf> {
    db.raw().collection(name)
}

fn open(folder: &Path, name: &str) -> anyhow::Result<FrameDecoder<BufReader<File>>> {
    let path = file_of(folder, name);
    let file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(FrameDecoder::new(BufReader::new(file)))
}

fn check_file(folder: &Path, saved: &SavedCollection) -> anyhow::Result<()> {
    let mut file = open(folder, &saved.name)?;
    let mut hash = Sha256::new();
    let mut documents = 0;
    while let Some(document) = next_document(&mut file).with_context(|| format!("{} is damaged", saved.name))? {
        hash.update(document.as_bytes());
        documents += 1;
    }
    ensure!(
        documents == saved.documents && HEXLOWER.encode(&hash.finalize()) == saved.sha256,
        "the file of {} is not the one that was saved; nothing was restored",
        saved.name
    );
    Ok(())
}

/// The next document of a stream: its length stands in its first four bytes (BSON specification 1.1).
fn next_document(file: &mut impl Read) -> anyhow::Result<Option<RawDocumentBuf>> {
    let mut length = [0; 4];
    let mut got = 0;
    while got < 4 {
        match file.read(&mut length[got..])? {
            0 if got == 0 => return Ok(None),
            0 => bail!("it ends within a document"),
            read => got += read,
        }
    }
    let size = usize::try_from(i32::from_le_bytes(length)).unwrap_or(0);
    ensure!((5..=LARGEST).contains(&size), "a document has the length {size}");
    let mut bytes = vec![0; size];
    bytes[..4].copy_from_slice(&length);
    file.read_exact(&mut bytes[4..]).context("it ends within a document")?;
    Ok(Some(RawDocumentBuf::from_bytes(bytes)?))
}

async fn put_back(
    collection: &Collection<RawDocumentBuf>,
    folder: &Path,
    saved: &SavedCollection,
) -> anyhow::Result<()> {
    let mut file = open(folder, &saved.name)?;
    let mut batch = Vec::with_capacity(BATCH);
    let mut bytes = 0;
    loop {
        let document = next_document(&mut file)?;
        let ended = document.is_none();
        if let Some(document) = document {
            bytes += document.as_bytes().len();
            batch.push(document);
        }
        if batch.len() == BATCH || bytes > LARGEST || (ended && !batch.is_empty()) {
            collection.insert_many(&batch).await?;
            batch.clear();
            bytes = 0;
        }
        if ended {
            return Ok(());
        }
    }
}

async fn hash_of(collection: &Collection<RawDocumentBuf>) -> anyhow::Result<(u64, String)> {
    let mut cursor = collection.find(doc! { "_id": { "$ne": UNFINISHED } }).sort(doc! { "_id": 1 }).await?;
    let mut hash = Sha256::new();
    let mut documents = 0;
    while let Some(document) = cursor.try_next().await? {
        hash.update(document.as_bytes());
        documents += 1;
    }
    Ok((documents, HEXLOWER.encode(&hash.finalize())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes.as_slice();
            while let Ok(Some(_)) = next_document(&mut bytes) {}
        }
    }
}
