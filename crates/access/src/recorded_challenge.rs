//! What happened in a challenge to turn the head, in a form that can be stored.

use heapless::Vec;
use ostiary_core::Direction;
use serde::{Deserialize, Serialize};

/// The most turns in a record: those of a challenge of three turns and of its second try.
pub const MAX_TURNS: usize = 6;

/// What happened in a challenge to turn the head.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RecordedChallenge {
    /// The turns that the person was asked for, oldest first.
    pub turns: Vec<RecordedTurn, MAX_TURNS>,
    /// The aspect of the face before the latest turn, divided by the person's own at enrollment, if both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_aspect: Option<f32>,
    /// How often the landmarks were lost.
    pub losses: u8,
    /// Time from the start to the latest frame, milliseconds.
    pub elapsed_ms: u32,
}

/// One turn that a person was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecordedTurn {
    /// The direction that was asked for.
    pub direction: Direction,
    /// When the person was asked, milliseconds since the start.
    pub asked_ms: u32,
    /// When the turn was seen, milliseconds since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_ms: Option<u32>,
    /// How far the nose moved in this direction at most, in distances between the eyes; `None` if the landmarks were lost at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<f32>,
}
