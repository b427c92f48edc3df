use std::cmp::Reverse;
use std::collections::HashMap;

use bson::{Bson, DateTime, Document, doc};
use jiff::{SignedDuration, Timestamp};
use mongodb::ClientSession;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};

use super::access::{CaseAccess, CaseEditor};
use super::directory::Directories;
use super::emergency::Emergency;
use super::labels::Labels;
use super::model::{Case, ListKind, Status, field};
use super::query::CaseQuery;
use super::share::Share;
use super::summary::{CaseNamed, CaseSummary, OpenCase, SharedCase, WithShares, summary};
use super::work::CaseWork;
use crate::auth::Scope;
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored as _};
use crate::emergency::EmergencyUser;
use crate::genome::GenomeBuild;
use crate::ids::{CaseId, CaseName, InstituteId, UserId, VariantId};
use crate::institutes::{Institute, InstituteAccess};
use crate::restriction;
use crate::users::SystemAdmin;
use crate::variants::KeyForm;

/// The `cases` collection.
#[derive(Clone)]
pub struct CaseStore {
    cases: Documents<Case>,
    directories: Directories,
}

/// What somebody asks of the cases of their institutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtHand {
    /// Which are this person's, as long as there is something to do.
    Of(UserId),
    /// Which are being read, or were solved lately.
    Active,
    /// Which came lately, and nobody took.
    Waiting,
    /// In which somebody is waited for on account of these variants, unless they lie outside consent.
    Among(HashMap<CaseId, Vec<VariantId>>),
}

impl AtHand {
    fn holds(&self, case: &CaseSummary, now: Timestamp) -> bool {
        let is_of = |status: &[Status]| status.contains(&case.status);
        match self {
            Self::Of(user) => {
                case.assignees.contains(user) && is_of(&[Status::Prioritized, Status::Inactive, Status::Active])
            }
            Self::Among(cases) => {
                cases.get(&case.id).is_some_and(|variants| variants.iter().any(|id| !case.keeps_out(id)))
            }
            Self::Active => case.updated_at >= now - ACTIVE && is_of(&[Status::Active, Status::Solved]),
            Self::Waiting => {
                let is_new = case.updated_at >= now - NEW && case.assignees.is_empty();
                is_new && is_of(&[Status::Prioritized, Status::Inactive])
            }
        }
    }
}

/// How long ago a case was changed that counts as active.
const ACTIVE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long ago one was loaded or changed that counts as new.
const NEW: SignedDuration = SignedDuration::from_hours(60 * 24);

#[derive(Deserialize)]
struct OwnerCount {
    #[serde(rename = "_id")]
    owner: InstituteId,
    n: i64,
}

impl CaseStore {
    /// Opens the collection with a cache of `megabytes`.
    #[must_use]
    pub fn new(db: &Db, megabytes: u64) -> Self {
        Self { cases: Documents::new(db), directories: Directories::new(db, megabytes) }
    }

    /// The case of this name, if it is in scope now. One that is not looks like one that is not there.
    pub async fn find(
        &self,
        scope: &Scope,
        institute: &InstituteId,
        name: &CaseName,
        now: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        // By its name, then by the scope: in one condition the embedded server reads all cases of the institute for it.
        let named = doc! { "$match": { field::INSTITUTE: institute, field::NAME: name } };
        let mut found = self.cases.aggregate(vec![named, doc! { "$match": scope.filter(now) }]).await?;
        Ok(found.pop())
    }

    /// The case as it is stored by now.
    ///
    /// # Errors
    /// A conflict when it is gone, or another one has its name.
    pub async fn again(&self, editor: &CaseEditor, now: Timestamp) -> Result<Case, StoreError> {
        let access = editor.access();
        let case = access.case();
        let found = self.find(access.scope(), &case.institute, &case.name, now).await?;
        found.filter(|found| found.id == case.id).ok_or(StoreError::Conflict("the case"))
    }

