use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bson::{Bson, RawDocumentBuf, doc};
use jiff::Timestamp;
use moka::future::Cache;
use mongodb::options::FindOptions;
use mongodb::{ClientSession, IndexModel};
use serde::{Deserialize, Serialize};
use serde_with::{serde_as, skip_serializing_none};

use super::cause::{Mark, PartialCause, Second, Standing};
use super::facts::Facts;
use super::tiers::Tiers;
use super::validation::Validation;
use crate::auth::Scope;
use crate::cases::{Case, CaseAccess, CaseEditor, CaseStore, ListKind};
use crate::casework::Moved;
use crate::cli::SystemScope;
use crate::db::{Db, Documents, StoreError, Stored, index};
use crate::decisions::Reason;
use crate::events::{Actor, Change, EventKind, EventStore, fact, together_subject, variant_subject};
use crate::ids::{CaseId, InstituteId, TogetherId, UserId, VariantId};
use crate::mail::{Mail, OutboxStore};

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
    /// By whom, and what others say of it. Of a mark that was taken away only one with which somebody disagreed is left; none
    /// in states that an earlier version wrote.
    pub mark: Option<Mark>,
    /// The institute of which nobody has read a mark that another person is to confirm; absent otherwise, so that an index of
    /// these is small.
    #[serde(default, deserialize_with = "waiting")]
    pub awaits: Option<InstituteId>,
    /// That it explains a part of what the patient has, which solves no case.
    pub partial: Option<PartialCause>,
    /// What is held of mosaicism; codes of that list, lowest first.
    #[serde(default)]
    pub mosaic: Vec<u8>,
    /// What it means in the tumour; none in states that an earlier version wrote.
    #[serde(default, skip_serializing_if = "Tiers::is_empty")]
    pub tiers: Tiers,
    /// Reasons for putting it aside.
    pub dismissed: Vec<Reason>,
    /// Manual rank; 0 (`other`) is a value.
    pub manual_rank: Option<u8>,
    /// That it is to be validated, or was.
    pub validation: Option<Validation>,
    /// The institute that waits for the result of a validation; absent otherwise, so that an index of these is small.
    #[serde(default, deserialize_with = "waiting")]
    pub validates: Option<InstituteId>,
    /// Class of the ACMG/AMP scheme.
    pub acmg: Option<String>,
    /// The decision about several variants at once that left it so; none after a decision about it alone.
    pub together: Option<TogetherId>,
    /// What the list said of the variant then; none in states that an earlier version wrote.
    pub facts: Option<Facts>,
    /// Who decided last.
    pub user: UserId,
    /// When.
    #[serde_as(as = "bson::serde_helpers::datetime::FromJiff02Timestamp")]
    pub at: Timestamp,
    /// Counts changes.
    pub rev: i64,
    /// Whether a mark is left out here, because whoever asks is to come to it by themselves.
    #[serde(skip)]
    pub kept_back: bool,
}

/// Which institute waits. The history of earlier versions says only that one does; what is made of it anew says which.
fn waiting<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<InstituteId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Waiting {
        Institute(InstituteId),
        Flag(#[expect(dead_code, reason = "that it is there says nothing more")] bool),
    }
    Ok(match Option::<Waiting>::deserialize(source)? {
        Some(Waiting::Institute(institute)) => Some(institute),
        Some(Waiting::Flag(_)) | None => None,
    })
}

impl Stored for VariantState {
    const COLLECTION: &'static str = "variant_states";

    fn indexes() -> Vec<IndexModel> {
        vec![
            index("of_case", doc! { "case_id": 1 }),
            index("awaited_by", doc! { "awaits": 1 }),
            index("validating", doc! { "validates": 1 }),
        ]
    }
}

/// A mark that another person is to confirm.
#[derive(Debug, Clone)]
pub struct Awaiting {
    /// In which case.
    pub case: CaseId,
    /// Of which variant.
    pub variant: VariantId,
    /// Whose and since when.
    pub mark: Mark,
}

/// Decisions by variant.
pub type States = HashMap<VariantId, VariantState>;

/// The `variant_states` collection.
#[derive(Clone)]
pub struct StateStore {
    states: Documents<VariantState>,
    /// Of cases in use, with the revision of the case's decisions that they are of.
    cache: Cache<CaseId, (i64, Arc<States>)>,
}

