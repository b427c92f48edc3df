use std::collections::HashMap;

use bson::{Bson, Document, doc};
use mongodb::ClientSession;
use mongodb::options::FindOptions;
use serde::Deserialize;

use super::model::{Comment, Reach, field};
use crate::audit::AuditAccess;
use crate::auth::Principal;
use crate::cases::{CaseAccess, ListKind};
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError};
use crate::genome::NormKey;
use crate::ids::{CaseId, CommentId, VariantId};

/// Newest comments that mention somebody, on their list.
const MENTIONS: i64 = 200;
/// Newest requests for redaction on the auditors' page.
const REDACTIONS: i64 = 200;

/// The `comments` collection.
#[derive(Clone)]
pub struct CommentStore {
    comments: Documents<Comment>,
}

/// Which variant a comment of a case is about.
#[derive(Deserialize)]
struct About {
    variant: OnlyId,
}

#[derive(Deserialize)]
struct OnlyId {
    id: VariantId,
}

/// The same, with the list that held it.
#[derive(Deserialize)]
struct AboutInList {
    variant: IdInList,
}

#[derive(Deserialize)]
struct IdInList {
    id: VariantId,
    list: ListKind,
}

/// The condition under which a comment stands: neither taken back nor erased.
fn standing() -> Document {
    doc! { "retracted_at": { "$exists": false }, "redaction.agreed_at": { "$exists": false } }
}

/// What somebody reads of a case's comments: nothing about variants outside consent, and a guest nothing about lists that are
/// not shared.
fn of_case(access: &CaseAccess) -> Document {
    let mut filter = doc! { field::CASE_ID: &access.case().id };
    if !access.case().kept_out.is_empty() {
        filter.insert(field::VARIANT_ID, doc! { "$nin": &access.case().kept_out });
    }
    if access.share().is_some_and(|share| !share.lists.hold(ListKind::Research)) {
        filter.insert(field::VARIANT_LIST, doc! { "$ne": ListKind::Research.as_str() });
    }
    filter
}

fn oldest_first() -> FindOptions {
    FindOptions::builder().sort(doc! { field::CREATED_AT: 1, "_id": 1 }).build()
}

