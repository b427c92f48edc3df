use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::AppState;
use crate::auth::Principal;
use crate::error::{AppError, AppResult};

/// An administrator, of the system or of an institute, who may open a case of theirs in an emergency. It gives no case by
/// itself. Only the extractor builds one.
///
/// ```compile_fail
/// # fn with(principal: lodestone::auth::Principal) {
/// let admin = lodestone::emergency::EmergencyAdmin { principal };
/// # }
/// ```
///
/// ```
/// # fn with(admin: &lodestone::emergency::EmergencyAdmin) -> &lodestone::auth::Principal {
/// admin.principal()
/// # }
/// ```
pub struct EmergencyAdmin {
    principal: Principal,
}

impl EmergencyAdmin {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl FromRequestParts<AppState> for EmergencyAdmin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.scope().may_open_in_emergency() { Ok(Self { principal }) } else { Err(AppError::NotFound("page")) }
    }
}
