use std::collections::HashMap;

use bson::{Binary, Bson, Document, doc};
use mongodb::options::FindOptions;
use serde::Deserialize;

use super::identity::{document_id, simple_id};
use super::model::{Category, SampleCall, Variant, field, is_allowed};
use crate::cases::{CaseAccess, ListKind};
use crate::cli::SystemScope;
use crate::consent::{Told, Withheld};
use crate::db::{Db, Documents, StoreError};
use crate::genome::Chromosome;
use crate::ids::{CaseId, VariantId};

/// Most variants of a list that share an HGVS change.
const MOST_WITH_HGVS: i64 = 500;

/// The `variants` collection.
#[derive(Clone)]
pub struct VariantStore {
    variants: Documents<Variant>,
}

/// What a variant is named by.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "_id")]
    key: Binary,
    chromosome: Chromosome,
    position: u32,
    reference: String,
    alternative: String,
    genes: Vec<NamedGene>,
    samples: Vec<SampleCall>,
}

/// A gene as far as consent asks for it.
#[derive(Deserialize)]
struct NamedGene {
    hgnc_id: Option<u32>,
    #[serde(default)]
    symbol: String,
    #[serde(default)]
    consequence: String,
}

impl Named {
    /// None outside consent.
    fn name(&self, withheld: &Withheld) -> Option<String> {
        let genes = self.genes.iter().map(|gene| (gene.hgnc_id, gene.symbol.as_str(), gene.consequence.as_str()));
        let is_told = withheld.told(is_allowed(withheld, &self.samples), genes) != Told::Nothing;
        is_told.then(|| simple_id(&self.chromosome, self.position, &self.reference, &self.alternative))
    }
}

/// What a variant is called that no list of the case holds.
const GONE: &str = "a variant that the lists do not hold any more";

/// How variants of a case are named; those that no list holds, or none that consent lets be told, are left out.
#[derive(Debug, Clone, Default)]
pub struct VariantNames(HashMap<VariantId, String>);

impl VariantNames {
    /// The name in the lists, for a variant of which there is a page.
    #[must_use]
    pub fn get(&self, id: &VariantId) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// What to call a variant on a page. `said`: its name in what was written when a list held it.
    #[must_use]
    pub fn call<'a>(&'a self, id: &VariantId, said: Option<&'a str>) -> &'a str {
        self.get(id).or(said).unwrap_or(GONE)
    }
}

