//! People who may sign in, and what they may do where.

mod model;
mod store;

pub use model::{Email, Membership, Role, RoleGrant, SystemRole, User};
pub use store::{Colleague, UserStore};
