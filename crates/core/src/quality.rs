//! Image quality of a face, and the limits that it must meet.

use serde::{Deserialize, Serialize};

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

/// `[quality]`: limits that a face must meet to be used in a decision or to be enrolled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualityLimits {
    /// Minimum of the shorter side of the face's box, pixels.
    pub min_size: f32,
    /// Minimum variance of the Laplacian, gray levels squared.
    pub min_sharpness: f32,
    /// Minimum mean luma, 0 to 1.
    pub min_exposure: f32,
    /// Maximum mean luma, 0 to 1.
    pub max_exposure: f32,
    /// Maximum yaw in either direction, degrees.
    pub max_yaw: f32,
    /// Maximum pitch in either direction, degrees.
    pub max_pitch: f32,
    /// Maximum roll in either direction, degrees.
    pub max_roll: f32,
}

impl Default for QualityLimits {
    fn default() -> Self {
        Self {
            min_size: 60.0,
            min_sharpness: 20.0,
            min_exposure: 0.12,
            max_exposure: 0.92,
            max_yaw: 35.0,
            max_pitch: 30.0,
            max_roll: 30.0,
        }
    }
}

impl Quality {
    /// The first limit that the face does not meet; `None` if it meets all. A value that is NaN meets no limit.
    pub fn fault(&self, limits: &QualityLimits) -> Option<QualityFault> {
        let checks = [
            (self.size >= limits.min_size, QualityFault::TooSmall),
            (self.exposure >= limits.min_exposure, QualityFault::TooDark),
            (self.exposure <= limits.max_exposure, QualityFault::TooBright),
            (self.yaw.abs() <= limits.max_yaw, QualityFault::TurnedAway),
            (self.pitch.abs() <= limits.max_pitch, QualityFault::TurnedAway),
            (self.roll.abs() <= limits.max_roll, QualityFault::Tilted),
            (self.sharpness >= limits.min_sharpness, QualityFault::Blurred),
        ];
        checks.into_iter().find(|(met, _)| !met).map(|(_, fault)| fault)
    }
}
