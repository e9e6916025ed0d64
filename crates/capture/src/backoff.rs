//! How long to wait before trying again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);

/// The longest that one call of `next` sleeps while its source is away, so that the caller sees progress.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Waits between tries: 0.1 s, doubled after every failure, at most 5 s.
#[derive(Debug)]
pub struct Backoff {
    delay: Duration,
    due: Instant,
}

impl Backoff {
    /// The next try is due now.
    pub fn new(now: Instant) -> Self {
        Self { delay: FIRST, due: now }
    }

    /// A try failed: the next is due a while later.
    pub fn failed(&mut self, now: Instant) {
        self.due = now + self.delay;
        self.delay = (self.delay * 2).min(LAST);
    }

    /// A try succeeded: the next failure begins with the shortest wait again.
    pub fn succeeded(&mut self) {
        self.delay = FIRST;
    }

    /// Time until the next try; zero when it is due.
    pub fn remaining(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    /// Sleeps until the next try is due, at most [`PATIENCE`]; true when it is due.
    pub fn wait(&self) -> bool {
        let remaining = self.remaining(Instant::now());
        std::thread::sleep(remaining.min(PATIENCE));
        remaining <= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds_and_begin_anew_after_success() {
        let now = Instant::now();
        let mut backoff = Backoff::new(now);
        assert_eq!(backoff.remaining(now), Duration::ZERO);
        let mut waits = Vec::new();
        for _ in 0..8 {
            backoff.failed(now);
            waits.push(backoff.remaining(now).as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.remaining(now + Duration::from_secs(9)), Duration::ZERO);
        backoff.succeeded();
        backoff.failed(now);
        assert_eq!(backoff.remaining(now), FIRST);
    }
}
