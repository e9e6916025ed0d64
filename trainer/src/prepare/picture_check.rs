//! Checks one picture: whether it has a face that is good enough to train on.

use std::path::Path;

use anyhow::Result;
use ostiary_config::QualityLimits;
use ostiary_core::{BBox, Crop, Detection, QualityFault};
use ostiary_models::Bundle;
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use ostiary_vision::{ARCFACE_TEMPLATE, measure_quality};
use serde::{Deserialize, Serialize};

use super::near_duplicates::{Fingerprint, Fingerprinter};
use crate::aligner::{AlignedFace, Aligner, FaceMissing};
use crate::faceset::{FaceSet, Location, Picture};
use crate::jpeg;

/// A larger JPEG of an aligned crop contains metadata: the pixels of a crop need fewer bytes at any quality.
const MAX_CROP_BYTES: usize = 64 << 10;

/// Why a picture is rejected. The names in JSON are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The file cannot be read, is not a picture, or is damaged.
    Unreadable,
    /// `--aligned` was given, and the picture is not 112x112.
    NotAligned,
    /// The detector finds no face.
    NoFace,
    /// There are faces, but none where the set says that the person is.
    OtherFace,
    TooSmall,
    TooDark,
    TooBright,
    Blurred,
    TurnedAway,
    Tilted,
    /// A near duplicate of an earlier picture of the same person.
    #[serde(rename = "copy")]
    NearDuplicate,
}

impl From<QualityFault> for RejectReason {
    fn from(fault: QualityFault) -> Self {
        match fault {
            QualityFault::TooSmall => Self::TooSmall,
            QualityFault::TooDark => Self::TooDark,
            QualityFault::TooBright => Self::TooBright,
            QualityFault::Blurred => Self::Blurred,
            // Part of the face cannot be seen, as of a head that is turned away.
            QualityFault::TurnedAway
            | QualityFault::CutOff
            | QualityFault::EyesCovered
            | QualityFault::MouthCovered => Self::TurnedAway,
            QualityFault::Tilted | QualityFault::NotUpright => Self::Tilted,
        }
    }
}

impl From<FaceMissing> for RejectReason {
    fn from(missing: FaceMissing) -> Self {
        match missing {
            FaceMissing::NoFace => Self::NoFace,
            FaceMissing::OtherFace => Self::OtherFace,
        }
    }
}

/// The result of a check.
pub enum Verdict {
    /// The aligned crop, as a JPEG.
    Good {
        jpeg: Vec<u8>,
        fingerprint: Fingerprint,
    },
    Rejected {
        reason: RejectReason,
        why: Option<String>,
    },
}

impl From<RejectReason> for Verdict {
    fn from(reason: RejectReason) -> Self {
        Self::Rejected { reason, why: None }
    }
}

/// Checks pictures, in several threads at once.
pub struct PictureChecker<'a> {
    limits: QualityLimits,
    /// `None` if pictures are aligned already.
    aligner: Option<Aligner<'a>>,
    fingerprinter: Fingerprinter,
}

impl<'a> PictureChecker<'a> {
    pub fn new(limits: QualityLimits, models: Option<&'a Bundle>) -> Self {
        Self { limits, aligner: models.map(Aligner::new), fingerprinter: Fingerprinter::default() }
    }

    /// Checks one picture of a set. A problem of the picture is a verdict.
    ///
    /// # Errors
    /// If the detector cannot be loaded or run.
    pub fn check(&self, set: &dyn FaceSet, picture: &Picture) -> Result<Verdict> {
        let path = match &picture.location {
            Location::File(path) => path,
            Location::Record(_) => Path::new(&picture.name),
        };
        let read = set.read(picture).and_then(|bytes| Ok((decode_picture(path, &bytes)?, bytes)));
        let (frame, bytes) = match read {
            Ok(read) => read,
            Err(error) => {
                let why = Some(format!("{error:#}"));
                return Ok(Verdict::Rejected { reason: RejectReason::Unreadable, why });
            }
        };
        let (detection, crop) = match &self.aligner {
            None => match aligned_crop(&frame) {
                Some(crop) => (aligned_detection(), crop),
                None => return Ok(RejectReason::NotAligned.into()),
            },
            Some(aligner) => match aligner.align_face(&frame, picture.face)? {
                Ok(AlignedFace { detection, crop, .. }) => (detection, crop),
                Err(missing) => return Ok(RejectReason::from(missing).into()),
            },
        };
        if let Some(fault) = self.limits.fault(&measure_quality(&detection, &crop)) {
            return Ok(RejectReason::from(fault).into());
        }
        // An aligned JPEG is kept byte for byte, unless it contains much metadata.
        let keep_bytes = self.aligner.is_none() && jpeg::is_jpeg(&bytes) && bytes.len() <= MAX_CROP_BYTES;
        let side = Crop::SIDE as u32;
        let jpeg = if keep_bytes { bytes } else { jpeg::encode(crop.rgb(), side, side)? };
        Ok(Verdict::Good { jpeg, fingerprint: self.fingerprinter.of(&crop) })
    }
}

/// The detection that belongs to an aligned crop: the whole crop, with the landmarks of the template.
fn aligned_detection() -> Detection {
    let side = Crop::SIDE as f32;
    let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
    Detection { bbox, score: 1.0, landmarks: ARCFACE_TEMPLATE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_row_in_the_guide() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/training-data.md");
        let page = std::fs::read_to_string(path).unwrap();
        let has_row = |reason| match reason {
            // The match makes the list below complete: a new reason does not compile.
            RejectReason::Unreadable
            | RejectReason::NotAligned
            | RejectReason::NoFace
            | RejectReason::OtherFace
            | RejectReason::TooSmall
            | RejectReason::TooDark
            | RejectReason::TooBright
            | RejectReason::Blurred
            | RejectReason::TurnedAway
            | RejectReason::Tilted
            | RejectReason::NearDuplicate => {
                let name = serde_json::to_value(reason).unwrap();
                let name = format!("`{}`", name.as_str().unwrap());
                let first = |row: &str| row.strip_prefix("| ")?.split(" | ").next().map(str::to_owned);
                page.lines().filter_map(first).any(|cell| cell.contains(&name))
            }
        };
        for reason in [
            RejectReason::Unreadable,
            RejectReason::NotAligned,
            RejectReason::NoFace,
            RejectReason::OtherFace,
            RejectReason::TooSmall,
            RejectReason::TooDark,
            RejectReason::TooBright,
            RejectReason::Blurred,
            RejectReason::TurnedAway,
            RejectReason::Tilted,
            RejectReason::NearDuplicate,
        ] {
            assert!(has_row(reason), "{reason:?}");
        }
    }
}
