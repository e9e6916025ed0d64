//! One picture: is there a face in it that is worth training on?

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use ostiary::bundle::Bundle;
use ostiary::capture::{Frame, decode_picture};
use ostiary::config::{self, QualityLimits};
use ostiary::engine::Backend;
use ostiary::facebank::aligned_crop;
use ostiary::vision::{
    ARCFACE_TEMPLATE, BBox, Crop, Detection, Detections, Detector, Point, Quality, QualityFault, align,
    subject,
};
use serde::{Deserialize, Serialize};

use super::copies::{Fingerprint, Fingerprinter};
use crate::faceset::{FaceSet, Picture, Place};

/// Crops are written at this quality, of 100: their own blocks of 8x8 are then not to be seen.
const JPEG_QUALITY: u8 = 95;
/// A crop's JPEG has no more bytes for its pixels, at any quality: what is larger holds other things (metadata).
const MOST_BYTES: usize = 64 << 10;

/// Why a picture is left out. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It cannot be read, or is no picture, or damaged.
    Unreadable,
    /// Taken as aligned, it is not 112x112.
    NotAligned,
    NoFace,
    /// There are faces, and none where the set says that this person is.
    OtherFace,
    TooSmall,
    TooDark,
    TooBright,
    Blurred,
    TurnedAway,
    Tilted,
    /// Of a picture of the same person.
    Copy,
}

impl From<QualityFault> for Reason {
    fn from(fault: QualityFault) -> Self {
        match fault {
            QualityFault::TooSmall => Self::TooSmall,
            QualityFault::TooDark => Self::TooDark,
            QualityFault::TooBright => Self::TooBright,
            QualityFault::Blurred => Self::Blurred,
            QualityFault::TurnedAway => Self::TurnedAway,
            QualityFault::Tilted => Self::Tilted,
        }
    }
}

/// What a picture is worth.
pub enum Verdict {
    /// The aligned crop, as a JPEG.
    Good {
        jpeg: Vec<u8>,
        fingerprint: Fingerprint,
    },
    Rejected {
        reason: Reason,
        why: Option<String>,
    },
}

impl From<Reason> for Verdict {
    fn from(reason: Reason) -> Self {
        Self::Rejected { reason, why: None }
    }
}

/// Looks at pictures, with as many detectors as there are threads that ask.
pub struct Lookers<'a> {
    limits: QualityLimits,
    /// `None` where pictures are aligned already.
    models: Option<&'a Bundle>,
    idle: Mutex<Vec<Detector>>,
    fingerprinter: Fingerprinter,
}

impl<'a> Lookers<'a> {
    pub fn new(limits: QualityLimits, models: Option<&'a Bundle>) -> Self {
        Self { limits, models, idle: Mutex::default(), fingerprinter: Fingerprinter::default() }
    }

    /// Errors are those of the models; whatever is wrong with a picture is a verdict.
    pub fn look(&self, set: &dyn FaceSet, picture: &Picture) -> Result<Verdict> {
        let path = match &picture.place {
            Place::File(path) => path,
            Place::Record(_) => Path::new(&picture.name),
        };
        let read = set.read(picture).and_then(|bytes| Ok((decode_picture(path, &bytes)?, bytes)));
        let (frame, bytes) = match read {
            Ok(read) => read,
            Err(error) => {
                let why = Some(format!("{error:#}"));
                return Ok(Verdict::Rejected { reason: Reason::Unreadable, why });
            }
        };
        let (detection, crop) = match self.models {
            None => match aligned_crop(&frame) {
                Some(crop) => (as_aligned(), crop),
                None => return Ok(Reason::NotAligned.into()),
            },
            Some(models) => match self.face(&frame, picture.face, models)? {
                Ok(found) => found,
                Err(reason) => return Ok(reason.into()),
            },
        };
        if let Some(fault) = Quality::measure(&detection, &crop).fault(&self.limits) {
            return Ok(Reason::from(fault).into());
        }
        // What is aligned and a JPEG is not coded a second time, unless it is padded.
        let is_jpeg = image::guess_format(&bytes).is_ok_and(|format| format == image::ImageFormat::Jpeg);
        let as_it_is = self.models.is_none() && is_jpeg && bytes.len() <= MOST_BYTES;
        let jpeg = if as_it_is { bytes } else { encode(&crop)? };
        Ok(Verdict::Good { jpeg, fingerprint: self.fingerprinter.of(&crop) })
    }

    /// The face that is meant, aligned.
    fn face(
        &self,
        frame: &Frame,
        meant: Option<Point>,
        models: &Bundle,
    ) -> Result<Result<(Detection, Crop), Reason>> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let mut detector = match waiting {
            Some(detector) => detector,
            None => Detector::load(models, &config::Detector::default(), &Backend::tract(1))?,
        };
        let mut found = Detections::new();
        let detected = detector.detect(frame, &mut found);
        idle().push(detector);
        detected?;
        let holds = |face: &&Detection| meant.is_none_or(|point| contains(&face.bbox, point));
        let Some(face) = subject(found.iter().filter(holds)) else {
            return Ok(Err(if found.is_empty() { Reason::NoFace } else { Reason::OtherFace }));
        };
        let mut crop = Crop::default();
        Ok(if align(frame, &face.landmarks, &mut crop) { Ok((*face, crop)) } else { Err(Reason::NoFace) })
    }
}

fn contains(bbox: &BBox, point: Point) -> bool {
    (bbox.x..bbox.x + bbox.width).contains(&point.x) && (bbox.y..bbox.y + bbox.height).contains(&point.y)
}

/// The face of an aligned crop: it fills it, and its landmarks are where they were aligned to.
fn as_aligned() -> Detection {
    let side = Crop::SIDE as f32;
    let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
    Detection { bbox, score: 1.0, landmarks: ARCFACE_TEMPLATE }
}

/// A crop as a JPEG.
pub fn encode(crop: &Crop) -> Result<Vec<u8>> {
    let side = Crop::SIDE as u32;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode(
        crop.rgb(),
        side,
        side,
        ExtendedColorType::Rgb8,
    )?;
    Ok(jpeg)
}
