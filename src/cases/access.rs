use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use super::model::Case;
use crate::app::AppState;
use crate::audit;
use crate::auth::{Principal, Scope, shut_out};
use crate::error::{AppError, AppResult};
use crate::ids::{CaseName, InstituteId};
use crate::web::{CaseBar, Path, urls};

/// A case the signed-in person may read. Only the extractor builds one; store methods ask for it.
///
/// ```compile_fail
/// # fn with(case: lodestone::cases::Case, principal: lodestone::auth::Principal) {
/// let access = lodestone::cases::CaseAccess { case, principal };
/// # }
/// ```
///
/// ```
/// # fn with(access: &lodestone::cases::CaseAccess) -> &lodestone::cases::Case {
/// access.case()
/// # }
/// ```
pub struct CaseAccess {
    case: Case,
    principal: Principal,
}

/// A case as named in a path.
#[derive(Debug, Clone, Deserialize)]
pub struct CasePath {
    /// Owner.
    pub institute: InstituteId,
    /// Name.
    pub case: CaseName,
}

impl CaseAccess {
    /// The case.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
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

    /// The sticky header of the case's pages.
    #[must_use]
    pub fn bar(&self) -> CaseBar {
        CaseBar {
            url: urls::case(&self.case),
            institute_url: urls::institute(&self.case.institute),
            institute: self.case.institute.to_string(),
            name: self.case.name.to_string(),
            build: self.case.build.name(),
            status: self.case.status.as_str(),
            sex: self.case.proband().map_or("unknown", |proband| proband.sex.as_str()),
        }
    }
}

impl FromRequestParts<AppState> for CaseAccess {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let Path(at) = Path::<CasePath>::from_request_parts(parts, app).await?;
        audit::note_requested(parts, "institute", at.institute.as_str());
        audit::note_requested(parts, "case", at.case.as_str());
        if principal.is_member_of(&at.institute) {
            audit::note_concerned(parts, &at.institute);
        }
        if !principal.scope().covers(&at.institute) {
            return Err(shut_out(parts, &principal, |role| role.reads_cases_of(&at.institute), "case"));
        }
        let case =
            app.cases.find(principal.scope(), &at.institute, &at.case).await?.ok_or(AppError::NotFound("case"))?;
        audit::note_granted(parts, "institute", at.institute.as_str(), &case.institute);
        audit::note_granted(parts, "case", at.case.as_str(), &case.institute);
        audit::note_granted(parts, "case_id", case.id.as_str(), &case.institute);
        Ok(Self { case, principal })
    }
}

/// A case the signed-in person may change. Scripts change nothing through the web.
pub struct CaseEditor(CaseAccess);

impl CaseEditor {
    /// The right to read that comes with it.
    #[must_use]
    pub fn access(&self) -> &CaseAccess {
        &self.0
    }
}

impl FromRequestParts<AppState> for CaseEditor {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let access = CaseAccess::from_request_parts(parts, app).await?;
        if access.principal.is_script() {
            return Err(AppError::Forbidden("An API token reads; decisions are made by people who are signed in."));
        }
        Ok(Self(access))
    }
}
