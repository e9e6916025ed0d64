//! What is known of a face in a frame.

use std::cmp::Ordering;

use serde::Serialize;

use super::{BBox, Landmarks};

/// Scores from here on are all the same to [`subject`].
const CERTAIN: f32 = 0.95;

/// The most faces that are handled in one frame; the least probable beyond that are left out.
pub const MAX_FACES: usize = 32;

/// A face found by the detector.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Detection {
    /// `[x, y, width, height]`, pixels.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The detector's probability that this is a face, 0 to 1.
    pub score: f32,
    pub landmarks: Landmarks,
}

/// The faces of a frame, most probable first.
pub type Detections = heapless::Vec<Detection, MAX_FACES>;

/// The face that a picture is of: the most probable one. The detector is as good as certain of most faces (its scores
/// crowd just below 1), so that among those the largest is taken.
pub fn subject<'a>(found: impl IntoIterator<Item = &'a Detection>) -> Option<&'a Detection> {
    let rank = |face: &&Detection| (face.score.min(CERTAIN), face.bbox.area());
    found.into_iter().max_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(Ordering::Equal))
}

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

/// A face with its quality: what the verbs print.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Face {
    #[serde(flatten)]
    pub detection: Detection,
    pub quality: Quality,
}
