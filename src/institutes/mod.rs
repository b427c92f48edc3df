//! Clinics: who owns cases, with which settings.

mod access;
mod all;
mod change;
mod forms;
mod handlers;
mod model;
mod query;
mod settings;
mod sign_out;
mod store;
mod worklist;

pub use access::{InstituteAccess, InstituteAdmin, ListedInstitute};
pub(crate) use all::{Overview, add_by, overview, rename};
pub use change::{Changed, add, change};
pub(crate) use forms::{NameForm, NewInstituteForm, ORDER_MAIL, OWN_REASONS, SHARE_WITH, SettingsForm};
pub use forms::{read_addresses, read_frequency, read_name, read_partners};
pub use handlers::routes;
pub(crate) use model::field;
pub use model::{Choices, DEFAULT_FREQUENCY_CUTOFF, Difference, Institute, Settings};
pub(crate) use query::query_of;
pub use sign_out::{SecondReader, SignOut};
pub use store::InstituteStore;
