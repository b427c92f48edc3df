use bson::{Document, doc};
use futures::TryStreamExt as _;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use tracing::info;

use super::{Db, StoreError};

/// An index with a name that says what it is for.
#[must_use]
pub fn index(name: &str, keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).options(IndexOptions::builder().name(name.to_owned()).build()).build()
}

/// An index that refuses a second document with the same keys.
#[must_use]
pub fn unique_index(name: &str, keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).options(IndexOptions::builder().name(name.to_owned()).unique(true).build()).build()
}

/// Makes every collection's indexes equal to those beside its struct: missing ones are built, others dropped.
pub async fn sync_indexes(db: &Db) -> Result<(), StoreError> {
    for (collection, wanted) in crate::app::collections() {
        let existing = existing_names(db, collection).await?;
        let name_of = |index: &IndexModel| index.options.as_ref().and_then(|options| options.name.clone());
        let wanted_names: Vec<String> = wanted.iter().filter_map(name_of).collect();
        for name in existing.iter().filter(|name| *name != "_id_" && !wanted_names.contains(name)) {
            info!(collection, index = %name, "dropping index {name} of {collection}: no longer defined");
            db.raw().run_command(doc! { "dropIndexes": collection, "index": name }).await?;
        }
        let missing: Vec<IndexModel> =
            wanted.into_iter().filter(|index| name_of(index).is_none_or(|name| !existing.contains(&name))).collect();
        if !missing.is_empty() {
            info!(collection, count = missing.len(), "building {} indexes of {collection}", missing.len());
            raw_collection(db, collection).create_indexes(missing).await?;
        }
    }
    db.mark_indexes_synced();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "index work goes by collection name, not by document type")]
fn raw_collection(db: &Db, name: &str) -> mongodb::Collection<Document> {
    db.raw().collection(name)
}

async fn existing_names(db: &Db, collection: &str) -> Result<Vec<String>, StoreError> {
    let known = db.raw().list_collection_names().filter(doc! { "name": collection }).await?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let cursor = raw_collection(db, collection).list_indexes().await?;
    let indexes: Vec<IndexModel> = cursor.try_collect().await?;
    Ok(indexes.into_iter().filter_map(|index| index.options.and_then(|options| options.name)).collect())
}
