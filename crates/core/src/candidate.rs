//! The result of a gallery search.

use super::{PersonId, Similarity};

/// The enrolled person most similar to a probe, regardless of the threshold, and the second most similar one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The most similar person.
    pub person: PersonId,
    /// Cosine similarity of the probe and that person.
    pub similarity: Similarity,
    /// The most similar other person; `None` if the facebank holds one person only.
    pub second: Option<(PersonId, Similarity)>,
}
