//! Network addresses.

mod network;

pub use network::{Network, NetworkError};
