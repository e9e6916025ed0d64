//! Measured times and their percentiles.

use std::time::{Duration, Instant};

use crate::cli::pictures::progress;

/// Runs before those that count: buffers are made, caches filled, the clock of the processor raised.
pub const WARM_UP: u32 = 5;

/// Times of runs, shortest first; never empty.
pub struct Times(Vec<Duration>);

impl Times {
    /// Times as they were measured; `None` where there are none.
    pub fn new(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        (!times.is_empty()).then_some(Self(times))
    }

    /// Times so many runs, and at least one, after a warm-up.
    pub fn measure<E>(runs: u32, mut run: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        (0..WARM_UP).try_for_each(|_| run())?;
        let runs = runs.max(1) as usize;
        let bar = progress(runs);
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed());
            bar.inc(1);
        }
        bar.finish_and_clear();
        times.sort_unstable();
        Ok(Self(times))
    }

    /// How many runs.
    pub fn runs(&self) -> usize {
        self.0.len()
    }

    /// The percentile by the nearest-rank method, milliseconds: the shortest measured time that at least this
    /// percentage of the times do not exceed. The median is percentile 50.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (percent * self.0.len()).div_ceil(100).clamp(1, self.0.len());
        self.0.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(ms: &[u64]) -> Times {
        Times::new(ms.iter().copied().map(Duration::from_millis).collect()).unwrap()
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        // The usual example of the method.
        let five = times(&[50, 15, 35, 20, 40]);
        let at = |percent| five.percentile(percent);
        assert_eq!([5, 30, 40, 50, 100].map(at), [15.0, 20.0, 20.0, 35.0, 50.0]);
        let hundred = times(&(1..=100).collect::<Vec<_>>());
        assert_eq!([50, 95, 99].map(|percent| hundred.percentile(percent)), [50.0, 95.0, 99.0]);
        assert_eq!([50, 95, 99].map(|percent| times(&[7]).percentile(percent)), [7.0; 3]);
        assert!(Times::new(Vec::new()).is_none());
    }

    #[test]
    fn the_warm_up_is_run_and_not_counted() {
        let mut runs = 0;
        let times = Times::measure(3, || {
            runs += 1;
            Ok::<(), ()>(())
        });
        assert_eq!((times.unwrap().runs(), runs), (3, 3 + WARM_UP));
        assert_eq!(Times::measure(3, || Err("broken")).err(), Some("broken"));
    }

    proptest! {
        #[test]
        fn a_percentile_is_as_defined(ms in prop::collection::vec(0u64..1000, 1..50), percent in 1usize..=100) {
            let value = times(&ms).percentile(percent);
            let not_above = |limit: f64| ms.iter().filter(|ms| **ms as f64 <= limit).count() * 100;
            prop_assert!(ms.iter().any(|ms| (*ms as f64 - value).abs() < 1e-9));
            prop_assert!(not_above(value + 1e-9) >= percent * ms.len());
            prop_assert!(not_above(value - 1e-9) < percent * ms.len());
        }
    }
}
