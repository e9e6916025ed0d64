//! A direction in which a head turns.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A direction in which a person turns the head, as the person sees it. The serialized names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the person's left: the nose moves to the right of the picture.
    Left,
    /// To the person's right.
    Right,
    /// The chin goes up.
    Up,
    /// The chin goes down.
    Down,
}

impl Direction {
    /// All directions.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];
}

/// As JSON has it, without quotes.
impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
