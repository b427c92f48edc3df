//! Columns in the database and, for lists in use, in memory.

use std::sync::Arc;

use bson::spec::BinarySubtype;
use bson::{Binary, doc};
use moka::future::Cache;
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::columns::{ColumnIndividual, Columns, ColumnsBuilder, FORMAT};
use super::model::Category;
use super::store::VariantStore;
use crate::cases::{Case, CaseAccess, CaseList, ListKind};
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::ids::CaseId;

/// Bytes of one stored chunk; a document may hold 16 MB.
const CHUNK: usize = 8 * 1024 * 1024;

/// A part of the columns of one list revision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ColumnChunk {
    /// `<case>/<category>/<list>/<revision>/<part>`
    #[serde(rename = "_id")]
    id: String,
    case_id: CaseId,
    category: String,
    list: String,
    revision: u32,
    part: u32,
    parts: u32,
    format: i32,
    /// BLAKE3 of all parts together, before they are cut.
    hash: String,
    data: Binary,
}

impl Stored for ColumnChunk {
    const COLLECTION: &'static str = "variant_columns";

    fn indexes() -> Vec<IndexModel> {
        vec![index("list_revision", doc! { "case_id": 1, "category": 1, "list": 1, "revision": 1 })]
    }
}

/// The `variant_columns` collection with its cache, bounded in bytes.
#[derive(Clone)]
pub struct ColumnStore {
    chunks: Documents<ColumnChunk>,
    variants: VariantStore,
    cache: Cache<ListRevision, Arc<Columns>>,
}

/// What the cache is keyed by: a revision never changes, so an entry never goes stale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ListRevision {
    case: CaseId,
    category: String,
    list: ListKind,
    revision: u32,
}

impl ColumnStore {
    /// Opens the collection with a cache of `megabytes`.
    #[must_use]
    pub fn new(db: &Db, variants: VariantStore, megabytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(megabytes * 1024 * 1024)
            .weigher(|_: &ListRevision, columns: &Arc<Columns>| u32::try_from(columns.bytes()).unwrap_or(u32::MAX))
            .build();
        Self { chunks: Documents::new(db), variants, cache }
    }

    /// A builder for the individuals of a case.
    #[must_use]
    pub fn builder(case: &Case) -> ColumnsBuilder {
        let individuals = case
            .individuals
            .iter()
            .filter(|individual| individual.has_dna())
            .map(|individual| ColumnIndividual {
                id: individual.individual_id.clone(),
                name: individual.name.clone(),
                sex: individual.sex,
                phenotype: individual.phenotype,
            })
            .collect();
        ColumnsBuilder::new(case.build, individuals)
    }

    /// The columns of a published list: from memory, else from the database, else built from the documents.
    pub async fn of_list(&self, access: &CaseAccess, list: &CaseList) -> Result<Arc<Columns>, StoreError> {
        self.of_case(access.case(), list).await
    }

    /// As [`Self::of_list`], for commands on the machine.
    pub async fn of_list_for_command(
        &self,
        _: &SystemScope,
        case: &Case,
        list: &CaseList,
    ) -> Result<Arc<Columns>, StoreError> {
        self.of_case(case, list).await
    }

    async fn of_case(&self, case: &Case, list: &CaseList) -> Result<Arc<Columns>, StoreError> {
        let key = ListRevision {
            case: case.id.clone(),
            category: list.category.clone(),
            list: list.list,
            revision: list.revision,
        };
        if let Some(known) = self.cache.get(&key).await {
            return Ok(known);
        }
        let columns = if let Some(columns) = self.read(&key, list.total).await? {
            columns
        } else {
            warn!(case.id = %case.id, "columns of a list of case {} are missing or damaged; building them again", case.id);
            let documents = self.variants.all_of_revision(&case.id, Category::Snv, list.list, list.revision).await?;
            let mut builder = Self::builder(case);
            for document in &documents {
                builder.add(document);
            }
            builder.finish()
        };
        let columns = Arc::new(columns);
        self.cache.insert(key, Arc::clone(&columns)).await;
        Ok(columns)
    }

    /// `None` when a part is missing, of another format, or its content is not what was written.
    async fn read(&self, key: &ListRevision, total: u32) -> Result<Option<Columns>, StoreError> {
        let filter = doc! {
            "case_id": &key.case, "category": &key.category, "list": key.list.as_str(), "revision": i64::from(key.revision),
        };
        let mut chunks = self.chunks.find(filter, FindOptions::default()).await?;
        chunks.sort_by_key(|chunk| chunk.part);
        let Some(first) = chunks.first() else { return Ok(None) };
        let (parts, hash) = (first.parts as usize, first.hash.clone());
        if chunks.len() != parts || chunks.iter().any(|chunk| chunk.format != FORMAT || chunk.hash != hash) {
            return Ok(None);
        }
        let data: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.data.bytes).collect();
        let read = tokio::task::spawn_blocking(move || unpack(&data, &hash)).await;
        Ok(read.ok().flatten().filter(|columns| u32::try_from(columns.len()) == Ok(total)))
    }

    /// Writes the columns of a revision that is not published yet.
    pub async fn write(
        &self,
        _: &SystemScope,
        case: &Case,
        list: ListKind,
        revision: u32,
        columns: &Columns,
    ) -> Result<(), StoreError> {
        let unwritable = |reason: String| StoreError::Unwritable { collection: ColumnChunk::COLLECTION, reason };
        let plain = postcard::to_stdvec(columns).map_err(|error| unwritable(error.to_string()))?;
        let data = lz4_flex::compress_prepend_size(&plain);
        let hash = crate::ids::base32(blake3::hash(&data).as_bytes());
        let parts: Vec<&[u8]> = data.chunks(CHUNK).collect();
        let count = u32::try_from(parts.len()).map_err(|_| unwritable("too many parts".to_owned()))?;
        let category = Category::Snv.as_str();
        for (part, bytes) in (0..count).zip(parts) {
            let chunk = ColumnChunk {
                id: format!("{}/{category}/{}/{revision}/{part}", case.id, list.as_str()),
                case_id: case.id.clone(),
                category: category.to_owned(),
                list: list.as_str().to_owned(),
                revision,
                part,
                parts: count,
                format: FORMAT,
                hash: hash.clone(),
                data: Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() },
            };
            self.chunks.insert(&chunk, "this part of the columns").await?;
        }
        Ok(())
    }

    /// Removes the columns of all revisions of the clinical list but `keep`.
    pub async fn collect(&self, _: &SystemScope, case: &CaseId, keep: Option<u32>) -> Result<(), StoreError> {
        let mut filter =
            doc! { "case_id": case, "category": Category::Snv.as_str(), "list": ListKind::Clinical.as_str() };
        if let Some(revision) = keep {
            filter.insert("revision", doc! { "$ne": i64::from(revision) });
        }
        self.chunks.delete(filter).await?;
        Ok(())
    }

    /// Removes the columns of a revision that will not be published.
    pub async fn discard(&self, _: &SystemScope, case: &CaseId, revision: u32) -> Result<(), StoreError> {
        self.chunks.delete(doc! { "case_id": case, "revision": i64::from(revision) }).await?;
        Ok(())
    }

    /// Removes the columns of a case.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<(), StoreError> {
        self.chunks.delete(doc! { "case_id": case }).await?;
        Ok(())
    }
}

fn unpack(data: &[u8], hash: &str) -> Option<Columns> {
    if crate::ids::base32(blake3::hash(data).as_bytes()) != hash {
        return None;
    }
    let plain = lz4_flex::decompress_size_prepended(data).ok()?;
    postcard::from_bytes(&plain).ok()
}
