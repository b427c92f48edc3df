//! Where things are on a genome: builds, chromosomes, positions, pseudo-autosomal regions and normalised alleles.
//!
//! All positions are 1-based and inclusive unless a name says otherwise.

mod align;
mod alleles;
mod build;
mod chromosome;
mod reference;
mod region;

pub use align::{Aligned, left_align};
pub use alleles::{NormKey, Trimmed, is_symbolic, trim};
pub use build::{GenomeBuild, UnknownBuild, is_pseudo_autosomal};
pub use chromosome::Chromosome;
pub use reference::{ReferenceError, ReferenceSequence};
pub use region::{Region, RegionError};
