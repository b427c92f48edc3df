//! Clinics: who owns cases, with which settings.

mod access;
mod handlers;
mod model;
mod store;

pub use access::InstituteAccess;
pub use handlers::routes;
pub use model::{Institute, Settings};
pub use store::InstituteStore;
