//! The embeddings of a set by one model, and the scores of pairs, normalized by a cohort if there is one.

use anyhow::{Result, ensure};
use ostiary_core::Embedding;
use rayon::prelude::*;

/// Number of nearest faces of the cohort by which the scores of a face are normalized.
pub const NEAREST: usize = 50;

/// Embeddings by index of the picture; `None` if a picture has no face.
pub struct FaceEmbeddings {
    embeddings: Vec<Option<Embedding>>,
    /// Subtracted from each score, for either picture; 0 without a cohort.
    shifts: Vec<f32>,
}

impl FaceEmbeddings {
    /// Without a cohort.
    pub fn new(embeddings: Vec<Option<Embedding>>) -> Self {
        let shifts = vec![0.0; embeddings.len()];
        Self { embeddings, shifts }
    }

    /// With scores normalized by a cohort of strangers: `s - (m(a) + m(b)) / 2`, where `m` is the mean score of a face with the
    /// [`NEAREST`] most similar faces of the cohort. This is the adaptive symmetric normalization (AS-norm) of speaker
    /// recognition, of the mean only.
    ///
    /// # Errors
    /// If the cohort is smaller than [`NEAREST`].
    pub fn normalized(embeddings: Vec<Option<Embedding>>, cohort: &[Embedding]) -> Result<Self> {
        ensure!(
            cohort.len() >= NEAREST,
            "the cohort has {} faces, but scores are normalized by the {NEAREST} nearest; give more strangers",
            cohort.len()
        );
        let shift = |embedding: &Option<Embedding>| {
            let Some(embedding) = embedding else { return 0.0 };
            let mut scores: Vec<f32> =
                cohort.iter().map(|stranger| embedding.similarity(stranger).0).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores.iter().take(NEAREST).sum::<f32>() / NEAREST as f32 / 2.0
        };
        let shifts = embeddings.par_iter().map(shift).collect();
        Ok(Self { embeddings, shifts })
    }

    /// The score of two pictures; `None` if one has no face.
    pub fn score(&self, a: usize, b: usize) -> Option<f32> {
        let (first, second) = (self.embeddings.get(a)?.as_ref()?, self.embeddings.get(b)?.as_ref()?);
        Some(first.similarity(second).0 - self.shifts.get(a)? - self.shifts.get(b)?)
    }

    /// Whether a picture has a face.
    pub fn has(&self, picture: usize) -> bool {
        self.embeddings.get(picture).is_some_and(Option::is_some)
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
    fn the_scores_of_a_face_that_resembles_strangers_are_lower() {
        let pictures = || vec![Some(at(0.0)), Some(at(90.0)), None];
        let plain = FaceEmbeddings::new(pictures());
        assert!(plain.score(0, 1).unwrap().abs() < 1e-6 && plain.score(0, 2).is_none());
        // Fifty strangers at 60 degrees to the first face and 30 to the second, and others that are further from both.
        let mut cohort = vec![at(60.0); NEAREST];
        cohort.extend(vec![at(200.0); 10]);
        let normalized = FaceEmbeddings::normalized(pictures(), &cohort).unwrap();
        let wanted = -(0.5 + 30f32.to_radians().cos()) / 2.0;
        assert!((normalized.score(0, 1).unwrap() - wanted).abs() < 1e-5);
        assert!(FaceEmbeddings::normalized(pictures(), &cohort[..NEAREST - 1]).is_err());
    }
}
