use jiff::Timestamp;

use super::forms::LONGEST;
use super::reader::{NOT_ASKED, Reader, UNDER_WAY, not_to_undo};
use super::reason::{self, Reason};
use super::terms;
use crate::app::AppState;
use crate::cases::{CaseEditor, CaseGeneticist, NOT_A_GENETICIST};
use crate::casework::follow;
use crate::db::StoreError;
use crate::error::AppResult;
use crate::ids::{UserId, VariantId};
use crate::mail;
use crate::variants::{Decision, Facts, PartialCause, Tiers, Validated, Validation, VariantState};
use crate::web::problem;

/// What somebody wants to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Pinned or not.
    Pinned(bool),
    /// Held to be the cause or not.
    Causative(bool),
    /// Put aside for these reasons, in order; for none, taken back.
    Dismissed(Vec<Reason>),
    /// Ranked by hand.
    Rank(Option<u8>),
    /// What is held of mosaicism, lowest code first; nothing takes that back.
    Mosaic(Vec<u8>),
    /// What it means in the tumour; without a tier that is taken back.
    Tiers(Tiers),
    /// Held to explain a part of what the patient has, or not.
    Partial(Option<PartialCause>),
    /// A second reader's word about a causative mark that they see: none is agreement, else why not.
    Read(Option<String>),
    /// What a second reader came to by themselves, and why that is not this variant.
    Ended(String),
    /// To be validated, under this order.
    Ordered(Validation),
    /// Not to be validated after all.
    Cancelled,
    /// What the validation found; none: that it has not found anything yet.
    Validated(Option<Validated>),
}

const VALIDATED: &str =
    "The laboratory has answered this order. Take its result back first, if that was put down by mistake.";
const WHOLE_CAUSE: &str = "This variant is marked causative, which explains all. Take that back first.";
const NOT_ORDERED: &str = "No validation of this variant was ordered.";

/// A variant that somebody decides about, with what its list says of it.
pub(crate) struct Chosen {
    pub id: VariantId,
    pub facts: Facts,
}

/// What became of it.
pub(crate) enum Decided {
    /// It is so now, or was so before.
    Done,
    /// Somebody else decided since the page was opened; how it stands now.
    Stale(Box<VariantState>),
    /// It is not theirs to decide, in words.
    Refused(&'static str),
}

/// Tries when others decide about the same variant at the same time.
const TRIES: usize = 8;

impl Wanted {
    /// What becomes of a state; an error where it is not theirs to decide.
    fn apply(&self, state: &mut VariantState, reader: Option<&Reader>, by: &UserId) -> Result<(), &'static str> {
        match (self, reader) {
            (Self::Pinned(on), _) => state.pinned = *on,
            (Self::Dismissed(reasons), _) => state.dismissed.clone_from(reasons),
            (Self::Rank(rank), _) => state.manual_rank = *rank,
            (Self::Mosaic(codes), _) => state.mosaic.clone_from(codes),
            (Self::Tiers(tiers), _) => state.tiers = *tiers,
            // A mark that is kept from them must not be told in this way.
            (Self::Partial(Some(_)), _) if state.causative && !state.is_kept_from(by) => return Err(WHOLE_CAUSE),
            (Self::Partial(wanted), _) => {
                let same = state.partial.as_ref().zip(wanted.as_ref()).is_some_and(|(one, other)| one.says_as(other));
                if !same {
                    state.partial.clone_from(wanted);
                }
            }
            (Self::Causative(on), Some(reader)) => reader.mark(state, *on)?,
            (Self::Read(_), Some(reader)) if state.is_kept_from(&reader.user) => return Err(NOT_ASKED),
            (Self::Read(against), Some(reader)) => reader.read(state, against.clone())?,
            (Self::Ended(why), Some(reader)) => reader.read(state, Some(why.clone()))?,
            (Self::Causative(_) | Self::Read(_) | Self::Ended(_), None) => return Err(NOT_A_GENETICIST),
            // Sent twice, it is one order. What is ordered is looked at again.
            (Self::Ordered(_), _) if state.is_to_validate() => {}
            (Self::Ordered(order), _) => {
                state.validation = Some(order.clone());
                state.pinned = true;
            }
            (Self::Cancelled, _) if state.validation.as_ref().is_some_and(|known| known.result.is_some()) => {
                return Err(VALIDATED);
            }
            (Self::Cancelled, _) => state.validation = None,
            (Self::Validated(result), _) => {
                let order = state.validation.as_mut().ok_or(NOT_ORDERED)?;
                let outcome = |result: &Option<Validated>| result.as_ref().map(|result| result.outcome);
                if outcome(&order.result) != outcome(result) {
                    order.result.clone_from(result);
                }
            }
        }
        if self.is_about_the_cause() && state.is_cause() {
            state.partial = None; // it explains all now
        }
        Ok(())
    }

    /// Whether it says what the cause is.
    fn is_about_the_cause(&self) -> bool {
        matches!(self, Self::Causative(_) | Self::Read(_) | Self::Ended(_))
    }

