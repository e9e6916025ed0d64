//! A hash of a seed and a name, for choices that depend on nothing else.

use sha2::{Digest, Sha256};

/// The first 64 bits of the SHA-256 of a seed and a name.
pub fn name_hash(seed: u64, name: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    digest.iter().take(size_of::<u64>()).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
