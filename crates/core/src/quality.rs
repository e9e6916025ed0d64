//! Whether a face can be seen well enough to judge it.

use serde::{Deserialize, Serialize};

/// How well a face can be seen. Measured on the frame, inside the face's box.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Quality {
    /// The shorter side of the face's box, pixels.
    pub size: f32,
    /// Variance of the Laplacian of the aligned crop's luma, gray levels squared; about 20 is blurred,
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

/// `[quality]`: what a face must meet to count for a decision or be enrolled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualityLimits {
    /// Least size of a face, pixels.
    pub min_size: f32,
    /// Least sharpness: variance of the crop's Laplacian, gray levels squared.
    pub min_sharpness: f32,
    /// Least and greatest mean luma, 0 to 1.
    pub min_exposure: f32,
    pub max_exposure: f32,
    /// Greatest turn of the head either way, degrees.
    pub max_yaw: f32,
    pub max_pitch: f32,
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
    /// The first limit that the face does not meet; `None` where it is good enough. A measure that is not a
    /// number meets no limit.
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
