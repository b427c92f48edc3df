use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::AppState;
use crate::error::{AppError, AppResult};

/// Path parameters as typed ids. A path that cannot be one of ours is "not found", like one that is nobody's.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Path<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        match axum::extract::Path::<T>::from_request_parts(parts, app).await {
            Ok(axum::extract::Path(found)) => Ok(Self(found)),
            Err(_) => Err(AppError::NotFound("page")),
        }
    }
}
