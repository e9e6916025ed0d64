//! Whether a face can be seen well enough to judge it.

use serde::Serialize;

/// How well a face can be seen. Measured on the frame, inside the face's box.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Quality {
    /// The shorter side of the face's box, pixels.
    pub size: f32,
    /// Variance of the Laplacian of the aligned crop's luma, grey levels squared; about 20 is blurred,
    /// several hundred is sharp.
    pub sharpness: f32,
    /// Mean luma of the aligned crop, 0 (black) to 1 (white).
    pub exposure: f32,
    /// Head turned left (negative) or right (positive) in the picture, degrees, -90 to 90, from the landmarks.
    pub yaw: f32,
    /// Head up (negative) or down (positive), degrees, -90 to 90, from the landmarks.
    pub pitch: f32,
    /// Head tilted: angle of the eyes' line, degrees, -180 to 180, clockwise positive.
    pub roll: f32,
}

/// What is wrong with a face. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityFault {
    TooSmall,
    TooDark,
    TooBright,
    Blurred,
    TurnedAway,
    Tilted,
}

impl QualityFault {
    /// What the person before the camera can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooSmall => "come closer",
            Self::TooDark => "too dark: bring light to the face",
            Self::TooBright => "too bright: keep the light out of the camera",
            Self::Blurred => "blurred: hold still",
            Self::TurnedAway => "look straight at the camera",
            Self::Tilted => "hold the head upright",
        }
    }
}
