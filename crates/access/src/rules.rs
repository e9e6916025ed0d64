//! The rules that faces are judged by.

use std::time::Duration;

use ostiary_config::{Door, MAX_FRAMES, SecondFace};
use ostiary_core::{MatchRule, Similarity};

/// `[door]` in the units of the decision.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub matching: MatchRule,
    pub frames: usize,
    pub within: Duration,
    pub unknown_after: u32,
    pub cooldown: Duration,
    pub second_face: SecondFace,
}

impl Rules {
    pub fn new(door: &Door, threshold: Similarity) -> Self {
        Self {
            matching: MatchRule { threshold, margin: door.margin },
            frames: (door.frames as usize).clamp(1, MAX_FRAMES),
            // A length of time that is none is taken for the one that grants less.
            within: Duration::try_from_secs_f64(door.within_s).unwrap_or(Duration::ZERO),
            unknown_after: door.unknown_after.max(1),
            cooldown: Duration::try_from_secs_f64(door.cooldown_s).unwrap_or(Duration::MAX),
            second_face: door.second_face,
        }
    }
}
