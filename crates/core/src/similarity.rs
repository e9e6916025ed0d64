//! How similar two faces are.

use serde::{Deserialize, Deserializer, Serialize};

/// Number of independent sums of a dot product, which let the compiler use vector registers.
const LANES: usize = 8;

/// How similar two faces are. Either the cosine, -1 to 1, or the normalized similarity that thresholds apply to: the cosine
/// minus the mean of both faces' cosines with the mean embedding of strangers. It is about 0 for two people, and does not
/// depend on how similar the model finds everybody before one camera. Without a mean embedding both are the same.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Similarity(pub f32);

/// JSON has no number that is not finite: it is written as null, and read back as NaN, which matches nobody either.
impl<'de> Deserialize<'de> for Similarity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<f32>::deserialize(deserializer)?.unwrap_or(f32::NAN)))
    }
}

impl Similarity {
    /// Whether it is at least the threshold. False unless both are finite.
    pub fn reaches(self, threshold: Self) -> bool {
        self.0.is_finite() && threshold.0.is_finite() && self >= threshold
    }

    /// The normalized similarity of two faces: their cosine minus the mean of both faces' cosines with the mean embedding of
    /// strangers ([`mean_cosine`]).
    pub fn normalized(cosine: Self, mean_cosines: [f32; 2]) -> Self {
        let [one, other] = mean_cosines;
        Self(cosine.0 - (one + other) / 2.0)
    }
}

/// The cosine of an embedding and the mean embedding of strangers; 0 if that is empty, since similarities are then not normalized. Not
/// a number if they differ in length, so that the face matches nobody.
pub fn mean_cosine(embedding: &[f32], mean: &[f32]) -> f32 {
    if mean.is_empty() { 0.0 } else { dot(embedding, mean) }
}

/// The dot product of two embeddings; not a number if they differ in length, and are therefore of different models.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::NAN;
    }
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similarity_that_is_not_finite_reaches_nothing() {
        assert!(Similarity(0.5).reaches(Similarity(0.5)));
        assert!(!Similarity(0.5).reaches(Similarity(0.6)));
        assert!(!Similarity(f32::INFINITY).reaches(Similarity(0.5)));
        assert!(!Similarity(0.5).reaches(Similarity(f32::NEG_INFINITY)));
    }

    #[test]
    fn the_dot_product_is_that_of_all_values() {
        for length in [1, 7, 8, 9, 192_u16] {
            let values: Vec<f32> = (1..=length).map(f32::from).collect();
            let expected: f32 = values.iter().map(|value| value * value).sum();
            assert!((dot(&values, &values) / expected - 1.0).abs() < 1e-6, "{length}");
        }
    }

    #[test]
    fn faces_of_different_models_have_no_similarity() {
        assert!(dot(&[1.0, 0.0], &[1.0]).is_nan());
        assert!(mean_cosine(&[1.0, 0.0], &[0.5]).is_nan());
        assert_eq!(mean_cosine(&[1.0, 0.0], &[]), 0.0);
        let normalized = Similarity::normalized(Similarity(1.0), [0.5, f32::NAN]);
        assert!(!normalized.reaches(Similarity(-1.0)));
        assert_eq!(Similarity::normalized(Similarity(1.0), [0.5, 0.25]), Similarity(0.625));
    }
}
