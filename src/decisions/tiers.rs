//! Tiers are of tumours: set in cases of the track cancer, and taken away wherever they stand.

use super::change::Chosen;
use crate::app::AppState;
use crate::cases::{CaseAccess, Track};
use crate::error::AppResult;
use crate::variants::{AmpTier, EscatTier, Tiers};
use crate::web::problem;

/// Why a tier is refused.
const NOT_A_TUMOUR: &str = "Tiers are of variants of tumours, and this case is not of the track cancer.";

/// Refuses a tier in a case that is not of a tumour, unless the variant has it already: the case was of one before a load.
pub(crate) async fn only_of_tumours(
    app: &AppState,
    access: &CaseAccess,
    variant: &Chosen,
    wanted: Tiers,
) -> AppResult<()> {
    if access.case().track == Track::Cancer || wanted.is_empty() {
        return Ok(());
    }
    let standing = app.states.find(access, &variant.id).await?.map(|state| state.tiers).unwrap_or_default();
    if let Some(tier) = wanted.amp.filter(|_| wanted.amp != standing.amp) {
        return Err(problem("amp", tier.code(), NOT_A_TUMOUR));
    }
    if let Some(tier) = wanted.escat.filter(|_| wanted.escat != standing.escat) {
        return Err(problem("escat", tier.code(), NOT_A_TUMOUR));
    }
    Ok(())
}

/// The form of a variant's tiers.
pub(crate) struct TierForm {
    pub url: String,
    pub scales: [Scale; 2],
    /// Whether a tier stands.
    pub is_filled: bool,
    /// Whether the case is of a tumour; in another one a tier can only be taken away.
    pub is_of_tumour: bool,
}

/// One of the two scales.
pub(crate) struct Scale {
    /// Name of its field.
    pub field: &'static str,
    pub name: &'static str,
    /// Code, words and whether chosen.
    pub tiers: Vec<(&'static str, &'static str, bool)>,
}

impl TierForm {
    /// None where no tier can be set and none stands.
    pub(super) fn new(track: Track, standing: Tiers, url: String) -> Option<Self> {
        let is_of_tumour = track == Track::Cancer;
        let is_filled = !standing.is_empty();
        let amp = AmpTier::ALL.iter().map(|tier| (tier.code(), tier.words(), standing.amp == Some(*tier)));
        let escat = EscatTier::ALL.iter().map(|tier| (tier.code(), tier.words(), standing.escat == Some(*tier)));
        let is_offered = |(_, _, chosen): &(_, _, bool)| is_of_tumour || *chosen;
        (is_of_tumour || is_filled).then(|| Self {
            url,
            scales: [
                Scale { field: "amp", name: "AMP tier", tiers: amp.filter(is_offered).collect() },
                Scale { field: "escat", name: "ESCAT tier", tiers: escat.filter(is_offered).collect() },
            ],
            is_filled,
            is_of_tumour,
        })
    }
}
