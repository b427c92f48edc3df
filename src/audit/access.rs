use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

use super::{Entry, Trail, note_concerned};
use crate::app::AppState;
use crate::auth::{Principal, shut_out};
use crate::error::{AppError, AppResult};
use crate::ids::{InstituteId, UserId};
use crate::users::{Role, RoleGrant};

/// The right to review entries and flags. Only the extractor builds one; store methods on either ask for it.
///
/// ```compile_fail
/// # fn with(principal: lodestone::auth::Principal, scope: lodestone::audit::AuditScope) {
/// let access = lodestone::audit::AuditAccess { principal, scope };
/// # }
/// ```
///
/// ```
/// # fn with(access: &lodestone::audit::AuditAccess) -> &lodestone::audit::AuditScope {
/// access.scope()
/// # }
/// ```
pub struct AuditAccess {
    principal: Principal,
    scope: AuditScope,
}

/// The entries and flags an auditor may see. Every query on either carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditScope(Covered);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Covered {
    Everything,
    Institutes(BTreeSet<InstituteId>),
}

impl AuditScope {
    fn of(principal: &Principal) -> Option<Self> {
        if principal.is_script() {
            return None; // pages are for people; machines get exports by the command line
        }
        if principal.is_system_auditor() {
            return Some(Self(Covered::Everything));
        }
        let audited = |institute: &InstituteId| principal.has_role(institute, Role::Auditor);
        let own: BTreeSet<_> = principal.institutes().into_iter().filter(audited).collect();
        if own.is_empty() { None } else { Some(Self(Covered::Institutes(own))) }
    }

    /// The condition that queries on flags, openings and erasures carry, and on entries that concern one institute.
    #[must_use]
    pub fn filter(&self) -> Document {
        match &self.0 {
            Covered::Everything => doc! {},
            Covered::Institutes(own) => doc! { "institute": one_of(own) },
        }
    }

    /// The conditions that queries on entries carry, one after the other: each has an index, and no entry fits two.
    #[must_use]
    pub fn entry_filters(&self) -> Vec<Document> {
        let mut filters = vec![self.filter()];
        if let Covered::Institutes(own) = &self.0 {
            let mut as_guest = doc! { "guest": one_of(own) };
            if own.len() > 1 {
                as_guest.insert("institute", doc! { "$nin": all(own) });
            }
            filters.push(as_guest);
        }
        filters
    }

    /// Whether an entry may be seen.
    #[must_use]
    pub fn covers_entry(&self, entry: &Entry) -> bool {
        self.covers(entry.institute.as_ref()) || entry.guest.as_ref().is_some_and(|guest| self.covers(Some(guest)))
    }

    /// Whether what concerns this institute, or none, may be seen.
    #[must_use]
    pub fn covers(&self, institute: Option<&InstituteId>) -> bool {
        match (&self.0, institute) {
            (Covered::Everything, _) => true,
            (Covered::Institutes(own), Some(institute)) => own.contains(institute),
            (Covered::Institutes(_), None) => false,
        }
    }

    /// Whether all entries may be seen.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0 == Covered::Everything
    }

    /// The part of the scope in one institute; none when it is not in the scope.
    #[must_use]
    pub fn narrowed(&self, institute: &InstituteId) -> Option<Self> {
        self.covers(Some(institute)).then(|| Self(Covered::Institutes(BTreeSet::from([institute.clone()]))))
    }

    /// The institutes of the scope, when it has limits.
    pub fn institutes(&self) -> impl Iterator<Item = &InstituteId> {
        match &self.0 {
            Covered::Everything => None,
            Covered::Institutes(own) => Some(own.iter()),
        }
        .into_iter()
        .flatten()
    }
}

fn all(institutes: &BTreeSet<InstituteId>) -> Vec<Bson> {
    institutes.iter().map(Bson::from).collect()
}

fn one_of(institutes: &BTreeSet<InstituteId>) -> Bson {
    match (institutes.len(), institutes.first()) {
        (1, Some(only)) => only.into(),
        _ => doc! { "$in": all(institutes) }.into(),
    }
}

/// Whether the person has pages of the trail at all.
pub(crate) fn may_review(principal: &Principal) -> bool {
    AuditScope::of(principal).is_some()
}

/// Somebody who decided something about the trail, by identity and by name at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auditor {
    /// Who.
    pub user: UserId,
    /// The name then.
    pub name: String,
}

impl AuditAccess {
    /// Who asks, to be written down.
    #[must_use]
    pub fn auditor(&self) -> Auditor {
        Auditor { user: self.principal.user().clone(), name: self.principal.name().to_owned() }
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The institutes of the scope, to choose from.
    pub(super) async fn institutes(&self, app: &AppState) -> AppResult<Vec<InstituteId>> {
        if self.scope.is_everything() {
            return Ok(app.institutes.all().await?.into_iter().map(|institute| institute.id).collect());
        }
        Ok(self.scope.institutes().cloned().collect())
    }

    /// What the person may see.
    #[must_use]
    pub fn scope(&self) -> &AuditScope {
        &self.scope
    }
}

impl FromRequestParts<AppState> for AuditAccess {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let Some(scope) = AuditScope::of(&principal) else {
            let trail = Trail::of(parts);
            trail.note_reason("not an auditor");
            return Err(shut_out(&trail, &principal, RoleGrant::audits, "page"));
        };
        // A review within one institute is that institute's business; one across several is the system auditors'.
        let own: Vec<&InstituteId> = scope.institutes().collect();
        if let [only] = own.as_slice() {
            note_concerned(parts, only);
        }
        Ok(Self { principal, scope })
    }
}
