//! Image quality of a face, and the limits that it must meet.

use serde::Serialize;

/// Image quality of one face, measured on the aligned crop and the landmarks.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Quality {
    /// The shorter side of the face's box, pixels.
    pub size: f32,
    /// Variance of the Laplacian of the aligned crop's luma, gray levels squared: about 20 is blurred, several hundred
    /// is sharp.
    pub sharpness: f32,
    /// Mean luma of the aligned crop, 0 (black) to 1 (white).
    pub exposure: f32,
    /// Rotation of the head to the left (negative) or right (positive) of the picture, degrees, -90 to 90, estimated from
    /// the landmarks.
    pub yaw: f32,
    /// Rotation of the head up (negative) or down (positive), degrees, -90 to 90, estimated from the landmarks.
    pub pitch: f32,
    /// Tilt of the head: angle of the line between the eyes, degrees, -180 to 180, clockwise positive.
    pub roll: f32,
}

/// The limit that a face does not meet. The serialized names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityFault {
    /// Size below `min_size`.
    TooSmall,
    /// Exposure below `min_exposure`.
    TooDark,
    /// Exposure above `max_exposure`.
    TooBright,
    /// Sharpness below `min_sharpness`.
    Blurred,
    /// Yaw or pitch beyond its limit.
    TurnedAway,
    /// Roll beyond `max_roll`.
    Tilted,
}

impl QualityFault {
    /// Instruction to the person in front of the camera.
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