/// What a decision in memory takes, with what its list said: bytes, roughly.
const BYTES: usize = 1_000;

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
            mark: None,
            awaits: None,
            partial: None,
            mosaic: Vec::new(),
            tiers: Tiers::default(),
            dismissed: Vec::new(),
            manual_rank: None,
            validation: None,
            validates: None,
            acmg: None,
            together: None,
            facts: None,
            user: access.principal().user().clone(),
            at: now,
            rev: 0,
            kept_back: false,
        }
    }

    /// Of which list the variant is.
    #[must_use]
    pub fn list(&self) -> ListKind {
        self.facts.as_ref().map(|facts| facts.list).unwrap_or_default()
    }

    /// How far the reading by another person is; none where nobody asked for one.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.mark.as_ref().and_then(|mark| mark.second.as_ref()).map(Second::standing).filter(|_| self.causative)
    }

    /// Whether it is held to be the cause, and confirmed where the institute asks for that.
    #[must_use]
    pub fn is_cause(&self) -> bool {
        self.causative && self.standing().is_none_or(|standing| standing == Standing::Agreed)
    }

    /// Whether this person does not see the mark, because they may come to it by themselves.
    #[must_use]
    pub fn is_kept_from(&self, user: &UserId) -> bool {
        let mark = self.mark.as_ref().filter(|mark| mark.by != *user && self.standing() == Some(Standing::Waiting));
        mark.and_then(|mark| mark.second.as_ref()).is_some_and(|second| second.blinded)
    }

    /// The same without the mark, for who is not to see it. What besides it is decided keeps its revision, so that it can be
    /// replaced; nothing looks as if nothing ever was.
    #[must_use]
    pub fn without_mark(&self) -> Self {
        let rest = Self { causative: false, mark: None, awaits: None, kept_back: true, ..self.clone() };
        if rest.keeps_variant() { rest } else { Self { rev: 0, facts: None, together: None, ..rest } }
    }

    /// Whether somebody gave it a part in the case's answer.
    #[must_use]
    pub fn is_taken_up(&self) -> bool {
        self.pinned
            || self.causative
            || self.partial.is_some()
            || !self.mosaic.is_empty()
            || !self.tiers.is_empty()
            || self.manual_rank.is_some()
            || self.acmg.is_some()
            || self.validation.is_some()
    }

    /// Whether the laboratory was asked and has not answered.
    #[must_use]
    pub fn is_to_validate(&self) -> bool {
        self.validation.as_ref().is_some_and(|validation| validation.result.is_none())
    }

    /// Whether the record stays in the list whatever its rank.
    #[must_use]
    pub fn keeps_variant(&self) -> bool {
        self.is_taken_up() || !self.dismissed.is_empty()
    }
}

/// A decision about to be written.
pub struct Decision<'a> {
    /// The case as it was read.
    pub read: &'a Case,
    /// What is stored; none when nothing was ever decided.
    pub before: Option<&'a VariantState>,
    /// What takes its place; its revision is counted here.
    pub after: VariantState,
    /// What it makes of the case.
    pub moves: Option<&'a Moved>,
    /// Whom it is told by mail.
    pub mails: &'a [Mail],
}

/// One decision about several variants, about to be written.
pub struct Together<'a> {
    /// The case as it was read, with the list that the variants were chosen from.
    pub read: &'a Case,
    /// Of each variant what is stored, and what takes its place; revisions are counted here.
    pub changes: Vec<(Option<VariantState>, VariantState)>,
    /// What it makes of the case.
    pub moves: Option<&'a Moved>,
    /// Whether somebody only looked again at what had changed, and decided nothing else.
    pub look: bool,
}

/// A variant's part in a decision about several.
pub struct Part {
    /// The revision it led to.
    pub rev: i64,
    /// What was before.
    pub before: VariantState,
}

/// What the history keeps of a decision about several variants as a whole; each variant has its own entry besides.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TogetherFact {
    /// How many were changed.
    pub variants: u32,
    /// Research when one of them at least was of such a list.
    #[serde(default, skip_serializing_if = "ListKind::is_clinical")]
    pub list: ListKind,
    /// The reasons for which all of them are put aside since, none when they are not; absent where they differ.
    pub dismissed: Option<Vec<Reason>>,
}

