//! What one model makes of the pictures of a set, and how alike two of them are.

use anyhow::{Result, ensure};
use ostiary_core::Embedding;
use rayon::prelude::*;

/// Members of a cohort that a face is nearest to, by which its scores are centred.
pub const NEAREST: usize = 50;

/// Embeddings by number of picture; `None` where no face was found.
pub struct Faces {
    embeddings: Vec<Option<Embedding>>,
    /// What is taken off each score for either picture; 0 without a cohort.
    shifts: Vec<f32>,
}

impl Faces {
    pub fn new(embeddings: Vec<Option<Embedding>>) -> Self {
        let shifts = vec![0.0; embeddings.len()];
        Self { embeddings, shifts }
    }

    /// Scores are centred by a cohort of strangers: `s - (m(a) + m(b)) / 2`, where `m` is the mean of a face's scores
    /// with the [`NEAREST`] of the cohort that are nearest to it (symmetric adaptive normalisation of the mean alone).
    pub fn centred(embeddings: Vec<Option<Embedding>>, cohort: &[Embedding]) -> Result<Self> {
        ensure!(
            cohort.len() >= NEAREST,
            "the cohort has {} faces, and scores are centred by the {NEAREST} nearest; give more strangers",
            cohort.len()
        );
        let shift = |embedding: &Option<Embedding>| {
            let Some(embedding) = embedding else { return 0.0 };
            let mut scores: Vec<f32> =
                cohort.iter().map(|stranger| embedding.similarity(stranger).0).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores[..NEAREST].iter().sum::<f32>() / NEAREST as f32 / 2.0
        };
        let shifts = embeddings.par_iter().map(shift).collect();
        Ok(Self { embeddings, shifts })
    }

    /// The score of two pictures, where both show a face.
    pub fn score(&self, a: usize, b: usize) -> Option<f32> {
        let (first, second) = (self.embeddings[a].as_ref()?, self.embeddings[b].as_ref()?);
        Some(first.similarity(second).0 - self.shifts[a] - self.shifts[b])
    }

    /// Whether the picture shows a face.
    pub fn has(&self, picture: usize) -> bool {
        self.embeddings[picture].is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Embedding {
        let radians = degrees.to_radians();
        Embedding::normalized(&[radians.cos(), radians.sin()]).unwrap()
    }

    #[test]
    fn a_face_that_is_like_everybody_is_less_like_anybody() {
        let pictures = || vec![Some(at(0.0)), Some(at(90.0)), None];
        let plain = Faces::new(pictures());
        assert!(plain.score(0, 1).unwrap().abs() < 1e-6 && plain.score(0, 2).is_none());
        // Fifty strangers at 60 degrees to the first, 30 to the second, and others that are further from both.
        let mut cohort = vec![at(60.0); NEAREST];
        cohort.extend(vec![at(200.0); 10]);
        let centred = Faces::centred(pictures(), &cohort).unwrap();
        let wanted = -(0.5 + 30f32.to_radians().cos()) / 2.0;
        assert!((centred.score(0, 1).unwrap() - wanted).abs() < 1e-5);
        assert!(Faces::centred(pictures(), &cohort[..NEAREST - 1]).is_err());
    }
}
