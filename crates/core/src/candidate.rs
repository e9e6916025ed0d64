//! The result of a gallery search.

use serde::{Deserialize, Serialize};

use super::{PersonId, Similarity};

/// The enrolled person most similar to a probe, regardless of the threshold, and the next ones.
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
    /// Number of that person's photos, on which the threshold depends.
    pub photos: u32,
    /// The most similar other person; `None` if the facebank holds one person only.
    pub second: Option<Score>,
    /// The person after the second.
    pub third: Option<Score>,
}

/// How similar a probe is to one enrolled person. It is stored as a list of its fields, because a record has many of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "ScoreFields", from = "ScoreFields")]
pub struct Score {
    /// The person.
    pub person: PersonId,
    /// Normalized similarity.
    pub similarity: Similarity,
    /// Cosine similarity, -1 to 1.
    pub cosine: Similarity,
    /// The least normalized similarity of a match.
    pub threshold: Similarity,
    /// Number of the person's photos.
    pub photos: u32,
}

/// The fields of a [`Score`], in their order.
type ScoreFields = (PersonId, Similarity, Similarity, Similarity, u32);

impl From<Score> for ScoreFields {
    fn from(score: Score) -> Self {
        (score.person, score.similarity, score.cosine, score.threshold, score.photos)
    }
}

impl From<ScoreFields> for Score {
    fn from((person, similarity, cosine, threshold, photos): ScoreFields) -> Self {
        Self { person, similarity, cosine, threshold, photos }
    }
}

impl Candidate {
    /// The candidate of at most three scores, best first; `None` without any.
    pub fn from_scores([best, second, third]: [Option<Score>; 3]) -> Option<Self> {
        let Score { person, similarity, cosine, threshold, photos } = best?;
        Some(Self { person, similarity, cosine, threshold, photos, second, third })
    }

    /// The scores, best first.
    pub fn scores(&self) -> [Option<Score>; 3] {
        let Self { person, similarity, cosine, threshold, photos, second, third } = *self;
        [Some(Score { person, similarity, cosine, threshold, photos }), second, third]
    }

    /// Whether the similarity is at most `range` below the threshold, or above it. False unless all are finite.
    pub fn is_within(&self, range: f32) -> bool {
        self.similarity.reaches(Similarity(self.threshold.0 - range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_within_a_range_below_its_threshold_or_above_it() {
        let is_within = |similarity, range| {
            let score = Score {
                person: PersonId(1),
                similarity: Similarity(similarity),
                cosine: Similarity(similarity),
                threshold: Similarity(0.5),
                photos: 1,
            };
            Candidate::from_scores([Some(score), None, None]).unwrap().is_within(range)
        };
        assert!(is_within(0.25, 0.25) && is_within(0.9, 0.25));
        assert!(!is_within(0.24, 0.25) && !is_within(0.49, 0.0));
        for unknown in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!is_within(unknown, 0.25) && !is_within(0.9, unknown));
        }
    }
}
