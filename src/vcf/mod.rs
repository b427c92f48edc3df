//! Reading VCF: plain text, gzip, bgzip and BCF, streaming, one record at a time, one [`model::Allele`] per ALT.
//!
//! The reader never guesses silently. A value that cannot be read is missing and named in a [`Fault`]; a record whose
//! place or alleles cannot be read has no alleles and says why in [`Record::unreadable`]; a file that cannot be trusted
//! as a whole ends in a [`VcfError`].
//!
//! | odd input | outcome |
//! |---|---|
//! | byte order mark, CRLF, a line that is not UTF-8 (read as Latin-1), blank line | read, fault |
//! | last line without line feed | read, fault; a gzip or bgzip stream that ends early is an error |
//! | `##fileformat` missing or odd, a meta line that breaks the specification | read, fault |
//! | `#CHROM` line missing, misspelt or with a sample name twice; records before it; a header amid records | error |
//! | too few or too many columns in a record | error |
//! | POS 0 (telomere) | read as written |
//! | POS negative, not a number, above 2,147,483,647 | record unreadable |
//! | REF empty, `.` or not bases; ALT empty or neither bases, symbol nor breakend | record unreadable |
//! | REF with IUPAC codes beyond N | read, fault |
//! | CHROM empty, `.`, with blanks or commas, with one angle bracket | record unreadable |
//! | END before POS or not a number | fault; the end is that of REF |
//! | `<DEL>` without END | read; the end is that of REF, the length unknown |
//! | the same alleles twice (also when spelt differently), contig in two blocks, positions not ascending | read, fault |
//! | GT that is not a genotype | missing, fault |
//! | GT naming an allele the record lacks | kept as written, fault |
//! | line, columns, ALTs, INFO fields or FORMAT keys beyond [`Limits`] | error |
//! | gzip with wrong checksum, wrong BGZF block size, rubbish after the end, no BGZF end block | error |

mod alleles;
mod ann;
mod annotation;
mod bcf;
mod callers;
mod calls;
mod check;
pub mod clinvar;
pub mod consequence;
mod csq;
mod error;
mod frequencies;
mod genes;
mod gunzip;
mod header;
mod info;
mod meta;
pub mod model;
mod order;
mod rank;
mod reader;
mod record;
mod reserved;
mod scores;
mod source;
mod spliceai;
mod zygosity;

#[cfg(test)]
mod tests;

pub use error::{Fault, VcfError};
pub use header::{ArchiveInfo, Contig, Definition, Kind, Number, Software, VcfHeader};
pub use reader::{Limits, ReadOptions, VcfReader};
pub use record::Record;
