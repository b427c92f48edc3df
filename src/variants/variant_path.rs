use serde::Deserialize;

use crate::ids::VariantId;

/// The path of a variant in its case.
#[derive(Debug, Deserialize)]
pub(crate) struct VariantPath {
    #[serde(rename = "institute")]
    _institute: String,
    #[serde(rename = "case")]
    _case: String,
    /// The variant.
    pub id: VariantId,
}
