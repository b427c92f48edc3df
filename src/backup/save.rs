use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use bson::{RawDocumentBuf, doc};
use data_encoding::HEXLOWER;
use lz4_flex::frame::FrameEncoder;
use mongodb::{ClientSession, Collection};
use sha2::{Digest as _, Sha256};

use super::{BATCH, CHECKPOINTS, MANIFEST, Manifest, SavedCollection, VERSION, file_of};
use crate::clock::Clock;
use crate::db::Db;

/// Name of the replica set that the embedded server says it is.
const EMBEDDED_SET: &str = "secantus";

/// Writes all collections as they are at one moment into a new folder, while the database goes on being used.
///
/// The manifest is written last: a folder without one is no backup.
///
/// # Errors
/// When the folder is not empty or cannot be written, or the database does not answer.
pub async fn save(db: &Db, clock: &Clock, checkpoints: &Path, folder: &Path) -> anyhow::Result<Manifest> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let empty = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?.next().is_none();
    ensure!(empty, "{} is not empty; name a new folder for each backup", folder.display());
    let created_at = clock.now();
    let mut names = db.raw().list_collection_names().await.context("listing the collections")?;
    names.retain(|name| !name.starts_with("system."));
    names.sort();
    // Before the database: what is signed while it is read is not in this backup.
    copy_checkpoints(checkpoints, &folder.join(CHECKPOINTS)).context("saving the trail's checkpoints")?;
    let mut session = one_moment(db).await.context("beginning to read the database at one moment")?;
    let mut collections = Vec::with_capacity(names.len());
    for name in names {
        #[expect(clippy::disallowed_methods, reason = "a backup takes every collection as it is, whoever owns it")]
        let collection = db.raw().collection(&name);
        collections.push(
            collection_to_file(&collection, &mut session, folder).await.with_context(|| format!("saving {name}"))?,
        );
    }
    let manifest = Manifest {
        version: VERSION,
        created_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        database: db.name().to_owned(),
        collections,
    };
    let draft = folder.join("manifest.json.new");
    let mut file = File::create(&draft)?;
    file.write_all(serde_json::to_string_pretty(&manifest)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(MANIFEST))?;
    File::open(folder)?.sync_all()?;
    Ok(manifest)
}

/// A session whose reads all see the database as it was at the first one.
///
/// MongoDB has snapshot sessions for that; a transaction would end after a minute. The embedded server accepts a
/// snapshot session but reads the present all the same, while its transactions have no such limit.
async fn one_moment(db: &Db) -> mongodb::error::Result<ClientSession> {
    let hello = db.raw().run_command(doc! { "hello": 1 }).await?;
    if hello.get_str("setName").is_ok_and(|name| name == EMBEDDED_SET) {
        let mut session = db.raw().client().start_session().await?;
        session.start_transaction().await?;
        return Ok(session);
    }
    db.raw().client().start_session().snapshot(true).await
}

async fn collection_to_file(
    collection: &Collection<RawDocumentBuf>,
    session: &mut ClientSession,
    folder: &Path,
) -> anyhow::Result<SavedCollection> {
    let name = collection.name().to_owned();
    let path = file_of(folder, &name);
    let file = File::create_new(&path).with_context(|| format!("writing {}", path.display()))?;
    let mut out = FrameEncoder::new(BufWriter::new(file));
    let mut hash = Sha256::new();
    let mut documents = 0;
    let batch = u32::try_from(BATCH).unwrap_or(u32::MAX);
    let mut cursor = collection.find(doc! {}).sort(doc! { "_id": 1 }).batch_size(batch).session(&mut *session).await?;
    while let Some(document) = cursor.next(session).await {
        let document = document?;
        hash.update(document.as_bytes());
        out.write_all(document.as_bytes())?;
        documents += 1;
    }
    let file = out.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(SavedCollection { name, documents, sha256: HEXLOWER.encode(&hash.finalize()) })
}

/// Copies published checkpoints from one folder to another, leaving what is there already: it can only be more.
///
/// # Errors
/// When a folder or file cannot be read or written.
pub fn copy_checkpoints(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    if from.exists() {
        for file in fs::read_dir(from)? {
            let file = file?;
            let copy = to.join(file.file_name());
            if !copy.exists() {
                fs::copy(file.path(), copy)?;
            }
        }
    }
    Ok(())
}
