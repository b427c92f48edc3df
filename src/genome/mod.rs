//! Where things are on a genome: builds, chromosomes, positions, pseudo-autosomal regions and normalised alleles.
//!
//! All positions are 1-based and inclusive unless a name says otherwise.

mod alleles;
mod build;
mod chromosome;
mod region;

pub use alleles::{NormKey, Trimmed, is_symbolic, trim};
pub use build::{GenomeBuild, UnknownBuild, is_pseudo_autosomal};
pub use chromosome::Chromosome;
pub use region::{Region, RegionError};
