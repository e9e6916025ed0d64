//! A histogram of similarities minus their thresholds.

use serde::{Deserialize, Serialize};

/// Number of bins.
const BINS: usize = 32;
/// The lower end of the first bin. The threshold, 0, is the end of a bin.
const LOWEST: f32 = -0.8;

/// Counts in bins of equal width. Values beyond the ends are counted in the outermost bins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram([u32; BINS]);

impl Histogram {
    /// Width of a bin.
    pub const WIDTH: f32 = 0.05;

    /// Counts a value; one that is not a number is not counted.
    pub fn add(&mut self, value: f32) {
        if value.is_nan() {
            return;
        }
        let bin = ((value - LOWEST) / Self::WIDTH).floor().clamp(0.0, (BINS - 1) as f32) as usize;
        if let Some(count) = self.0.get_mut(bin) {
            *count = count.saturating_add(1);
        }
    }

    /// The lower end of each bin with its count.
    pub fn bins(&self) -> impl ExactSizeIterator<Item = (f32, u32)> {
        self.0.iter().enumerate().map(|(bin, count)| (LOWEST + bin as f32 * Self::WIDTH, *count))
    }

    /// The largest count.
    pub fn highest(&self) -> u32 {
        self.0.iter().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_in_their_bins_and_at_the_ends() {
        let mut histogram = Histogram::default();
        for value in [-9.0, -0.01, 0.01, 0.04, 9.0, f32::NAN] {
            histogram.add(value);
        }
        let filled: Vec<_> = histogram
            .bins()
            .filter(|(_, count)| *count > 0)
            .map(|(from, count)| ((from * 100.0).round(), count))
            .collect();
        assert_eq!(filled, [(-80.0, 1), (-5.0, 1), (0.0, 2), (75.0, 1)]);
        assert_eq!(histogram.highest(), 2);
    }
}