impl VariantStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { variants: Documents::new(db) }
    }

    /// The variant of this id in any published list of the case, read in one round trip.
    pub async fn find(&self, access: &CaseAccess, id: &VariantId) -> Result<Option<Variant>, StoreError> {
        let case = access.case();
        let keys: Vec<Bson> = case.lists.iter().map(|list| document_id(id, list.revision).into()).collect();
        let found = self.variants.find_one(doc! { "_id": { "$in": keys }, field::CASE_ID: &case.id }).await?;
        // Two lists may have the same revision number; the document says which one it belongs to.
        let found = found.filter(|variant| {
            case.list(variant.category.as_str(), variant.list).is_some_and(|list| list.revision == variant.revision)
        });
        Ok(found.and_then(|variant| held(access, &access.case().withheld(), variant)))
    }

    /// How variants of the case's published lists are named.
    pub async fn names(&self, access: &CaseAccess, ids: &[VariantId]) -> Result<VariantNames, StoreError> {
        let revisions = || access.case().lists.iter().map(|list| list.revision);
        let keys: Vec<Bson> =
            ids.iter().flat_map(|id| revisions().map(move |revision| document_id(id, revision).into())).collect();
        if keys.is_empty() {
            return Ok(VariantNames::default());
        }
        let parts = doc! {
            "chromosome": 1, "position": 1, "reference": 1, "alternative": 1,
            "genes.hgnc_id": 1, "genes.symbol": 1, "genes.consequence": 1, "samples": 1,
        };
        let options = FindOptions::builder().projection(parts).build();
        let filter = doc! { "_id": { "$in": keys }, field::CASE_ID: &access.case().id };
        let found: Vec<Named> = self.variants.find_as(filter, options).await?;
        let withheld = access.case().withheld();
        let named = |id: &VariantId| {
            let hash = id.to_hash();
            let variant = found.iter().find(|variant| variant.key.bytes[..16] == hash)?;
            Some((id.clone(), variant.name(&withheld)?))
        };
        Ok(VariantNames(ids.iter().filter_map(named).collect()))
    }

    /// Documents of a published list by id, in the order asked for. A missing one is an error: the columns name it.
    pub async fn of_list(
        &self,
        access: &CaseAccess,
        revision: u32,
        ids: &[VariantId],
    ) -> Result<Vec<Variant>, StoreError> {
        let found = self.in_order(&access.case().id, revision, ids).await?;
        let (whole, withheld) = (found.len(), access.case().withheld());
        let told: Vec<Variant> = found.into_iter().filter_map(|variant| held(access, &withheld, variant)).collect();
        if told.len() != whole {
            return Err(StoreError::Unreadable {
                collection: "variants",
                id: access.case().id.to_string(),
                reason: "the list's columns show a variant that its document puts outside consent".to_owned(),
            });
        }
        Ok(told)
    }

    /// As [`Self::of_list`], for commands on the machine.
    pub async fn of_list_for_command(
        &self,
        _: &SystemScope,
        case: &CaseId,
        revision: u32,
        ids: &[VariantId],
    ) -> Result<Vec<Variant>, StoreError> {
        self.in_order(case, revision, ids).await
    }

    async fn in_order(&self, case: &CaseId, revision: u32, ids: &[VariantId]) -> Result<Vec<Variant>, StoreError> {
        let keys: Vec<Bson> = ids.iter().map(|id| document_id(id, revision).into()).collect();
        let filter = doc! { "_id": { "$in": keys }, field::CASE_ID: case };
        let mut found = self.variants.find(filter, FindOptions::default()).await?;
        let mut ordered = Vec::with_capacity(ids.len());
        for id in ids {
            let hash = id.to_hash();
            let Some(at) = found.iter().position(|variant| variant.key.bytes[..16] == hash) else {
                return Err(StoreError::Unreadable {
                    collection: "variants",
                    id: id.to_string(),
                    reason: "it is in the list's columns but not among its documents; load the case again".to_owned(),
                });
            };
            ordered.push(found.swap_remove(at));
        }
        Ok(ordered)
    }

    /// Variants of a published list with one of these changes (`c.…` or `p.…`) on any transcript.
    pub async fn with_hgvs(
        &self,
        access: &CaseAccess,
        category: Category,
        list: ListKind,
        revision: u32,
        changes: &[String],
    ) -> Result<Vec<Variant>, StoreError> {
        let mut filter = of_list(&access.case().id, category, list);
        filter.insert(field::REVISION, i64::from(revision));
        let either: Vec<Document> = ["genes.transcripts.hgvs_c", "genes.transcripts.hgvs_p"]
            .into_iter()
            .map(|name| doc! { name: { "$in": changes } })
            .collect();
        filter.insert("$or", either);
        let found = self.variants.find(filter, FindOptions::builder().limit(MOST_WITH_HGVS).build()).await?;
        let withheld = access.case().withheld();
        Ok(found.into_iter().filter_map(|variant| held(access, &withheld, variant)).collect())
    }

    /// Adds documents of a revision that is not published yet.
    pub async fn add(&self, _: &SystemScope, documents: &[Variant]) -> Result<(), StoreError> {
        let raw = documents.iter().map(Documents::encode).collect::<Result<Vec<_>, _>>()?;
        self.variants.insert_many(&raw).await
    }

    /// All documents of a revision, in no particular order; for building columns again.
    pub async fn all_of_revision(
        &self,
        case: &CaseId,
        category: Category,
        list: ListKind,
        revision: u32,
    ) -> Result<Vec<Variant>, StoreError> {
        let mut filter = of_list(case, category, list);
        filter.insert(field::REVISION, i64::from(revision));
        self.variants.find(filter, FindOptions::default()).await
    }

    /// Removes all revisions of a list but the given one; how many documents went.
    pub async fn collect(
        &self,
        _: &SystemScope,
        case: &CaseId,
        category: Category,
        list: ListKind,
        keep: Option<u32>,
    ) -> Result<u64, StoreError> {
        let mut filter = of_list(case, category, list);
        if let Some(revision) = keep {
            filter.insert(field::REVISION, doc! { "$ne": i64::from(revision) });
        }
        self.variants.delete(filter).await
    }

    /// Removes a revision that will not be published.
    pub async fn discard(
        &self,
        _: &SystemScope,
        case: &CaseId,
        category: Category,
        list: ListKind,
        revision: u32,
    ) -> Result<u64, StoreError> {
        let mut filter = of_list(case, category, list);
        filter.insert(field::REVISION, i64::from(revision));
        self.variants.delete(filter).await
    }

    /// Removes everything of a case.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<u64, StoreError> {
        self.variants.delete(doc! { field::CASE_ID: case }).await
    }
}

/// The document as whoever reads the case may hold it; none outside consent.
fn held(access: &CaseAccess, withheld: &Withheld, variant: Variant) -> Option<Variant> {
    let variant = variant.within(withheld)?;
    Some(if access.is_guest() { variant.for_guest() } else { variant })
}

fn of_list(case: &CaseId, category: Category, list: ListKind) -> Document {
    doc! { field::CASE_ID: case, field::CATEGORY: category.as_str(), field::LIST: list.as_str() }
}
