use std::sync::Arc;

use bson::doc;
use moka::future::Cache;
use mongodb::ClientSession;
use mongodb::options::FindOptions;

use super::model::SavedFilter;
use crate::cases::CaseAccess;
use crate::db::{Db, Documents, StoreError};
use crate::ids::{FilterId, InstituteId};
use crate::institutes::{Institute, InstituteAccess, InstituteAdmin, field};

/// Institutes whose filters are kept in memory.
const INSTITUTES: u64 = 1_000;

/// The `filters` collection.
#[derive(Clone)]
pub struct FilterStore {
    filters: Documents<SavedFilter>,
    institutes: Documents<Institute>,
    /// With the institute's `filters_rev` that they are of.
    cache: Cache<InstituteId, (i64, Arc<Vec<SavedFilter>>)>,
}

impl FilterStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let cache = Cache::new(INSTITUTES);
        Self { filters: Documents::new(db), institutes: Documents::new(db), cache }
    }

    /// All filters of an institute by name, for its readers.
    pub async fn of_institute(&self, access: &InstituteAccess) -> Result<Arc<Vec<SavedFilter>>, StoreError> {
        self.all(access.institute()).await
    }

    /// All filters of an institute by name, for its admins, who choose the clinical one among them.
    pub async fn for_admin(&self, admin: &InstituteAdmin) -> Result<Arc<Vec<SavedFilter>>, StoreError> {
        self.all(admin.institute()).await
    }

    /// All filters of the institute that owns a case, as it was read; none for whoever reads the case otherwise.
    pub async fn of_case(
        &self,
        access: &CaseAccess,
        institute: &Institute,
    ) -> Result<Arc<Vec<SavedFilter>>, StoreError> {
        if access.is_own() && institute.id == access.case().institute {
            self.all(institute).await
        } else {
            Ok(Arc::default())
        }
    }

    /// Each change of a filter counts in the institute's document, so what was read at that number holds.
    async fn all(&self, institute: &Institute) -> Result<Arc<Vec<SavedFilter>>, StoreError> {
        let rev = institute.filters_rev;
        if rev == 0 {
            return Ok(Arc::default());
        }
        if let Some((_, known)) = self.cache.get(&institute.id).await.filter(|(known, _)| *known == rev) {
            return Ok(known);
        }
        let by_name = FindOptions::builder().sort(doc! { "name": 1 }).build();
        let filters = Arc::new(self.filters.find(doc! { "institute": &institute.id }, by_name).await?);
        self.cache.insert(institute.id.clone(), (rev, filters.clone())).await;
        Ok(filters)
    }

    /// One filter of an institute as it stands at this moment.
    pub(super) async fn find(&self, institute: &InstituteId, id: &FilterId) -> Result<Option<SavedFilter>, StoreError> {
        self.filters.find_one(doc! { "_id": id, "institute": institute }).await
    }

    /// The filter of a name as it stands at this moment.
    pub(super) async fn named(&self, wanted: &SavedFilter) -> Result<Option<SavedFilter>, StoreError> {
        let name = doc! { "institute": &wanted.institute, "category": wanted.category.as_str(), "name": &wanted.name };
        self.filters.find_one(name).await
    }

    /// Creates the collections; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.filters.prepare().await
    }

    /// Puts a filter in place of revision `known` of it, none for a new one, and counts that in the institute's document.
    pub(super) async fn put(
        &self,
        session: &mut ClientSession,
        filter: &SavedFilter,
        known: Option<i64>,
    ) -> Result<(), StoreError> {
        match known {
            None => self.filters.insert_in(&mut *session, filter, "a filter of this name").await?,
            Some(rev) => {
                let as_known = doc! { "_id": &filter.id, "institute": &filter.institute, "rev": rev };
                let collection = self.filters.collection().await?;
                let document = Documents::encode(filter)?;
                let replaced = collection.replace_one(as_known, document).session(&mut *session).await?;
                if replaced.matched_count != 1 {
                    return Err(StoreError::Conflict("the filter"));
                }
            }
        }
        let counted = doc! { "$inc": { field::FILTERS_REV: 1_i64 } };
        self.institutes.update_one_in(session, doc! { "_id": &filter.institute }, counted).await.map(|_| ())
    }
}