impl CommentStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { comments: Documents::new(db) }
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        self.comments.prepare().await
    }

    /// All comments written in a case, about it and about its variants, oldest first.
    pub async fn of_case(&self, access: &CaseAccess) -> Result<Vec<Comment>, StoreError> {
        self.comments.find(of_case(access), oldest_first()).await
    }

    /// Those about one of its variants, and those about the same variant that were written in other cases of the institute
    /// for all of them, oldest first.
    ///
    /// The latter are the institute's own: whoever reads this case by a share or in an emergency sees none.
    pub async fn about(
        &self,
        access: &CaseAccess,
        variant: &VariantId,
        keys: &[NormKey],
    ) -> Result<Vec<Comment>, StoreError> {
        let mut here = of_case(access);
        here.insert(field::VARIANT_ID, doc! { "$eq": variant, "$nin": &access.case().kept_out });
        if !access.is_own() {
            return self.comments.find(here, oldest_first()).await;
        }
        let case = access.case();
        let keys: Vec<&str> = keys.iter().map(NormKey::as_str).collect();
        let mut elsewhere = doc! {
            field::INSTITUTE: &case.institute,
            field::VARIANT_KEYS: { "$in": keys },
            field::REACH: Reach::Institute.as_str(),
            field::CASE_ID: { "$ne": &case.id },
        };
        elsewhere.extend(standing());
        self.comments.find(doc! { "$or": [here, elsewhere] }, oldest_first()).await
    }

    /// A comment of the case that the reader sees.
    pub async fn find(&self, access: &CaseAccess, id: &CommentId) -> Result<Option<Comment>, StoreError> {
        let mut filter = of_case(access);
        filter.insert("_id", id);
        self.comments.find_one(filter).await
    }

    /// How many comments about each variant of the case stand.
    pub async fn counts(&self, access: &CaseAccess) -> Result<HashMap<VariantId, u32>, StoreError> {
        let mut filter = of_case(access);
        filter.insert(field::VARIANT_ID, doc! { "$exists": true, "$nin": &access.case().kept_out });
        self.count(filter).await
    }

    /// Variants of a case that somebody ever commented on, with the list that held them.
    pub(crate) async fn commented(&self, case: &CaseId) -> Result<HashMap<VariantId, ListKind>, StoreError> {
        let options = FindOptions::builder().projection(doc! { field::VARIANT_ID: 1, field::VARIANT_LIST: 1 }).build();
        let filter = doc! { field::CASE_ID: case, field::VARIANT_ID: { "$exists": true } };
        let found: Vec<AboutInList> = self.comments.find_as(filter, options).await?;
        Ok(found.into_iter().map(|about| (about.variant.id, about.variant.list)).collect())
    }

    /// As [`Self::counts`], for commands on the machine; the loader keeps these variants whatever their rank.
    pub async fn counts_for_command(
        &self,
        _: &SystemScope,
        case: &CaseId,
    ) -> Result<HashMap<VariantId, u32>, StoreError> {
        self.count(doc! { field::CASE_ID: case, field::VARIANT_ID: { "$exists": true } }).await
    }

    async fn count(&self, mut filter: Document) -> Result<HashMap<VariantId, u32>, StoreError> {
        filter.extend(standing());
        let options = FindOptions::builder().projection(doc! { field::VARIANT_ID: 1 }).build();
        let found: Vec<About> = self.comments.find_as(filter, options).await?;
        let mut counts = HashMap::new();
        for about in found {
            *counts.entry(about.variant.id).or_default() += 1;
        }
        Ok(counts)
    }

    /// The newest comments that mention the asker, whatever became of their cases: ask which of those they read.
    pub(super) async fn mentioning(&self, principal: &Principal) -> Result<Vec<Comment>, StoreError> {
        let newest = FindOptions::builder().sort(doc! { field::CREATED_AT: -1 }).limit(MENTIONS).build();
        let mut filter = doc! { field::MENTIONED: principal.user() };
        filter.extend(standing());
        self.comments.find(filter, newest).await
    }

    /// Comments within an auditor's scope that were to be redacted or are, newest request first.
    pub(super) async fn redactions(&self, access: &AuditAccess) -> Result<Vec<Comment>, StoreError> {
        let newest = FindOptions::builder().sort(doc! { field::REDACTION_ASKED_AT: -1 }).limit(REDACTIONS).build();
        self.comments.find(asked_for(access), newest).await
    }

    /// One of them.
    pub(super) async fn redaction(&self, access: &AuditAccess, id: &CommentId) -> Result<Option<Comment>, StoreError> {
        let mut filter = asked_for(access);
        filter.insert("_id", id);
        self.comments.find_one(filter).await
    }

    /// Adds a comment in the transaction that writes its event.
    pub(super) async fn add(&self, session: &mut ClientSession, comment: &Comment) -> Result<(), StoreError> {
        self.comments.insert_in(session, comment, "this comment").await
    }

    /// Puts a comment in place of its revision before, in the transaction that writes the event, or tells that somebody was
    /// faster.
    pub(super) async fn put(&self, session: &mut ClientSession, comment: &Comment) -> Result<(), StoreError> {
        let before = doc! {
            "_id": &comment.id,
            field::CASE_ID: &comment.case_id,
            field::OWNER: &comment.owner,
            field::REV: comment.rev - 1,
        };
        let collection = self.comments.collection().await?;
        let replaced = collection.replace_one(before, Documents::encode(comment)?).session(session).await?;
        if replaced.matched_count == 1 { Ok(()) } else { Err(StoreError::Conflict("the comment")) }
    }

    /// Removes all comments of a case.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<u64, StoreError> {
        self.comments.delete(doc! { field::CASE_ID: case }).await
    }
}

/// Comments of the auditor's institutes whose redaction was asked for.
fn asked_for(access: &AuditAccess) -> Document {
    let mut filter = doc! { field::REDACTION_ASKED_AT: { "$exists": true } };
    if !access.scope().is_everything() {
        let own: Vec<Bson> = access.scope().institutes().map(Bson::from).collect();
        filter.insert(field::OWNER, doc! { "$in": own });
    }
    filter
}
