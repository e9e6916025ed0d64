//! The `[door]` section in the units of the decision.

use std::time::Duration;

use ostiary_config::{Door, MAX_FRAMES, SecondFace};
use ostiary_core::{MatchRule, Similarity};

/// The rules of the decision.
#[derive(Debug, Clone)]
pub(super) struct DecisionRules {
    pub matching: MatchRule,
    /// Number of agreeing frames of a match, 1 to [`MAX_FRAMES`].
    pub frames: usize,
    /// The time span that must contain these frames.
    pub within: Duration,
    /// Number of counted frames without a match after which a face is unknown, at least 1.
    pub unknown_after: u32,
    /// The time in which the same person is not let in again.
    pub cooldown: Duration,
    pub second_face: SecondFace,
}

impl DecisionRules {
    pub fn new(door: &Door, threshold: Similarity) -> Self {
        Self {
            matching: MatchRule { threshold, margin: door.margin },
            frames: (door.frames as usize).clamp(1, MAX_FRAMES),
            // A number that is not a time span becomes the value that grants less.
            within: Duration::try_from_secs_f64(door.within_s).unwrap_or(Duration::ZERO),
            unknown_after: door.unknown_after.max(1),
            cooldown: Duration::try_from_secs_f64(door.cooldown_s).unwrap_or(Duration::MAX),
            second_face: door.second_face,
        }
    }
}
