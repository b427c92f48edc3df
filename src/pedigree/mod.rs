//! Families: who is related to whom, and where each is drawn.

mod layout;
mod relation;

pub use layout::{Drawing, Line, Person, Shape, draw};
pub use relation::relations;

/// A member of a family, as pedigrees need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Identity in the family.
    pub id: String,
    /// Shown below the symbol.
    pub name: String,
    /// Square, circle or diamond.
    pub sex: crate::cases::Sex,
    /// Filled, empty or marked unknown.
    pub phenotype: crate::cases::Phenotype,
    /// Father's identity, if he is a member.
    pub father: Option<String>,
    /// Mother's identity, if she is a member.
    pub mother: Option<String>,
}
