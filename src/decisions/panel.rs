use jiff::{SignedDuration, Timestamp};

use super::change::{Wanted, in_words};
use super::reader::NOT_YOURS_TO_CONFIRM;
use super::reason::Reason;
use super::second_reading::reads_second;
use super::terms::{MOSAICS, RANKS};
use super::tiers::TierForm;
use crate::cases::{Case, CaseAccess};
use crate::ids::VariantId;
use crate::institutes::Institute;
use crate::users::Role;
use crate::variants::search::Search;
use crate::variants::{Mark, Outcome, Since, States, Validation, VariantState};
use crate::web::{filters, urls};

/// What is decided about a variant, and the forms to decide.
pub(crate) struct DecisionPanel {
    pub id: String,
    /// In words, with nothing when nothing is decided.
    pub words: Vec<String>,
    /// When it was decided last; empty when never.
    pub at: String,
    pub rev: i64,
    pub pinned: bool,
    pub causative: bool,
    pub dismissed: bool,
    /// Value, words and whether chosen.
    pub reasons: Vec<(String, String, bool)>,
    /// Code, short and long words and whether chosen.
    pub ranks: Vec<(u8, &'static str, &'static str, bool)>,
    /// Code, words and whether chosen.
    pub mosaics: Vec<(u8, &'static str, bool)>,
    /// For variants of tumours.
    pub tiers: Option<TierForm>,
    /// For geneticists: what it may explain in part.
    pub partial: Option<PartialForm>,
    /// None: the reader decides nothing.
    pub urls: Option<DecisionUrls>,
    /// Whether the last decision was the reader's own, so that it can be undone at one key.
    pub mine: bool,
    /// Whether there is a last decision that the reader may know of.
    pub may_undo: bool,
    /// A mark that another person is to confirm.
    pub second: Option<SecondView>,
    /// What the laboratory is asked; none for guests.
    pub validation: Option<ValidationView>,
    /// The timeline of the variant; none for guests.
    pub history: Option<String>,
    /// What is another one than when it was decided.
    pub since: Vec<Since>,
    /// Where the reader says that they have looked at that, and the revision of the list that they saw.
    pub look: (String, u32),
}

/// Reasons that the institute offers, and those that stand though it does not any more: value, words and whether chosen.
fn reasons(institute: &Institute, state: Option<&VariantState>) -> Vec<(String, String, bool)> {
    let standing = state.map(|state| state.dismissed.as_slice()).unwrap_or_default();
    let offered = institute.settings.dismissals.offered();
    let former = standing.iter().filter(|reason| !offered.contains(reason));
    let former = former.map(|reason| (reason.value(), format!("{} (not offered any more)", reason.words()), true));
    let line = |reason: &Reason| (reason.value(), reason.words(), standing.contains(reason));
    offered.iter().map(line).chain(former).collect()
}

/// Which part of what the patient has a variant explains.
pub(crate) struct PartialForm {
    pub url: String,
    /// The case's phenotype terms, those that were said of it before, and whether chosen.
    pub phenotypes: Vec<(String, bool)>,
    pub words: String,
}

impl PartialForm {
    /// Whether it is a partial cause.
    pub fn is_filled(&self) -> bool {
        !self.words.is_empty() || self.phenotypes.iter().any(|(_, chosen)| *chosen)
    }

