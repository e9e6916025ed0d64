//! The upper tail of scores: the threshold that a given share of them reaches, also for shares that no score shows.

/// The threshold of a share comes from the scores themselves if at least this many are expected above it, and from the fit of the
/// tail otherwise.
const MIN_ABOVE: f64 = 10.0;
/// The share of the scores that the tail is fitted to.
const TAIL_SHARE: f64 = 0.05;
/// The least number of scores in the tail.
const MIN_TAIL: usize = 20;
/// The shape of the fit is limited: scores have an upper end, so that it is not above 0, and a fit by few scores must not end the
/// tail at the highest of them.
const SHAPES: std::ops::RangeInclusive<f64> = -0.25..=0.0;

/// Scores of visits by strangers.
#[derive(Debug, Clone)]
pub struct Tail {
    /// Ascending.
    scores: Vec<f32>,
    /// Number of scores in the fitted tail.
    fitted: usize,
    /// The generalized Pareto distribution of the excesses over the score before the tail.
    shape: f64,
    scale: f64,
}

impl Tail {
    /// Fits the tail of these scores by probability-weighted moments (Hosking & Wallis, "Parameter and Quantile Estimation for the
    /// Generalized Pareto Distribution", 1987). `None` without scores.
    pub fn fit(mut scores: Vec<f32>) -> Option<Self> {
        scores.sort_by(f32::total_cmp);
        let fitted = ((scores.len() as f64 * TAIL_SHARE) as usize).max(MIN_TAIL).min(scores.len());
        let start = scores.len() - fitted;
        let base = f64::from(*scores.get(start.saturating_sub(1))?);
        let excesses: Vec<f64> = scores.iter().skip(start).map(|score| f64::from(*score) - base).collect();
        let count = excesses.len() as f64;
        let mean = excesses.iter().sum::<f64>() / count;
        let weighted = excesses.iter().enumerate();
        let weighted =
            weighted.map(|(rank, excess)| excess * (1.0 - (rank as f64 + 0.65) / count)).sum::<f64>() / count;
        let shape = 2.0 - mean / (mean - 2.0 * weighted);
        // Equal excesses have no shape.
        let shape = if shape.is_finite() { shape.clamp(*SHAPES.start(), *SHAPES.end()) } else { 0.0 };
        // The scale that keeps the mean.
        let scale = mean * (1.0 - shape);
        Some(Self { scores, fitted, shape, scale })
    }

    /// The threshold that at most this share of scores reaches, above 0 to 1.
    pub fn threshold(&self, share: f64) -> f32 {
        let count = self.scores.len() as f64;
        let above = (share * count).floor();
        let observed = (count - above - 1.0).max(0.0) as usize;
        if share * count >= MIN_ABOVE {
            return self.scores.get(observed).map_or(f32::INFINITY, |score| score.next_up());
        }
        let base = self.scores.len() - self.fitted;
        let base = self.scores.get(base.saturating_sub(1)).map_or(f64::INFINITY, |score| f64::from(*score));
        let ratio = (share * count / self.fitted as f64).min(1.0);
        let excess = match self.shape {
            0.0 => -self.scale * ratio.ln(),
            shape => self.scale / shape * (ratio.powf(-shape) - 1.0),
        };
        (base + excess) as f32
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn shares_that_the_scores_show_are_kept() {
        let tail = Tail::fit((0..10_000).map(|number| number as f32 / 10_000.0).collect()).unwrap();
        for share in [0.5, 0.1, 0.01] {
            let threshold = tail.threshold(share);
            let reached = tail.scores.iter().filter(|score| **score >= threshold).count();
            assert!(
                reached as f64 <= share * 10_000.0 && reached as f64 > share * 9_900.0,
                "{share}: {reached}"
            );
        }
    }

    /// The excesses of a uniform distribution have the shape -1, of an exponential one 0.
    #[test]
    fn the_fit_extends_the_tail_of_known_distributions() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let exponential: Vec<f32> =
            (0..20_000).map(|_| -0.05 * (1.0 - random.random::<f32>()).ln()).collect();
        let tail = Tail::fit(exponential).unwrap();
        for share in [1e-3, 1e-4, 1e-5, 1e-6] {
            let expected = -0.05 * f64::ln(share);
            let found = f64::from(tail.threshold(share));
            assert!((found - expected).abs() < 0.1 * expected, "{share}: {found}, not {expected}");
        }
        assert!(tail.threshold(1e-6) > tail.threshold(1e-5));
    }

    #[test]
    fn few_or_equal_scores_have_a_threshold_above_them() {
        assert!(Tail::fit(Vec::new()).is_none());
        for scores in [vec![0.25], vec![0.5; 100], vec![0.1, 0.2, 0.3]] {
            let highest = scores.iter().copied().fold(0.0, f32::max);
            let tail = Tail::fit(scores).unwrap();
            assert!(tail.threshold(1e-6) >= highest);
        }
    }
}
