//! A face as a unit vector, and the similarity of two of them.

use serde::Serialize;

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

    /// The components; their L2 norm is 1.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Cosine similarity of two embeddings of the same model, -1 to 1.
    pub fn similarity(&self, other: &Self) -> Similarity {
        Similarity(self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum())
    }
}

/// An embedding is biometric data: the values are not printed.
impl std::fmt::Debug for Embedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedding({} values)", self.0.len())
    }
}

/// Cosine similarity, -1 to 1. From which similarity two photos show the same person depends on the model: the FAR tables
/// (`models/far.toml`, `models/far-int8.toml`) have the thresholds of the shipped embedders.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Similarity(pub f32);
