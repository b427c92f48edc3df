//! How often a normalised variant was seen in an institute, counted from every record read, kept or not.
//!
//! Each list's keys are also stored in chunks. A chunk and the counts it adds are written in one transaction, so a
//! killed load leaves each chunk either counted or not, and the next load of the same content finishes the work.

use std::collections::BTreeMap;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};

use crate::auth::Scope;
use crate::cases::{Case, ListKind};
use crate::cli::SystemScope;
use crate::consent::Purpose;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::genome::NormKey;
use crate::ids::{CaseId, InstituteId};
use crate::variants::Category;

const HASH: usize = 16;
/// Keys that are counted in one transaction.
const CHUNK: usize = 1_000;

/// How often one variant was seen in one institute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Hash of institute and [`NormKey`].
    #[serde(rename = "_id")]
    pub id: Binary,
    /// Institute.
    pub institute: InstituteId,
    /// Cases in which somebody carries it.
    pub cases: i64,
    /// Of these, cases in which somebody has it on all copies.
    pub homozygous: i64,
}

impl Stored for Observation {
    const COLLECTION: &'static str = "observations";

    fn indexes() -> Vec<IndexModel> {
        Vec::new()
    }
}

/// Keys of one list that have been counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenChunk {
    /// Case, list, content and place among the chunks.
    #[serde(rename = "_id")]
    id: String,
    case_id: CaseId,
    category: String,
    list: String,
    content: String,
    institute: InstituteId,
    /// Hashes of 16 bytes, each followed by 1 when homozygous, else 0.
    keys: Binary,
    /// They are kept for later and not counted, as somebody in the case does not consent to that.
    #[serde(default)]
    uncounted: bool,
}

impl Stored for SeenChunk {
    const COLLECTION: &'static str = "observed_keys";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_list", doc! { "case_id": 1, "category": 1, "list": 1 })]
    }
}

/// The variants that a list's files show somebody to carry.
#[derive(Debug, Clone, Default)]
pub struct Seen(BTreeMap<[u8; HASH], bool>);

impl Seen {
    /// Notes one allele that somebody of the case carries.
    pub fn note(&mut self, institute: &InstituteId, key: &NormKey, homozygous: bool) {
        *self.0.entry(hash(institute, key)).or_default() |= homozygous;
    }

    /// How many different variants there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn hash(institute: &InstituteId, key: &NormKey) -> [u8; HASH] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(institute.as_str().as_bytes());
    hasher.update(b"\0");
    hasher.update(key.as_str().as_bytes());
    let mut hash = [0; HASH];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..HASH]);
    hash
}

fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

/// Which list of which case.
#[derive(Debug, Clone, Copy)]
pub struct SeenIn<'a> {
    /// Owner.
    pub institute: &'a InstituteId,
    /// Case.
    pub case: &'a CaseId,
    /// Kind of variant.
    pub category: Category,
    /// Clinical or research.
    pub list: ListKind,
    /// Whether somebody does not consent to being counted.
    pub uncounted: bool,
}

impl<'a> SeenIn<'a> {
    /// The clinical list of small variants of a case.
    #[must_use]
    pub fn clinical(case: &'a Case) -> Self {
        Self {
            institute: &case.institute,
            case: &case.id,
            category: Category::Snv,
            list: ListKind::Clinical,
            uncounted: case.consents.refuse(Purpose::LocalCounts),
        }
    }
}

/// The `observations` collection and the record of what it counts.
#[derive(Clone)]
pub struct ObservationStore {
    observations: Documents<Observation>,
    chunks: Documents<SeenChunk>,
}

