//! How often a variant was seen in an institute, whatever way its keys were made.

use tracing::warn;

use super::keys::{KeyForm, KeyMaker, may_move, possible_keys};
use super::model::Variant;
use crate::app::AppState;
use crate::cases::CaseAccess;
use crate::error::AppResult;
use crate::genome::{NormKey, ReferenceError};

/// Cases of the reader's institute in which somebody carries the variant, and those in which somebody has it on all copies.
/// A guest learns of the guest's own cases, never of the owner's.
/// Nobody reads other cases by an emergency access, so by one nothing is told.
pub(crate) async fn seen_in_institute(
    app: &AppState,
    access: &CaseAccess,
    keys: &[NormKey],
) -> AppResult<Option<(u64, u64)>> {
    if access.emergency().is_some() {
        return Ok(None);
    }
    let counts = app.observations.counts(access.scope(), access.reader(), keys).await?;
    Ok(Some(counts.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))))
}

/// What a variant of the case may be called in other cases, whatever way their keys were made. The reference sequence is read
/// only for an indel of a list that was keyed without it.
pub(crate) async fn keys_across_cases(app: &AppState, access: &CaseAccess, variant: &Variant) -> Vec<NormKey> {
    let list = access.case().list(variant.category.as_str(), variant.list);
    let is_aligned = list.is_some_and(|list| list.keys == KeyForm::LeftAligned);
    let config = &app.config.genome;
    let found = if may_move(variant) && !is_aligned && config.reference(variant.build).is_some() {
        let (config, variant) = (config.clone(), variant.clone());
        let _place = app.file_reads.acquire().await;
        let read = tokio::task::spawn_blocking(move || {
            possible_keys(&variant, &mut KeyMaker::new(config.open(variant.build)?))
        });
        read.await.unwrap_or_else(|error| Err(ReferenceError::Interrupted(error.to_string())))
    } else {
        possible_keys(variant, &mut KeyMaker::new(None))
    };
    found.unwrap_or_else(|error| {
        warn!("cases with an indel are counted under its stored key only: {error}");
        vec![variant.norm_key.clone()]
    })
}
