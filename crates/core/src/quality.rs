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

/// Size from which a face has full weight, pixels: the side of the crop that networks read.
const FULL_WEIGHT_SIZE: f32 = 112.0;
/// Sharpness at which a face has half its weight.
const HALF_WEIGHT_SHARPNESS: f32 = 20.0;
/// Smallest weight: a face that meets the limits counts.
const MIN_WEIGHT: f32 = 0.05;

impl Quality {
    /// The weight of the face's embedding in a mean of embeddings, above 0, at most 1: frontal, large and sharp faces count
    /// more.
    pub fn weight(&self) -> f32 {
        let pose = (self.yaw.to_radians().cos() * self.pitch.to_radians().cos()).max(0.0);
        let size = (self.size / FULL_WEIGHT_SIZE).min(1.0);
        let sharpness = self.sharpness / (self.sharpness + HALF_WEIGHT_SHARPNESS);
        let weight = pose * size * sharpness;
        // The comparison is false for NaN.
        if weight > MIN_WEIGHT { weight.min(1.0) } else { MIN_WEIGHT }
    }
}

/// What is wrong with the picture of a face: the limit that it does not meet. The serialized names are stable.
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
    /// Dark glasses or something else covers the eyes.
    EyesCovered,
    /// A mask or something else covers the mouth.
    MouthCovered,
    /// The head is upside down or sideways, although the detector took it for an upright one.
    NotUpright,
    /// The frame's edge cuts the face off.
    CutOff,
}

impl QualityFault {
    /// All faults, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::TooSmall,
        Self::TooDark,
        Self::TooBright,
        Self::Blurred,
        Self::TurnedAway,
        Self::Tilted,
        Self::EyesCovered,
        Self::MouthCovered,
        Self::NotUpright,
        Self::CutOff,
    ];

    /// Instruction to the person in front of the camera.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooSmall => "come closer",
            Self::TooDark => "too dark: bring light to the face",
            Self::TooBright => "too bright: keep the light out of the camera",
            Self::Blurred => "blurred: hold still",
            Self::TurnedAway => "look straight at the camera",
            Self::Tilted => "hold the head upright",
            Self::EyesCovered => "the eyes are covered: take off the dark glasses",
            Self::MouthCovered => "the mouth is covered: take off the mask",
            Self::CutOff => "the edge of the picture cuts the face off: move into the picture",
            Self::NotUpright => {
                "the head is upside down, sideways or mostly covered: turn the picture, or set camera.rotate"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontal_large_and_sharp_face_has_the_greatest_weight() {
        let good = Quality { size: 200.0, sharpness: 500.0, exposure: 0.5, yaw: 0.0, pitch: 0.0, roll: 0.0 };
        assert!(good.weight() > 0.9 && good.weight() <= 1.0);
        for worse in [
            Quality { size: 60.0, ..good },
            Quality { sharpness: 20.0, ..good },
            Quality { yaw: 35.0, ..good },
            Quality { pitch: -30.0, ..good },
        ] {
            assert!(worse.weight() < good.weight() && worse.weight() >= MIN_WEIGHT, "{worse:?}");
        }
        let unknown = Quality { size: f32::NAN, sharpness: -20.0, yaw: f32::INFINITY, ..good };
        assert_eq!(unknown.weight(), MIN_WEIGHT);
    }
}