    /// Those of these cases that are in scope now, by name only.
    pub async fn named_in_scope(
        &self,
        scope: &Scope,
        ids: &[CaseId],
        now: Timestamp,
    ) -> Result<Vec<CaseNamed>, StoreError> {
        let ids: Vec<Bson> = ids.iter().map(Bson::from).collect();
        let parts = doc! { field::INSTITUTE: 1, field::NAME: 1, field::KEPT_OUT: 1 };
        self.cases
            .aggregate(vec![
                doc! { "$match": { "_id": { "$in": ids } } },
                doc! { "$match": scope.filter(now) },
                doc! { "$project": parts },
            ])
            .await
    }

    /// Cases that others share with an institute now: those that end first come first.
    pub async fn shared_with(
        &self,
        access: &InstituteAccess,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<SharedCase>, StoreError> {
        let guest = &access.institute().id;
        let mut projection = summary();
        projection.insert(field::SHARES, 1);
        let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(limit).projection(projection).build();
        let found: Vec<WithShares> =
            self.cases.find_as(Share::running_with(&[Bson::from(guest)], now), options).await?;
        let mut shared: Vec<SharedCase> =
            found.into_iter().filter_map(|case| SharedCase::of(case, guest, now)).collect();
        shared.sort_by_key(|one| one.share.until);
        Ok(shared)
    }

    /// The cases of an institute that the person reads and that fit, a page of them; whether there are more.
    pub async fn search(
        &self,
        access: &InstituteAccess,
        query: &CaseQuery,
    ) -> Result<(Vec<CaseSummary>, bool), StoreError> {
        let directory = self.directories.of(access.institute()).await?;
        Ok(query.page(directory.open_to(access.principal().user())))
    }

    /// Names of cohorts and groups in use, and the other cases of the case's groups: of those that the person reads as their
    /// institute's. To whoever reads the case otherwise, none.
    pub async fn labels(&self, access: &CaseAccess, institute: &Institute) -> Result<Labels, StoreError> {
        let case = access.case();
        if !access.is_own() || institute.id != case.institute {
            return Ok(Labels::default());
        }
        let directory = self.directories.of(institute).await?;
        Ok(Labels::among(directory.open_to(access.principal().user()).map(|listed| &listed.summary), case))
    }

    /// Of the cases of the institute that the person reads, how many are in each status, and the cohorts and groups they are in.
    pub async fn in_all(&self, access: &InstituteAccess) -> Result<(Vec<(Status, u64)>, Labels), StoreError> {
        let directory = self.directories.of(access.institute()).await?;
        let user = access.principal().user();
        let labels = Labels::in_use(directory.open_to(user).map(|listed| &listed.summary));
        Ok((directory.status_counts(user), labels))
    }

    /// Cases of those of the institutes that a person reads, for what they ask of their work; those last changed come
    /// first.
    pub async fn at_hand(
        &self,
        scope: &Scope,
        institutes: &[Institute],
        which: &AtHand,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<CaseSummary>, StoreError> {
        let mut found = Vec::new();
        for institute in institutes.iter().filter(|institute| scope.covers(&institute.id)) {
            let directory = self.directories.of(institute).await?;
            let cases = directory.open_to(scope.user()).map(|case| &case.summary);
            found.extend(cases.filter(|case| which.holds(case, now)).cloned());
        }
        found.sort_by_key(|case| Reverse(case.updated_at));
        found.truncate(limit);
        Ok(found)
    }

    /// How many cases each institute owns, and nothing else of them; one query for any number of cases, answered by an index.
    pub async fn counts(&self, _: &SystemAdmin) -> Result<Vec<(InstituteId, u64)>, StoreError> {
        let counts: Vec<OwnerCount> = self
            .cases
            .aggregate(vec![
                doc! { "$sort": { field::INSTITUTE: 1 } },
                doc! { "$group": { "_id": format!("${}", field::INSTITUTE), "n": { "$sum": 1 } } },
            ])
            .await?;
        Ok(counts.into_iter().map(|count| (count.owner, u64::try_from(count.n).unwrap_or(0))).collect())
    }

    /// The case of this family name or case name, whoever owns it; for commands on the machine.
    pub async fn find_for_load(
        &self,
        _: &SystemScope,
        institute: &InstituteId,
        family: &str,
        name: &CaseName,
    ) -> Result<Vec<Case>, StoreError> {
        let either = vec![doc! { field::FAMILY: family }, doc! { field::NAME: name }];
        self.cases.find(doc! { field::INSTITUTE: institute, "$or": either }, FindOptions::default()).await
    }

    /// All cases of this name or family, in any institute; for commands on the machine.
    pub async fn named(&self, _: &SystemScope, name: &str) -> Result<Vec<Case>, StoreError> {
        let either = vec![doc! { field::FAMILY: name }, doc! { field::NAME: name }, doc! { "_id": name }];
        self.cases.find(doc! { "$or": either }, FindOptions::default()).await
    }

    /// Identities of all cases; for commands on the machine.
    pub async fn ids(&self, _: &SystemScope) -> Result<Vec<CaseId>, StoreError> {
        let only_id = FindOptions::builder().projection(doc! { "_id": 1 }).sort(doc! { "_id": 1 }).build();
        let found: Vec<OnlyId> = self.cases.find_as(doc! {}, only_id).await?;
        Ok(found.into_iter().map(|case| case.id).collect())
    }

    /// The case with this identity; for commands on the machine.
    pub async fn by_id(&self, _: &SystemScope, id: &CaseId) -> Result<Option<Case>, StoreError> {
        self.cases.find_one(doc! { "_id": id }).await
    }

    /// How the keys of all published lists were made, closed ones too, with their builds; for commands on the machine.
    pub async fn key_forms(&self, _: &SystemScope) -> Result<Vec<(GenomeBuild, KeyForm)>, StoreError> {
        let parts =
            FindOptions::builder().projection(doc! { "build": 1, "lists.keys": 1, "closed_lists.keys": 1 }).build();
        let found: Vec<ListKeys> = self.cases.find_as(doc! {}, parts).await?;
        let of_case =
            |case: ListKeys| case.lists.into_iter().chain(case.closed_lists).map(move |list| (case.build, list.keys));
        Ok(found.into_iter().flat_map(of_case).collect())
    }

    /// Publishes a case: adds it, or replaces the one with revision `known_rev`. Part of the load's transaction.
    pub async fn publish(
        &self,
        _: &SystemScope,
        session: &mut ClientSession,
        case: &Case,
        known_rev: Option<i64>,
    ) -> Result<(), StoreError> {
        let listed_rev = self.directories.count(&mut *session, &case.institute).await?;
        let case = &Case { listed_rev, ..case.clone() };
        let Some(known_rev) = known_rev else {
            return self.cases.insert_in(session, case, "a case of this name").await;
        };
        let replaced = self
            .cases
            .collection()
            .await?
            .replace_one(doc! { "_id": &case.id, field::REV: known_rev }, Documents::encode(case)?)
            .session(session)
            .await?;
        if replaced.matched_count == 1 { Ok(()) } else { Err(StoreError::Conflict("the case")) }
    }

    /// Removes the case with revision `rev`, in the transaction that writes its last event.
    pub async fn remove(&self, _: &SystemScope, session: &mut ClientSession, case: &Case) -> Result<(), StoreError> {
        self.directories.count_removed(&mut *session, &case.institute).await?;
        let gone = self
            .cases
            .collection()
            .await?
            .delete_one(doc! { "_id": &case.id, field::REV: case.rev })
            .session(session)
            .await?;
        if gone.deleted_count == 1 { Ok(()) } else { Err(StoreError::Conflict("the case")) }
    }

    /// Puts all shares in place of those of revision `known`, in the transaction that writes the event.
    pub async fn set_shares(
        &self,
        session: &mut ClientSession,
        editor: &CaseEditor,
        known: i64,
        shares: &[Share],
    ) -> Result<(), StoreError> {
        self.put_all(session, &editor.access().case().id, known, field::SHARES, shares).await
    }

    /// Puts what somebody consents to on record, with what follows: the counts of the lists, and shares that it ends. Part of
    /// the transaction that writes the events.
    pub async fn set_consents(
        &self,
        session: &mut ClientSession,
        _: &CaseEditor,
        read: &Case,
        after: &Case,
    ) -> Result<(), StoreError> {
        let mut set = what_is_read(after)?;
        set.insert(field::CONSENTS, written(&after.consents)?);
        set.insert(field::SHARES, written(&after.shares)?);
        self.put_listed(session, read, set).await
    }

    /// Opens the research lists of a case, or closes them, with the counts of the lists. Part of the transaction that writes
    /// the event.
    pub async fn set_research(
        &self,
        session: &mut ClientSession,
        _: &CaseEditor,
        read: &Case,
        after: &Case,
    ) -> Result<(), StoreError> {
        self.put_listed(session, read, what_is_read(after)?).await
    }

    /// Puts other genes of secondary findings in place, with the counts of the lists; for commands on the machine.
    pub async fn set_secondary(
        &self,
        _: &SystemScope,
        session: &mut ClientSession,
        read: &Case,
        after: &Case,
    ) -> Result<(), StoreError> {
        let set = doc! {
            field::SECONDARY: written(&after.secondary)?,
            field::KEPT_OUT: written(&after.kept_out)?,
            field::LISTS: written(&after.lists)?,
        };
        self.put_listed(session, read, set).await
    }

    /// Sets fields of which lists of cases show some, or tells that somebody was faster.
    async fn put_listed(&self, session: &mut ClientSession, read: &Case, set: Document) -> Result<(), StoreError> {
        self.put(session, read, set, 0).await
    }

    /// The same, with so many changes of decisions about variants.
    async fn put(
        &self,
        session: &mut ClientSession,
        read: &Case,
        mut set: Document,
        decided: i64,
    ) -> Result<(), StoreError> {
        set.insert(field::LISTED_REV, self.directories.count(&mut *session, &read.institute).await?);
        let change = doc! { "$set": set, "$inc": { field::REV: 1, field::DECISIONS_REV: decided } };
        if self.cases.update_one_in(session, doc! { "_id": &read.id, field::REV: read.rev }, change).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict("the case"))
        }
    }

