//! Histograms of scores.

/// Number of bins, over scores from -1 to 1.
pub const BINS: usize = 100;

/// The share of scores in each bin.
pub fn histogram(scores: &[f32]) -> Vec<f64> {
    let mut bins = vec![0.0; BINS];
    for score in scores {
        let bin = ((f64::from(*score) + 1.0) / 2.0 * BINS as f64) as usize;
        if let Some(share) = bins.get_mut(bin.min(BINS - 1)) {
            *share += 1.0 / scores.len() as f64;
        }
    }
    bins
}

/// The center of each bin, with its share.
pub fn points(bins: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    let center = |bin: usize| (bin as f64 + 0.5) / BINS as f64 * 2.0 - 1.0;
    bins.iter().enumerate().map(move |(bin, share)| (center(bin), *share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_counted_in_their_bins() {
        let bins = histogram(&[-1.0, 0.995, 1.0, 2.0]);
        let filled: Vec<(f64, f64)> = points(&bins).filter(|(_, share)| *share > 0.0).collect();
        assert_eq!(filled, [(-0.99, 0.25), (0.99, 0.75)]);
        assert!(histogram(&[]).iter().all(|share| *share == 0.0));
    }
}
