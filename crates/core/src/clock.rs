//! The monotonic clock of all crates: a duration since an arbitrary start, so that tests can use a clock of their own.
//! Also facts about the system's clock.

mod build_time;
mod synchronized;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use build_time::build_time;
pub use synchronized::is_synchronized;

/// A monotonic clock.
pub trait Clock: Send + Sync {
    /// Time since the clock's start; never goes back.
    fn now(&self) -> Duration;
}

/// The machine's monotonic clock, from the moment it was made.
pub struct MonotonicClock(Instant);

impl Default for MonotonicClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that moves only on request, for tests and for replays.
#[derive(Default)]
pub struct VirtualClock(AtomicU64);

impl VirtualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }
}
