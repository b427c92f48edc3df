//! Gene panels: named, versioned sets of genes.

mod import;
mod model;
mod store;

pub use import::{PanelError, PanelFile, parse};
pub use model::{Panel, PanelGene, version_key};
pub use store::PanelStore;
