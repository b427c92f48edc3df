use std::collections::HashMap;

use bson::{Bson, DateTime, Document, doc};
use jiff::Timestamp;
use mongodb::ClientSession;
use mongodb::options::FindOptions;
use serde::Serialize;

use super::history::History;
use super::model::{Actor, Event, EventKind};
use crate::addresses::{AddressAdmin, Subject};
use crate::auth::Principal;
use crate::cases::{Case, CaseAccess, CaseEditor, CaseSummary, ListKind};
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored as _};
use crate::ids::{CaseId, CommentId, EmergencyId, FilterId, InstituteId, ShareId, TogetherId, UserId, VariantId};
use crate::institutes::InstituteAdmin;
use crate::saved_filters::FilterAccess;
use crate::users::PersonAdmin;

/// What a change keeps of a fact as it was or is; of none, nothing.
///
/// # Errors
/// When it cannot be written as a document's value.
pub fn fact(value: &impl Serialize) -> Result<Bson, StoreError> {
    bson::serialize_to_bson(value)
        .map_err(|error| StoreError::Unwritable { collection: Event::COLLECTION, reason: error.to_string() })
}

/// The `events` collection.
#[derive(Clone)]
pub struct EventStore {
    events: Documents<Event>,
}

/// Changes that are counted as news at once.
const NEWS: i64 = 1_000;

/// A change about to be written down.
pub struct Change {
    /// `case/<id>`, `case_work/<id>`, `share/<id>`, `emergency/<id>`, `variant/<id>`, `together/<id>`, `comment/<id>`, `consent/<case>/<individual>`, `restriction/<case>`, `research/<case>`, `institute/<id>`, `user/<id>` or `addresses/<subject>`.
    pub subject: String,
    /// Revision after the change.
    pub rev: i64,
    /// Kind of change.
    pub kind: EventKind,
    /// Institute of the fact; none for the whole system.
    pub institute: Option<InstituteId>,
    /// Case of the fact; none for settings and people.
    pub case_id: Option<CaseId>,
    /// Before.
    pub before: Bson,
    /// After.
    pub after: Bson,
}

impl Change {
    fn event(&self, actor: &Actor, at: Timestamp) -> Event {
        Event {
            id: uuid::Uuid::now_v7().to_string(),
            subject: self.subject.clone(),
            rev: self.rev,
            kind: self.kind,
            institute: self.institute.clone(),
            case_id: self.case_id.clone(),
            together: None,
            before: self.before.clone(),
            after: self.after.clone(),
            actor: actor.clone(),
            at,
        }
    }
}

/// Which events of a case are asked for. Conditions narrow together.
#[derive(Debug, Clone, Default)]
pub struct CaseEvents {
    /// Of these kinds; of all when none is given.
    pub kinds: Option<Vec<EventKind>>,
    /// Done by this person.
    pub person: Option<UserId>,
    /// About this variant: decisions on it, also together with others, and comments.
    pub variant: Option<VariantId>,
    /// Before the event of this time and identity.
    pub before: Option<(Timestamp, String)>,
    /// At most so many.
    pub limit: i64,
}

impl CaseEvents {
    fn filter(&self, case: &Case) -> Result<Document, StoreError> {
        let mut filter = doc! { "case_id": &case.id };
        if !case.kept_out.is_empty() {
            let subjects: Vec<String> = case.kept_out.iter().map(variant_subject).collect();
            filter.insert("subject", doc! { "$nin": subjects });
            filter.insert("after.variant.id", doc! { "$nin": &case.kept_out });
        }
        if case.research.is_none() && case.research_rev > 0 {
            let closed = doc! { "kind": { "$in": of_lists()? }, "after.list": ListKind::Research.as_str() };
            filter.insert("$nor", [closed]);
        }
        if let Some(kinds) = &self.kinds {
            let kinds: Vec<Bson> = kinds.iter().map(fact).collect::<Result<_, _>>()?;
            filter.insert("kind", doc! { "$in": kinds });
        }
        if self.variant.is_none() {
            filter.insert("together", Bson::Null);
        }
        if let Some(person) = &self.person {
            filter.insert("actor.user", person);
        }
        let mut either = Vec::new();
        if let Some(variant) = &self.variant {
            either.push(vec![doc! { "subject": variant_subject(variant) }, doc! { "after.variant.id": variant }]);
        }
        if let Some((at, id)) = &self.before {
            let at = DateTime::from_millis(at.as_millisecond());
            filter.insert("at", doc! { "$lte": at });
            either.push(vec![doc! { "at": { "$lt": at } }, doc! { "at": at, "_id": { "$lt": id } }]);
        }
        if !either.is_empty() {
            filter.insert("$and", either.into_iter().map(|parts| doc! { "$or": parts }).collect::<Vec<_>>());
        }
        Ok(filter)
    }
}

/// Kinds whose fact names the list that it is of.
fn of_lists() -> Result<Vec<Bson>, StoreError> {
    [EventKind::VariantsDecided, EventKind::VariantsLookedAt, EventKind::FilterUsed].iter().map(fact).collect()
}

