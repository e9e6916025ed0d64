//! Time as the rooms see it: a monotonic duration since an arbitrary start, so that tests can bring their own; and what
//! is known of the clock on the wall.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// When this was written: a clock before it was never set.
const WRITTEN: &str = "2026-01-01T00:00:00Z";

/// When the program's file was made, which packages keep; no clock of a machine that has it can be before that.
pub fn program_made() -> Timestamp {
    let file = std::env::current_exe().and_then(|program| program.metadata()?.modified());
    let made = file.ok().and_then(|time: SystemTime| Timestamp::try_from(time).ok());
    // A file that was made while the clock stood at 1970 proves nothing.
    made.into_iter().chain(WRITTEN.parse()).max().unwrap_or(Timestamp::UNIX_EPOCH)
}

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

/// A clock that moves only when told, for tests and for replays.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_was_made_before_now() {
        assert!(program_made() <= Timestamp::now() && program_made() > WRITTEN.parse().unwrap());
    }
}
