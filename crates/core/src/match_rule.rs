//! When a face counts as a person: the one rule of the door, of `identify`, `verify` and `video`.

use super::{Candidate, PersonId, Similarity};

/// From which similarity on a face counts as a person, and how far ahead of the second best person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchRule {
    /// The least cosine similarity.
    pub threshold: Similarity,
    /// The least difference to the second best person's similarity (`door.margin`).
    pub margin: f32,
}

/// Who one face shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This person.
    Person(PersonId),
    /// Similar enough, but too little ahead of another person to tell which.
    Ambiguous,
    /// No enrolled person is similar enough.
    Unknown,
}

impl MatchRule {
    /// Judges the best candidate of a face. A number that is not finite matches nobody.
    pub fn judge(&self, candidate: Option<Candidate>) -> Verdict {
        let Some(Candidate { person, similarity, second }) = candidate else { return Verdict::Unknown };
        let is_ahead =
            second.is_none_or(|(_, second)| second.0.is_finite() && similarity.0 - second.0 >= self.margin);
        match (self.is_match(similarity), is_ahead) {
            (false, _) => Verdict::Unknown,
            (true, false) => Verdict::Ambiguous,
            (true, true) => Verdict::Person(person),
        }
    }

    /// Whether two faces, compared with nobody else, show the same person.
    pub fn is_match(&self, similarity: Similarity) -> bool {
        similarity.0.is_finite() && self.threshold.0.is_finite() && similarity >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: MatchRule = MatchRule { threshold: Similarity(0.5), margin: 0.25 };

    fn judge(similarity: f32, second: Option<f32>) -> Verdict {
        let second = second.map(|second| (PersonId(2), Similarity(second)));
        RULE.judge(Some(Candidate { person: PersonId(1), similarity: Similarity(similarity), second }))
    }

    #[test]
    fn threshold_and_margin_are_both_needed() {
        assert_eq!(judge(0.5, None), Verdict::Person(PersonId(1)));
        assert_eq!(judge(0.75, Some(0.5)), Verdict::Person(PersonId(1)));
        assert_eq!(judge(0.75, Some(0.625)), Verdict::Ambiguous);
        assert_eq!(judge(0.375, Some(0.0)), Verdict::Unknown);
        assert_eq!(judge(0.375, Some(0.3125)), Verdict::Unknown, "too unlike both to be ambiguous");
        assert_eq!(RULE.judge(None), Verdict::Unknown);
    }

    #[test]
    fn what_is_not_finite_matches_nobody() {
        for similarity in [f32::NAN, f32::INFINITY] {
            assert_eq!(judge(similarity, None), Verdict::Unknown);
        }
        assert_eq!(judge(0.9, Some(f32::NAN)), Verdict::Ambiguous);
        let rule = MatchRule { threshold: Similarity(f32::NAN), margin: 0.0 };
        assert!(!rule.is_match(Similarity(0.9)));
    }
}
