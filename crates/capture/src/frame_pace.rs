//! How often a frame is needed.

use std::time::Duration;

/// Chooses the frames that are decoded, so that a board does not decode frames that nobody will look at.
#[derive(Debug, Default)]
pub struct FramePace {
    /// The time of the latest frame that was chosen.
    chosen_at: Option<Duration>,
}

impl FramePace {
    /// Whether a frame that arrived at `now` is needed, if one in each `interval` is. If so, it counts as the latest one.
    pub fn is_due(&mut self, now: Duration, interval: Duration) -> bool {
        let is_due = self.chosen_at.is_none_or(|chosen_at| now.abs_diff(chosen_at) >= interval);
        if is_due {
            self.chosen_at = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(frames_a_second: u64, interval: u64) -> Vec<u64> {
        let mut pace = FramePace::default();
        let frames = (0..10).map(|number| 1000 * number / frames_a_second);
        let ms = Duration::from_millis;
        frames.filter(|time| pace.is_due(ms(*time), ms(interval))).collect()
    }

    #[test]
    fn the_next_frame_after_the_interval_is_chosen() {
        assert_eq!(chosen(30, 60), [0, 66, 133, 200, 266]);
        assert_eq!(chosen(10, 60), [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
        assert_eq!(chosen(30, 0).len(), 10);
    }

    #[test]
    fn a_shorter_interval_counts_at_once_and_a_clock_that_goes_back_blocks_nothing() {
        let (mut pace, ms) = (FramePace::default(), Duration::from_millis);
        assert!(pace.is_due(ms(1000), ms(60)));
        assert!(!pace.is_due(ms(1033), ms(60)));
        assert!(pace.is_due(ms(1034), Duration::ZERO));
        assert!(pace.is_due(ms(10), ms(60)));
    }
}
