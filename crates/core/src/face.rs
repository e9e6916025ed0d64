//! What is known of a face in a frame.

use std::cmp::Ordering;

use serde::Serialize;

use super::{BBox, Landmarks, Quality};

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

/// A face with its quality: what the verbs print.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Face {
    #[serde(flatten)]
    pub detection: Detection,
    pub quality: Quality,
}