    fn new(case: &Case, state: Option<&VariantState>, url: String) -> Self {
        let partial = state.and_then(|state| state.partial.as_ref());
        let chosen = |term: &String| partial.is_some_and(|partial| partial.phenotypes.contains(term));
        // A load may have taken it away since.
        let is_former = |term: &&String| !case.phenotype_terms.contains(term);
        Self {
            url,
            phenotypes: case
                .phenotype_terms
                .iter()
                .chain(partial.into_iter().flat_map(|partial| &partial.phenotypes).filter(|term| is_former(term)))
                .map(|term| (term.clone(), chosen(term)))
                .collect(),
            words: partial.and_then(|partial| partial.words.clone()).unwrap_or_default(),
        }
    }
}

/// A mark that another person is to confirm.
pub(crate) struct SecondView {
    pub by: String,
    pub at: String,
    /// Where the reader says what they hold of it; none when it is not theirs to say.
    pub url: Option<String>,
    /// Why it is not.
    pub why_not: &'static str,
    /// Whether the reader has confirmed it.
    pub agreed: bool,
}

impl SecondView {
    fn new(access: &CaseAccess, institute: &Institute, mark: &Mark, url: String, now: Timestamp) -> Option<Self> {
        let second = mark.second.as_ref()?;
        let user = access.principal().user();
        let is_own = mark.by == *user;
        let may_read = !is_own && reads_second(access, institute, now);
        Some(Self {
            agreed: second.readings.iter().any(|reading| reading.by == *user && reading.agrees),
            by: mark.name.clone(),
            at: filters::moment(mark.at),
            url: may_read.then_some(url),
            why_not: if is_own { NOT_YOURS_TO_CONFIRM } else { "You have no right to confirm causes today." },
        })
    }
}

/// What the laboratory is asked about a variant, or was.
pub(crate) struct ValidationView {
    /// The order in words; none where there is none.
    pub order: Option<OrderView>,
    /// For geneticists: where an order is given or cancelled, and where its result is put on record.
    pub urls: Option<(String, String)>,
    /// Value, words and whether chosen.
    pub outcomes: Vec<(&'static str, &'static str, bool)>,
}

/// An order on a variant's page.
pub(crate) struct OrderView {
    pub number: String,
    pub by: String,
    pub at: String,
    /// The order to be printed.
    pub url: String,
    /// Who put its result on record and when; none while there is none.
    pub result: Option<(String, String)>,
}

impl ValidationView {
    fn new(validation: Option<&Validation>, is_geneticist: bool, to: impl Fn(&str) -> String) -> Self {
        let result = validation.and_then(|validation| validation.result.as_ref());
        let chosen = |outcome: Outcome| result.is_some_and(|result| result.outcome == outcome);
        Self {
            order: validation.map(|order| OrderView {
                number: order.number.clone(),
                by: order.by.name.clone(),
                at: filters::moment(order.at),
                url: to("order"),
                result: result.map(|result| (result.by.name.clone(), filters::moment(result.at))),
            }),
            urls: is_geneticist.then(|| (to("order"), to("validated"))),
            outcomes: Outcome::ALL.map(|outcome| (outcome.as_str(), outcome.words(), chosen(outcome))).into(),
        }
    }
}

/// Where each decision is sent.
pub(crate) struct DecisionUrls {
    pub pin: String,
    /// For geneticists.
    pub causative: Option<String>,
    pub dismiss: String,
    pub rank: String,
    pub mosaic: String,
    pub undo: String,
}

/// The reader's own last decision in a list, as long as they may still have it in mind.
pub(crate) struct LastDecision {
    /// The variant, or how many.
    pub variant: String,
    /// How it stands since.
    pub words: String,
    /// The field by which it is undone.
    pub of: (&'static str, String),
    pub undo: String,
}

/// How long that is.
const IN_MIND: SignedDuration = SignedDuration::from_mins(15);

impl LastDecision {
    /// Of all decisions about a list; `name` tells how the list names a variant, and nothing of one that it does not hold.
    pub(crate) fn of(
        access: &CaseAccess,
        states: &States,
        name: impl Fn(&VariantId) -> Option<String>,
        query: &[(&str, String)],
        now: Timestamp,
    ) -> Option<Self> {
        let user = access.principal().user();
        let recent = |state: &&VariantState| state.user == *user && now.duration_since(state.at) <= IN_MIND;
        let looked_at = |state: &&VariantState| state.facts.as_ref().is_some_and(|facts| facts.looked_at);
        let own = || states.values().filter(recent).filter(|state| !looked_at(state));
        let last = own().max_by_key(|state| state.at).filter(|_| access.may_edit())?;
        if let Some(id) = &last.together {
            let together = || own().filter(|state| state.together.as_ref() == Some(id));
            let words = if together().any(|state| state.dismissed != last.dismissed) {
                "as they were before".to_owned()
            } else {
                Wanted::Dismissed(last.dismissed.clone()).words()
            };
            let variant = match together().count() {
                1 => name(&last.id)?,
                count => format!("{} variants", filters::thousands(count as u64)),
            };
            return Some(Self {
                variant,
                words,
                of: ("together", id.to_string()),
                undo: urls::undo_several(access.case(), query),
            });
        }
        let words = in_words(last, false).join("; ");
        Some(Self {
            variant: name(&last.id)?,
            words: if words.is_empty() { "nothing decided".to_owned() } else { words },
            of: ("rev", last.rev.to_string()),
            undo: urls::decision(access.case(), &last.id, "undo", query),
        })
    }
}

impl DecisionPanel {
    /// Whether anything is held of mosaicism.
    pub fn has_mosaic(&self) -> bool {
        self.mosaics.iter().any(|(_, _, chosen)| *chosen)
    }

