//! What people, tracks and models are named by.

use serde::Serialize;

/// A person's number in the facebank; never given again after a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PersonId(pub i64);

/// Names one face through consecutive frames; never given twice by one tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);

/// Names the model that made an embedding: the first 16 hexadecimal digits of the file's SHA-256. Embeddings
/// of different models cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelId(pub String);

impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
