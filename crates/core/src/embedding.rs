//! A face as a unit vector.

use super::Similarity;
use super::similarity::dot;

/// A shorter sum of embeddings has no direction but that of rounding errors.
const MIN_MEAN_LENGTH: f32 = 1e-4;

/// A unit vector of 1 to [`Embedding::MAX`] numbers, stored inline (no heap).
#[derive(Clone, PartialEq)]
pub struct Embedding(heapless::Vec<f32, { Embedding::MAX }>);

impl Embedding {
    /// The largest dimension of an embedding.
    pub const MAX: usize = 512;

    /// Scales `values` to unit length (L2). `None` if they are empty, more than [`Embedding::MAX`], not finite or all
    /// zero.
    pub fn normalized(values: &[f32]) -> Option<Self> {
        let mut unit = heapless::Vec::from_slice(values).ok()?;
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return None;
        }
        unit.iter_mut().for_each(|v| *v /= length);
        Some(Self(unit))
    }

    /// The unit mean of embeddings with their weights. `None` if there are none, they differ in length, or their weighted
    /// sum is zero or not finite.
    pub fn mean<'a>(embeddings: impl IntoIterator<Item = (&'a Self, f32)>) -> Option<Self> {
        let mut sum = heapless::Vec::<f32, { Self::MAX }>::new();
        for (embedding, weight) in embeddings {
            if sum.is_empty() {
                sum.resize(embedding.0.len(), 0.0).ok()?;
            }
            if sum.len() != embedding.0.len() {
                return None;
            }
            sum.iter_mut().zip(&embedding.0).for_each(|(sum, value)| *sum += weight * value);
        }
        let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > MIN_MEAN_LENGTH { Self::normalized(&sum) } else { None }
    }

    /// The components; their L2 norm is 1.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Cosine similarity of two embeddings of the same model, -1 to 1; not a number if they differ in length.
    pub fn similarity(&self, other: &Self) -> Similarity {
        Similarity(dot(&self.0, &other.0))
    }
}

/// An embedding is biometric data: the values are not printed.
impl std::fmt::Debug for Embedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedding({} values)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(values: &[f32]) -> Embedding {
        Embedding::normalized(values).unwrap()
    }

    #[test]
    fn the_mean_is_a_weighted_unit_vector() {
        let (x, y) = (unit(&[1.0, 0.0]), unit(&[0.0, 1.0]));
        assert_eq!(Embedding::mean([(&x, 3.0), (&y, 4.0)]).unwrap().values(), [0.6, 0.8]);
    }

    #[test]
    fn there_is_no_mean_of_nothing_of_opposites_or_of_two_models() {
        let (x, back) = (unit(&[1.0, 0.0]), unit(&[-1.0, 0.0]));
        assert!(Embedding::mean([]).is_none());
        assert!(Embedding::mean([(&x, 1.0), (&back, 1.0)]).is_none());
        assert!(Embedding::mean([(&x, 1.0), (&unit(&[1.0]), 1.0)]).is_none());
        assert!(Embedding::mean([(&x, f32::NAN)]).is_none());
    }
}