impl EventStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { events: Documents::new(db) }
    }

    /// Creates the collection's indexes; transactions cannot do that on the way.
    pub async fn prepare(&self) -> Result<(), StoreError> {
        self.events.collection().await.map(|_| ())
    }

    /// Writes the change down in the transaction that makes it.
    pub async fn append(
        &self,
        session: &mut ClientSession,
        change: &Change,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.events.insert_in(session, &change.event(actor, at), "this change").await
    }

    /// Writes changes down that come about together, in their order.
    pub async fn append_all(
        &self,
        session: &mut ClientSession,
        changes: &[&Change],
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let events = changes.iter().map(|change| Documents::encode(&change.event(actor, at)));
        let events: Vec<_> = events.collect::<Result<_, _>>()?;
        self.events.insert_many_in(session, &events, "this change").await
    }

    /// Writes the parts of one decision about several variants down, and the whole, in the transaction that makes it.
    pub async fn append_together(
        &self,
        session: &mut ClientSession,
        (id, whole, parts): (&TogetherId, &Change, &[Change]),
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let part = |change: &Change| Event { together: Some(id.clone()), ..change.event(actor, at) };
        let parts: Vec<_> = parts.iter().map(|change| Documents::encode(&part(change))).collect::<Result<_, _>>()?;
        self.events.insert_many_in(session, &parts, "this change").await?;
        self.append(session, whole, actor, at).await
    }

    /// The newest changes of an institute's settings.
    pub async fn of_institute(&self, access: &InstituteAdmin, limit: i64) -> Result<Vec<Event>, StoreError> {
        let newest = FindOptions::builder().sort(doc! { "rev": -1 }).limit(limit).build();
        self.events.find(doc! { "subject": institute_subject(&access.institute().id) }, newest).await
    }

    /// The newest changes of what a person may do.
    pub async fn of_person(&self, access: &PersonAdmin, limit: i64) -> Result<Vec<Event>, StoreError> {
        let newest = FindOptions::builder().sort(doc! { "rev": -1 }).limit(limit).build();
        self.events.find(doc! { "subject": user_subject(&access.person().id) }, newest).await
    }

    /// The newest changes of from where things are open.
    pub async fn of_addresses(&self, access: &AddressAdmin, limit: i64) -> Result<Vec<Event>, StoreError> {
        let subjects: Vec<String> = access.subjects().iter().map(addresses_subject).collect();
        let newest = FindOptions::builder().sort(doc! { "at": -1, "_id": -1 }).limit(limit).build();
        self.events.find(doc! { "subject": { "$in": subjects } }, newest).await
    }

    /// All changes of a saved filter, the newest first.
    pub async fn of_filter(&self, access: &FilterAccess) -> Result<Vec<Event>, StoreError> {
        let newest = FindOptions::builder().sort(doc! { "rev": -1 }).build();
        self.events.find(doc! { "subject": filter_subject(&access.filter().id) }, newest).await
    }

    /// Everything that people decided about a variant of a case, whole.
    pub async fn of_variant(&self, editor: &CaseEditor, variant: &VariantId) -> Result<History, StoreError> {
        let filter = doc! { "subject": variant_subject(variant), "case_id": &editor.access().case().id };
        self.whole(filter).await
    }

    /// What one decision about several variants of a case made of each.
    pub async fn of_together(&self, editor: &CaseEditor, id: &TogetherId) -> Result<Vec<Event>, StoreError> {
        let filter = doc! { "case_id": &editor.access().case().id, "together": id };
        self.events.find(filter, FindOptions::default()).await
    }

    /// How the work on a case stood, whole.
    pub async fn of_work(&self, editor: &CaseEditor) -> Result<History, StoreError> {
        self.whole(doc! { "subject": work_subject(&editor.access().case().id) }).await
    }

    /// Whether a person ever changed this of the work on a case, after it was loaded; for commands on the machine.
    pub async fn people_did(&self, _: &SystemScope, case: &CaseId, kind: EventKind) -> Result<bool, StoreError> {
        let filter = doc! { "subject": work_subject(case), "kind": fact(&kind)?, "actor.user": { "$ne": null } };
        Ok(self.events.find_one(filter).await?.is_some())
    }

    /// Everything that admins changed of an institute, whole.
    pub async fn whole_of_institute(&self, access: &InstituteAdmin) -> Result<History, StoreError> {
        self.whole(doc! { "subject": institute_subject(&access.institute().id) }).await
    }

    async fn whole(&self, filter: Document) -> Result<History, StoreError> {
        let events = self.events.find(filter, FindOptions::default()).await?;
        History::new(events).map_err(|broken| StoreError::Unreadable {
            collection: "events",
            id: format!("{} revision {}", broken.subject, broken.rev),
            reason: broken.to_string(),
        })
    }

    /// What happened in a case, newest first. The history stays with the owner: a guest sees none of it.
    pub async fn of_case(&self, access: &CaseAccess, asked: &CaseEvents) -> Result<Vec<Event>, StoreError> {
        if access.is_guest() {
            return Ok(Vec::new());
        }
        let newest = FindOptions::builder().sort(doc! { "at": -1, "_id": -1 }).limit(asked.limit).build();
        self.events.find(asked.filter(access.case())?, newest).await
    }

    /// How many changes others made in cases that the asker read up to a moment; of all cases together the newest
    /// thousand count. Cases of others that are only shared with the asker are left out, and so is what is
    /// about a variant of which nothing is told.
    pub async fn news(
        &self,
        principal: &Principal,
        cases: &[&CaseSummary],
        read_until: &HashMap<CaseId, Timestamp>,
    ) -> Result<HashMap<CaseId, usize>, StoreError> {
        let own = cases.iter().filter(|case| principal.scope().covers(&case.institute));
        let marked: Vec<(&CaseId, Timestamp)> =
            own.filter_map(|case| Some((&case.id, *read_until.get(&case.id)?))).collect();
        let Some(first) = marked.iter().map(|(_, until)| *until).min() else { return Ok(HashMap::new()) };
        let ids: Vec<&CaseId> = marked.iter().map(|(id, _)| *id).collect();
        let filter = doc! {
            "case_id": { "$in": ids }, "together": Bson::Null,
            "at": { "$gt": DateTime::from_millis(first.as_millisecond()) },
        };
        let newest = FindOptions::builder().sort(doc! { "at": -1 }).limit(NEWS).build();
        let by_id: HashMap<&CaseId, &CaseSummary> = cases.iter().map(|case| (&case.id, *case)).collect();
        let mut counts = HashMap::new();
        for event in self.events.find(filter, newest).await? {
            let until = event.case_id.as_ref().and_then(|id| read_until.get(id));
            let about = event.variant();
            let is_told = |case: &&CaseSummary| about.as_ref().is_none_or(|variant| !case.keeps_out(variant));
            if let (Some(id), Some(until)) = (&event.case_id, until)
                && event.is_news(principal.user(), *until)
                && by_id.get(id).is_some_and(is_told)
            {
                *counts.entry(id.clone()).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// The newest changes in a case. The history stays with the owner: a guest sees none of it.
    pub async fn recent(&self, access: &CaseAccess, limit: i64) -> Result<Vec<Event>, StoreError> {
        self.of_case(access, &CaseEvents { limit, ..CaseEvents::default() }).await
    }
}

/// How the work on a case is named in [`Change::subject`].
#[must_use]
pub fn work_subject(case: &CaseId) -> String {
    format!("case_work/{case}")
}

/// How a variant of a case is named in [`Change::subject`].
#[must_use]
pub fn variant_subject(variant: &VariantId) -> String {
    format!("variant/{variant}")
}

/// How a decision about several variants is named in [`Change::subject`].
#[must_use]
pub fn together_subject(together: &TogetherId) -> String {
    format!("together/{together}")
}

/// The subject of a saved filter's history.
#[must_use]
pub fn filter_subject(filter: &FilterId) -> String {
    format!("filter/{filter}")
}

/// The subject of a note that somebody used a version of a filter on a revision of a case's list.
#[must_use]
pub fn filter_use_subject(case: &CaseId, filter: &FilterId, (version, revision): (i64, u32), user: &UserId) -> String {
    format!("filter_use/{case}/{filter}/{version}/{revision}/{user}")
}

/// How a comment is named in [`Change::subject`].
#[must_use]
pub fn comment_subject(comment: &CommentId) -> String {
    format!("comment/{comment}")
}

/// How a share of a case is named in [`Change::subject`].
#[must_use]
pub fn share_subject(share: &ShareId) -> String {
    format!("share/{share}")
}

/// How an individual's consent is named in [`Change::subject`].
#[must_use]
pub fn consent_subject(case: &CaseId, individual: &str) -> String {
    format!("consent/{case}/{individual}")
}

/// How who reads a case is named in [`Change::subject`].
#[must_use]
pub fn restriction_subject(case: &CaseId) -> String {
    format!("restriction/{case}")
}

/// How the opening of a case's research lists is named in [`Change::subject`].
#[must_use]
pub fn research_subject(case: &CaseId) -> String {
    format!("research/{case}")
}

/// How an emergency access to a case is named in [`Change::subject`].
#[must_use]
pub fn emergency_subject(emergency: &EmergencyId) -> String {
    format!("emergency/{emergency}")
}

/// How an institute is named in [`Change::subject`].
#[must_use]
pub fn institute_subject(institute: &InstituteId) -> String {
    format!("institute/{institute}")
}

/// How something that is open from some addresses only is named in [`Change::subject`].
#[must_use]
pub fn addresses_subject(limited: &Subject) -> String {
    format!("addresses/{limited}")
}

/// How a person is named in [`Change::subject`].
#[must_use]
pub fn user_subject(user: &UserId) -> String {
    format!("user/{user}")
}
