//! The result of a gallery search.

use super::{PersonId, Similarity};

/// The enrolled person most similar to a probe, regardless of the threshold, and the second most similar one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The most similar person.
    pub person: PersonId,
    /// Normalized similarity of the probe and that person: see [`Similarity`].
    pub similarity: Similarity,
    /// Cosine similarity of the probe and that person, -1 to 1, without normalization.
    pub cosine: Similarity,
    /// The least normalized similarity at which the probe matches that person.
    pub threshold: Similarity,
    /// The most similar other person and the normalized similarity; `None` if the facebank holds one person only.
    pub second: Option<(PersonId, Similarity)>,
}
