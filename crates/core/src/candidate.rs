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
}
