//! Cases: a family or a tumour/normal pair, its individuals, files, lists and how they were loaded.

mod access;
mod config;
mod config_keys;
mod delete;
mod directory;
mod emergency;
mod geneticist;
mod guest;
mod handlers;
mod labels;
mod list_files;
mod load;
mod load_research;
mod model;
mod ped;
mod query;
mod rank_model;
mod report;
mod research;
mod reservation;
mod restriction;
mod samples;
mod share;
mod stale;
mod store;
mod summary;
mod swap;
mod work;

pub use access::{CaseAccess, CaseCommenter, CaseEditor, CasePath};
pub use config::{CaseConfig, ConfigError, DEFAULT_THRESHOLD};
pub use delete::delete;
pub use emergency::{Emergency, LASTS as EMERGENCY_LASTS};
pub use geneticist::CaseGeneticist;
pub(crate) use geneticist::NOT_A_GENETICIST;
pub(crate) use handlers::members;
pub use handlers::routes;
pub use labels::Labels;
pub use load::{LoadError, LoadOptions, Loaded, load};
pub use load_research::load_research;
pub use model::{
    Case, CaseFiles, CaseList, CasePanel, Individual, ListKind, Phenotype, Sex, Status, Track, page_order,
};
pub use ped::{PedError, read_ped};
pub use query::{Assignee, CasePlace, CaseQuery, CaseSort};
pub use rank_model::CaseRankModel;
pub use report::{LeftOut, LoadReport};
pub use research::Research;
pub use reservation::{Reservation, ReservationStore};
pub use restriction::Restriction;
pub use samples::{SampleConfig, check_family};
pub use share::{Share, ShareEnd, SharedLists};
pub(crate) use stale::Stale;
pub use store::{AtHand, CaseStore};
pub use summary::{CaseNamed, CaseSummary, OpenCase, SharedCase};
pub use work::{CaseWork, Tag};
