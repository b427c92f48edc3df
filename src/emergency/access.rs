use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::AppState;
use crate::audit::Trail;
use crate::auth::{Principal, shut_out};
use crate::error::{AppError, AppResult};
use crate::ids::InstituteId;
use crate::users::RoleGrant;

/// An administrator, of the system or of an institute, in that role or not: they see and end what they have open in an
/// emergency, and open a case once they have [entered](CaseOpener) the role. It gives no case by itself. Only the extractor
/// builds one.
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

/// The right to open cases of one institute in an emergency, of somebody who has entered the role that administers it.
pub struct CaseOpener {
    admin: EmergencyAdmin,
    institute: InstituteId,
}

impl CaseOpener {
    /// Who opens.
    pub(super) fn admin(&self) -> &EmergencyAdmin {
        &self.admin
    }

    /// Whose cases.
    pub(super) fn institute(&self) -> &InstituteId {
        &self.institute
    }
}

impl EmergencyAdmin {
    /// The right to open cases of this institute, or what is missing for it.
    pub(super) fn opener(self, institute: InstituteId, trail: &Trail) -> AppResult<CaseOpener> {
        if self.principal.administers(&institute) {
            Ok(CaseOpener { admin: self, institute })
        } else {
            Err(shut_out(trail, &self.principal, |role| role.administers_in(&institute), "case"))
        }
    }
}

impl FromRequestParts<AppState> for EmergencyAdmin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.scope().may_open_in_emergency() {
            return Ok(Self { principal });
        }
        Err(shut_out(&Trail::of(parts), &principal, RoleGrant::administers, "page"))
    }
}
