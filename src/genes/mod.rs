//! Reference knowledge about genes: names, places, transcripts, inheritance, constraint.

pub mod import;
mod model;
mod store;

pub use model::{Constraint, Gene, GeneLocation, TranscriptRecord};
pub use store::{GeneNames, GeneStore};
