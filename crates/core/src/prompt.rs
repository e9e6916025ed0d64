//! What a person before the door should do.

use super::Direction;

/// What a person before the door should do, so that the door can tell a person from a picture of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// Step back, so that the shoulders are in the picture.
    StepBack,
    /// Look at the camera.
    LookAtCamera,
    /// Turn the head in this direction.
    Turn(Direction),
}

impl Prompt {
    /// All prompts.
    pub const ALL: [Self; 6] = [
        Self::StepBack,
        Self::LookAtCamera,
        Self::Turn(Direction::Left),
        Self::Turn(Direction::Right),
        Self::Turn(Direction::Up),
        Self::Turn(Direction::Down),
    ];

    /// The name in messages. It is stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::StepBack => "step_back",
            Self::LookAtCamera => "look_at_camera",
            Self::Turn(Direction::Left) => "turn_left",
            Self::Turn(Direction::Right) => "turn_right",
            Self::Turn(Direction::Up) => "turn_up",
            Self::Turn(Direction::Down) => "turn_down",
        }
    }
}
