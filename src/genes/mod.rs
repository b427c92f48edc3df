//! Reference knowledge about genes: names, places, transcripts, inheritance, constraint.

mod disease;
pub mod import;
mod model;
mod store;

pub use disease::{Disease, DiseaseLink, DiseaseModel, GeneDisease};
pub use model::{Constraint, Gene, GeneLocation, TranscriptRecord};
pub use store::{GeneNames, GeneStore};
