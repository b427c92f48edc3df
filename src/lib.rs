//! Lodestone: find the DNA variant behind a patient's rare disease, discuss it, classify it and report it.

pub mod demo;
pub mod genome;
pub mod validate;
pub mod vcf;
