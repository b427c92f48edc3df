use std::marker::PhantomData;
use std::sync::Arc;

use bson::{Document, RawDocumentBuf};
use futures::TryStreamExt as _;
use mongodb::options::FindOptions;
use mongodb::{ClientSession, Collection, IndexModel};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::{Db, StoreError};

/// A struct that is stored as documents of one collection. Written beside the struct.
pub trait Stored: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The collection.
    const COLLECTION: &'static str;

    /// All indexes the collection has, besides `_id`.
    fn indexes() -> Vec<IndexModel>;
}

/// The documents of one collection, read and written as `T`.
///
/// Reading names the document that does not fit; writing maps a broken unique index to [`StoreError::Exists`].
pub struct Documents<T: Stored> {
    db: Db,
    collection: Collection<RawDocumentBuf>,
    indexed: Arc<OnceCell<()>>,
    stored: PhantomData<fn() -> T>,
}

impl<T: Stored> Clone for Documents<T> {
    fn clone(&self) -> Self {
        Self {
            db: self.db.clone(),
            collection: self.collection.clone(),
            indexed: Arc::clone(&self.indexed),
            stored: PhantomData,
        }
    }
}

/// Reads one document, naming it when it does not fit.
pub fn decode<T: DeserializeOwned>(collection: &'static str, raw: &RawDocumentBuf) -> Result<T, StoreError> {
    bson::deserialize_from_slice(raw.as_bytes()).map_err(|error| StoreError::Unreadable {
        collection,
        id: raw.get("_id").ok().flatten().map_or_else(|| "without _id".to_owned(), |id| format!("{id:?}")),
        reason: error.to_string(),
    })
}

