//! When a face matches a person: the one rule of the door, of `identify`, `verify` and `video`.

use super::{Candidate, PersonId, Similarity};

/// Threshold and margin of a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchRule {
    /// The smallest cosine similarity of a match.
    pub threshold: Similarity,
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
    /// Applies the rule to the best candidate of a face. A similarity that is not finite matches nobody.
    pub fn evaluate(&self, candidate: Option<Candidate>) -> Verdict {
        let Some(Candidate { person, similarity, second }) = candidate else { return Verdict::Unknown };
        let is_ahead =
            second.is_none_or(|(_, second)| second.0.is_finite() && similarity.0 - second.0 >= self.margin);
        match (self.is_match(similarity), is_ahead) {
            (false, _) => Verdict::Unknown,
            (true, false) => Verdict::Ambiguous,
            (true, true) => Verdict::Person(person),
        }
    }

    /// Whether the similarity of two faces reaches the threshold: verification, 1 to 1, without a margin.
    pub fn is_match(&self, similarity: Similarity) -> bool {
        similarity.0.is_finite() && self.threshold.0.is_finite() && similarity >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: MatchRule = MatchRule { threshold: Similarity(0.5), margin: 0.25 };

    fn evaluate(similarity: f32, second: Option<f32>) -> Verdict {
        let second = second.map(|second| (PersonId(2), Similarity(second)));
        RULE.evaluate(Some(Candidate { person: PersonId(1), similarity: Similarity(similarity), second }))
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
        assert_eq!(RULE.evaluate(None), Verdict::Unknown);
    }

    #[test]
    fn a_similarity_that_is_not_finite_matches_nobody() {
        for similarity in [f32::NAN, f32::INFINITY] {
            assert_eq!(evaluate(similarity, None), Verdict::Unknown);
        }
        assert_eq!(evaluate(0.9, Some(f32::NAN)), Verdict::Ambiguous);
        let rule = MatchRule { threshold: Similarity(f32::NAN), margin: 0.0 };
        assert!(!rule.is_match(Similarity(0.9)));
    }
}
