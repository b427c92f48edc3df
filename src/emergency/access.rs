use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Principal, shut_out};
use crate::error::{AppError, AppResult};
use crate::ids::InstituteId;
use crate::users::RoleGrant;

/// Somebody who may open cases in an emergency: an administrator, of the system or of an institute, in that role or not, or
/// one who reads cases of an institute, where some may be restricted to others. They see and end what they have open so; to
/// open a case, an administrator [enters](CaseOpener) the role. It gives no case by itself. Only the extractor builds one.
///
/// ```compile_fail
/// # fn with(principal: lodestone::auth::Principal) {
/// let user = lodestone::emergency::EmergencyUser { principal };
/// # }
/// ```
///
/// ```
/// # fn with(user: &lodestone::emergency::EmergencyUser) -> &lodestone::auth::Principal {
/// user.principal()
/// # }
/// ```
pub struct EmergencyUser {
    principal: Principal,
}

impl EmergencyUser {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// The right to open cases of one institute in an emergency, of somebody who reads its cases or has entered the role that
/// administers it.
pub struct CaseOpener {
    user: EmergencyUser,
    institute: InstituteId,
}

impl CaseOpener {
    /// Who opens.
    pub(super) fn user(&self) -> &EmergencyUser {
        &self.user
    }

    /// Whose cases.
    pub(super) fn institute(&self) -> &InstituteId {
        &self.institute
    }
}

impl EmergencyUser {
    /// The right to open cases of this institute, or what is missing for it.
    pub(super) fn opener(self, institute: InstituteId, trail: &Trail) -> AppResult<CaseOpener> {
        if self.principal.administers(&institute) || self.principal.scope().covers(&institute) {
            Ok(CaseOpener { user: self, institute })
        } else {
            let opens = |role: &RoleGrant| role.administers_in(&institute) || role.reads_cases_of(&institute);
            Err(shut_out(trail, &self.principal, opens, "case"))
        }
    }
}

impl FromRequestParts<AppState> for EmergencyUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.scope().has_emergencies() {
            return Ok(Self { principal });
        }
        let opens = |role: &RoleGrant| role.administers() || role.reads_cases();
        Err(shut_out(&Trail::of(parts), &principal, opens, "page"))
    }
}
