use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use crate::error::{AppError, FieldError};

/// The query string as name–value pairs in their order; repeated names are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// From pairs, e.g. of a saved filter.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// All pairs.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// All pairs, as addresses of pages take them.
    #[must_use]
    pub fn to_query(&self) -> Vec<(&str, String)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }

    /// Reads `a=1&b=2`.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        Self(serde_urlencoded::from_str(query).unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// Whether a page is shown after its form was stored: `saved=1`.
#[derive(Debug, Deserialize)]
pub struct Saved {
    #[serde(default)]
    saved: String,
}

impl Saved {
    /// Whether it is.
    #[must_use]
    pub fn is_so(&self) -> bool {
        self.saved == "1"
    }
}

/// One wrong value.
#[must_use]
pub fn problem(field: &str, value: &str, message: impl Into<String>) -> AppError {
    AppError::Unprocessable(vec![FieldError::new(field, value, message)])
}
