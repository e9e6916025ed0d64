//! Frames that agree, close enough together.

use std::time::Duration;

use ostiary_config::MAX_FRAMES;

/// The times of the latest frames that agreed.
#[derive(Debug, Clone, Default)]
pub(super) struct Window(heapless::Deque<Duration, MAX_FRAMES>);

impl Window {
    /// Counts a frame and forgets those that are more than `frames`. A frame that is not later than the
    /// last counts once; time that went back begins anew.
    pub fn push(&mut self, time: Duration, frames: usize) {
        match self.0.back() {
            Some(last) if *last == time => return,
            Some(last) if *last > time => self.0.clear(),
            _ => {}
        }
        while self.0.len() >= frames.clamp(1, MAX_FRAMES) {
            self.0.pop_front();
        }
        // There is room: at least one was taken out if it was full.
        let _ = self.0.push_back(time);
    }

    /// Whether so many frames agree, all of them within the window that ends now and later than `after`.
    pub fn holds(&mut self, now: Duration, frames: usize, within: Duration, after: Option<Duration>) -> bool {
        self.forget(now, within);
        let fresh = self.0.iter().filter(|time| after.is_none_or(|after| **time > after)).count();
        fresh >= frames.max(1)
    }

    /// The time of the latest frame.
    pub fn last(&self) -> Option<Duration> {
        self.0.back().copied()
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn forget(&mut self, now: Duration, within: Duration) {
        while self.0.front().is_some_and(|first| now.saturating_sub(*first) > within) {
            self.0.pop_front();
        }
    }
}
