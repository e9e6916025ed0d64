//! Similarity of pairs of one person and of pairs of two people.

#![expect(clippy::indexing_slicing, reason = "indices are those of faces in the same sample")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::sample::Sample;
use crate::histogram::histogram;
use crate::scores::Scores;

/// Greatest number of compared pairs of two people. If the sample has more, this many are drawn at random.
const MAX_INTER_PAIRS: usize = 1_000_000;
/// The FAR at which TAR is reported.
const FAR: f64 = 1e-3;

/// The similarity of the pairs of a sample.
#[derive(Debug, Serialize)]
pub struct PairSimilarity {
    pub intra_pairs: usize,
    pub inter_pairs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intra_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inter_mean: Option<f64>,
    /// Percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eer: Option<f64>,
    /// At [`FAR`], percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tar: Option<f64>,
    /// Share of pairs in each of 100 bins of the cosine from -1 to 1.
    pub intra: Vec<f64>,
    pub inter: Vec<f64>,
}

impl PairSimilarity {
    /// Compares all pairs of one person, and all or `MAX_INTER_PAIRS` pairs of two people, drawn by `seed`.
    pub fn of(sample: &Sample, seed: u64) -> Self {
        let people: Vec<_> = sample.by_person().collect();
        let intra: Vec<f32> = people
            .par_iter()
            .flat_map_iter(|faces| {
                let others = |index: usize| faces[index + 1..].iter();
                faces.iter().enumerate().flat_map(move |(index, face)| {
                    others(index).map(|other| face.embedding.similarity(&other.embedding).0)
                })
            })
            .collect();
        let inter = inter(sample, seed);
        let (intra_bins, inter_bins) = (histogram(&intra), histogram(&inter));
        let scores = Scores::new(intra, inter);
        let (intra_pairs, inter_pairs) = (scores.genuine_pairs(), scores.impostor_pairs());
        let (intra_mean, inter_mean) = scores.means();
        let both = intra_pairs > 0 && inter_pairs > 0;
        let tar = |threshold| 100.0 * (1.0 - scores.frr(threshold));
        Self {
            intra_pairs,
            inter_pairs,
            intra_mean: (intra_pairs > 0).then_some(intra_mean),
            inter_mean: (inter_pairs > 0).then_some(inter_mean),
            eer: both.then(|| 100.0 * scores.eer()),
            tar: scores.threshold_at_far(FAR).filter(|_| both).map(tar),
            intra: intra_bins,
            inter: inter_bins,
        }
    }
}

/// Scores of pairs of two people: of all, or of a random choice.
fn inter(sample: &Sample, seed: u64) -> Vec<f32> {
    let faces = &sample.faces;
    let score = |a: usize, b: usize| {
        (faces[a].person != faces[b].person).then(|| faces[a].embedding.similarity(&faces[b].embedding).0)
    };
    let all = faces.len() * (faces.len() - 1) / 2;
    if sample.people.len() < 2 {
        return Vec::new();
    }
    if all <= MAX_INTER_PAIRS {
        let row = |a: usize| (a + 1..faces.len()).filter_map(move |b| score(a, b));
        return (0..faces.len()).into_par_iter().flat_map_iter(row).collect();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || rng.random_range(0..faces.len());
    (0..MAX_INTER_PAIRS).filter_map(|_| score(draw(), draw())).collect()
}