    /// Of a row of a list, reached under a filter.
    pub(crate) fn new(
        access: &CaseAccess,
        found: &Search,
        row: usize,
        query: &[(&str, String)],
        now: Timestamp,
    ) -> Self {
        let case = access.case();
        let row = found.columns.row(row);
        let id = &row.id();
        let state = found.states.get(id);
        let facts = state.filter(|state| state.keeps_variant()).and_then(|state| state.facts.as_ref());
        let to = |action: &str| urls::decision(case, id, action, query);
        let rank = state.and_then(|state| state.manual_rank);
        let timeline = [("variant", id.to_string())];
        let mark = state.filter(|state| state.causative && !access.is_guest()).and_then(|state| state.mark.as_ref());
        let is_geneticist = access.principal().has_role(&case.institute, Role::Geneticist);
        // What is kept from the reader is not there for them, nor that it was decided.
        let told = state.filter(|state| !state.kept_back || !in_words(state, false).is_empty());
        Self {
            id: id.to_string(),
            words: state.map(|state| in_words(state, access.is_guest())).unwrap_or_default(),
            at: told.map(|state| filters::moment(state.at)).unwrap_or_default(),
            rev: state.map_or(0, |state| state.rev),
            pinned: state.is_some_and(|state| state.pinned),
            causative: state.is_some_and(|state| state.causative),
            dismissed: state.is_some_and(|state| !state.dismissed.is_empty()),
            reasons: reasons(&found.institute, state),
            ranks: RANKS.iter().map(|(code, short, words)| (*code, *short, *words, rank == Some(*code))).collect(),
            mosaics: MOSAICS
                .iter()
                .map(|(code, words)| (*code, *words, state.is_some_and(|state| state.mosaic.contains(code))))
                .collect(),
            tiers: TierForm::new(case.track, state.map(|state| state.tiers).unwrap_or_default(), to("tiers")),
            partial: (is_geneticist && access.may_edit()).then(|| PartialForm::new(case, state, to("partial"))),
            urls: access.may_edit().then(|| DecisionUrls {
                pin: to("pin"),
                causative: is_geneticist.then(|| to("causative")),
                dismiss: to("dismiss"),
                rank: to("rank"),
                mosaic: to("mosaic"),
                undo: to("undo"),
            }),
            may_undo: state
                .is_some_and(|state| state.rev > 0 && (!state.kept_back || state.user == *access.principal().user())),
            second: mark.and_then(|mark| SecondView::new(access, &found.institute, mark, to("second-reading"), now)),
            validation: (!access.is_guest()).then(|| {
                let known = state.and_then(|state| state.validation.as_ref());
                ValidationView::new(known, is_geneticist && access.may_edit(), to)
            }),
            mine: state.is_some_and(|state| state.user == *access.principal().user()),
            since: facts.map(|facts| facts.since(Some(row))).unwrap_or_default(),
            look: (urls::changed(case), found.revision()),
            history: (!access.is_guest()).then(|| urls::timeline(case, &timeline)),
        }
    }
}
