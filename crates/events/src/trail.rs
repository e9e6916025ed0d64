//! The trail of the events: a Merkle tree (RFC 6962) with one leaf for each event, and its signed heads.
//!
//! What comes in: the stored bytes of events. What goes out: [`CompactRange`]s, which stand for a tree, and [`SignedHead`]s,
//! which other systems keep. A leaf commits to a salted hash: when an event is deleted with its salt, its leaf stays, and
//! tells nothing about the event (docs/design/event-trail.md).

mod compact_range;
mod signed_head;
mod signing_key;

pub use compact_range::CompactRange;
use sha2::{Digest, Sha256};
pub use signed_head::{HeadError, SignedHead};
pub use signing_key::{KeyError, PublicKey, SigningKey};

/// A SHA-256.
pub type Hash = [u8; 32];

/// What the leaf of an event commits to besides its id and category.
///
/// `visit` is the visit record of the event, if it has one.
pub fn commitment(salt: &[u8], json: &str, visit: Option<&str>) -> Hash {
    let mut hash = Sha256::new();
    hash.update(salt);
    // The lengths say where one part ends and the next begins.
    for part in [json, visit.unwrap_or_default()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The hash of a leaf, as RFC 6962 defines it for the bytes of id, category and commitment.
pub fn leaf_hash(id: u64, category: u8, commitment: &Hash) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(id.to_be_bytes());
    hash.update([category]);
    hash.update(commitment);
    hash.finalize().into()
}
