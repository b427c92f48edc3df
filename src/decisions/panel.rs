use jiff::{SignedDuration, Timestamp};

use super::change::in_words;
use super::terms::{DISMISSALS, RANKS};
use crate::cases::CaseAccess;
use crate::ids::VariantId;
use crate::variants::VariantState;
use crate::web::{filters, urls};

/// What is decided about a variant, and the forms to decide.
pub(crate) struct DecisionPanel {
    /// In words, with nothing when nothing is decided.
    pub words: Vec<String>,
    /// When it was decided last; empty when never.
    pub at: String,
    pub rev: i64,
    pub pinned: bool,
    pub causative: bool,
    pub dismissed: bool,
    /// Code, words and whether chosen.
    pub reasons: Vec<(u16, &'static str, bool)>,
    /// Code, short and long words and whether chosen.
    pub ranks: Vec<(u8, &'static str, &'static str, bool)>,
    /// None: the reader decides nothing.
    pub urls: Option<DecisionUrls>,
    /// Whether the last decision was the reader's own, so that it can be undone at one key.
    pub mine: bool,
    /// The timeline of the variant; none for guests.
    pub history: Option<String>,
}

/// Where each decision is sent.
pub(crate) struct DecisionUrls {
    pub pin: String,
    pub causative: String,
    pub dismiss: String,
    pub rank: String,
    pub undo: String,
}

/// The reader's own last decision in a list, as long as they may still have it in mind.
pub(crate) struct LastDecision {
    pub variant: String,
    /// How the variant stands since.
    pub words: String,
    pub rev: i64,
    pub undo: String,
}

/// How long that is.
const IN_MIND: SignedDuration = SignedDuration::from_mins(15);

impl LastDecision {
    /// Of all decisions about a list; `name` tells how the list names a variant, and nothing of one that it does not hold.
    pub(crate) fn of<'a>(
        access: &CaseAccess,
        states: impl Iterator<Item = &'a VariantState>,
        name: impl Fn(&VariantId) -> Option<String>,
        query: &[(&str, String)],
        now: Timestamp,
    ) -> Option<Self> {
        let user = access.principal().user();
        let own = states.filter(|state| state.user == *user && now.duration_since(state.at) <= IN_MIND);
        let last = own.max_by_key(|state| state.at).filter(|_| access.may_edit())?;
        let words = in_words(last).join("; ");
        Some(Self {
            variant: name(&last.id)?,
            words: if words.is_empty() { "nothing decided".to_owned() } else { words },
            rev: last.rev,
            undo: urls::decision(access.case(), &last.id, "undo", query),
        })
    }
}

impl DecisionPanel {
    /// Of a variant reached from a list under a filter.
    pub(crate) fn new(
        access: &CaseAccess,
        id: &VariantId,
        state: Option<&VariantState>,
        query: &[(&str, String)],
    ) -> Self {
        let case = access.case();
        let to = |action: &str| urls::decision(case, id, action, query);
        let chosen = |code: u16| state.is_some_and(|state| state.dismissed.contains(&code));
        let rank = state.and_then(|state| state.manual_rank);
        let timeline = [("variant", id.to_string())];
        Self {
            words: state.map(in_words).unwrap_or_default(),
            at: state.map(|state| filters::moment(state.at)).unwrap_or_default(),
            rev: state.map_or(0, |state| state.rev),
            pinned: state.is_some_and(|state| state.pinned),
            causative: state.is_some_and(|state| state.causative),
            dismissed: state.is_some_and(|state| !state.dismissed.is_empty()),
            reasons: DISMISSALS.iter().map(|(code, words)| (*code, *words, chosen(*code))).collect(),
            ranks: RANKS.iter().map(|(code, short, words)| (*code, *short, *words, rank == Some(*code))).collect(),
            urls: access.may_edit().then(|| DecisionUrls {
                pin: to("pin"),
                causative: to("causative"),
                dismiss: to("dismiss"),
                rank: to("rank"),
                undo: to("undo"),
            }),
            mine: state.is_some_and(|state| state.user == *access.principal().user()),
            history: (!access.is_guest()).then(|| urls::timeline(case, &timeline)),
        }
    }
}
