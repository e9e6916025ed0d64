//! The person whom the model is most likely to mistake another enrolled person for.

use ostiary_core::{PersonId, Similarity};

/// Of all other enrolled people, the one whose template comes nearest to matching a person's, or exceeds the threshold the
/// most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// The other person.
    pub person: PersonId,
    /// Normalized similarity of the two templates.
    pub similarity: Similarity,
    /// The threshold that applies to the pair: the lower one of both people's.
    pub threshold: Similarity,
}

impl Neighbor {
    /// Whether the two people are *alike*: the template of one, taken as a visitor, reaches the threshold of the other.
    ///
    /// The lower threshold of the two counts, because one direction is enough to let somebody in as somebody else. A template is
    /// the mean of photos and has less noise than a visit, so a visit is a little less similar: the rule errs to the
    /// side that does not open.
    pub fn is_alike(&self) -> bool {
        self.similarity.reaches(self.threshold)
    }

    /// By how much the similarity exceeds the threshold.
    pub(super) fn excess(&self) -> f32 {
        self.similarity.0 - self.threshold.0
    }
}
