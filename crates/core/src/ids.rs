//! Identifiers of people, tracks and models.

use serde::{Deserialize, Serialize};

/// Number of a person in the facebank. It is not used again after the person is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub i64);

/// Number of a track: one face in consecutive frames. A tracker uses each number once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);

/// Identifies the model that made an embedding: the first 16 hexadecimal digits of the SHA-256 of its file. Embeddings of
/// different models cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelId(pub String);

impl ModelId {
    /// Number of hexadecimal digits.
    pub const DIGITS: usize = 16;
}

impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
