//! Sealed free text is opened by two auditors: one asks, another one agrees, then both may read it for an hour.

use axum::extract::State;
use axum::response::Response;
use bson::{DateTime, doc};
use jiff::{SignedDuration, Timestamp};
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::entry_page::{EntryPath, ReviewedRequest};
use super::rows::second;
use crate::app::AppState;
use crate::audit::Trail;
use crate::audit::access::{AuditAccess, Auditor};
use crate::auth::{Administration, SteppedUp};
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::error::{AppError, AppResult};
use crate::ids::{InstituteId, UserId};
use crate::web::{CsrfForm, Path, problem, see_other, urls};

/// How long both may read what was opened.
const OPEN_FOR: SignedDuration = SignedDuration::from_mins(60);
/// How long a question waits for a second auditor.
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A reason says something.
const REASON: std::ops::RangeInclusive<usize> = 15..=500;

/// That the sealed text of one request is to be opened.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Opening {
    /// Random.
    #[serde(rename = "_id")]
    pub id: String,
    /// The request whose text it is.
    pub request_id: String,
    /// An entry of it, to find it by.
    pub entry: String,
    /// The institute whose auditors may know of it.
    pub institute: Option<InstituteId>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub asked_by: Auditor,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub asked_at: Timestamp,
    /// Who agreed; never who asked.
    pub agreed_by: Option<Auditor>,
    /// When.
    #[serde_as(as = "Option<bson::serde_helpers::datetime::FromJiff02Timestamp>")]
    #[serde(default)]
    pub agreed_at: Option<Timestamp>,
    /// Counts changes of the document.
    pub rev: i64,
}

/// Where an opening stands for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for somebody else.
    Asked,
    /// It waits, and this person may agree.
    MayAgree,
    /// This person may read until then.
    Open(Timestamp),
    /// Two others opened it.
    OpenToOthers,
    /// It is over.
    Over,
}

impl Opening {
    /// Where it stands for a person at a time.
    pub(super) fn standing(&self, person: &UserId, now: Timestamp) -> Standing {
        match (&self.agreed_by, self.agreed_at) {
            (Some(agreed), Some(at)) if now < at + OPEN_FOR => {
                let reads = self.asked_by.user == *person || agreed.user == *person;
                if reads { Standing::Open(at + OPEN_FOR) } else { Standing::OpenToOthers }
            }
            (None, _) if now < self.asked_at + ASKED_FOR => {
                if self.asked_by.user == *person {
                    Standing::Asked
                } else {
                    Standing::MayAgree
                }
            }
            _ => Standing::Over,
        }
    }
}

impl Stored for Opening {
    const COLLECTION: &'static str = "audit_openings";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_request", doc! { "request_id": 1 }), index("by_time", doc! { "asked_at": -1 })]
    }
}

/// The `audit_openings` collection.
#[derive(Clone)]
pub(super) struct OpeningStore {
    openings: Documents<Opening>,
}

/// An opening that waits for a second auditor.
pub(super) struct Waiting {
    pub url: String,
    pub asked_by: String,
    pub asked_at: String,
    pub mine: bool,
}

impl OpeningStore {
    pub(super) fn new(db: &Db) -> Self {
        Self { openings: Documents::new(db) }
    }

    /// All openings of a request, newest first.
    pub(super) async fn of(&self, reviewed: &ReviewedRequest) -> Result<Vec<Opening>, StoreError> {
        let filter = doc! { "request_id": reviewed.request_id() };
        let mut found = self.openings.find(filter, FindOptions::default()).await?;
        found.sort_by_key(|opening| std::cmp::Reverse(opening.asked_at));
        Ok(found)
    }

    /// Those that wait for a second auditor, within the scope.
    pub(super) async fn waiting(&self, access: &AuditAccess, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
        let mut filter = access.scope().filter();
        let since = DateTime::from_millis((now - ASKED_FOR).as_millisecond());
        filter.insert("asked_at", doc! { "$gt": since });
        filter.insert("agreed_at", doc! { "$exists": false });
        let newest_first = FindOptions::builder().sort(doc! { "asked_at": -1 }).build();
        let found = self.openings.find(filter, newest_first).await?;
        Ok(found
            .into_iter()
            .map(|opening| Waiting {
                url: urls::audit_entry(&opening.entry),
                asked_at: second(opening.asked_at),
                mine: opening.asked_by.user == *access.principal().user(),
                asked_by: opening.asked_by.name,
            })
            .collect())
    }

