//! The hashes that join entries: change, remove, insert or move one, and everything after it no longer fits.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// What the first entry of a log follows.
pub const START: Hash = [0; 32];

/// What stays of an erasable payload when it is erased: `H(salt || payload)`. The salt keeps short payloads from being
/// guessed.
#[must_use]
pub fn payload_hash(salt: &[u8; 16], payload: &str) -> Hash {
    Sha256::new().chain_update(salt).chain_update(payload).finalize().into()
}

/// One entry: `H(payload hash || public part)`.
#[must_use]
pub fn leaf(payload_hash: &Hash, public: &str) -> Hash {
    Sha256::new().chain_update(payload_hash).chain_update(public).finalize().into()
}

/// An entry after all before it: `H(previous || leaf)`.
#[must_use]
pub fn link(previous: &Hash, leaf: &Hash) -> Hash {
    Sha256::new().chain_update(previous).chain_update(leaf).finalize().into()
}
