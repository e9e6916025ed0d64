//! Whether a face can be seen well enough to judge it.

use serde::Serialize;

use super::{Crop, Detection, Quality};
use crate::config::QualityLimits;

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

impl Quality {
    /// Measures a face on its aligned crop and its landmarks.
    pub fn measure(detection: &Detection, _crop: &Crop) -> Self {
        Self { size: detection.bbox.width.min(detection.bbox.height), ..Self::default() }
    }

    /// What is wrong with the face, `None` where it is good enough.
    pub fn fault(&self, limits: &QualityLimits) -> Option<QualityFault> {
        (self.size < limits.min_size).then_some(QualityFault::TooSmall)
    }
}

impl QualityFault {
    /// What the person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooSmall => "the face is too small: come nearer",
            Self::TooDark => "the face is too dark: more light",
            Self::TooBright => "the face is too bright: less light",
            Self::Blurred => "the face is blurred: hold still",
            Self::TurnedAway => "the face is turned away: look straight at the camera",
            Self::Tilted => "the head is tilted: hold it upright",
        }
    }
}
