//! The cases of an institute as lists show them, in memory: narrowed, sorted and counted without reading all of them again.

use std::collections::HashMap;
use std::sync::Arc;

use bson::{Document, doc};
use moka::future::Cache;
use mongodb::ClientSession;
use mongodb::options::{FindOptions, ReturnDocument};
use serde::Deserialize;

use super::model::{Case, Status, field};
use super::summary::{CaseSummary, summary};
use crate::db::{Db, Documents, StoreError};
use crate::ids::{CaseId, InstituteId, UserId};
use crate::institutes::{Institute, field as institute_field};

/// What a case in memory takes: bytes, roughly.
const BYTES: usize = 1_200;

/// A case with the words that find it.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    #[serde(flatten)]
    pub summary: CaseSummary,
    pub search: Vec<String>,
}

/// All cases of an institute, as of a number of changes.
pub(super) struct Directory {
    rev: i64,
    cases: HashMap<CaseId, Arc<Listed>>,
}

impl Directory {
    /// The cases that this person reads, as one who reads cases of the institute, in no order.
    pub(super) fn open_to(&self, user: &UserId) -> impl Iterator<Item = &Listed> + Clone {
        self.cases.values().map(AsRef::as_ref).filter(|case| case.summary.is_open_to(user))
    }

    /// How many of these are in each status.
    pub(super) fn status_counts(&self, user: &UserId) -> Vec<(Status, u64)> {
        let mut counts = Status::ALL.map(|status| (status, 0));
        for case in self.open_to(user) {
            for (status, count) in &mut counts {
                *count += u64::from(*status == case.summary.status);
            }
        }
        counts.to_vec()
    }
}

/// Directories of the institutes in use.
///
/// Each transaction that changes what lists show of a case counts it in the institute's document and writes that number into
/// the case: so the number of a directory says what it holds, whichever process changed it, and what came since is found by
/// an index. Transactions that count in one institute at the same time come one after the other.
#[derive(Clone)]
pub(super) struct Directories {
    cases: Documents<Case>,
    institutes: Documents<Institute>,
    known: Cache<InstituteId, Arc<Directory>>,
}

#[derive(Deserialize)]
struct Counted {
    cases_rev: i64,
}

impl Directories {
    /// With a cache of `megabytes`.
    pub(super) fn new(db: &Db, megabytes: u64) -> Self {
        let bytes = |_: &InstituteId, known: &Arc<Directory>| {
            u32::try_from((known.cases.len() + 1) * BYTES).unwrap_or(u32::MAX)
        };
        let known = Cache::builder().max_capacity(megabytes * 1024 * 1024).weigher(bytes).build();
        Self { cases: Documents::new(db), institutes: Documents::new(db), known }
    }

    /// The cases of an institute as of its document, or newer.
    pub(super) async fn of(&self, institute: &Institute) -> Result<Arc<Directory>, StoreError> {
        let known = self.known.get(&institute.id).await;
        let directory = match known {
            Some(known) if known.rev >= institute.cases_rev => return Ok(known),
            Some(known) if known.rev >= institute.removed_rev => {
                let newer = doc! { field::INSTITUTE: &institute.id, field::LISTED_REV: { "$gt": known.rev } };
                let mut cases = known.cases.clone();
                cases.extend(self.read(newer).await?);
                Directory { rev: institute.cases_rev, cases }
            }
            _ => {
                let cases = self.read(doc! { field::INSTITUTE: &institute.id }).await?;
                Directory { rev: institute.cases_rev, cases: cases.into_iter().collect() }
            }
        };
        let directory = Arc::new(directory);
        self.known.insert(institute.id.clone(), directory.clone()).await;
        Ok(directory)
    }

    async fn read(&self, filter: Document) -> Result<Vec<(CaseId, Arc<Listed>)>, StoreError> {
        let mut parts = summary();
        parts.insert(field::SEARCH, 1);
        let options = FindOptions::builder().projection(parts).build();
        let found: Vec<Listed> = self.cases.find_as(filter, options).await?;
        Ok(found.into_iter().map(|case| (case.summary.id.clone(), Arc::new(case))).collect())
    }

    /// Counts in the transaction that removes a case that it is gone.
    pub(super) async fn count_removed(
        &self,
        session: &mut ClientSession,
        institute: &InstituteId,
    ) -> Result<(), StoreError> {
        let rev = self.count(&mut *session, institute).await?;
        let removed = doc! { "$set": { institute_field::REMOVED_REV: rev } };
        self.institutes.update_one_in(session, doc! { "_id": institute }, removed).await?;
        Ok(())
    }

    /// Counts a change of a case in the transaction that makes it; the number goes into the case.
    pub(super) async fn count(&self, session: &mut ClientSession, institute: &InstituteId) -> Result<i64, StoreError> {
        let one_more = doc! { "$inc": { institute_field::CASES_REV: 1_i64 } };
        let counted = self
            .institutes
            .collection()
            .await?
            .find_one_and_update(doc! { "_id": institute }, one_more)
            .return_document(ReturnDocument::After)
            .projection(doc! { institute_field::CASES_REV: 1 })
            .session(session)
            .await?;
        let counted = counted.ok_or(StoreError::Conflict("the institute"))?;
        Ok(crate::db::decode::<Counted>("institutes", &counted)?.cases_rev)
    }
}
