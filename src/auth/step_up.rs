//! A fresh code opens ten minutes for one class of what must not happen by an unwatched screen.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::principal::Principal;
use crate::app::AppState;
use crate::audit::Trail;
use crate::error::{AppError, AppResult};

/// How long a code opens its class.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_mins(10);

/// What a fresh code opens. One code opens one class, for the session it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepUpClass {
    /// Signing out a case's findings.
    SignOutCases,
    /// Export of many records, sharing, deletion.
    BulkExport,
    /// Users, roles, addresses, factors; export of the audit trail, and what is decided about it.
    Administration,
}

impl StepUpClass {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::SignOutCases, Self::BulkExport, Self::Administration];

    /// The word in forms and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignOutCases => "sign_out_cases",
            Self::BulkExport => "bulk_export",
            Self::Administration => "administration",
        }
    }

    /// What it opens, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SignOutCases => "signing out cases",
            Self::BulkExport => "exporting many records, sharing and deleting",
            Self::Administration => "users, roles, ways to sign in and what leaves or changes the audit trail",
        }
    }
}

/// A class as a type, for [`SteppedUp`].
pub trait Class: Send + Sync + 'static {
    /// The class.
    const CLASS: StepUpClass;
}

/// See [`StepUpClass::SignOutCases`].
#[derive(Debug)]
pub struct SignOutCases;
/// See [`StepUpClass::BulkExport`].
#[derive(Debug)]
pub struct BulkExport;
/// See [`StepUpClass::Administration`].
#[derive(Debug)]
pub struct Administration;

impl Class for SignOutCases {
    const CLASS: StepUpClass = StepUpClass::SignOutCases;
}
impl Class for BulkExport {
    const CLASS: StepUpClass = StepUpClass::BulkExport;
}
impl Class for Administration {
    const CLASS: StepUpClass = StepUpClass::Administration;
}

/// Somebody who gave a fresh code for a class, in this session, at most ten minutes ago. Only the extractor builds one:
///
/// ```compile_fail
/// # fn with(principal: lodestone::auth::Principal) {
/// let done = lodestone::auth::SteppedUp::<lodestone::auth::Administration> { principal, class: Default::default() };
/// # }
/// ```
///
/// Whoever was given one knows who it is:
///
/// ```
/// # fn with(done: &lodestone::auth::SteppedUp<lodestone::auth::Administration>) -> &lodestone::auth::Principal {
/// done.principal()
/// # }
/// ```
#[derive(Debug)]
pub struct SteppedUp<C: Class> {
    principal: Principal,
    class: PhantomData<C>,
}

impl<C: Class> SteppedUp<C> {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl<C: Class> FromRequestParts<AppState> for SteppedUp<C> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let session =
            principal.session().ok_or(AppError::Forbidden("This is for people; a script cannot give a code."))?;
        if !session.is_open(C::CLASS, app.clock.now()) {
            let Ok(trail) = Trail::from_request_parts(parts, app).await;
            trail.note_reason("a fresh code is needed");
            return Err(AppError::ConfirmFirst(C::CLASS));
        }
        Ok(Self { principal, class: PhantomData })
    }
}

/// When a class that was opened now closes.
pub(super) fn closes(now: Timestamp) -> Timestamp {
    now + OPEN_FOR
}