    /// Puts how the work stands in place of what was read, in the transaction that writes the event; `decided`: with a decision
    /// about variants, of which it takes note as [`Self::count_decisions`] does.
    pub async fn set_work(
        &self,
        session: &mut ClientSession,
        _: &CaseEditor,
        read: &Case,
        work: &CaseWork,
        decided: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let set = doc! {
            field::STATUS: work.status.as_str(),
            field::ASSIGNEES: written(&work.assignees)?,
            field::TAGS: written(&work.tags)?,
            field::COHORTS: &work.cohorts,
            field::GROUPS: &work.groups,
            field::SYNOPSIS: &work.synopsis,
            field::WORK_REV: read.work_rev + 1,
            field::UPDATED_AT: DateTime::from_millis(now.as_millisecond()),
        };
        self.put(session, read, set, i64::from(decided)).await
    }

    /// Names those who alone read the case, or lets everybody of its institute, with the shares that this ends. Part of the
    /// transaction that writes the events.
    pub async fn set_restriction(
        &self,
        session: &mut ClientSession,
        _: restriction::By<'_>,
        read: &Case,
        after: &Case,
    ) -> Result<(), StoreError> {
        let set = doc! {
            field::RESTRICTION: written(&after.restriction)?,
            field::RESTRICTION_REV: after.restriction_rev,
            field::SHARES: written(&after.shares)?,
        };
        self.put_listed(session, read, set).await
    }

