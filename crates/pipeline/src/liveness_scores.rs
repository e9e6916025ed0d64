//! The scores of liveness of one track.

use std::time::Duration;

use heapless::Deque;
use ostiary_models::LivenessTest;
use ostiary_vision::LivenessScore;

/// Number of scores in the median.
const SCORES: usize = 5;

/// The latest scores of a track. Their median decides: a single frame can be misjudged.
#[derive(Debug, Clone, Default)]
pub(super) struct LivenessScores {
    /// Frame time of the latest score.
    scored_at: Option<Duration>,
    room: Option<f32>,
    scores: Deque<f32, SCORES>,
}

/// What the network for presentation attack detection says of a track.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrackLiveness {
    /// How many times the face's box fitted into the frame when the network last looked at it, up to the number that it asks for;
    /// `None` if it did not.
    pub room: Option<f32>,
    /// The median of the last five scores of the live class, 0 to 1; `None` if there are fewer. A face with too little room
    /// ([`LivenessTest::MIN_ROOM`]) has no score.
    pub score: Option<f32>,
}

impl LivenessScores {
    /// Adds the score of a frame. If the score before it is older than `window`, all before are forgotten: they say nothing of the
    /// face that is there now.
    pub fn push(&mut self, time: Duration, score: LivenessScore, window: Duration) {
        if self.scored_at.is_some_and(|before| time.abs_diff(before) > window) {
            self.clear();
        }
        self.scored_at = Some(time);
        self.room = Some(score.scale);
        if score.scale < LivenessTest::MIN_ROOM {
            return;
        }
        if self.scores.is_full() {
            self.scores.pop_front();
        }
        // There is room: the oldest score was removed if there was none.
        let _ = self.scores.push_back(score.live);
    }

    /// Frame time of the latest score.
    pub fn scored_at(&self) -> Option<Duration> {
        self.scored_at
    }

    /// Whether there are enough scores for a median.
    pub fn is_full(&self) -> bool {
        self.scores.is_full()
    }

    /// What they say.
    pub fn liveness(&self) -> TrackLiveness {
        let mut sorted: heapless::Vec<f32, SCORES> = self.scores.iter().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let median = sorted.get(SCORES / 2).copied();
        TrackLiveness { room: self.room, score: median.filter(|_| self.scores.is_full()) }
    }

    /// Forgets all scores.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(2);

    fn after(scores: &[(f32, f32)]) -> TrackLiveness {
        let mut all = LivenessScores::default();
        for (&(live, scale), number) in scores.iter().zip(0..) {
            all.push(Duration::from_millis(100 * number), LivenessScore { live, scale }, WINDOW);
        }
        all.liveness()
    }

    #[test]
    fn scores_before_a_long_pause_do_not_count() {
        let live = LivenessScore { live: 0.9, scale: 2.7 };
        let score_after = |pause: Duration| {
            let mut all = LivenessScores::default();
            (0..4).for_each(|number| all.push(Duration::from_millis(100 * number), live, WINDOW));
            all.push(Duration::from_millis(300) + pause, live, WINDOW);
            all.liveness().score
        };
        assert_eq!(score_after(WINDOW), Some(0.9));
        assert_eq!(score_after(WINDOW + Duration::from_millis(1)), None);
    }

    #[test]
    fn the_median_is_of_the_last_five_scores() {
        assert_eq!(after(&[]), TrackLiveness::default());
        let four = [(0.1, 2.7), (0.9, 2.7), (0.2, 2.7), (0.8, 2.7)];
        assert_eq!(after(&four), TrackLiveness { room: Some(2.7), score: None });
        let six = [(0.9, 2.7), (0.8, 2.7), (0.1, 2.7), (0.2, 2.7), (0.3, 2.7), (0.4, 2.5)];
        assert_eq!(after(&six), TrackLiveness { room: Some(2.5), score: Some(0.3) });
    }

    #[test]
    fn a_face_with_too_little_room_has_no_score() {
        let near = [(0.9, 1.49); 9];
        assert_eq!(after(&near), TrackLiveness { room: Some(1.49), score: None });
        let stepped_back: Vec<_> = near.into_iter().chain([(0.1, 1.5); 5]).collect();
        assert_eq!(after(&stepped_back), TrackLiveness { room: Some(1.5), score: Some(0.1) });
    }
}
