//! The times of the latest agreeing frames of a track.

use std::time::Duration;

use ostiary_config::MAX_FRAMES;

/// Frame times of the latest agreeing frames, oldest first; at most [`MAX_FRAMES`].
#[derive(Debug, Clone, Default)]
pub(super) struct Window(heapless::Deque<Duration, MAX_FRAMES>);

impl Window {
    /// Adds a frame, and drops the oldest if there are more than `frames`. Two frames with the same time count as one.
    /// A time before the last one clears the window first.
    pub fn push(&mut self, time: Duration, frames: usize) {
        match self.0.back() {
            Some(last) if *last == time => return,
            Some(last) if *last > time => self.0.clear(),
            _ => {}
        }
        while self.0.len() >= frames.clamp(1, MAX_FRAMES) {
            self.0.pop_front();
        }
        // There is room: the loop removed at least one time if the queue was full.
        let _ = self.0.push_back(time);
    }

    /// Whether at least `frames` frames agree. Only frames later than `after`, and not older than `within` at `now`, count.
    pub fn has_enough(
        &mut self,
        now: Duration,
        frames: usize,
        within: Duration,
        after: Option<Duration>,
    ) -> bool {
        self.drop_older(now, within);
        let counted = self.0.iter().filter(|time| after.is_none_or(|after| **time > after)).count();
        counted >= frames.max(1)
    }

    /// The time of the latest frame.
    pub fn last(&self) -> Option<Duration> {
        self.0.back().copied()
    }

    /// Removes all frames.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn drop_older(&mut self, now: Duration, within: Duration) {
        while self.0.front().is_some_and(|first| now.saturating_sub(*first) > within) {
            self.0.pop_front();
        }
    }
}