    /// Whether it takes the place of a value that somebody else may have chosen; a mark alone does not.
    fn replaces(&self) -> bool {
        matches!(
            self,
            Self::Dismissed(_)
                | Self::Rank(_)
                | Self::Mosaic(_)
                | Self::Tiers(_)
                | Self::Partial(_)
                | Self::Ordered(_)
                | Self::Cancelled
                | Self::Validated(_)
        )
    }

    /// A second reader's word. Whoever disagrees says why.
    pub(crate) fn reading(agrees: bool, why: &str) -> AppResult<Self> {
        let why = why.trim();
        match agrees {
            true => Ok(Self::Read(None)),
            false if why.is_empty() => Err(problem("why", "", "say why you disagree")),
            false if why.chars().count() > LONGEST => Err(problem("why", "", "is too long")),
            false => Ok(Self::Read(Some(why.to_owned()))),
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Pinned(true) => "pinned".to_owned(),
            Self::Pinned(false) => "not pinned".to_owned(),
            Self::Causative(true) => "causative".to_owned(),
            Self::Causative(false) => "not causative".to_owned(),
            Self::Read(None) => "confirmed as causative".to_owned(),
            Self::Read(Some(reason)) | Self::Ended(reason) => format!("not agreed to be causative: {reason}"),
            Self::Dismissed(reasons) if reasons.is_empty() => "not dismissed".to_owned(),
            Self::Dismissed(reasons) => {
                format!("dismissed: {}", reason::in_words(reasons))
            }
            Self::Ordered(_) => "to be validated".to_owned(),
            Self::Cancelled => "not to be validated".to_owned(),
            Self::Validated(None) => "not validated yet".to_owned(),
            Self::Validated(Some(result)) => format!("validated as {}", result.outcome.words()),
            Self::Mosaic(codes) if codes.is_empty() => "nothing held of mosaicism".to_owned(),
            Self::Mosaic(codes) => format!("mosaicism {}", terms::mosaics(codes)),
            Self::Tiers(tiers) if tiers.is_empty() => "no AMP or ESCAT tier".to_owned(),
            Self::Tiers(tiers) => tiers.words(),
            Self::Partial(None) => "not a partial cause".to_owned(),
            Self::Partial(Some(partial)) => match partial.explains() {
                explains if explains.is_empty() => "a partial cause".to_owned(),
                explains => format!("a partial cause, of {explains}"),
            },
            Self::Rank(None) => "no manual rank".to_owned(),
            Self::Rank(Some(rank)) => format!("manual rank {}", terms::rank(*rank)),
        }
    }
}

/// How a variant stands, in words; empty when nothing is decided. Guests read neither names nor reasons of the owner's people.
pub(super) fn in_words(state: &VariantState, is_guest: bool) -> Vec<String> {
    let mut words = Vec::new();
    if state.causative {
        let second = state.mark.as_ref().and_then(|mark| mark.second.as_ref());
        words.push(match second {
            None => Wanted::Causative(true).words(),
            Some(second) if is_guest => format!("{} ({})", Wanted::Causative(true).words(), second.standing().words()),
            Some(second) => format!("{} ({})", Wanted::Causative(true).words(), second.words()),
        });
    }
    let mut wanted = Vec::new();
    if state.partial.is_some() {
        wanted.push(Wanted::Partial(state.partial.clone()));
    }
    if state.pinned {
        wanted.push(Wanted::Pinned(true));
    }
    if !state.dismissed.is_empty() {
        wanted.push(Wanted::Dismissed(state.dismissed.clone()));
    }
    if state.manual_rank.is_some() {
        wanted.push(Wanted::Rank(state.manual_rank));
    }
    if !state.mosaic.is_empty() {
        wanted.push(Wanted::Mosaic(state.mosaic.clone()));
    }
    if !state.tiers.is_empty() {
        wanted.push(Wanted::Tiers(state.tiers));
    }
    words.extend(wanted.iter().map(Wanted::words));
    words.extend(state.validation.as_ref().map(|validation| validation.words(is_guest)));
    words
}

