//! Times of runs, and their percentiles.

use std::time::{Duration, Instant};

use super::cycle_counter::CycleCounter;
use crate::cli::pictures::progress_bar;

/// The usual number of runs that are not timed. They allocate buffers, fill caches and raise the clock of the processor.
pub const WARM_UP_RUNS: u32 = 5;

/// Times of runs, shortest first. Never empty.
pub struct Times {
    times: Vec<Duration>,
    /// The median of the cycles that the thread of the runs took, if the kernel counts them.
    median_cycles: Option<u64>,
}

impl Times {
    /// Sorts measured times; `None` if there are none.
    pub fn new(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        (!times.is_empty()).then_some(Self { times, median_cycles: None })
    }

    /// Times `runs` runs, at least one, after `warm_up` runs.
    pub fn measure<E>(warm_up: u32, runs: u32, mut run: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        (0..warm_up).try_for_each(|_| run())?;
        let runs = runs.max(1) as usize;
        let bar = progress_bar(runs);
        let counter = CycleCounter::of_this_thread();
        let count = || counter.as_ref().and_then(CycleCounter::read);
        let (mut times, mut cycles) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
        for _ in 0..runs {
            let start_cycles = count();
            let start = Instant::now();
            run()?;
            times.push(start.elapsed());
            cycles.extend(start_cycles.zip(count()).map(|(start, end)| end.saturating_sub(start)));
            bar.inc(1);
        }
        bar.finish_and_clear();
        times.sort_unstable();
        cycles.sort_unstable();
        Ok(Self { times, median_cycles: cycles.get(cycles.len() / 2).copied() })
    }

    /// The number of runs.
    pub fn runs(&self) -> usize {
        self.times.len()
    }

    /// The shortest time, in milliseconds.
    pub fn minimum(&self) -> f64 {
        self.times.first().map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    /// The median of the cycles of the thread that ran; `None` if the kernel does not count them.
    pub fn median_cycles(&self) -> Option<u64> {
        self.median_cycles
    }

    /// A percentile by the nearest-rank method, in milliseconds: the shortest measured time that is not exceeded by at
    /// least `percent` percent of the times. The median is percentile 50.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (percent * self.times.len()).div_ceil(100).clamp(1, self.times.len());
        self.times.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e3)
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
        assert_eq!(five.minimum(), 15.0);
        assert!(Times::new(Vec::new()).is_none());
    }

    #[test]
    fn warm_up_runs_are_not_timed() {
        let mut runs = 0;
        let times = Times::measure(2, 3, || {
            runs += 1;
            Ok::<(), ()>(())
        });
        assert_eq!((times.unwrap().runs(), runs), (3, 5));
        assert_eq!(Times::measure(0, 3, || Err("broken")).err(), Some("broken"));
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
