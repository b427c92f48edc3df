use super::form::{Of, Sent};
use super::write::Changes;
use crate::error::{AppError, AppResult};
use crate::ids::VariantId;
use crate::variants::columns::RowState;
use crate::variants::search::Search;
use crate::variants::{Facts, States, VariantState};

/// What a decision would do to a list as it stands.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Rows that it changes, in the order of the list.
    pub rows: Vec<usize>,
    /// Rows that it leaves alone, with why.
    pub left: Vec<(usize, Why)>,
    /// How many are so already.
    pub already: usize,
}

/// Why a variant is not put aside with others: somebody has taken it up, or nobody should overlook it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Causative,
    PartialCause,
    Mosaic,
    Tiered,
    KeptBack,
    Pinned,
    Classified,
    Ranked,
    Validated,
    Commented,
    Clinvar,
    Changed,
}

impl Why {
    /// In words, after "it is".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Causative => "held to be causative",
            Self::PartialCause => "held to be a partial cause",
            Self::Mosaic => "tagged as mosaic",
            Self::Tiered => "given a tier",
            Self::KeptBack => "kept until a second reading is done",
            Self::Pinned => "pinned",
            Self::Classified => "classified",
            Self::Ranked => "ranked by hand",
            Self::Validated => "to be validated, or was",
            Self::Commented => "commented",
            Self::Clinvar => "(likely) pathogenic in ClinVar",
            Self::Changed => "another one than when it was dismissed",
        }
    }

    fn of(row: RowState, is_pathogenic: bool) -> Option<Self> {
        [
            (row.causative, Self::Causative),
            (row.partial, Self::PartialCause),
            (row.mosaic, Self::Mosaic),
            (!row.tiers.is_empty(), Self::Tiered),
            (row.kept_back, Self::KeptBack),
            (row.pinned, Self::Pinned),
            (row.classified, Self::Classified),
            (row.rank.is_some(), Self::Ranked),
            (row.validation.is_some(), Self::Validated),
            (row.comments > 0, Self::Commented),
            (is_pathogenic, Self::Clinvar),
            (row.shown_again, Self::Changed),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }
}

impl Plan {
    /// What was sent, for the list and filter it was sent from. A variant that the list does not hold is not found.
    pub(super) fn new(found: &Search, sent: &Sent) -> AppResult<Self> {
        let rows = match &sent.of {
            Of::Filter => found.rows.clone(),
            Of::Ticked(ids) => {
                let row = |id| found.columns.find(id).ok_or(AppError::NotFound("variant"));
                let mut rows: Vec<usize> = ids.iter().map(row).collect::<AppResult<_>>()?;
                rows.sort_unstable();
                rows
            }
        };
        let mut plan = Self::default();
        for row in rows {
            let overlay = found.overlay.get(&row).copied().unwrap_or_default();
            let is_done =
                if sent.reasons.is_empty() { !overlay.dismissed && !overlay.shown_again } else { overlay.dismissed };
            if is_done {
                plan.already += 1;
                continue;
            }
            let is_pathogenic = found.columns.row(row).clinvar().any(|record| record.is_pathogenic());
            match Why::of(overlay, is_pathogenic).filter(|_| !sent.reasons.is_empty()) {
                Some(why) => plan.left.push((row, why)),
                None => plan.rows.push(row),
            }
        }
        Ok(plan)
    }

    /// Whether all of it is so already, but for what it would leave alone.
    pub(super) fn is_done(&self) -> bool {
        self.rows.is_empty() && self.already > 0
    }

    /// A single variant that nothing speaks against is put aside at once, and ticked ones are taken back.
    pub(super) fn needs_no_asking(&self, sent: &Sent) -> bool {
        let ticked = matches!(sent.of, Of::Ticked(_));
        ticked && (sent.reasons.is_empty() || (self.rows.len() == 1 && self.left.is_empty()))
    }

    /// Says what is about to be changed and in which revision of the list, so that an agreement counts for that alone.
    pub(super) fn seen(&self, found: &Search, sent: &Sent) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&found.revision().to_le_bytes());
        for reason in &sent.reasons {
            hasher.update(reason.value().as_bytes());
            hasher.update(b"\n");
        }
        hasher.update(b"/");
        for row in &self.rows {
            hasher.update(&found.columns.row(*row).id().to_hash());
        }
        crate::ids::base32(&hasher.finalize().as_bytes()[..16])
    }

    /// Each variant as it stands among `present`, and as it would; none when one of them stands otherwise than in the plan.
    pub(super) fn changes(
        &self,
        found: &Search,
        sent: &Sent,
        mut present: States,
        undecided: impl Fn(VariantId) -> VariantState,
    ) -> Option<Changes> {
        let mut changes = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let id = found.columns.row(*row).id();
            let before = present.remove(&id);
            if before.as_ref().map(|state| state.rev) != found.states.get(&id).map(|state| state.rev) {
                return None;
            }
            let mut after = before.clone().unwrap_or_else(|| undecided(id));
            after.dismissed.clone_from(&sent.reasons);
            after.facts = Some(Facts::of(found.columns.row(*row), found.kind(), found.revision()));
            changes.push((before, after));
        }
        Some(changes)
    }
}
