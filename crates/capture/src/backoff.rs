//! The delay before another attempt to open a source.

use std::time::{Duration, Instant};

/// The delay after the first failure.
const INITIAL_DELAY: Duration = Duration::from_millis(100);
/// The longest delay.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// The longest sleep in one call of `next` while the source is away, so that the caller can report progress.
pub const MAX_SLEEP: Duration = Duration::from_secs(1);

/// Exponential backoff: 0.1 s, doubled after each failure, at most 5 s.
#[derive(Debug)]
pub struct Backoff {
    delay: Duration,
    next_attempt: Instant,
}

impl Backoff {
    /// A backoff whose first attempt is due at `now`.
    pub fn new(now: Instant) -> Self {
        Self { delay: INITIAL_DELAY, next_attempt: now }
    }

    /// Records a failure, and sets the time of the next attempt.
    pub fn failed(&mut self, now: Instant) {
        self.next_attempt = now + self.delay;
        self.delay = (self.delay * 2).min(MAX_DELAY);
    }

    /// Records a success: the next failure has the initial delay.
    pub fn succeeded(&mut self) {
        self.delay = INITIAL_DELAY;
    }

    /// Time until the next attempt; zero if it is due.
    pub fn remaining(&self, now: Instant) -> Duration {
        self.next_attempt.saturating_duration_since(now)
    }

    /// Sleeps until the next attempt is due, at most [`MAX_SLEEP`]. Returns whether it is due.
    pub fn wait(&self) -> bool {
        let remaining = self.remaining(Instant::now());
        std::thread::sleep(remaining.min(MAX_SLEEP));
        remaining <= MAX_SLEEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_five_seconds_and_start_again_after_success() {
        let now = Instant::now();
        let mut backoff = Backoff::new(now);
        assert_eq!(backoff.remaining(now), Duration::ZERO);
        let mut delays = Vec::new();
        for _ in 0..8 {
            backoff.failed(now);
            delays.push(backoff.remaining(now).as_millis());
        }
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.remaining(now + Duration::from_secs(9)), Duration::ZERO);
        backoff.succeeded();
        backoff.failed(now);
        assert_eq!(backoff.remaining(now), INITIAL_DELAY);
    }
}
