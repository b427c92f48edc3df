use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use super::model::Institute;
use crate::app::AppState;
use crate::audit::{self, Trail};
use crate::auth::{Principal, Scope, shut_out};
use crate::error::{AppError, AppResult};
use crate::ids::InstituteId;
use crate::users::{Role, SystemAdmin};
use crate::web::Path;

/// An institute whose cases the signed-in person may read. Only the extractor builds one.
pub struct InstituteAccess {
    institute: Institute,
    principal: Principal,
}

#[derive(Deserialize)]
struct InstitutePath {
    institute: InstituteId,
}

impl InstituteAccess {
    /// The institute.
    #[must_use]
    pub fn institute(&self) -> &Institute {
        &self.institute
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What the person may read.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.principal.scope()
    }
}

impl FromRequestParts<AppState> for InstituteAccess {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let Path(InstitutePath { institute }) = Path::from_request_parts(parts, app).await?;
        audit::note_requested(parts, "institute", institute.as_str());
        if principal.is_member_of(&institute) {
            audit::note_concerned(parts, &institute);
        }
        if !principal.scope().covers(&institute) {
            return Err(shut_out(&Trail::of(parts), &principal, |role| role.reads_cases_of(&institute), "institute"));
        }
        let institute = app.institutes.find(&institute).await?.ok_or(AppError::NotFound("institute"))?;
        audit::note_granted(parts, "institute", institute.id.as_str(), &institute.id);
        Ok(Self { institute, principal })
    }
}

/// An institute whose settings the signed-in person decides. It gives no case. Only the extractor builds one.
///
/// ```compile_fail
/// # fn with(institute: lodestone::institutes::Institute, principal: lodestone::auth::Principal) {
/// let admin = lodestone::institutes::InstituteAdmin { institute, principal };
/// # }
/// ```
///
/// ```
/// # fn with(admin: &lodestone::institutes::InstituteAdmin) -> &lodestone::institutes::Institute {
/// admin.institute()
/// # }
/// ```
pub struct InstituteAdmin {
    institute: Box<Institute>,
    principal: Principal,
}

impl InstituteAdmin {
    /// The institute.
    #[must_use]
    pub fn institute(&self) -> &Institute {
        &self.institute
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl FromRequestParts<AppState> for InstituteAdmin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let Path(InstitutePath { institute }) = Path::from_request_parts(parts, app).await?;
        audit::note_requested(parts, "institute", institute.as_str());
        // A script reads cases; it never acts in its owner's other roles.
        if principal.is_script() {
            return Err(AppError::NotFound("page"));
        }
        if !principal.has_role(&institute, Role::Admin) {
            return Err(shut_out(&Trail::of(parts), &principal, |role| role.is(&institute, Role::Admin), "page"));
        }
        let institute = app.institutes.find(&institute).await?.ok_or(AppError::NotFound("page"))?;
        audit::note_granted(parts, "institute", institute.id.as_str(), &institute.id);
        Ok(Self { institute: Box::new(institute), principal })
    }
}

/// Any institute, in the hands of an admin of the system, who sees its name and who its members are, decides its name, and
/// reads neither its settings nor a case. Only the extractor builds one.
///
/// ```compile_fail
/// # fn with(admin: lodestone::users::SystemAdmin, institute: lodestone::institutes::Institute) {
/// let listed = lodestone::institutes::ListedInstitute { admin, institute };
/// # }
/// ```
///
/// ```
/// # fn with(listed: &lodestone::institutes::ListedInstitute) -> &lodestone::users::SystemAdmin {
/// listed.admin()
/// # }
/// ```
pub struct ListedInstitute {
    admin: SystemAdmin,
    institute: Institute,
}

impl ListedInstitute {
    /// The institute.
    #[must_use]
    pub fn institute(&self) -> &Institute {
        &self.institute
    }

    /// Who looks after it.
    #[must_use]
    pub fn admin(&self) -> &SystemAdmin {
        &self.admin
    }
}

impl FromRequestParts<AppState> for ListedInstitute {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let admin = SystemAdmin::from_request_parts(parts, app).await?;
        let Path(InstitutePath { institute }) = Path::from_request_parts(parts, app).await?;
        audit::note_requested(parts, "institute", institute.as_str());
        let institute = app.institutes.find(&institute).await?.ok_or(AppError::NotFound("institute"))?;
        let Ok(trail) = Trail::from_request_parts(parts, app).await;
        trail.note_done("institute", institute.id.as_str(), None);
        Ok(Self { admin, institute })
    }
}
