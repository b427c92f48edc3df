use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use super::change::Authority;
use super::model::{RoleGrant, SystemRole, User};
use crate::app::AppState;
use crate::audit::{self, Trail};
use crate::auth::{Principal, shut_out};
use crate::error::{AppError, AppResult};
use crate::events::Actor;
use crate::ids::UserId;
use crate::institutes::{Institute, InstituteAdmin};
use crate::web::Path;

/// Somebody who looks after the people of the whole system. It gives no case. Only the extractor builds one.
///
/// ```compile_fail
/// # fn with(principal: lodestone::auth::Principal) {
/// let admin = lodestone::users::SystemAdmin { principal };
/// # }
/// ```
///
/// ```
/// # fn with(admin: &lodestone::users::SystemAdmin) -> &lodestone::auth::Principal {
/// admin.principal()
/// # }
/// ```
pub struct SystemAdmin {
    principal: Principal,
}

impl SystemAdmin {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// By which right accounts are changed.
    #[must_use]
    pub fn authority(&self) -> Authority<'_> {
        Authority::System(self.principal.user())
    }

    /// Who is written into the history.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::of(&self.principal)
    }
}

impl FromRequestParts<AppState> for SystemAdmin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.is_system_admin() {
            return Ok(Self { principal });
        }
        Err(shut_out(&Trail::of(parts), &principal, |role| *role == RoleGrant::System(SystemRole::Admin), "page"))
    }
}

#[derive(Deserialize)]
struct PersonPath {
    user: UserId,
}

/// A person of the system, in the hands of one of its admins. Only the extractor builds one.
pub struct PersonAdmin {
    admin: SystemAdmin,
    person: User,
}

impl PersonAdmin {
    /// The person.
    #[must_use]
    pub fn person(&self) -> &User {
        &self.person
    }

    /// Who looks after them.
    #[must_use]
    pub fn admin(&self) -> &SystemAdmin {
        &self.admin
    }

    /// Whether it is the admin's own account.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.person.id == *self.admin.principal.user()
    }
}

impl PersonAdmin {
    /// The same person, as they are stored by now.
    pub(super) fn at(&self, now: User) -> Self {
        debug_assert_eq!(now.id, self.person.id, "it is the same person");
        Self { admin: SystemAdmin { principal: self.admin.principal.clone() }, person: now }
    }
}

impl FromRequestParts<AppState> for PersonAdmin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let admin = SystemAdmin::from_request_parts(parts, app).await?;
        let Path(PersonPath { user }) = Path::from_request_parts(parts, app).await?;
        audit::note_requested(parts, "user", user.as_str());
        let person = app.users.by_id(&user).await?.ok_or(AppError::NotFound("person"))?;
        Trail::of(parts).note_done("user", person.id.as_str(), None);
        Ok(Self { admin, person })
    }
}

/// A member of an institute, in the hands of one of its admins, who sees and changes what concerns this institute and
/// nothing else. Only the extractor builds one.
///
/// ```compile_fail
/// # fn with(admin: lodestone::institutes::InstituteAdmin, member: lodestone::users::User) {
/// let member = lodestone::users::MemberAdmin { admin, member };
/// # }
/// ```
///
/// ```
/// # fn with(member: &lodestone::users::MemberAdmin) -> &lodestone::institutes::Institute {
/// member.institute()
/// # }
/// ```
pub struct MemberAdmin {
    admin: InstituteAdmin,
    member: User,
}

impl MemberAdmin {
    /// The member.
    pub(super) fn member(&self) -> &User {
        &self.member
    }

    /// The institute.
    #[must_use]
    pub fn institute(&self) -> &Institute {
        self.admin.institute()
    }

    /// Who looks after the member.
    #[must_use]
    pub fn admin(&self) -> &InstituteAdmin {
        &self.admin
    }

    /// Whether it is the admin's own account.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.member.id == *self.admin.principal().user()
    }
}

impl InstituteAdmin {
    /// By which right accounts are changed.
    #[must_use]
    pub fn authority(&self) -> Authority<'_> {
        Authority::Institute(self.principal().user(), &self.institute().id)
    }

    /// Who is written into the history.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::of(self.principal())
    }
}

impl FromRequestParts<AppState> for MemberAdmin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> AppResult<Self> {
        let admin = InstituteAdmin::from_request_parts(parts, app).await?;
        let Path(PersonPath { user }) = Path::from_request_parts(parts, app).await?;
        audit::note_requested(parts, "user", user.as_str());
        let institute = &admin.institute().id;
        let member = app.users.member(institute, &user).await?.ok_or(AppError::NotFound("member"))?;
        audit::note_granted(parts, "user", member.id.as_str(), institute);
        Ok(Self { admin, member })
    }
}