    /// Agrees once, and never for the one who asked.
    async fn agree(&self, opening: &Opening, rev: i64, by: &Auditor, now: Timestamp) -> Result<bool, StoreError> {
        let as_shown = doc! {
            "_id": &opening.id,
            "rev": rev,
            "agreed_at": { "$exists": false },
            "asked_by.user": { "$ne": &by.user },
        };
        let agreed = doc! {
            "agreed_by": { "user": &by.user, "name": &by.name },
            "agreed_at": DateTime::from_millis(now.as_millisecond()),
        };
        self.openings.update_one(as_shown, doc! { "$set": agreed, "$inc": { "rev": 1_i64 } }).await
    }
}

/// The form of a question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    reason: String,
}

/// `POST /audit/entries/{entry}/opening`
pub(super) async fn ask(
    access: AuditAccess,
    _: SteppedUp<Administration>,
    Path(EntryPath { entry }): Path<EntryPath>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<Question>,
) -> AppResult<Response> {
    let reviewed = ReviewedRequest::find(&app, &access, &entry, &trail).await?;
    let reason = form.reason.trim();
    if !REASON.contains(&reason.chars().count()) {
        return Err(problem("reason", reason, "say why in 15 to 500 characters"));
    }
    let now = app.clock.now();
    let open = |opening: &Opening| opening.standing(access.principal().user(), now) != Standing::Over;
    // Asking twice is asking once.
    if !app.review.openings.of(&reviewed).await?.iter().any(open) {
        let opening = Opening {
            id: crate::ids::base32(&crate::clock::random_bytes::<16>()),
            request_id: reviewed.request_id().to_owned(),
            entry: entry.clone(),
            institute: reviewed.institute().cloned(),
            reason: reason.to_owned(),
            asked_by: access.auditor(),
            asked_at: now,
            agreed_by: None,
            agreed_at: None,
            rev: 1,
        };
        app.review.openings.openings.insert(&opening, "this question").await?;
        trail.grant("opening", &opening.id);
    }
    Ok(see_other(&urls::audit_entry(&entry)))
}

/// The form of an agreement: to what was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agreement {
    opening: String,
    rev: i64,
}

/// `POST /audit/entries/{entry}/opening/agree`
pub(super) async fn agree(
    access: AuditAccess,
    _: SteppedUp<Administration>,
    Path(EntryPath { entry }): Path<EntryPath>,
    State(app): State<AppState>,
    trail: Trail,
    CsrfForm(form): CsrfForm<Agreement>,
) -> AppResult<Response> {
    let reviewed = ReviewedRequest::find(&app, &access, &entry, &trail).await?;
    trail.request("opening", &form.opening);
    let known = app.review.openings.of(&reviewed).await?;
    let opening = known.iter().find(|opening| opening.id == form.opening).ok_or(AppError::NotFound("question"))?;
    let (now, me) = (app.clock.now(), access.auditor());
    match opening.standing(&me.user, now) {
        Standing::MayAgree => {}
        Standing::Asked => {
            trail.note_reason("the same auditor asked");
            return Err(AppError::Forbidden("Sealed text is opened by two people: somebody else has to agree."));
        }
        _ => return Err(AppError::Conflict { rev: Some(opening.rev) }),
    }
    if !app.review.openings.agree(opening, form.rev, &me, now).await? {
        return Err(AppError::Conflict { rev: Some(opening.rev) });
    }
    trail.grant("opening", &opening.id);
    Ok(see_other(&urls::audit_entry(&entry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_read_for_an_hour() {
        let [asker, other, third] = [(); 3].map(|()| UserId::random());
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let auditor = |user: &UserId| Auditor { user: user.clone(), name: "A".into() };
        let mut opening = Opening {
            id: "o".into(),
            request_id: "r".into(),
            entry: "e".into(),
            institute: None,
            reason: "because of a complaint".into(),
            asked_by: auditor(&asker),
            asked_at: at,
            agreed_by: None,
            agreed_at: None,
            rev: 1,
        };
        assert_eq!(opening.standing(&asker, at), Standing::Asked);
        assert_eq!(opening.standing(&other, at), Standing::MayAgree);
        assert_eq!(opening.standing(&other, at + ASKED_FOR), Standing::Over);
        opening.agreed_by = Some(auditor(&other));
        opening.agreed_at = Some(at);
        for reader in [&asker, &other] {
            assert_eq!(opening.standing(reader, at), Standing::Open(at + OPEN_FOR));
            assert_eq!(opening.standing(reader, at + OPEN_FOR), Standing::Over);
        }
        assert_eq!(opening.standing(&third, at), Standing::OpenToOthers);
    }
}
