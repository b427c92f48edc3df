use bson::doc;
use jiff::Timestamp;
use mongodb::IndexModel;
use mongodb::options::FindOptions;
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use crate::cases::{CaseAccess, CaseEditor, CaseStore};
use crate::casework::Moved;
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::events::{Actor, Change, EventKind, EventStore, fact, variant_subject};
use crate::ids::{CaseId, InstituteId, UserId, VariantId};

/// What people decided about one variant in one case.
#[serde_as]
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantState {
    /// The variant, in this case.
    #[serde(rename = "_id")]
    pub id: VariantId,
    /// Case.
    pub case_id: CaseId,
    /// Owner of the case.
    pub institute: InstituteId,
    /// Marked to look at again.
    pub pinned: bool,
    /// Held to be the cause.
    pub causative: bool,
    /// Reasons for putting it aside; codes of the dismissal list.
    pub dismissed: Vec<u16>,
    /// Manual rank; 0 (`other`) is a value.
    pub manual_rank: Option<u8>,
    /// Class of the ACMG/AMP scheme.
    pub acmg: Option<String>,
    /// Who decided last.
    pub user: UserId,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// Counts changes.
    pub rev: i64,
}

impl Stored for VariantState {
    const COLLECTION: &'static str = "variant_states";

    fn indexes() -> Vec<IndexModel> {
        vec![index("of_case", doc! { "case_id": 1 })]
    }
}

/// The `variant_states` collection.
#[derive(Clone)]
pub struct StateStore {
    states: Documents<VariantState>,
}

impl VariantState {
    /// No decision yet.
    #[must_use]
    pub fn undecided(access: &CaseAccess, id: VariantId, now: Timestamp) -> Self {
        let case = access.case();
        Self {
            id,
            case_id: case.id.clone(),
            institute: case.institute.clone(),
            pinned: false,
            causative: false,
            dismissed: Vec::new(),
            manual_rank: None,
            acmg: None,
            user: access.principal().user().clone(),
            at: now,
            rev: 0,
        }
    }

    /// Whether the record stays in the list whatever its rank.
    #[must_use]
    pub fn keeps_variant(&self) -> bool {
        self.pinned || self.causative || !self.dismissed.is_empty() || self.manual_rank.is_some() || self.acmg.is_some()
    }
}

/// A decision about to be written.
pub struct Decision<'a> {
    /// What is stored; none when nothing was ever decided.
    pub before: Option<&'a VariantState>,
    /// What takes its place; its revision is counted here.
    pub after: VariantState,
    /// What it makes of the case.
    pub moves: Option<&'a Moved>,
}

impl StateStore {
    /// Opens the collection.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { states: Documents::new(db) }
    }

    /// What is decided about one variant of a case; none when nothing ever was.
    pub async fn find(&self, access: &CaseAccess, id: &VariantId) -> Result<Option<VariantState>, StoreError> {
        self.states.find_one(doc! { "_id": id, "case_id": &access.case().id }).await
    }

    /// All decisions in a case.
    pub async fn of_case(&self, access: &CaseAccess) -> Result<Vec<VariantState>, StoreError> {
        self.states.find(doc! { "case_id": &access.case().id }, FindOptions::default()).await
    }

    /// As [`Self::of_case`], for commands on the machine.
    pub async fn of_case_for_command(&self, _: &SystemScope, case: &CaseId) -> Result<Vec<VariantState>, StoreError> {
        self.states.find(doc! { "case_id": case }, FindOptions::default()).await
    }

    /// Variants of a case that somebody decided about; the loader keeps them whatever their rank.
    pub async fn kept(&self, _: &SystemScope, case: &CaseId) -> Result<Vec<VariantId>, StoreError> {
        let states = self.states.find(doc! { "case_id": case }, FindOptions::default()).await?;
        Ok(states.into_iter().filter(VariantState::keeps_variant).map(|state| state.id).collect())
    }

    /// Writes a decision on what was read just now, with its event and with what it makes of the case, or tells that
    /// somebody was faster.
    pub async fn decide(
        &self,
        editor: &CaseEditor,
        cases: &CaseStore,
        events: &EventStore,
        decision: Decision<'_>,
        now: Timestamp,
    ) -> Result<VariantState, StoreError> {
        let Decision { before, after: mut state, moves } = decision;
        let access = editor.access();
        state.rev = before.map_or(0, |before| before.rev) + 1;
        state.at = now;
        state.user = access.principal().user().clone();
        state.case_id = access.case().id.clone();
        state.institute = access.case().institute.clone();
        events.prepare().await?;
        let collection = self.states.collection().await?;
        let change = Change {
            subject: variant_subject(&state.id),
            rev: state.rev,
            kind: EventKind::VariantDecided,
            institute: Some(state.institute.clone()),
            case_id: Some(state.case_id.clone()),
            before: fact(&before)?,
            after: fact(&state)?,
        };
        let actor = Actor::of(access.principal());
        let mut transaction = self.states.db().begin().await?;
        let written = loop {
            let session = &mut transaction.session;
            let work = async {
                if let Some(before) = before {
                    let as_known = doc! { "_id": &state.id, "case_id": &state.case_id, "rev": before.rev };
                    let replaced =
                        collection.replace_one(as_known, Documents::encode(&state)?).session(&mut *session).await?;
                    if replaced.matched_count != 1 {
                        return Err(StoreError::Conflict("the decision"));
                    }
                } else {
                    self.states.insert_in(session, &state, "a decision on this variant").await?;
                }
                events.append(session, &change, &actor, now).await?;
                if let Some(moves) = moves {
                    moves.write(session, editor, cases, events, now).await?;
                }
                cases.bump_decisions(session, &state.case_id).await
            }
            .await;
            if let Some(written) = transaction.end(work).await {
                break written;
            }
        };
        match written {
            Ok(()) => Ok(state),
            Err(StoreError::Exists(_)) => Err(StoreError::Conflict("the decision")),
            Err(error) => Err(error),
        }
    }

    /// What was decided about a variant at an earlier revision; 0 is "no decision". None when there is no such revision on
    /// record.
    pub async fn at_revision(
        &self,
        editor: &CaseEditor,
        events: &EventStore,
        variant: &VariantId,
        rev: i64,
        now: Timestamp,
    ) -> Result<Option<VariantState>, StoreError> {
        let history = events.of_variant(editor, variant).await?;
        let Some(earlier) = history.at_revision(rev) else { return Ok(None) };
        let earlier = bson::deserialize_from_bson::<Option<VariantState>>(earlier.clone());
        let earlier = earlier.map_err(|error| StoreError::Unreadable {
            collection: "events",
            id: variant_subject(variant),
            reason: error.to_string(),
        })?;
        Ok(Some(earlier.unwrap_or_else(|| VariantState::undecided(editor.access(), variant.clone(), now))))
    }

    /// Removes all decisions of a case, with the case.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<u64, StoreError> {
        self.states.delete(doc! { "case_id": case }).await
    }
}
