//! Who a face may be.

use super::{PersonId, Similarity};

/// The best person for a probe and how far ahead of the second they are, whatever the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub person: PersonId,
    pub similarity: Similarity,
    /// The best of anyone else; `None` where the facebank holds one person.
    pub second: Option<(PersonId, Similarity)>,
}