    /// The case of this name, if it is one that the person may open in an emergency.
    pub async fn for_emergency(
        &self,
        user: &EmergencyUser,
        institute: &InstituteId,
        name: &CaseName,
    ) -> Result<Option<Case>, StoreError> {
        if !user.principal().scope().has_emergencies_of(institute) {
            return Ok(None);
        }
        self.cases.find_one(doc! { field::INSTITUTE: institute, field::NAME: name }).await
    }

    /// Cases that the person has open in an emergency now.
    pub async fn open_in_emergency(&self, user: &EmergencyUser, now: Timestamp) -> Result<Vec<OpenCase>, StoreError> {
        let Some(open) = user.principal().scope().emergency_filter(now) else { return Ok(Vec::new()) };
        let parts = doc! { field::INSTITUTE: 1, field::NAME: 1, field::EMERGENCIES: 1 };
        let options = FindOptions::builder().sort(doc! { field::INSTITUTE: 1, field::NAME: 1 }).projection(parts);
        self.cases.find_as(open, options.build()).await
    }

    /// Puts all emergencies in place of those that were read, in the transaction that writes the event.
    pub async fn set_emergencies(
        &self,
        session: &mut ClientSession,
        _: &EmergencyUser,
        read: &Case,
        emergencies: &[Emergency],
    ) -> Result<(), StoreError> {
        self.put_all(session, &read.id, read.rev, field::EMERGENCIES, emergencies).await
    }

