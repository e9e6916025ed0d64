//! How many frames the vision thread needs.

use std::time::Duration;

/// While nobody is before the door, a frame this long after the last one is soon enough: with any camera of 10 frames a second or
/// more, at most 100 ms pass between two frames.
const IDLE_INTERVAL: Duration = Duration::from_millis(50);
/// The longest interval, however slow the board is.
const MAX_INTERVAL: Duration = Duration::from_millis(500);
/// The share of a new measurement in the mean is one in this many.
const SMOOTHING: u32 = 8;

/// Measures how long frames take, and derives the interval at which they are needed.
#[derive(Debug, Default)]
pub struct FrameDemand {
    /// The mean time that a frame takes.
    mean: Duration,
}

impl FrameDemand {
    /// The interval between two frames after one that took `time`, and in which somebody was before the door or not.
    ///
    /// It is shorter than a frame takes, so that a new one is ready when the thread has finished. A board that is hot or has little
    /// power slows down: then frames take longer, and fewer are decoded, instead of being decoded and dropped.
    pub fn interval(&mut self, time: Duration, is_idle: bool) -> Duration {
        if is_idle {
            return IDLE_INTERVAL;
        }
        self.mean = (self.mean * (SMOOTHING - 1) + time) / SMOOTHING;
        (self.mean * 3 / 4).min(MAX_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_board_gets_fewer_frames_and_recovers() {
        let mut demand = FrameDemand::default();
        let mut after = |count: usize, ms: u64| {
            (0..count).map(|_| demand.interval(Duration::from_millis(ms), false)).last().unwrap().as_millis()
        };
        assert_eq!(after(100, 20), 14, "less than the 33 ms of a camera: every frame is taken");
        assert_eq!(after(100, 200), 149);
        assert_eq!(after(100, 5000), 500);
        assert!(after(40, 20) < 33);
    }

    #[test]
    fn while_nobody_is_there_two_frames_are_at_most_100_ms_apart() {
        let interval = FrameDemand::default().interval(Duration::from_millis(5), true);
        for frames_a_second in 10..=60 {
            let frame = Duration::from_secs(1) / frames_a_second;
            let gap = frame * interval.div_duration_f64(frame).ceil() as u32;
            assert!(gap <= Duration::from_millis(100), "{frames_a_second}: {gap:?}");
        }
    }

    #[test]
    fn a_person_gets_every_frame_at_once() {
        let mut demand = FrameDemand::default();
        demand.interval(Duration::from_millis(2), true);
        assert!(demand.interval(Duration::from_millis(30), false) < Duration::from_millis(10));
    }
}
