//! Who somebody is and what that lets them reach. Nothing outside this folder knows how sign-in works: the rest of the
//! program sees [`Principal`] and [`Scope`].

mod cookie;
mod csrf;
mod demo_link;
mod extract;
mod handlers;
pub mod hasher;
pub mod keyring;
pub mod password;
mod principal;
pub mod qr;
pub mod recovery;
mod session;
mod token;
pub mod totp;

pub(crate) use cookie::read as session_cookie;
pub use csrf::{CsrfToken, same_origin};
pub use demo_link::DemoLinks;
pub use extract::Asker;
pub use handlers::{routes, sign_out};
pub use principal::{Principal, Scope};
pub use session::{Session, SessionStore};
pub use token::{ApiToken, TokenScope, TokenStore};

/// Everything `auth` keeps in the database, with its indexes.
pub(crate) fn collections() -> Vec<(&'static str, Vec<mongodb::IndexModel>)> {
    use crate::db::Stored as _;
    vec![
        (Session::COLLECTION, Session::indexes()),
        (ApiToken::COLLECTION, ApiToken::indexes()),
        (demo_link::DemoLink::COLLECTION, demo_link::DemoLink::indexes()),
    ]
}
