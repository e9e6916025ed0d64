//! A face as a point on the unit sphere, and how alike two of them are.

use serde::Serialize;

/// A unit vector of up to [`Embedding::MAX`] numbers, without heap.
#[derive(Clone, PartialEq)]
pub struct Embedding(heapless::Vec<f32, { Embedding::MAX }>);

impl Embedding {
    /// The longest embedding that a model may give.
    pub const MAX: usize = 512;

    /// Scales `values` to unit length. `None` where that cannot be: empty, longer than [`Embedding::MAX`],
    /// not finite, or all zero.
    pub fn normalized(values: &[f32]) -> Option<Self> {
        let mut unit = heapless::Vec::from_slice(values).ok()?;
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return None;
        }
        unit.iter_mut().for_each(|v| *v /= length);
        Some(Self(unit))
    }

    /// The numbers, of unit length.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Cosine of the angle between two embeddings of the same model.
    pub fn similarity(&self, other: &Self) -> Similarity {
        Similarity(self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum())
    }
}

/// Embeddings are biometrics: never printed by accident.
impl std::fmt::Debug for Embedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedding({} values)", self.0.len())
    }
}

/// Cosine similarity, -1 to 1; the same person is near 0.6 and above, strangers are near 0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Similarity(pub f32);
