use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use super::emergency::Emergency;
use super::model::Case;
use super::share::Share;
use crate::app::AppState;
use crate::audit::{self, Trail};
use crate::auth::{Principal, Scope, shut_out};
use crate::error::{AppError, AppResult};
use crate::ids::{CaseName, InstituteId};
use crate::web::{CaseBar, EmergencyBar, Path, SharedBar, filters, urls};

/// A case the signed-in person may read: one of an institute whose cases they read, unless it is restricted to others; as a
/// guest, one that is shared with such an institute; or one that they opened in an emergency. Only the extractor builds one; store methods
/// ask for it.
///
/// ```compile_fail
/// # fn with(case: lodestone::cases::Case, held: lodestone::cases::CaseAccess) {
/// let access = lodestone::cases::CaseAccess { case, ..held };
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
    right: Right,
}

/// By which right a case is read.
enum Right {
    Own,
    Guest(Share),
    Emergency(Emergency),
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
    /// The case; for a guest without what stays with its owner.
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

    /// The share by which a guest reads; none for those of the owner.
    #[must_use]
    pub fn share(&self) -> Option<&Share> {
        if let Right::Guest(share) = &self.right { Some(share) } else { None }
    }

    /// The emergency in which somebody reads.
    #[must_use]
    pub fn emergency(&self) -> Option<&Emergency> {
        if let Right::Emergency(emergency) = &self.right { Some(emergency) } else { None }
    }

    /// Whether the person reads it as a case of their institute.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self.right, Right::Own)
    }

    /// Whether it is another institute's case, shared with one of the person's.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.share().is_some()
    }

    /// Whether the person may write comments in the case.
    #[must_use]
    pub fn may_comment(&self) -> bool {
        let by_right = match &self.right {
            Right::Own => true,
            Right::Guest(share) => share.comments,
            Right::Emergency(_) => false,
        };
        by_right && !self.principal.is_script()
    }

    /// Whether the person may change and share the case.
    #[must_use]
    pub fn may_edit(&self) -> bool {
        self.is_own() && !self.principal.is_script()
    }

    /// The institute whose reader opened the case: its owner, or the one it is shared with.
    #[must_use]
    pub fn reader(&self) -> &InstituteId {
        self.share().map_or(&self.case.institute, |share| &share.with)
    }

    /// The sticky header of the case's pages.
    #[must_use]
    pub fn bar(&self) -> CaseBar {
        CaseBar {
            url: urls::case(&self.case),
            institute_url: match self.right {
                Right::Emergency(_) => urls::break_glass().to_owned(),
                Right::Own | Right::Guest(_) => urls::institute(self.reader()),
            },
            institute: self.reader().to_string(),
            name: self.case.name.to_string(),
            build: self.case.build.name(),
            status: self.case.status.as_str(),
            sex: self.case.proband().map_or("unknown", |proband| proband.sex.as_str()),
            restricted: self.case.restriction.is_some(),
            emergency: self.emergency().map(|emergency| EmergencyBar {
                until: filters::moment(emergency.until),
                end_url: urls::end_break_glass(&self.case),
            }),
            shared: self.share().map(|share| SharedBar {
                owner: self.case.institute.to_string(),
                until: share.last_day().to_string(),
                comments: share.comments,
            }),
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
        let now = app.clock.now();
        let found = app.cases.find(principal.scope(), &at.institute, &at.case, now).await?;
        let Some(case) = found else {
            if principal.scope().covers(&at.institute) {
                return Err(AppError::NotFound("case"));
            }
            return Err(shut_out(&Trail::of(parts), &principal, |role| role.reads_cases_of(&at.institute), "case"));
        };
        let (case, right) = if case.is_open_to(principal.scope()) {
            (case, Right::Own)
        } else if let Some(emergency) = case.emergency_for(principal.scope(), now).cloned() {
            audit::note_granted(parts, audit::EMERGENCY, emergency.id.as_str(), &case.institute);
            (case, Right::Emergency(emergency))
        } else {
            // The query found it by this share; should the two ever differ, nothing is shown.
            let share = case.share_for(principal.scope(), now).cloned().ok_or(AppError::NotFound("case"))?;
            audit::note_guest(parts, &share.with);
            (case.for_guest(&share), Right::Guest(share))
        };
        audit::note_granted(parts, "institute", at.institute.as_str(), &case.institute);
        audit::note_granted(parts, "case", at.case.as_str(), &case.institute);
        audit::note_granted(parts, "case_id", case.id.as_str(), &case.institute);
        Ok(Self { case, principal, right })
    }
}

/// A case the signed-in person may change and share: one of an institute whose cases they read. Guests read, and scripts
/// change nothing through the web.
pub struct CaseEditor(CaseAccess);

impl CaseEditor {
    /// The right to read that comes with it.
    #[must_use]
    pub fn access(&self) -> &CaseAccess {
        &self.0
    }
}

/// A case in which the signed-in person may write comments: one of an institute whose cases they read, or as a guest one
/// whose share lets guests comment.
pub struct CaseCommenter(CaseAccess);

impl CaseCommenter {
    /// The right to read that comes with it.
    #[must_use]
    pub fn access(&self) -> &CaseAccess {
        &self.0
    }
}

impl FromRequestParts<AppState> for CaseCommenter {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let access = CaseAccess::from_request_parts(parts, app).await?;
        if access.may_comment() {
            return Ok(Self(access));
        }
        Err(AppError::Forbidden(match access.right {
            Right::Guest(_) => "This case is shared with you to be read, not to be commented.",
            Right::Emergency(_) => "Emergency access reads a case; it says nothing in it.",
            Right::Own => "An API token reads; comments are written by people who are signed in.",
        }))
    }
}

impl FromRequestParts<AppState> for CaseEditor {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let access = CaseAccess::from_request_parts(parts, app).await?;
        if access.may_edit() {
            return Ok(Self(access));
        }
        Err(AppError::Forbidden(match access.right {
            Right::Guest(_) => {
                "This case is shared with you to be read. Only the institute that owns it changes or shares it."
            }
            Right::Emergency(_) => "Emergency access reads a case; it changes and shares nothing.",
            Right::Own => "An API token reads; decisions are made by people who are signed in.",
        }))
    }
}
