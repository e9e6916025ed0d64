//! Exact confidence intervals of a proportion (Clopper & Pearson 1934), from quantiles of the beta distribution.

use statrs::distribution::{Beta, ContinuousCDF};

/// Confidence level.
const CONFIDENCE: f64 = 0.95;

/// The interval of the proportion `hits / trials`, 0 to 1; the whole range without trials. Exact if trials are independent.
pub fn clopper_pearson(hits: usize, trials: usize) -> [f64; 2] {
    let (hits, misses) = (hits as f64, trials.saturating_sub(hits) as f64);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).ok().map(|beta| beta.inverse_cdf(p));
    // Without hits, or without misses, a shape is 0, and no beta distribution exists: the interval ends at 0 or 1.
    let low = quantile(hits, misses + 1.0, tail).unwrap_or(0.0);
    let high = quantile(hits + 1.0, misses, 1.0 - tail).unwrap_or(1.0);
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(hits: usize, trials: usize, wanted: [f64; 2]) {
        let found = clopper_pearson(hits, trials);
        let close = found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 5e-5);
        assert!(close, "{hits} of {trials}: {found:?}, not {wanted:?}");
    }

    #[test]
    fn intervals_are_those_of_published_tables() {
        is(0, 10, [0.0, 0.3085]);
        is(1, 10, [0.0025, 0.4450]);
        is(5, 10, [0.1871, 0.8129]);
        is(10, 10, [0.6915, 1.0]);
        is(81, 263, [0.2527, 0.3676]);
        // Without misses the lower end has a closed form: 0.025 to the power of 1 / trials.
        is(3000, 3000, [0.025f64.powf(1.0 / 3000.0), 1.0]);
        is(0, 0, [0.0, 1.0]);
    }
}
