//! Columns in the database and, for lists in use, in memory.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bson::spec::BinarySubtype;
use bson::{Binary, Document, doc};
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
use crate::consent::Withheld;
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
    cache: Cache<Kept, Arc<Columns>>,
    /// Lists whose columns were found unfit and said to be so.
    told: Arc<Mutex<HashSet<ListRevision>>>,
}

/// Why stored columns cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// They, or a part of them, are not there.
    Missing,
    /// Another version of the program wrote them.
    OtherFormat,
    /// Their content is not what was written, or not what the case says.
    Damaged,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::OtherFormat => "of another version's format",
            Self::Damaged => "damaged",
        })
    }
}

/// What the cache is keyed by: neither a revision nor a list without something ever changes, so an entry never goes stale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kept {
    list: ListRevision,
    withheld: Withheld,
}

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
            .weigher(|_: &Kept, columns: &Arc<Columns>| u32::try_from(columns.bytes()).unwrap_or(u32::MAX))
            .build();
        Self { chunks: Documents::new(db), variants, cache, told: Arc::default() }
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

    /// The columns of a published list, without what lies outside consent: from memory, else from the database, else built
    /// from the documents.
    pub async fn of_list(&self, access: &CaseAccess, list: &CaseList) -> Result<Arc<Columns>, StoreError> {
        let columns = self.of_case(access.case(), list, &access.case().withheld(), Demand::Whole).await?;
        // A copy for each request: guests are few, and what is kept in memory stays one per list.
        Ok(if access.is_guest() { Arc::new(columns.without_archive()) } else { columns })
    }

    /// A published list without what lies outside consent as this case has it, for counting what does.
    pub(crate) async fn within(&self, case: &Case, list: &CaseList) -> Result<Arc<Columns>, StoreError> {
        self.of_case(case, list, &case.withheld(), Demand::Whole).await
    }

    /// The whole list, for a command that looks for what is missing itself.
    pub async fn of_list_for_command(
        &self,
        _: &SystemScope,
        case: &Case,
        list: &CaseList,
    ) -> Result<Arc<Columns>, StoreError> {
        self.of_case(case, list, &Withheld::default(), Demand::AsStored).await
    }

    /// Requests that come together wait for one of them to read or build.
    async fn of_case(
        &self,
        case: &Case,
        list: &CaseList,
        withheld: &Withheld,
        demand: Demand,
    ) -> Result<Arc<Columns>, StoreError> {
        let kept = Kept { list: ListRevision::of(case, list), withheld: withheld.clone() };
        let found = self.cache.entry_by_ref(&kept).or_try_insert_with(async {
            let columns = match self.read(&kept.list, list.total).await? {
                Ok(columns) => columns,
                Err(unfit) => {
                    self.tell(&kept.list, unfit);
                    let columns = self.build(case, list).await?;
                    if demand == Demand::Whole {
                        must_be_whole(case, list, &columns)?;
                    }
                    columns
                }
            };
            Ok(Arc::new(if withheld.is_nothing() { columns } else { columns.within(withheld) }))
        });
        match found.await {
            Ok(entry) => Ok(entry.into_value()),
            Err(error) => Err(StoreError::Shared(error)),
        }
    }

    /// Says once per process and list that its columns were built again.
    fn tell(&self, key: &ListRevision, unfit: Unfit) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            warn!(
                case.id = %key.case, revision = key.revision,
                "the stored columns of the {} list of case {} are {unfit}; they are built from its documents and kept in \
                 memory. Run `lodestone migrate` to write them back",
                key.list.as_str(), key.case,
            );
        }
    }

    /// Columns from the documents of a published list, however many there are.
    async fn build(&self, case: &Case, list: &CaseList) -> Result<Columns, StoreError> {
        let documents = self.variants.all_of_revision(&case.id, Category::Snv, list.list, list.revision).await?;
        let mut builder = Self::builder(case);
        for document in &documents {
            builder.add(document);
        }
        Ok(builder.finish())
    }

    /// The stored columns, or why they cannot be used.
    async fn read(&self, key: &ListRevision, total: u32) -> Result<Result<Columns, Unfit>, StoreError> {
        let mut chunks = match self.chunks.find(key.filter(), FindOptions::default()).await {
            Ok(chunks) => chunks,
            // Derived data: whatever cannot be read is built again.
            Err(StoreError::Unreadable { .. }) => return Ok(Err(Unfit::Damaged)),
            Err(error) => return Err(error),
        };
        chunks.sort_by_key(|chunk| chunk.part);
        let Some(first) = chunks.first() else { return Ok(Err(Unfit::Missing)) };
        let (parts, hash) = (first.parts as usize, first.hash.clone());
        if chunks.iter().any(|chunk| chunk.format != FORMAT) {
            return Ok(Err(Unfit::OtherFormat));
        }
        if chunks.len() < parts {
            return Ok(Err(Unfit::Missing));
        }
        if chunks.len() > parts || chunks.iter().any(|chunk| chunk.hash != hash) {
            return Ok(Err(Unfit::Damaged));
        }
        let data: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.data.bytes).collect();
        let read = tokio::task::spawn_blocking(move || unpack(&data, &hash)).await;
        let columns = read.ok().flatten().filter(|columns| u32::try_from(columns.len()) == Ok(total));
        Ok(columns.ok_or(Unfit::Damaged))
    }

    /// Writes the columns of a published list back when the stored ones cannot be used; why, if so.
    pub async fn mend(&self, _: &SystemScope, case: &Case, list: &CaseList) -> Result<Option<Unfit>, StoreError> {
        let key = ListRevision::of(case, list);
        let Err(unfit) = self.read(&key, list.total).await? else { return Ok(None) };
        let columns = self.build(case, list).await?;
        must_be_whole(case, list, &columns)?;
        let chunks = pack(case, list.list, list.revision, &columns)?;
        // Until the last part is there, what is stored stays unfit, and readers build their own.
        let ids: Vec<&str> = chunks.iter().map(|chunk| chunk.id.as_str()).collect();
        let mut others = key.filter();
        others.insert("_id", doc! { "$nin": &ids });
        self.chunks.delete(others).await?;
        for chunk in &chunks {
            self.chunks.upsert(doc! { "_id": &chunk.id }, chunk).await?;
        }
        Ok(Some(unfit))
    }

    /// Removes the columns of one revision of a list, which is not published any more.
    pub async fn forget(&self, _: &SystemScope, case: &Case, list: &CaseList) -> Result<(), StoreError> {
        self.chunks.delete(ListRevision::of(case, list).filter()).await?;
        Ok(())
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
        for chunk in pack(case, list, revision, columns)? {
            self.chunks.insert(&chunk, "this part of the columns").await?;
        }
        Ok(())
    }

    /// Removes the columns of all revisions of a list of small variants but `keep`.
    pub async fn collect(
        &self,
        _: &SystemScope,
        case: &CaseId,
        list: ListKind,
        keep: Option<u32>,
    ) -> Result<(), StoreError> {
        let mut filter = doc! { "case_id": case, "category": Category::Snv.as_str(), "list": list.as_str() };
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

impl ListRevision {
    fn of(case: &Case, list: &CaseList) -> Self {
        Self { case: case.id.clone(), category: list.category.clone(), list: list.list, revision: list.revision }
    }

    fn filter(&self) -> Document {
        doc! {
            "case_id": &self.case, "category": &self.category, "list": self.list.as_str(),
            "revision": i64::from(self.revision),
        }
    }
}

/// Whether columns may be built from a part of a list's documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// All of them must be there: a variant that is silently missing is the worst that could be shown.
    Whole,
    /// Whatever is there.
    AsStored,
}

