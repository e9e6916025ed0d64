//! When a face matches a person: the one rule of the door, of `identify`, `verify` and `video`.

use serde::{Deserialize, Serialize};

use super::{Candidate, PersonId, Similarity};

/// The rule of a match. The threshold is the candidate's ([`Candidate::threshold`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MatchRule {
    /// The smallest difference to the similarity of the second-best person (`door.margin`).
    pub margin: f32,
}

/// The result of the match rule for one face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The face matches this person.
    Person(PersonId),
    /// Similar enough, but the margin to the second-best person is too small.
    Ambiguous,
    /// No enrolled person is similar enough.
    Unknown,
}

impl MatchRule {
    /// Applies the rule to the best candidate of a face. The similarity must exceed the threshold by at least `excess`, 0 or
    /// more. A similarity or a threshold that is not finite matches nobody.
    pub fn evaluate(&self, candidate: Option<Candidate>, excess: f32) -> Verdict {
        let Some(Candidate { person, similarity, threshold, second, .. }) = candidate else {
            return Verdict::Unknown;
        };
        let is_ahead = second.is_none_or(|second| {
            second.similarity.0.is_finite() && similarity.0 - second.similarity.0 >= self.margin
        });
        match (similarity.reaches(Similarity(threshold.0 + excess)), is_ahead) {
            (false, _) => Verdict::Unknown,
            (true, false) => Verdict::Ambiguous,
            (true, true) => Verdict::Person(person),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Score;

    const RULE: MatchRule = MatchRule { margin: 0.25 };

    fn score(person: i64, similarity: f32) -> Score {
        let similarity = Similarity(similarity);
        Score {
            person: PersonId(person),
            similarity,
            cosine: similarity,
            threshold: Similarity(0.5),
            photos: 5,
        }
    }

    fn candidate(similarity: f32, threshold: f32, second: Option<f32>) -> Candidate {
        Candidate {
            person: PersonId(1),
            similarity: Similarity(similarity),
            cosine: Similarity(similarity),
            threshold: Similarity(threshold),
            photos: 5,
            second: second.map(|second| score(2, second)),
            third: None,
        }
    }

    fn evaluate(similarity: f32, second: Option<f32>) -> Verdict {
        RULE.evaluate(Some(candidate(similarity, 0.5, second)), 0.0)
    }

    #[test]
    fn a_match_needs_threshold_and_margin() {
        assert_eq!(evaluate(0.5, None), Verdict::Person(PersonId(1)));
        assert_eq!(evaluate(0.75, Some(0.5)), Verdict::Person(PersonId(1)));
        assert_eq!(evaluate(0.75, Some(0.625)), Verdict::Ambiguous);
        assert_eq!(evaluate(0.375, Some(0.0)), Verdict::Unknown);
        assert_eq!(
            evaluate(0.375, Some(0.3125)),
            Verdict::Unknown,
            "below the threshold it is not ambiguous"
        );
        assert_eq!(RULE.evaluate(None, 0.0), Verdict::Unknown);
    }

    #[test]
    fn little_evidence_needs_more_than_the_threshold() {
        let at = |similarity| RULE.evaluate(Some(candidate(similarity, 0.5, None)), 0.125);
        assert_eq!(at(0.5), Verdict::Unknown);
        assert_eq!(at(0.625), Verdict::Person(PersonId(1)));
    }

    #[test]
    fn a_similarity_that_is_not_finite_matches_nobody() {
        for similarity in [f32::NAN, f32::INFINITY] {
            assert_eq!(evaluate(similarity, None), Verdict::Unknown);
        }
        assert_eq!(evaluate(0.9, Some(f32::NAN)), Verdict::Ambiguous);
        for threshold in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(RULE.evaluate(Some(candidate(0.9, threshold, None)), 0.0), Verdict::Unknown);
        }
    }
}