impl<T: Stored> Documents<T> {
    /// Opens the collection of `T`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "stores reach their collection through this type only")]
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            collection: db.raw().collection(T::COLLECTION),
            indexed: Arc::default(),
            stored: PhantomData,
        }
    }

    /// The driver's collection, with its indexes in place.
    pub async fn collection(&self) -> Result<&Collection<RawDocumentBuf>, StoreError> {
        if !self.db.indexes_synced() {
            self.indexed
                .get_or_try_init(|| async {
                    let indexes = T::indexes();
                    if !indexes.is_empty() {
                        self.collection.create_indexes(indexes).await?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await?;
        }
        Ok(&self.collection)
    }

    /// The database this collection is in.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// `value` as a document.
    pub fn encode(value: &T) -> Result<RawDocumentBuf, StoreError> {
        bson::serialize_to_raw_document_buf(value)
            .map_err(|error| StoreError::Unwritable { collection: T::COLLECTION, reason: error.to_string() })
    }

    /// The one document that fits `filter`, if any.
    pub async fn find_one(&self, filter: Document) -> Result<Option<T>, StoreError> {
        let found = self.collection().await?.find_one(filter).await?;
        found.map(|raw| decode(T::COLLECTION, &raw)).transpose()
    }

    /// All documents that fit, in the order and number that `options` say.
    pub async fn find(&self, filter: Document, options: FindOptions) -> Result<Vec<T>, StoreError> {
        self.find_as(filter, options).await
    }

    /// Like [`Documents::find`], read as a smaller struct that fits the projection in `options`.
    pub async fn find_as<U: DeserializeOwned>(
        &self,
        filter: Document,
        options: FindOptions,
    ) -> Result<Vec<U>, StoreError> {
        let mut cursor = self.collection().await?.find(filter).with_options(options).await?;
        let mut found = Vec::new();
        while let Some(raw) = cursor.try_next().await? {
            found.push(decode(T::COLLECTION, &raw)?);
        }
        Ok(found)
    }

    /// The results of an aggregation, read as `U`.
    pub async fn aggregate<U: DeserializeOwned>(&self, pipeline: Vec<Document>) -> Result<Vec<U>, StoreError> {
        let mut cursor = self.collection().await?.aggregate(pipeline).with_type::<RawDocumentBuf>().await?;
        let mut found = Vec::new();
        while let Some(raw) = cursor.try_next().await? {
            found.push(decode(T::COLLECTION, &raw)?);
        }
        Ok(found)
    }

    /// Adds one document; `what` names it in [`StoreError::Exists`].
    pub async fn insert(&self, value: &T, what: &'static str) -> Result<(), StoreError> {
        self.collection().await?.insert_one(Self::encode(value)?).await.map_err(|error| taken(error, what))?;
        Ok(())
    }

    /// Adds one document as part of a transaction.
    pub async fn insert_in(
        &self,
        session: &mut ClientSession,
        value: &T,
        what: &'static str,
    ) -> Result<(), StoreError> {
        self.collection()
            .await?
            .insert_one(Self::encode(value)?)
            .session(session)
            .await
            .map_err(|error| taken(error, what))?;
        Ok(())
    }

    /// Adds many documents as part of a transaction; `what` names one of them in [`StoreError::Exists`].
    pub async fn insert_many_in(
        &self,
        session: &mut ClientSession,
        values: &[RawDocumentBuf],
        what: &'static str,
    ) -> Result<(), StoreError> {
        if !values.is_empty() {
            let inserted = self.collection().await?.insert_many(values).session(session).await;
            inserted.map_err(|error| taken(error, what))?;
        }
        Ok(())
    }

    /// Adds many documents in their order.
    pub async fn insert_many(&self, values: &[RawDocumentBuf]) -> Result<(), StoreError> {
        if !values.is_empty() {
            self.collection().await?.insert_many(values).ordered(false).await?;
        }
        Ok(())
    }

    /// Applies `update` to the one document that fits; whether there was one.
    pub async fn update_one(&self, filter: Document, update: Document) -> Result<bool, StoreError> {
        Ok(self.collection().await?.update_one(filter, update).await?.matched_count == 1)
    }

    /// Applies `update` to the one document that fits; the answer is the document after it, read in the same step.
    pub async fn update_and_get(&self, filter: Document, update: Document) -> Result<Option<T>, StoreError> {
        let updated = self.collection().await?.find_one_and_update(filter, update);
        let after = updated.return_document(mongodb::options::ReturnDocument::After).await?;
        after.map(|raw| decode(T::COLLECTION, &raw)).transpose()
    }

    /// Removes the one document that fits; the answer is what it was.
    pub async fn take(&self, filter: Document) -> Result<Option<T>, StoreError> {
        let taken = self.collection().await?.find_one_and_delete(filter).await?;
        taken.map(|raw| decode(T::COLLECTION, &raw)).transpose()
    }

    /// Puts `value` in place of the one document that fits, or adds it.
    pub async fn upsert(&self, filter: Document, value: &T) -> Result<(), StoreError> {
        self.collection().await?.replace_one(filter, Self::encode(value)?).upsert(true).await?;
        Ok(())
    }

    /// Like [`Documents::update_one`], as part of a transaction.
    pub async fn update_one_in(
        &self,
        session: &mut ClientSession,
        filter: Document,
        update: Document,
    ) -> Result<bool, StoreError> {
        Ok(self.collection().await?.update_one(filter, update).session(session).await?.matched_count == 1)
    }

    /// Like [`Documents::delete`], as part of a transaction.
    pub async fn delete_in(&self, session: &mut ClientSession, filter: Document) -> Result<u64, StoreError> {
        Ok(self.collection().await?.delete_many(filter).session(session).await?.deleted_count)
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.collection().await.map(|_| ())
    }

    /// Removes all documents that fit; how many there were.
    pub async fn delete(&self, filter: Document) -> Result<u64, StoreError> {
        Ok(self.collection().await?.delete_many(filter).await?.deleted_count)
    }
}

fn taken(error: mongodb::error::Error, what: &'static str) -> StoreError {
    if StoreError::is_duplicate(&error) { StoreError::Exists(what) } else { error.into() }
}
