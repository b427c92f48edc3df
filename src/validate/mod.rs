//! Release validation: a second, independent reading of the VCF, compared with what pages and API show.
//!
//! Nothing here uses the loader's code, so a mistake would have to be made twice in two ways to go unseen. That is why
//! chromosome names, alleles and consequences are handled once more, and plainly.

mod compare;
mod consequence;
mod list;
mod reader;
mod report;
mod shown;
#[cfg(test)]
mod tests;

pub use self::compare::{Difference, Field, compare, compare_order, expected_order};
pub(crate) use self::consequence::most_severe;
pub use self::list::{LeftOutCounts, ListFiles, ListRule};
pub use self::reader::{ExpectedCall, ExpectedVariant, IndependentVcf, ReadError, digest, parse, read};
pub use self::report::{Comparison, Report};
pub use self::shown::{ShownBy, ShownCall, ShownError, ShownSample, ShownVariant};
