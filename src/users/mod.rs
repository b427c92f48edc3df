//! People who may sign in, and what they may do where; the pages on which administrators look after them.

mod access;
mod change;
mod decide;
mod forms;
mod member;
mod members;
mod model;
mod people;
mod person;
mod reset;
mod sign_out;
mod standing;
mod store;
mod views;

pub use access::{MemberAdmin, PersonAdmin, SystemAdmin};
pub use change::{Authority, Changed, add, change};
pub(crate) use decide::{
    Added, Decided, Invitation, add_member, add_person, decide, decide_here, invite, invite_member, known_institutes,
};
pub(crate) use forms::{NewMemberForm, NewPerson, read_grants, read_roles};
pub use model::{Email, Membership, Role, RoleGrant, SystemRole, User};
pub use standing::Standing;
pub use store::{Colleague, UserStore};
pub(crate) use views::{code_first, error_of, with_status};

use crate::web::{Access, Routes};

/// People of the whole system, for its admins, and members of an institute, for its own.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/admin/users", Access::SystemAdmin, people::list)
        .post("/admin/users", Access::SystemAdmin, people::add)
        .get("/admin/users/{user}", Access::SystemAdmin, person::show)
        .post("/admin/users/{user}/roles", Access::SystemAdmin, person::change_roles)
        .post("/admin/users/{user}/disable", Access::SystemAdmin, person::disable)
        .post("/admin/users/{user}/enable", Access::SystemAdmin, person::enable)
        .post("/admin/users/{user}/invite", Access::SystemAdmin, person::invite)
        .post("/admin/users/{user}/reset", Access::SystemAdmin, reset::ask)
        .post("/admin/users/{user}/reset/confirm", Access::SystemAdmin, reset::confirm)
        .get("/{institute}/members", Access::InstituteAdmin, members::list)
        .post("/{institute}/members", Access::InstituteAdmin, members::add)
        .get("/{institute}/members/{user}", Access::InstituteAdmin, member::show)
        .post("/{institute}/members/{user}/roles", Access::InstituteAdmin, member::change_roles)
        .post("/{institute}/members/{user}/invite", Access::InstituteAdmin, member::invite)
        .post("/{institute}/members/{user}/reset", Access::InstituteAdmin, reset::ask_for_member)
        .post("/{institute}/members/{user}/sign-out", Access::InstituteAdmin, sign_out::set)
        .post("/{institute}/members/{user}/tokens/revoke", Access::InstituteAdmin, member::revoke_tokens)
}
