//! From a picture to the aligned face that it is of, as the door finds it.

use anyhow::Result;
use ostiary_config as config;
use ostiary_core::{BBox, Crop, Detection, Detections, Frame, Point, primary_detection};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_vision::{Detector, align};

use crate::pool::Pool;

/// Why a picture gives no aligned face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    NoFace,
    /// There are faces, and none where the one that is meant should be.
    OtherFace,
}

/// Finds faces with the door's detector, in as many threads as ask.
pub struct Aligner<'a> {
    models: &'a Bundle,
    detectors: Pool<Detector>,
}

impl<'a> Aligner<'a> {
    pub fn new(models: &'a Bundle) -> Self {
        Self { models, detectors: Pool::default() }
    }

    /// The face that a picture is of, and its crop; the one that holds the point `meant` where there is one. Errors are
    /// those of the models.
    pub fn face(&self, frame: &Frame, meant: Option<Point>) -> Result<Result<(Detection, Crop), Missing>> {
        let mut found = Detections::new();
        let load = || Ok(Detector::load(self.models, &config::Detector::default(), &Backend::tract(1))?);
        self.detectors.with(load, |detector| Ok(detector.detect(frame, &mut found)?))?;
        let holds = |face: &&Detection| meant.is_none_or(|point| contains(&face.bbox, point));
        let Some(face) = primary_detection(found.iter().filter(holds)) else {
            return Ok(Err(if found.is_empty() { Missing::NoFace } else { Missing::OtherFace }));
        };
        let mut crop = Crop::default();
        Ok(if align(frame, &face.landmarks, &mut crop) { Ok((*face, crop)) } else { Err(Missing::NoFace) })
    }
}

fn contains(bbox: &BBox, point: Point) -> bool {
    (bbox.x..bbox.x + bbox.width).contains(&point.x) && (bbox.y..bbox.y + bbox.height).contains(&point.y)
}