impl TogetherFact {
    fn of(decision: &Together<'_>) -> Self {
        let changes = &decision.changes;
        let first = changes.first().filter(|_| !decision.look).map(|(_, after)| after.dismissed.clone());
        let alike = |reasons: &Vec<Reason>| changes.iter().all(|(_, after)| after.dismissed == *reasons);
        let lists = changes.iter().map(|(_, after)| after.list());
        Self {
            variants: u32::try_from(changes.len()).unwrap_or(u32::MAX),
            list: lists.max().unwrap_or_default(),
            dismissed: first.filter(alike),
        }
    }
}

impl StateStore {
    /// Opens the collection with a cache of `megabytes`.
    #[must_use]
    pub fn new(db: &Db, megabytes: u64) -> Self {
        let bytes = |_: &CaseId, (_, states): &(i64, Arc<States>)| {
            u32::try_from((states.len() + 1) * BYTES).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(megabytes * 1024 * 1024).weigher(bytes).build();
        Self { states: Documents::new(db), cache }
    }

    /// What is decided about one variant of a case; none when nothing ever was.
    pub async fn find(&self, access: &CaseAccess, id: &VariantId) -> Result<Option<VariantState>, StoreError> {
        self.states.find_one(doc! { "_id": id, "case_id": &access.case().id }).await
    }

    /// All decisions in a case, as of the case that was read or newer; without those about variants outside consent, without
    /// marks that the reader is to come to by themselves, and for guests without free text and lists that are not shared.
    pub async fn of_case(&self, access: &CaseAccess) -> Result<Arc<States>, StoreError> {
        let states = self.whole(access).await?;
        let (user, kept_out) = (access.principal().user(), &access.case().kept_out);
        let is_guest = access.is_guest();
        let has_words = |state: &VariantState| state.partial.as_ref().is_some_and(|partial| partial.words.is_some());
        let is_closed = |state: &VariantState| access.share().is_some_and(|share| !share.lists.hold(state.list()));
        let lacks_some =
            |state: &VariantState| state.is_kept_from(user) || is_closed(state) || (is_guest && has_words(state));
        if kept_out.is_empty() && !states.values().any(lacks_some) {
            return Ok(states);
        }
        let seen = |state: &VariantState| {
            let mut seen = if state.is_kept_from(user) { state.without_mark() } else { state.clone() };
            if let Some(partial) = seen.partial.as_mut().filter(|_| is_guest) {
                partial.words = None; // free text stays with the owner
            }
            seen
        };
        let told = states.iter().filter(|(id, state)| !kept_out.contains(id) && !is_closed(state));
        Ok(Arc::new(told.map(|(id, state)| (id.clone(), seen(state))).collect()))
    }

    /// Variants with a mark that the reader is to come to by themselves.
    pub async fn kept_back(&self, access: &CaseAccess) -> Result<HashSet<VariantId>, StoreError> {
        let states = self.of_case(access).await?;
        Ok(states.values().filter(|state| state.kept_back).map(|state| state.id.clone()).collect())
    }

    /// Every change of decisions counts up the case's `decisions_rev` in its transaction, so what was read at that revision
    /// holds.
    async fn whole(&self, access: &CaseAccess) -> Result<Arc<States>, StoreError> {
        let Case { id, decisions_rev: rev, .. } = access.case();
        if *rev == 0 {
            return Ok(Arc::default());
        }
        if let Some((_, known)) = self.cache.get(id).await.filter(|(known, _)| known == rev) {
            return Ok(known);
        }
        let states = Arc::new(self.all(id).await?);
        self.cache.insert(id.clone(), (*rev, states.clone())).await;
        Ok(states)
    }

    /// All decisions in a case as they stand at this moment, for deciding more.
    pub async fn present(&self, editor: &CaseEditor) -> Result<States, StoreError> {
        self.all(&editor.access().case().id).await
    }

    /// All decisions ever made in a case, whoever may know of them; for the rules of consent and the loader.
    pub(crate) async fn all(&self, case: &CaseId) -> Result<States, StoreError> {
        let states = self.states.find(doc! { "case_id": case }, FindOptions::default()).await?;
        Ok(states.into_iter().map(|state| (state.id.clone(), state)).collect())
    }

    /// Marks in these institutes that nobody but who made them has read, the oldest first; for who may confirm them.
    pub async fn awaiting(&self, scope: &Scope, institutes: &[InstituteId]) -> Result<Vec<Awaiting>, StoreError> {
        let readable: Vec<Bson> = institutes.iter().filter(|one| scope.covers(one)).map(Bson::from).collect();
        if readable.is_empty() {
            return Ok(Vec::new());
        }
        let waiting = doc! { "awaits": { "$in": readable } };
        let states = self.states.find(waiting, FindOptions::default()).await?;
        let mut awaiting: Vec<Awaiting> = states
            .into_iter()
            .filter_map(|state| Some(Awaiting { case: state.case_id, variant: state.id, mark: state.mark? }))
            .collect();
        awaiting.sort_by_key(|one| one.mark.at);
        Ok(awaiting)
    }

    /// Variants of these institutes' cases whose validation has no result, by case.
    pub async fn validating(
        &self,
        scope: &Scope,
        institutes: &[InstituteId],
    ) -> Result<HashMap<CaseId, Vec<VariantId>>, StoreError> {
        let readable: Vec<Bson> = institutes.iter().filter(|one| scope.covers(one)).map(Bson::from).collect();
        if readable.is_empty() {
            return Ok(HashMap::new());
        }
        let waiting = doc! { "validates": { "$in": readable } };
        let mut cases: HashMap<CaseId, Vec<VariantId>> = HashMap::new();
        for state in self.states.find(waiting, FindOptions::default()).await? {
            cases.entry(state.case_id).or_default().push(state.id);
        }
        Ok(cases)
    }

    /// As [`Self::of_case`], for commands on the machine.
    pub async fn of_case_for_command(&self, _: &SystemScope, case: &CaseId) -> Result<States, StoreError> {
        self.all(case).await
    }

    /// Variants of a case that somebody decided about; the loader keeps them whatever their rank.
    pub async fn kept(&self, _: &SystemScope, case: &CaseId) -> Result<Vec<VariantId>, StoreError> {
        let states = self.all(case).await?;
        Ok(states.into_values().filter(VariantState::keeps_variant).map(|state| state.id).collect())
    }

    /// Writes a decision on what was read just now, with its event, with what it makes of the case and with its mails, or
    /// tells that somebody was faster.
    pub async fn decide(
        &self,
        editor: &CaseEditor,
        cases: &CaseStore,
        events: &EventStore,
        outbox: &OutboxStore,
        decision: Decision<'_>,
        now: Timestamp,
    ) -> Result<VariantState, StoreError> {
        let Decision { read, before, after, moves, mails } = decision;
        // What the case is follows from all its causes, so none of them may have changed since it was read.
        let settles = before.is_some_and(VariantState::is_cause) != after.is_cause();
        let state = signed(editor, before, after, None, now);
        events.prepare().await?;
        outbox.prepare().await?;
        let collection = self.states.collection().await?;
        let change = change(before, &state)?;
        let actor = Actor::of(editor.access().principal());
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
                let changes: Vec<&Change> = [&change].into_iter().chain(moves.map(Moved::change)).collect();
                events.append_all(session, &changes, &actor, now).await?;
                outbox.queue(session, mails).await?;
                if let Some(moves) = moves {
                    return moves.write(session, editor, cases, true, now).await;
                }
                if settles {
                    return cases.count_decisions(session, editor, read.rev).await;
                }
                cases.bump_decisions(session, &state.case_id, state.list()).await
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

    /// Writes one decision about several variants, each with its event, on the case and the decisions that were read just
    /// now, or tells that somebody was faster. All of it becomes so, or nothing.
    pub async fn decide_together(
        &self,
        editor: &CaseEditor,
        cases: &CaseStore,
        events: &EventStore,
        decision: Together<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let fact_of_all = fact(&TogetherFact::of(&decision))?;
        let Together { read, changes, moves, look } = decision;
        let id = TogetherId::random();
        let whole = Change {
            subject: together_subject(&id),
            rev: 1,
            kind: if look { EventKind::VariantsLookedAt } else { EventKind::VariantsDecided },
            institute: Some(read.institute.clone()),
            case_id: Some(read.id.clone()),
            before: fact(&None::<TogetherFact>)?,
            after: fact_of_all,
        };
        let (mut parts, mut known, mut written) = (Vec::new(), Vec::new(), Vec::new());
        for (before, after) in changes {
            let after = signed(editor, before.as_ref(), after, Some(&id), now);
            parts.push(change(before.as_ref(), &after)?);
            written.push(Documents::encode(&after)?);
            known.extend(before.map(|before| before.id));
        }
        events.prepare().await?;
        self.states.prepare().await?;
        let actor = Actor::of(editor.access().principal());
        let mut transaction = self.states.db().begin().await?;
        loop {
            let session = &mut transaction.session;
            let work = async {
                if let Some(moves) = moves {
                    moves.write(&mut *session, editor, cases, true, now).await?;
                    events.append(&mut *session, moves.change(), &actor, now).await?;
                } else {
                    // No decision about a variant of the case is made without this number: none changed since it was read.
                    cases.count_decisions(&mut *session, editor, read.rev).await?;
                }
                self.replace(&mut *session, &read.id, &known, &written).await?;
                events.append_together(&mut *session, (&id, &whole, &parts), &actor, now).await
            }
            .await;
            if let Some(written) = transaction.end(work).await {
                return written;
            }
        }
    }

    /// Puts documents in place of those that are stored under `known`, and adds the others.
    async fn replace(
        &self,
        session: &mut ClientSession,
        case: &CaseId,
        known: &[VariantId],
        written: &[RawDocumentBuf],
    ) -> Result<(), StoreError> {
        for known in known.chunks(MANY) {
            self.states.delete_in(session, doc! { "_id": { "$in": known }, "case_id": case }).await?;
        }
        self.states.insert_many_in(session, written, "a decision on this variant").await
    }

    /// What one decision about several variants made of each, and of what.
    pub async fn parts_of(
        &self,
        editor: &CaseEditor,
        events: &EventStore,
        id: &TogetherId,
        now: Timestamp,
    ) -> Result<Vec<Part>, StoreError> {
        let mut parts = Vec::new();
        for event in events.of_together(editor, id).await? {
            let Some(after): Option<VariantState> = read(&event.subject, &event.after)? else { continue };
            let undecided = || VariantState::undecided(editor.access(), after.id.clone(), now);
            let before = read(&event.subject, &event.before)?.unwrap_or_else(undecided);
            // What its list said stays, so that it is known of which list it is.
            let before = VariantState { facts: before.facts.or(after.facts), ..before };
            parts.push(Part { rev: event.rev, before });
        }
        Ok(parts)
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
        let earlier = read(&variant_subject(variant), earlier)?;
        Ok(Some(earlier.unwrap_or_else(|| VariantState::undecided(editor.access(), variant.clone(), now))))
    }

    /// Removes all decisions of a case, with the case.
    pub async fn delete_case(&self, _: &SystemScope, case: &CaseId) -> Result<u64, StoreError> {
        self.states.delete(doc! { "case_id": case }).await
    }
}

/// Documents of one command.
const MANY: usize = 1_000;

/// A decision as it is stored: whose and when it is, and in which case.
fn signed(
    editor: &CaseEditor,
    before: Option<&VariantState>,
    after: VariantState,
    together: Option<&TogetherId>,
    now: Timestamp,
) -> VariantState {
    let access = editor.access();
    let own = || access.case().institute.clone();
    VariantState {
        rev: before.map_or(0, |before| before.rev) + 1,
        at: now,
        user: access.principal().user().clone(),
        case_id: access.case().id.clone(),
        institute: access.case().institute.clone(),
        together: together.cloned(),
        awaits: (after.standing() == Some(Standing::Waiting)).then(own),
        validates: after.is_to_validate().then(own),
        ..after
    }
}

fn change(before: Option<&VariantState>, after: &VariantState) -> Result<Change, StoreError> {
    Ok(Change {
        subject: variant_subject(&after.id),
        rev: after.rev,
        kind: EventKind::VariantDecided,
        institute: Some(after.institute.clone()),
        case_id: Some(after.case_id.clone()),
        before: fact(&before)?,
        after: fact(after)?,
    })
}

/// A state as the history keeps it.
fn read(subject: &str, state: &Bson) -> Result<Option<VariantState>, StoreError> {
    bson::deserialize_from_bson(state.clone()).map_err(|error| StoreError::Unreadable {
        collection: "events",
        id: subject.to_owned(),
        reason: error.to_string(),
    })
}
