use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bson::{Document, doc};

use crate::app::AppState;
use crate::auth::Principal;
use crate::error::{AppError, AppResult};
use crate::ids::InstituteId;
use crate::users::{Role, SystemRole};

/// Somebody who may review flags: a system auditor all, an institute's auditor those of the institute. Only the
/// extractor builds one; to everybody else the pages are not there.
pub struct FlagReviewer {
    principal: Principal,
    /// None: all.
    institutes: Option<Vec<InstituteId>>,
}

impl FlagReviewer {
    /// Who reviews.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The institutes whose flags are open to the reviewer; none means all.
    #[must_use]
    pub fn institutes(&self) -> Option<&[InstituteId]> {
        self.institutes.as_deref()
    }

    /// The condition every query on flags carries.
    pub(super) fn filter(&self) -> Document {
        match &self.institutes {
            None => doc! {},
            Some(institutes) => doc! { "institute": { "$in": institutes.clone() } },
        }
    }
}

/// The institutes in which somebody is an auditor; `None` for a system auditor.
fn audited(principal: &Principal) -> Option<Vec<InstituteId>> {
    if principal.system_roles().contains(&SystemRole::Auditor) {
        return None;
    }
    let own = principal.institutes();
    Some(own.into_iter().filter(|institute| principal.has_role(institute, Role::Auditor)).collect())
}

impl FromRequestParts<AppState> for FlagReviewer {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let institutes = audited(&principal);
        // Reviews are made by people, not by scripts.
        if principal.is_script() || institutes.as_ref().is_some_and(Vec::is_empty) {
            return Err(AppError::NotFound("page"));
        }
        Ok(Self { principal, institutes })
    }
}
