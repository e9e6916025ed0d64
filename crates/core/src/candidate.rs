//! The result of a gallery search.

use super::{PersonId, Similarity};

/// The enrolled person most similar to a probe, whatever the threshold, and the runner-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The most similar person.
    pub person: PersonId,
    /// Cosine similarity of the probe and that person.
    pub similarity: Similarity,
    /// The most similar other person; `None` if the facebank holds one person only.
    pub second: Option<(PersonId, Similarity)>,
}
