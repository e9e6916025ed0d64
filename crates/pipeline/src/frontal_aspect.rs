//! The frontal aspect of a person: the median over the frames of an enrollment in which the head is straight.

use ostiary_core::Face;
use ostiary_liveness as liveness;

use super::enrollment_poses::is_straight;

/// The least number of frames: the landmarks of a single frame vary by some percent.
const MIN_FRAMES: usize = 3;

/// The aspect of a face that looks straight at the camera ([`liveness::frontal_aspect`]), by the landmarks of the detector. `None`
/// if the head is turned, raised or lowered (yaw above 12 degrees, pitch above 20), or the landmarks are not those of a
/// frontal face.
pub fn frontal_aspect(face: &Face) -> Option<f32> {
    is_straight(&face.quality).then(|| liveness::frontal_aspect(&face.detection.landmarks))?
}

/// Measures the frontal aspect of a person during an enrollment. Only frames that lead to a picture count, because only pictures
/// are known to show the same person.
#[derive(Debug, Clone, Default)]
pub struct AspectMeter {
    /// Aspects of the frames since the last picture, or since the last frame that was not fit for one.
    recent: Vec<f32>,
    /// Aspects of the frames that led to pictures.
    aspects: Vec<f32>,
}

impl AspectMeter {
    /// Adds a frame: its face, or `None` if it is not fit for a picture of a straight head.
    pub fn observe(&mut self, face: Option<&Face>) {
        match face {
            Some(face) => self.recent.extend(frontal_aspect(face)),
            None => self.recent.clear(),
        }
    }

    /// Keeps the frames since the last picture: the last of them became a picture of the person.
    pub fn keep(&mut self) {
        self.aspects.append(&mut self.recent);
    }

    /// The median of the frames that were kept; `None` if fewer than three of them show a straight face.
    pub fn median(&self) -> Option<f32> {
        let mut sorted = self.aspects.clone();
        sorted.sort_by(f32::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle).filter(|_| sorted.len() >= MIN_FRAMES)?;
        let lower = if sorted.len().is_multiple_of(2) { *sorted.get(middle - 1)? } else { upper };
        Some((lower + upper) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::{BBox, Detection, Point, Quality};

    use super::*;

    /// A face with this aspect and yaw, degrees.
    fn face(aspect: f32, yaw: f32) -> Face {
        let point = |x: f32, y: f32| Point { x: 200.0 + 70.0 * aspect * x, y: 150.0 + 70.0 * y };
        let landmarks =
            [point(-0.5, 0.0), point(0.5, 0.0), point(0.0, 0.6), point(-0.42, 1.05), point(0.42, 1.05)];
        let bbox = BBox { x: 100.0, y: 80.0, width: 200.0, height: 240.0 };
        let quality = Quality { yaw, size: 200.0, ..Quality::default() };
        Face { detection: Detection { bbox, score: 0.99, landmarks }, quality }
    }

    fn median_of(aspects: &[f32]) -> Option<f32> {
        let mut meter = AspectMeter::default();
        aspects.iter().for_each(|aspect| meter.observe(Some(&face(*aspect, 3.0))));
        meter.keep();
        meter.median()
    }

    #[test]
    fn the_median_of_straight_frames_is_the_aspect() {
        let is_near = |found: Option<f32>, wanted: f32| (found.unwrap() - wanted).abs() < 1e-4;
        assert!(is_near(median_of(&[0.9, 1.4, 0.92]), 0.92));
        assert!(is_near(median_of(&[0.9, 1.0, 0.8, 1.3]), 0.95));
        assert_eq!(median_of(&[0.9, 0.9]), None, "too few");
        assert_eq!(frontal_aspect(&face(0.9, 13.0)), None, "turned");
        let turned = Quality { pitch: 21.0, ..Quality::default() };
        assert_eq!(frontal_aspect(&Face { quality: turned, ..face(0.9, 0.0) }), None, "lowered");
    }

    #[test]
    fn frames_without_a_picture_do_not_count() {
        let mut meter = AspectMeter::default();
        for _ in 0..5 {
            meter.observe(Some(&face(1.3, 0.0)));
        }
        meter.observe(None);
        for _ in 0..3 {
            meter.observe(Some(&face(0.9, 0.0)));
        }
        assert_eq!(meter.median(), None, "no picture was taken yet");
        meter.keep();
        assert!((meter.median().unwrap() - 0.9).abs() < 1e-4);
    }
}
