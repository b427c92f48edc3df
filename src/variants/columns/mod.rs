//! The filterable columns of one list revision: what a filter is evaluated on and rows are shown from.
//!
//! Pure: knows neither web nor database.

mod bits;
mod builder;
mod clauses;
mod cutoffs;
mod explain;
mod facets;
mod filter;
mod limits;
mod preset;
mod row;
mod sort;
mod table;
mod within;

pub use bits::Bits;
pub(crate) use builder::is_low_fraction;
pub use builder::{ColumnIndividual, ColumnsBuilder};
pub use clauses::{Clause, Evaluated, GeneSet, Overlay, RowState, RowValidation};
pub use cutoffs::{CutoffKind, Cutoffs, read_number, written};
pub use explain::{Explanation, explain};
pub use facets::{Choice, Facets, facets};
pub use filter::{Filter, PARAMETERS, PER_PAGE, Wrong};
pub use limits::{Limit, NOTABLE_SPLICEAI, People, Rescue, SpidexBand};
pub use preset::{clinical_preset, in_words};
pub use row::{Row, RowCall, RowClinvar, RowCompound, RowGene};
pub use sort::{Order, Sort};
pub use table::{Columns, FORMAT, GenotypeKind};
