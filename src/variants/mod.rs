//! Variants of a case: documents, decisions about them, how often they were seen, columns to filter on.

mod cause;
mod column_store;
pub mod columns;
pub mod export;
mod facts;
mod file_lookup;
pub mod find;
mod handlers;
pub mod identity;
mod keys;
mod links;
mod model;
mod observations;
mod origin;
mod read_back;
mod score_parts;
pub mod search;
mod seen;
pub mod sought;
mod states;
mod store;
mod tiers;
mod validation;
mod variant_page;
mod variant_path;
mod views;

pub use cause::{Mark, PartialCause, Reading, Second, Standing};
pub use column_store::ColumnStore;
pub use facts::{Facts, Since, What};
pub use handlers::routes;
pub use keys::{KeyForm, KeyMaker};
pub use links::{ALWAYS_OFFERED, LinkTarget};
pub use model::{Category, SampleCall, Variant};
pub use observations::{Observation, ObservationStore, Seen, SeenIn};
pub use read_back::{Misread, read_back};
pub(crate) use seen::{keys_across_cases, seen_in_institute};
pub use states::{Awaiting, Decision, Part, StateStore, States, Together, TogetherFact, VariantState};
pub use store::{VariantNames, VariantStore};
pub use tiers::{AmpTier, EscatTier, Tiers};
pub use validation::{Outcome, Validated, Validation};
pub(crate) use variant_path::VariantPath;
pub(crate) use views::change;

pub(crate) fn collections() -> Vec<(&'static str, Vec<mongodb::IndexModel>)> {
    use crate::db::Stored as _;
    vec![
        (Variant::COLLECTION, Variant::indexes()),
        (VariantState::COLLECTION, VariantState::indexes()),
        (column_store::ColumnChunk::COLLECTION, column_store::ColumnChunk::indexes()),
        (Observation::COLLECTION, Observation::indexes()),
        (observations::SeenChunk::COLLECTION, observations::SeenChunk::indexes()),
    ]
}