    /// Puts a whole list into the case of revision `known`, or tells that somebody was faster.
    async fn put_all<T: Serialize>(
        &self,
        session: &mut ClientSession,
        case: &CaseId,
        known: i64,
        list: &str,
        all: &[T],
    ) -> Result<(), StoreError> {
        let change = doc! { "$set": { list: written(all)? }, "$inc": { field::REV: 1 } };
        if self.cases.update_one_in(session, doc! { "_id": case, field::REV: known }, change).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict("the case"))
        }
    }

    /// Notes, in the transaction of a decision on a variant of a list, that the overlay of decisions changed; a conflict when
    /// the list is closed by now.
    pub async fn bump_decisions(
        &self,
        session: &mut ClientSession,
        case: &CaseId,
        list: ListKind,
    ) -> Result<(), StoreError> {
        self.count(session, while_open(case, list), doc! { field::DECISIONS_REV: 1, field::REV: 1 }).await
    }

    /// Notes, in the transaction of a comment on a variant of a research list, that the case is another one, so that whoever
    /// closes the list meanwhile looks again; a conflict when it is closed by now.
    pub async fn bump_research(&self, session: &mut ClientSession, case: &CaseId) -> Result<(), StoreError> {
        self.count(session, while_open(case, ListKind::Research), doc! { field::REV: 1 }).await
    }

    /// As [`Self::bump_decisions`], only on the case of revision `known`.
    pub async fn count_decisions(
        &self,
        session: &mut ClientSession,
        editor: &CaseEditor,
        known: i64,
    ) -> Result<(), StoreError> {
        let as_known = doc! { "_id": &editor.access().case().id, field::REV: known };
        self.count(session, as_known, doc! { field::DECISIONS_REV: 1, field::REV: 1 }).await
    }

    /// Counts a change of a case that is as said, or tells that it is not.
    async fn count(&self, session: &mut ClientSession, case: Document, by: Document) -> Result<(), StoreError> {
        if self.cases.update_one_in(session, case, doc! { "$inc": by }).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict("the case"))
        }
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.cases.collection().await.map(|_| ())
    }
}

/// Which lists of a case are read, and what of them is kept out.
fn what_is_read(after: &Case) -> Result<Document, StoreError> {
    Ok(doc! {
        field::LISTS: written(&after.lists)?,
        field::CLOSED_LISTS: written(&after.closed_lists)?,
        field::KEPT_OUT: written(&after.kept_out)?,
        field::RESEARCH: written(&after.research)?,
        field::RESEARCH_REV: after.research_rev,
    })
}

/// The case while this list of it is read.
fn while_open(case: &CaseId, list: ListKind) -> Document {
    if list.is_clinical() {
        doc! { "_id": case }
    } else {
        doc! { "_id": case, field::RESEARCH: { "$ne": Bson::Null } }
    }
}

/// A value as a case's document holds it.
fn written<T: Serialize + ?Sized>(value: &T) -> Result<Bson, StoreError> {
    bson::serialize_to_bson(value)
        .map_err(|error| StoreError::Unwritable { collection: Case::COLLECTION, reason: error.to_string() })
}

#[derive(Deserialize)]
struct OnlyId {
    #[serde(rename = "_id")]
    id: CaseId,
}

#[derive(Deserialize)]
struct ListKeys {
    build: GenomeBuild,
    lists: Vec<KeysOfList>,
    #[serde(default)]
    closed_lists: Vec<KeysOfList>,
}

#[derive(Deserialize)]
struct KeysOfList {
    #[serde(default)]
    keys: KeyForm,
}
