//! Times of runs, and their percentiles.

use std::time::{Duration, Instant};

use crate::cli::pictures::progress_bar;

/// Runs that are not timed. They allocate buffers, fill caches and raise the clock of the processor.
pub const WARM_UP_RUNS: u32 = 5;

/// Times of runs, shortest first. Never empty.
pub struct Times(Vec<Duration>);

impl Times {
    /// Sorts measured times; `None` if there are none.
    pub fn new(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        (!times.is_empty()).then_some(Self(times))
    }

    /// Times `runs` runs, at least one, after [`WARM_UP_RUNS`] runs.
    pub fn measure<E>(runs: u32, mut run: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        (0..WARM_UP_RUNS).try_for_each(|_| run())?;
        let runs = runs.max(1) as usize;
        let bar = progress_bar(runs);
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

    /// The number of runs.
    pub fn runs(&self) -> usize {
        self.0.len()
    }

    /// A percentile by the nearest-rank method, in milliseconds: the shortest measured time that is not exceeded by at
    /// least `percent` percent of the times. The median is percentile 50.
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
    fn percentiles_are_measured_times() {
        // The example of the nearest-rank method in Wikipedia, "Percentile".
        let five = times(&[50, 15, 35, 20, 40]);
        let at = |percent| five.percentile(percent);
        assert_eq!([5, 30, 40, 50, 100].map(at), [15.0, 20.0, 20.0, 35.0, 50.0]);
        let hundred = times(&(1..=100).collect::<Vec<_>>());
        assert_eq!([50, 95, 99].map(|percent| hundred.percentile(percent)), [50.0, 95.0, 99.0]);
        assert_eq!([50, 95, 99].map(|percent| times(&[7]).percentile(percent)), [7.0; 3]);
        assert!(Times::new(Vec::new()).is_none());
    }

    #[test]
    fn warm_up_runs_are_not_timed() {
        let mut runs = 0;
        let times = Times::measure(3, || {
            runs += 1;
            Ok::<(), ()>(())
        });
        assert_eq!((times.unwrap().runs(), runs), (3, 3 + WARM_UP_RUNS));
        assert_eq!(Times::measure(3, || Err("broken")).err(), Some("broken"));
    }

    proptest! {
        #[test]
        fn percentiles_match_the_definition(ms in prop::collection::vec(0u64..1000, 1..50), percent in 1usize..=100) {
            let value = times(&ms).percentile(percent);
            let not_above = |limit: f64| ms.iter().filter(|ms| **ms as f64 <= limit).count() * 100;
            prop_assert!(ms.iter().any(|ms| (*ms as f64 - value).abs() < 1e-9));
            prop_assert!(not_above(value + 1e-9) >= percent * ms.len());
            prop_assert!(not_above(value - 1e-9) < percent * ms.len());
        }
    }
}
