//! Who a face may be.

use serde::Serialize;

use crate::vision::Similarity;

/// A person's number in the facebank; never given again after a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PersonId(pub i64);

/// The best person for a probe and how far ahead of the second they are, whatever the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub person: PersonId,
    pub similarity: Similarity,
    /// The best of anyone else; `None` where the facebank holds one person.
    pub second: Option<(PersonId, Similarity)>,
}
