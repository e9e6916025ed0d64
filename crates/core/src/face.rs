//! Faces that the detector finds in a frame.

use std::cmp::Ordering;

use serde::Serialize;

use super::{BBox, Landmarks, Point, Quality};

/// [`primary_detection`] treats all scores from here on as equal: the detector is practically certain, and its scores
/// lie close together just below 1.
const CERTAIN_SCORE: f32 = 0.95;

/// The largest number of faces in one frame. If there are more, the least probable ones are left out.
pub const MAX_FACES: usize = 32;

/// A face found by the detector.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Detection {
    /// Bounding box in pixels of the frame. Serialized as `box`: `[x, y, width, height]`.
    #[serde(rename = "box")]
    pub bbox: BBox,
    /// The detector's probability that this is a face, 0 to 1.
    pub score: f32,
    /// The five landmarks, pixels of the frame.
    pub landmarks: Landmarks,
}

impl Detection {
    /// The same face in a picture of more pixels: each pixel of the frame is `factor` pixels wide and high there.
    pub fn enlarged(&self, factor: u32) -> Self {
        let factor = factor as f32;
        let point = |point: Point| Point { x: point.x * factor, y: point.y * factor };
        let BBox { x, y, width, height } = self.bbox;
        let bbox = BBox { x: x * factor, y: y * factor, width: width * factor, height: height * factor };
        Self { bbox, score: self.score, landmarks: self.landmarks.map(point) }
    }
}

/// The faces of a frame, most probable first.
pub type Detections = heapless::Vec<Detection, MAX_FACES>;

/// The main face of a picture: the one with the highest score, and of several that the detector is certain of (a score
/// of 0.95 or more) the largest. `None` without detections.
pub fn primary_detection<'a>(detections: impl IntoIterator<Item = &'a Detection>) -> Option<&'a Detection> {
    let rank = |face: &&Detection| (face.score.min(CERTAIN_SCORE), face.bbox.area());
    detections.into_iter().max_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(Ordering::Equal))
}

/// A face with its quality: what the commands print.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Face {
    /// Where the face is.
    #[serde(flatten)]
    pub detection: Detection,
    /// How well it can be recognized.
    pub quality: Quality,
}
