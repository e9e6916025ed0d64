//! Whether a head is upright, by its embedding.

use ostiary_core::Embedding;
use serde::{Deserialize, Serialize};

/// A linear test of embeddings (logistic regression). The detector finds a mouth where the eyes of a head are that is upside down or
/// sideways; the embeddings of such faces resemble each other, and say nothing about the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UprightTest {
    /// One weight for each number of an embedding.
    pub weights: Vec<f32>,
    /// The greatest weighted sum of an upright head.
    pub threshold: f32,
}

impl UprightTest {
    /// Whether the embedding is that of an upright head. False for an embedding of another length, or if a number is not finite.
    pub fn is_upright(&self, embedding: &Embedding) -> bool {
        self.weights.len() == embedding.values().len() && self.score(embedding) <= self.threshold
    }

    /// The weighted sum, higher for heads that are not upright.
    pub fn score(&self, embedding: &Embedding) -> f32 {
        embedding.values().iter().zip(&self.weights).map(|(value, weight)| value * weight).sum()
    }

    /// Whether all numbers are finite.
    pub(super) fn is_finite(&self) -> bool {
        self.threshold.is_finite() && self.weights.iter().all(|weight| weight.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_high_sum_or_one_that_is_no_number_is_not_upright() {
        let test = |weights: &[f32], threshold| UprightTest { weights: weights.to_vec(), threshold };
        let embedding = Embedding::normalized(&[0.6, 0.8]).unwrap();
        assert!(test(&[1.0, 0.0], 0.7).is_upright(&embedding));
        assert!(!test(&[1.0, 0.0], 0.5).is_upright(&embedding));
        assert!(!test(&[f32::NAN, 0.0], 0.5).is_upright(&embedding));
        assert!(!test(&[1.0, 0.0], f32::NAN).is_upright(&embedding));
        assert!(!test(&[1.0], 2.0).is_upright(&embedding), "another model");
    }
}
