//! Rank models as genmod reads them: which annotation gives how many points, and what each category can reach.

mod model;
mod sections;

pub use model::{Aggregation, Category, CategoryRange, NOT_REPORTED, RankModel};
pub use sections::{Block, RankModelError, Section, sections};