impl ObservationStore {
    /// Opens the collections.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { observations: Documents::new(db), chunks: Documents::new(db) }
    }

    /// Counts of the given variants in an institute of the scope, in their order; 0 when never seen.
    pub async fn counts(
        &self,
        scope: &Scope,
        institute: &InstituteId,
        keys: &[NormKey],
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        if !scope.covers(institute) {
            return Ok(vec![(0, 0); keys.len()]);
        }
        let hashes: Vec<[u8; HASH]> = keys.iter().map(|key| hash(institute, key)).collect();
        let wanted: Vec<Bson> = hashes.iter().map(|hash| binary(hash).into()).collect();
        let found = self.observations.find(doc! { "_id": { "$in": wanted } }, FindOptions::default()).await?;
        let counts: BTreeMap<&[u8], (u64, u64)> =
            found.iter().map(|seen| (seen.id.bytes.as_slice(), (count(seen.cases), count(seen.homozygous)))).collect();
        Ok(hashes.iter().map(|hash| counts.get(hash.as_slice()).copied().unwrap_or_default()).collect())
    }

    /// Makes the counts agree with what this list's content shows: adds what is missing, takes back other content. Where
    /// somebody does not consent to being counted, it is kept without counting.
    pub async fn set(&self, _: &SystemScope, of: SeenIn<'_>, content: &str, seen: &Seen) -> Result<(), StoreError> {
        let known = self.chunk_ids(of).await?;
        let entries: Vec<(&[u8; HASH], &bool)> = seen.0.iter().collect();
        let mut wanted = Vec::new();
        // An empty part closes the record, so that a load that was killed in between is recognised.
        let parts = entries.chunks(CHUNK).enumerate().map(|(place, part)| (place.to_string(), part));
        for (place, part) in parts.chain([("end".to_owned(), &[][..])]) {
            let id = format!("{}/{place}", prefix(of, content));
            if !known.contains(&id) {
                let keys: Vec<u8> =
                    part.iter().flat_map(|(hash, hom)| hash.iter().copied().chain([u8::from(**hom)])).collect();
                let chunk = SeenChunk {
                    id: id.clone(),
                    case_id: of.case.clone(),
                    category: of.category.as_str().to_owned(),
                    list: of.list.as_str().to_owned(),
                    content: content.to_owned(),
                    institute: of.institute.clone(),
                    keys: binary(&keys),
                    uncounted: of.uncounted,
                };
                self.apply(&chunk, Write::Add).await?;
            }
            wanted.push(id);
        }
        for id in known.iter().filter(|id| !wanted.contains(id)) {
            self.take_back(id).await?;
        }
        Ok(())
    }

    /// Whether exactly this content is counted for the list, to its last part.
    pub async fn is_complete(&self, _: &SystemScope, of: SeenIn<'_>, content: &str) -> Result<bool, StoreError> {
        let known = self.chunk_ids(of).await?;
        let end = format!("{}/end", prefix(of, content));
        Ok(known.contains(&end) && known.iter().all(|id| id.starts_with(&prefix(of, content))))
    }

    /// Takes back everything a case added.
    pub async fn forget_case(&self, _: &SystemScope, case: &CaseId) -> Result<(), StoreError> {
        let chunks: Vec<ChunkId> = self
            .chunks
            .find_as(doc! { "case_id": case }, FindOptions::builder().projection(doc! { "_id": 1 }).build())
            .await?;
        for chunk in chunks {
            self.take_back(&chunk.id).await?;
        }
        Ok(())
    }

    /// Counts a case, or takes it out of the counts, as its people consent; how many parts changed. What was begun and not
    /// finished is finished by the next call.
    pub async fn follow_consent(&self, case: &Case) -> Result<usize, StoreError> {
        let uncounted = case.consents.refuse(Purpose::LocalCounts);
        let filter = doc! { "case_id": &case.id, "uncounted": stored(!uncounted) };
        let options = FindOptions::builder().projection(doc! { "_id": 1 }).build();
        let ids: Vec<ChunkId> = self.chunks.find_as(filter, options).await?;
        for ChunkId { id } in &ids {
            if let Some(chunk) = self.chunks.find_one(doc! { "_id": id }).await? {
                self.apply(&SeenChunk { uncounted, ..chunk }, Write::Mark).await?;
            }
        }
        Ok(ids.len())
    }

    async fn chunk_ids(&self, of: SeenIn<'_>) -> Result<Vec<String>, StoreError> {
        let filter = doc! { "case_id": of.case, "category": of.category.as_str(), "list": of.list.as_str() };
        let ids: Vec<ChunkId> =
            self.chunks.find_as(filter, FindOptions::builder().projection(doc! { "_id": 1 }).build()).await?;
        Ok(ids.into_iter().map(|chunk| chunk.id).collect())
    }

    async fn take_back(&self, id: &str) -> Result<(), StoreError> {
        while let Some(chunk) = self.chunks.find_one(doc! { "_id": id }).await? {
            if self.apply(&chunk, Write::Remove).await? {
                break;
            }
        }
        Ok(())
    }

    /// Writes a chunk with what it makes of the counts, in one transaction; `false` when another command did the same, or
    /// something else with it.
    async fn apply(&self, chunk: &SeenChunk, write: Write) -> Result<bool, StoreError> {
        let sign = match (write, chunk.uncounted) {
            (Write::Add | Write::Mark, false) => 1,
            (Write::Remove, false) | (Write::Mark, true) => -1,
            (Write::Add | Write::Remove, true) => 0,
        };
        self.observations.collection().await?;
        let chunks = self.chunks.collection().await?;
        let updates: Vec<Document> = chunk
            .keys
            .bytes
            .chunks_exact(HASH + 1)
            .map(|entry| {
                let homozygous = sign * i64::from(entry[HASH]);
                doc! {
                    "q": { "_id": binary(&entry[..HASH]) },
                    "u": {
                        "$inc": { "cases": sign, "homozygous": homozygous },
                        "$setOnInsert": { "institute": &chunk.institute },
                    },
                    "upsert": sign > 0,
                }
            })
            .collect();
        let updates_nothing = updates.is_empty() || sign == 0;
        let command = doc! { "update": Observation::COLLECTION, "ordered": false, "updates": updates };
        let mut transaction = self.chunks.db().begin().await?;
        let counted = loop {
            let session = &mut transaction.session;
            let work = async {
                let is_first = match write {
                    Write::Add => {
                        self.chunks.insert_in(session, chunk, "this part of the observations").await?;
                        true
                    }
                    Write::Remove => {
                        let as_read = doc! { "_id": &chunk.id, "uncounted": stored(chunk.uncounted) };
                        chunks.delete_one(as_read).session(&mut *session).await?.deleted_count == 1
                    }
                    Write::Mark => {
                        let other = doc! { "_id": &chunk.id, "uncounted": stored(!chunk.uncounted) };
                        let mark = doc! { "$set": { "uncounted": chunk.uncounted } };
                        chunks.update_one(other, mark).session(&mut *session).await?.modified_count == 1
                    }
                };
                if !is_first {
                    return Ok(false);
                }
                if updates_nothing {
                    return Ok(true);
                }
                let answer = self.chunks.db().raw().run_command(command.clone()).session(session).await?;
                match answer.get_array("writeErrors") {
                    Ok(errors) => Err(StoreError::Unwritable {
                        collection: Observation::COLLECTION,
                        reason: format!("{errors:?}").chars().take(300).collect(),
                    }),
                    Err(_) => Ok(true),
                }
            }
            .await;
            if let Some(written) = transaction.end(work).await {
                break written;
            }
        };
        match counted {
            Err(StoreError::Exists(_)) => Ok(false),
            other => other,
        }
    }
}

/// What is done to a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Add,
    Remove,
    /// Counted from now on, or not any more, as it says.
    Mark,
}

/// How chunks are found that are so; those of older versions do not say it.
fn stored(uncounted: bool) -> Document {
    if uncounted {
        doc! { "$eq": true }
    } else {
        doc! { "$ne": true }
    }
}

fn prefix(of: SeenIn<'_>, content: &str) -> String {
    format!("{}/{}/{}/{content}", of.case, of.category.as_str(), of.list.as_str())
}

#[derive(Deserialize)]
struct ChunkId {
    #[serde(rename = "_id")]
    id: String,
}

fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
