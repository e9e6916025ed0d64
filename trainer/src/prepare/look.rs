//! One picture: is there a face in it that is worth training on?

use std::path::Path;

use anyhow::Result;
use ostiary_config::QualityLimits;
use ostiary_core::{BBox, Crop, Detection, QualityFault};
use ostiary_models::Bundle;
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use ostiary_vision::{ARCFACE_TEMPLATE, measure_quality};
use serde::{Deserialize, Serialize};

use super::copies::{Fingerprint, Fingerprinter};
use crate::aligner::{Aligner, Missing};
use crate::faceset::{FaceSet, Picture, Place};
use crate::jpeg;

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

impl From<Missing> for Reason {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::NoFace => Self::NoFace,
            Missing::OtherFace => Self::OtherFace,
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

/// Looks at pictures.
pub struct Lookers<'a> {
    limits: QualityLimits,
    /// `None` where pictures are aligned already.
    aligner: Option<Aligner<'a>>,
    fingerprinter: Fingerprinter,
}

impl<'a> Lookers<'a> {
    pub fn new(limits: QualityLimits, models: Option<&'a Bundle>) -> Self {
        Self { limits, aligner: models.map(Aligner::new), fingerprinter: Fingerprinter::default() }
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
        let (detection, crop) = match &self.aligner {
            None => match aligned_crop(&frame) {
                Some(crop) => (as_aligned(), crop),
                None => return Ok(Reason::NotAligned.into()),
            },
            Some(aligner) => match aligner.face(&frame, picture.face)? {
                Ok(found) => found,
                Err(missing) => return Ok(Reason::from(missing).into()),
            },
        };
        if let Some(fault) = self.limits.fault(&measure_quality(&detection, &crop)) {
            return Ok(Reason::from(fault).into());
        }
        // What is aligned and a JPEG is not coded a second time, unless it is padded.
        let as_it_is = self.aligner.is_none() && jpeg::is_jpeg(&bytes) && bytes.len() <= MOST_BYTES;
        let side = Crop::SIDE as u32;
        let jpeg = if as_it_is { bytes } else { jpeg::encode(crop.rgb(), side, side)? };
        Ok(Verdict::Good { jpeg, fingerprint: self.fingerprinter.of(&crop) })
    }
}

/// The face of an aligned crop: it fills it, and its landmarks are where they were aligned to.
fn as_aligned() -> Detection {
    let side = Crop::SIDE as f32;
    let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
    Detection { bbox, score: 1.0, landmarks: ARCFACE_TEMPLATE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_row_in_the_guide() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/training-data.md");
        let page = std::fs::read_to_string(path).unwrap();
        let has_row = |reason| match reason {
            // Complete, or this does not compile.
            Reason::Unreadable
            | Reason::NotAligned
            | Reason::NoFace
            | Reason::OtherFace
            | Reason::TooSmall
            | Reason::TooDark
            | Reason::TooBright
            | Reason::Blurred
            | Reason::TurnedAway
            | Reason::Tilted
            | Reason::Copy => {
                let name = serde_json::to_value(reason).unwrap();
                let name = format!("`{}`", name.as_str().unwrap());
                let first = |row: &str| row.strip_prefix("| ")?.split(" | ").next().map(str::to_owned);
                page.lines().filter_map(first).any(|cell| cell.contains(&name))
            }
        };
        for reason in [
            Reason::Unreadable,
            Reason::NotAligned,
            Reason::NoFace,
            Reason::OtherFace,
            Reason::TooSmall,
            Reason::TooDark,
            Reason::TooBright,
            Reason::Blurred,
            Reason::TurnedAway,
            Reason::Tilted,
            Reason::Copy,
        ] {
            assert!(has_row(reason), "{reason:?}");
        }
    }
}
