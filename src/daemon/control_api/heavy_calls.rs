//! Keeps calls that compute for a while from taking the processor away from the door.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The longest pause after a call.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Lets one heavy call run at a time, and then none for as long as it took: together they take at most half of one processor.
#[derive(Debug, Default)]
pub struct HeavyCalls(Mutex<Next>);

/// When the next call may begin; `None` for at once.
#[derive(Debug, Default)]
struct Next(Option<Instant>);

/// A heavy call, until it is dropped.
pub struct HeavyCall<'a> {
    next: MutexGuard<'a, Next>,
    start: Instant,
}

impl HeavyCalls {
    /// Waits for the turn of a call.
    pub fn begin(&self) -> HeavyCall<'_> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(begin) = next.0 {
            thread::sleep(begin.saturating_duration_since(Instant::now()));
        }
        HeavyCall { next, start: Instant::now() }
    }
}

impl Drop for HeavyCall<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.next.0 = now.checked_add(now.saturating_duration_since(self.start).min(MAX_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_waits_as_long_as_the_one_before_took() {
        let calls = HeavyCalls::default();
        let call = calls.begin();
        thread::sleep(Duration::from_millis(40));
        drop(call);
        let start = Instant::now();
        drop(calls.begin());
        assert!(start.elapsed() >= Duration::from_millis(35), "{:?}", start.elapsed());
        let start = Instant::now();
        drop(calls.begin());
        assert!(start.elapsed() < Duration::from_millis(30), "after a short call the next one need not wait");
    }
}
