//! Reading VCF: plain text, gzip, bgzip and BCF, streaming, one allele at a time.

pub mod model;
