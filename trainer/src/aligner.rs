//! Detects and aligns the main face of a picture, with the door's own detector and alignment.

use anyhow::Result;
use ostiary_config as config;
use ostiary_core::{BBox, Crop, Detection, Detections, Frame, Point, primary_detection};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_vision::{Detector, align};

use crate::pool::Pool;

/// Why no face was aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceMissing {
    /// The detector finds no face, or the landmarks of the face cannot be aligned.
    NoFace,
    /// There are faces, but none contains the expected point.
    OtherFace,
}

/// A face that was found and aligned.
#[derive(Debug, Clone)]
pub struct AlignedFace {
    /// Where the face is.
    pub detection: Detection,
    /// The aligned face.
    pub crop: Crop,
    /// The share of the crop that lies outside the picture, 0 to 1.
    pub share_outside: f32,
}

/// Detects and aligns faces. Can be used by several threads at once; each thread gets its own detector.
pub struct Aligner<'a> {
    models: &'a Bundle,
    detectors: Pool<Detector>,
}

impl<'a> Aligner<'a> {
    /// Uses the detector of a bundle. Detectors are loaded at their first use.
    pub fn new(models: &'a Bundle) -> Self {
        Self { models, detectors: Pool::default() }
    }

    /// The main face of a picture, aligned. If `expected_at` is given (pixels), only faces whose box contains
    /// that point are candidates. The inner result says why there is no face.
    ///
    /// # Errors
    /// If the detector cannot be loaded or run.
    pub fn align_face(
        &self,
        frame: &Frame,
        expected_at: Option<Point>,
    ) -> Result<Result<AlignedFace, FaceMissing>> {
        let mut found = Detections::new();
        let load = || Ok(Detector::load(self.models, &config::Detector::default(), &Backend::tract(1))?);
        self.detectors.with(load, |detector| Ok(detector.detect(frame, &mut found)?))?;
        let holds = |face: &&Detection| expected_at.is_none_or(|point| contains(&face.bbox, point));
        let Some(face) = primary_detection(found.iter().filter(holds)) else {
            return Ok(Err(if found.is_empty() { FaceMissing::NoFace } else { FaceMissing::OtherFace }));
        };
        let mut crop = Crop::default();
        let share_outside = align(frame, &face.landmarks, &mut crop);
        let aligned =
            share_outside.map(|share_outside| AlignedFace { detection: *face, crop, share_outside });
        Ok(aligned.ok_or(FaceMissing::NoFace))
    }
}

fn contains(bbox: &BBox, point: Point) -> bool {
    (bbox.x..bbox.x + bbox.width).contains(&point.x) && (bbox.y..bbox.y + bbox.height).contains(&point.y)
}
