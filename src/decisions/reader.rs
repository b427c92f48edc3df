//! Saying what the cause is: marking it, confirming or disputing it as a second reader, and what undoing may do of that.

use jiff::Timestamp;

use crate::app::AppState;
use crate::cases::{CaseEditor, CaseGeneticist, NOT_A_GENETICIST};
use crate::db::StoreError;
use crate::ids::UserId;
use crate::institutes::{Institute, SecondReader};
use crate::variants::{Category, Mark, Reading, Second, VariantState};
use crate::web::filters;

pub(super) const NOT_YOURS_TO_CONFIRM: &str =
    "Nobody confirms a mark of their own. Another geneticist who has the right to it does.";
const NO_RIGHT: &str = "You have no right to confirm causes today. An admin of the institute gives it to members.";
pub(super) const NOT_ASKED: &str =
    "Nobody asked for a second reading of this variant: it is not marked, or one person’s mark is enough.";
const NOT_YOURS_TO_UNDO: &str = "The last decision about this variant is not yours to undo.";
const NOT_YOUR_MARK: &str = "Whoever marked it takes the mark away. Say that you disagree, and why, instead.";
const SAID_ANEW: &str = "What was said about a cause and taken back is not put back by undoing. Say it again instead.";
pub(super) const UNDER_WAY: &str =
    "A second reading of this case is under way. Until it is done, causes are marked by those who may confirm them.";

/// Who decides about the cause, by which rules.
pub(super) struct Reader {
    institute: Institute,
    pub user: UserId,
    name: String,
    now: Timestamp,
    may_sign_out: bool,
}

impl Reader {
    /// A geneticist of a case, at a time; none when its institute is gone.
    pub(super) async fn of(
        app: &AppState,
        geneticist: &CaseGeneticist,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let access = geneticist.editor().access();
        let Some(institute) = app.institutes.find(&access.case().institute).await? else { return Ok(None) };
        let principal = access.principal();
        let (user, name) = (principal.user().clone(), principal.name().to_owned());
        let may_sign_out = institute.is_confirmed_by(principal, Category::Snv, filters::day(now));
        Ok(Some(Self { institute, user, name, now, may_sign_out }))
    }

    /// Whether marks are kept from somebody who may not confirm any: what they mark would tell them which.
    pub(super) async fn is_to_wait(&self, app: &AppState, geneticist: &CaseGeneticist) -> Result<bool, StoreError> {
        if self.may_sign_out {
            return Ok(false);
        }
        let present = app.states.present(geneticist.editor()).await?;
        Ok(present.values().any(|state| state.is_kept_from(&self.user)))
    }

    /// Marks a variant as the cause, or takes the mark away. Whoever comes to a mark by themselves that is kept from them
    /// confirms it.
    pub(super) fn mark(&self, state: &mut VariantState, on: bool) -> Result<(), &'static str> {
        let is_kept = state.is_kept_from(&self.user);
        if state.causative && on && is_kept {
            return self.read(state, None);
        }
        if state.causative == on || is_kept {
            return Ok(());
        }
        let mark = state.mark.take();
        if !on {
            let is_mine = mark.as_ref().is_none_or(|mark| mark.second.is_none() || mark.by == self.user);
            state.mark = mark;
            if !is_mine {
                return Err(NOT_YOUR_MARK);
            }
            // Whoever disagreed is remembered, should it be marked again.
            state.mark = state.mark.take().filter(Mark::is_disputed);
            state.causative = false;
            return Ok(());
        }
        let against = |mark: Mark| mark.second.map(|second| second.readings).unwrap_or_default();
        let mut readings = mark.map(against).unwrap_or_default();
        readings.retain(|reading| !reading.agrees && reading.by != self.user);
        let way = self.institute.settings.second_reader;
        let second = Second { blinded: way == SecondReader::Blinded, readings };
        state.causative = true;
        state.mark = Some(Mark {
            by: self.user.clone(),
            name: self.name.clone(),
            at: self.now,
            second: (way != SecondReader::None).then_some(second),
        });
        Ok(())
    }

    /// Takes the word of a second reader, in place of an earlier one of theirs.
    pub(super) fn read(&self, state: &mut VariantState, against: Option<String>) -> Result<(), &'static str> {
        let mark = state.mark.as_mut().filter(|_| state.causative);
        if mark.as_ref().is_some_and(|mark| mark.by == self.user) {
            return Err(NOT_YOURS_TO_CONFIRM);
        }
        if !self.may_sign_out {
            return Err(NO_RIGHT);
        }
        let second = mark.and_then(|mark| mark.second.as_mut()).ok_or(NOT_ASKED)?;
        let agrees = against.is_none();
        let same = |earlier: &Reading| earlier.by == self.user && earlier.agrees == agrees && earlier.reason == against;
        if second.readings.iter().any(same) {
            return Ok(());
        }
        let (by, name) = (self.user.clone(), self.name.clone());
        second.take(Reading { by, name, at: self.now, agrees, reason: against });
        Ok(())
    }
}

/// What undoing may not do: it takes one's own mark or word back, and never puts one back, for that would be a confirmation
/// that nobody gives.
pub(super) fn not_to_undo(editor: &CaseEditor, before: &VariantState, earlier: &VariantState) -> Option<&'static str> {
    let is_theirs = before.validation != earlier.validation || before.partial != earlier.partial;
    if is_theirs && !editor.is_geneticist() {
        return Some(NOT_A_GENETICIST);
    }
    if before.mark == earlier.mark && before.causative == earlier.causative {
        return None;
    }
    if !editor.is_geneticist() {
        return Some(NOT_A_GENETICIST);
    }
    let user = editor.access().principal().user();
    let made =
        |state: &VariantState| state.mark.as_ref().filter(|_| state.causative).map(|mark| (mark.by.clone(), mark.at));
    let split = |state: &VariantState| {
        let second = state.mark.as_ref().and_then(|mark| mark.second.clone());
        let all = second.map(|second| second.readings).unwrap_or_default();
        all.into_iter().partition::<Vec<Reading>, _>(|reading| reading.by == *user)
    };
    let ((own, others), (earlier_own, earlier_others)) = (split(before), split(earlier));
    if earlier.causative && (!before.causative || made(before) != made(earlier)) {
        return Some(SAID_ANEW);
    }
    if before.is_kept_from(user) || others != earlier_others {
        return Some(NOT_YOURS_TO_UNDO);
    }
    let takes_mark = before.causative && !earlier.causative;
    if takes_mark && before.mark.as_ref().is_some_and(|mark| mark.second.is_some() && mark.by != *user) {
        return Some(NOT_YOURS_TO_UNDO);
    }
    (!earlier_own.is_empty() && earlier_own != own).then_some(SAID_ANEW)
}