fn must_be_whole(case: &Case, list: &CaseList, columns: &Columns) -> Result<(), StoreError> {
    if u32::try_from(columns.len()) == Ok(list.total) {
        return Ok(());
    }
    Err(StoreError::Unreadable {
        collection: "variants",
        id: format!("{}, {} list, revision {}", case.id, list.list.as_str(), list.revision),
        reason: format!(
            "the list has {} documents and should have {}; load the case again with --update",
            columns.len(),
            list.total
        ),
    })
}

/// Columns as documents.
fn pack(case: &Case, list: ListKind, revision: u32, columns: &Columns) -> Result<Vec<ColumnChunk>, StoreError> {
    let unwritable = |reason: String| StoreError::Unwritable { collection: ColumnChunk::COLLECTION, reason };
    let plain = postcard::to_stdvec(columns).map_err(|error| unwritable(error.to_string()))?;
    let data = lz4_flex::compress_prepend_size(&plain);
    let hash = crate::ids::base32(blake3::hash(&data).as_bytes());
    let parts: Vec<&[u8]> = data.chunks(CHUNK).collect();
    let count = u32::try_from(parts.len()).map_err(|_| unwritable("too many parts".to_owned()))?;
    let category = Category::Snv.as_str();
    let chunks = (0..count).zip(parts).map(|(part, bytes)| ColumnChunk {
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
    });
    Ok(chunks.collect())
}

fn unpack(data: &[u8], hash: &str) -> Option<Columns> {
    if crate::ids::base32(blake3::hash(data).as_bytes()) != hash {
        return None;
    }
    let plain = lz4_flex::decompress_size_prepended(data).ok()?;
    postcard::from_bytes(&plain).ok()
}
