use jiff::Timestamp;

use super::terms;
use crate::app::AppState;
use crate::cases::CaseEditor;
use crate::casework::follow;
use crate::db::StoreError;
use crate::ids::VariantId;
use crate::variants::{Decision, Facts, VariantState};

/// What somebody wants to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Pinned or not.
    Pinned(bool),
    /// Held to be the cause or not.
    Causative(bool),
    /// Put aside for these reasons, lowest number first; for none, taken back.
    Dismissed(Vec<u16>),
    /// Ranked by hand.
    Rank(Option<u8>),
}

/// A variant that somebody decides about, with what its list says of it.
pub(super) struct Chosen {
    pub id: VariantId,
    pub facts: Facts,
}

/// What became of it.
pub(super) enum Decided {
    /// It is so now, or was so before.
    Done,
    /// Somebody else decided since the page was opened; how it stands now.
    Stale(Box<VariantState>),
}

/// Tries when others decide about the same variant at the same time.
const TRIES: usize = 8;

impl Wanted {
    fn apply(&self, state: &mut VariantState) {
        match self {
            Self::Pinned(on) => state.pinned = *on,
            Self::Causative(on) => state.causative = *on,
            Self::Dismissed(reasons) => state.dismissed.clone_from(reasons),
            Self::Rank(rank) => state.manual_rank = *rank,
        }
    }

    /// Whether it takes the place of a value that somebody else may have chosen; a mark alone does not.
    fn replaces(&self) -> bool {
        matches!(self, Self::Dismissed(_) | Self::Rank(_))
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Pinned(true) => "pinned".to_owned(),
            Self::Pinned(false) => "not pinned".to_owned(),
            Self::Causative(true) => "causative".to_owned(),
            Self::Causative(false) => "not causative".to_owned(),
            Self::Dismissed(reasons) if reasons.is_empty() => "not dismissed".to_owned(),
            Self::Dismissed(reasons) => {
                format!("dismissed: {}", terms::dismissals(reasons))
            }
            Self::Rank(None) => "no manual rank".to_owned(),
            Self::Rank(Some(rank)) => format!("manual rank {}", terms::rank(*rank)),
        }
    }
}

/// How a variant stands, in words; empty when nothing is decided.
pub(super) fn in_words(state: &VariantState) -> Vec<String> {
    let mut wanted = Vec::new();
    if state.causative {
        wanted.push(Wanted::Causative(true));
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
    wanted.iter().map(Wanted::words).collect()
}

/// What follows from how a variant stands.
enum Next {
    /// Nothing: it is so already.
    Nothing,
    /// Somebody else decided since the page was opened.
    Stale,
    /// This takes its place.
    Write(Box<VariantState>),
}

/// Decides about a variant of the case. `known` is the revision that was shown; what only marks does not ask for it.
pub(super) async fn decide(
    app: &AppState,
    editor: &CaseEditor,
    variant: &Chosen,
    wanted: &Wanted,
    known: i64,
) -> Result<Decided, StoreError> {
    write(app, editor, variant, Some(wanted), known).await
}

/// Puts back what was before the last decision, when that is still the one that was shown.
pub(super) async fn undo(
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
    wanted: Option<&Wanted>,
    known: i64,
    now: Timestamp,
) -> Result<Next, StoreError> {
    let Some(wanted) = wanted else {
        let earlier = app.states.at_revision(editor, &app.events, &before.id, known - 1, now).await?;
        return Ok(earlier
            .filter(|_| before.rev == known)
            .map_or(Next::Stale, |earlier| Next::Write(Box::new(earlier))));
    };
    let mut after = before.clone();
    wanted.apply(&mut after);
    Ok(if after == *before {
        Next::Nothing
    } else if wanted.replaces() && before.rev != known {
        Next::Stale
    } else {
        after.facts = Some(facts.clone());
        Next::Write(Box::new(after))
    })
}

/// Writes what follows from how the variant stands, with what that makes of the case; looks again when variant or case became
/// another one meanwhile.
async fn write(
    app: &AppState,
    editor: &CaseEditor,
    Chosen { id: variant, facts }: &Chosen,
    wanted: Option<&Wanted>,
    known: i64,
) -> Result<Decided, StoreError> {
    let mut case = editor.access().case().clone();
    for _ in 0..TRIES {
        let now = app.clock.now();
        let stored = app.states.find(editor.access(), variant).await?;
        let before = stored.clone().unwrap_or_else(|| VariantState::undecided(editor.access(), variant.clone(), now));
        let after = match next(app, editor, &before, facts, wanted, known, now).await? {
            Next::Nothing => return Ok(Decided::Done),
            Next::Stale => return Ok(Decided::Stale(Box::new(before))),
            Next::Write(after) => *after,
        };
        let moves = follow(app, editor, &case, &before, &after).await?;
        let decision = Decision { before: stored.as_ref(), after, moves: moves.as_ref() };
        match app.states.decide(editor, &app.cases, &app.events, decision, now).await {
            Ok(_) => return Ok(Decided::Done),
            Err(StoreError::Conflict(_)) => case = app.cases.again(editor, now).await?,
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict("the decision"))
}