/// What follows from how a variant stands.
enum Next {
    /// Nothing: it is so already.
    Nothing,
    /// Somebody else decided since the page was opened.
    Stale,
    /// It is not theirs to decide, in words.
    Refused(&'static str),
    /// This takes its place.
    Write(Box<VariantState>),
}

/// Why nothing is decided about a variant of a list that was closed meanwhile.
const CLOSED: &str = "The research lists of the case were closed meanwhile; nothing was changed.";

/// Decides about a variant of the case. `known` is the revision that was shown; what only marks does not ask for it.
pub(crate) async fn decide(
    app: &AppState,
    editor: &CaseEditor,
    variant: &Chosen,
    wanted: &Wanted,
    known: i64,
) -> Result<Decided, StoreError> {
    debug_assert!(!wanted.is_about_the_cause(), "that is for `decide_cause`");
    write(app, editor, variant, Some((wanted, None)), known).await
}

/// Decides whether a variant is the cause.
pub(crate) async fn decide_cause(
    app: &AppState,
    geneticist: &CaseGeneticist,
    variant: &Chosen,
    wanted: &Wanted,
) -> Result<Decided, StoreError> {
    let reader = Reader::of(app, geneticist, app.clock.now()).await?;
    if let Some(reader) = &reader
        && reader.is_to_wait(app, geneticist).await?
    {
        return Ok(Decided::Refused(UNDER_WAY));
    }
    // Neither of these replaces a value, so no revision is asked for.
    write(app, geneticist.editor(), variant, Some((wanted, reader.as_ref())), 0).await
}

/// Puts back what was before the last decision, when that is still the one that was shown.
pub(crate) async fn undo(
    app: &AppState,
    editor: &CaseEditor,
    variant: &Chosen,
    known: i64,
) -> Result<Decided, StoreError> {
    write(app, editor, variant, None, known).await
}

/// What follows for a variant that stands so; nothing wanted means what was before revision `known`.
async fn next(
    app: &AppState,
    editor: &CaseEditor,
    before: &VariantState,
    facts: &Facts,
    wanted: Option<(&Wanted, Option<&Reader>)>,
    known: i64,
    now: Timestamp,
) -> Result<Next, StoreError> {
    let Some((wanted, reader)) = wanted else {
        let earlier = app.states.at_revision(editor, &app.events, &before.id, known - 1, now).await?;
        return Ok(earlier.filter(|_| before.rev == known).map_or(Next::Stale, |earlier| {
            match not_to_undo(editor, before, &earlier) {
                Some(why) => Next::Refused(why),
                // What its list said stays, so that it is known of which list it is.
                None => {
                    Next::Write(Box::new(VariantState { facts: earlier.facts.or(before.facts.clone()), ..earlier }))
                }
            }
        }));
    };
    let mut after = before.clone();
    match wanted.apply(&mut after, reader, editor.access().principal().user()) {
        // It was taken away since it was shown.
        Err(NOT_ASKED) => return Ok(Next::Stale),
        Err(why) => return Ok(Next::Refused(why)),
        Ok(()) => {}
    }
    Ok(if after == *before {
        Next::Nothing
    } else if wanted.replaces() && before.rev != known && !is_as_shown(app, editor, before, wanted, known, now).await? {
        Next::Stale
    } else {
        after.facts = Some(facts.clone());
        Next::Write(Box::new(after))
    })
}

/// Whether the value that somebody replaces is the one they were shown, although the variant was decided about since: by a mark
/// that is kept from them, and that they must not learn of in this way.
async fn is_as_shown(
    app: &AppState,
    editor: &CaseEditor,
    before: &VariantState,
    wanted: &Wanted,
    known: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if matches!(wanted, Wanted::Ordered(_)) && before.validation.is_none() {
        return Ok(true); // it takes the place of nothing
    }
    if !before.is_kept_from(editor.access().principal().user()) {
        return Ok(false);
    }
    let shown = app.states.at_revision(editor, &app.events, &before.id, known, now).await?;
    Ok(shown.is_some_and(|shown| match wanted {
        Wanted::Dismissed(_) => shown.dismissed == before.dismissed,
        Wanted::Mosaic(_) => shown.mosaic == before.mosaic,
        Wanted::Tiers(_) => shown.tiers == before.tiers,
        Wanted::Partial(_) => shown.partial == before.partial,
        Wanted::Ordered(_) | Wanted::Cancelled | Wanted::Validated(_) => shown.validation == before.validation,
        _ => shown.manual_rank == before.manual_rank,
    }))
}

/// Writes what follows from how the variant stands, with what that makes of the case; looks again when variant or case became
/// another one meanwhile.
async fn write(
    app: &AppState,
    editor: &CaseEditor,
    Chosen { id: variant, facts }: &Chosen,
    wanted: Option<(&Wanted, Option<&Reader>)>,
    known: i64,
) -> Result<Decided, StoreError> {
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        if !facts.list.is_clinical() && case.research.is_none() {
            return Ok(Decided::Refused(CLOSED));
        }
        let now = app.clock.now();
        let stored = app.states.find(editor.access(), variant).await?;
        let before = stored.clone().unwrap_or_else(|| VariantState::undecided(editor.access(), variant.clone(), now));
        let after = match next(app, editor, &before, facts, wanted, known, now).await? {
            Next::Nothing => return Ok(Decided::Done),
            Next::Stale => return Ok(Decided::Stale(Box::new(before))),
            Next::Refused(why) => return Ok(Decided::Refused(why)),
            Next::Write(after) => *after,
        };
        let moves = follow(app, editor, &case, &before, &after).await?;
        let mails = mail::of_decision(app, &case, &before, &after, now).await?;
        let decision = Decision { read: &case, before: stored.as_ref(), after, moves: moves.as_ref(), mails: &mails };
        match app.states.decide(editor, &app.cases, &app.events, &app.outbox, decision, now).await {
            Ok(_) => return Ok(Decided::Done),
            Err(StoreError::Conflict(_)) => case = app.cases.again(editor, now).await?,
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict("the decision"))
}
