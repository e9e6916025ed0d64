//! The metrics of one model on one set, from its scores.

use ostiary_core::clopper_pearson;
use serde::Serialize;

use super::folds::{self, Accuracy, Trial};
use crate::scores::Scores;

/// FARs at which TAR is reported.
pub const FARS: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// Metrics of a set; rates in percent.
#[derive(Debug, Serialize)]
pub struct Metrics {
    /// Number of genuine pairs.
    pub genuine_pairs: usize,
    /// Number of impostor pairs.
    pub impostor_pairs: usize,
    /// `None` if there are too few pairs for the folds.
    pub accuracy: Option<Accuracy>,
    /// Equal error rate.
    pub eer: f64,
    /// At each of [`FARS`].
    pub tar: Vec<TarAtFar>,
}

/// TAR at the lowest threshold that holds a FAR; `None` if the set has too few impostor pairs for that FAR.
#[derive(Debug, Clone, Serialize)]
pub struct TarAtFar {
    /// A share, not percent.
    pub far: f64,
    /// The lowest threshold that holds the FAR.
    pub threshold: Option<f32>,
    /// Percent.
    pub tar: Option<f64>,
    /// Confidence interval of TAR at this threshold.
    pub interval: Option<[f64; 2]>,
}

impl Metrics {
    /// Computes the metrics. `scores` must have scores of both kinds.
    pub fn of(scores: &Scores, trials: &[Trial], folds: usize) -> Self {
        Self {
            genuine_pairs: scores.genuine_pairs(),
            impostor_pairs: scores.impostor_pairs(),
            accuracy: folds::accuracy(trials, folds),
            eer: 100.0 * scores.eer(),
            tar: FARS.map(|far| TarAtFar::of(scores, far)).to_vec(),
        }
    }
}

impl TarAtFar {
    fn of(scores: &Scores, far: f64) -> Self {
        let supported = Scores::supports(scores.impostor_pairs(), far);
        let threshold = scores.threshold_at_far(far).filter(|_| supported);
        let accepted = threshold.map(|threshold| scores.accepted(threshold));
        let genuine = scores.genuine_pairs();
        Self {
            far,
            threshold,
            tar: accepted.map(|accepted| 100.0 * accepted as f64 / genuine as f64),
            interval: accepted.map(|accepted| clopper_pearson(accepted, genuine).map(|end| 100.0 * end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fars_that_the_pairs_do_not_support_are_left_out() {
        // One genuine pair in ten lies below the 3000 impostors, the others lie above.
        let genuine = (0..100).map(|number| if number % 10 == 0 { -0.5 } else { 0.9 }).collect();
        let impostors = (0..3000).map(|number| number as f32 / 10_000.0).collect();
        let figures = Metrics::of(&Scores::new(genuine, impostors), &[], 10);
        let tars: Vec<Option<f64>> = figures.tar.iter().map(|at| at.tar).collect();
        assert_eq!(tars, [Some(90.0), Some(90.0), Some(90.0), None, None, None]);
        let at = &figures.tar[2];
        // Three of three thousand are accepted.
        assert!(at.threshold.unwrap() > 0.2996 && at.threshold.unwrap() <= 0.2997);
        let [low, high] = at.interval.unwrap();
        assert!((low - 82.378).abs() < 0.01 && (high - 95.099).abs() < 0.01, "{low} {high}");
        assert!(figures.accuracy.is_none());
    }
}
