//! Checks whether a picture is suitable for enrollment.

use ostiary_config::QualityLimits;
use ostiary_core::{Crop, Embedding, Face, Frame, QualityFault};
use ostiary_facebank::disagreeing_photos;
use ostiary_vision::VisionError;

use super::{EncodedFace, FaceEncoder, Thresholds};

/// A second face is ambiguous if the area of its box is at least this fraction of the most probable face's.
const AMBIGUOUS_AREA: f32 = 0.5;

/// The result of the check of a picture.
#[derive(Debug, Clone)]
pub enum PhotoCheck {
    /// One face, which meets all quality limits.
    Good(EncodedFace),
    /// One face, which does not meet this quality limit.
    Poor(EncodedFace, QualityFault),
    /// No face, or more than one.
    Refused(FaceCountError),
}

/// Why a picture does not show exactly one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaceCountError {
    /// The detector finds no face.
    #[error("no face found: the face must be close to the camera and lit")]
    NoFace,
    /// The detector finds several faces of comparable size.
    #[error("more than one face found: only one person may be in the picture")]
    SeveralFaces,
}

/// Finds the one face of a picture and checks its quality.
///
/// # Errors
/// The networks fail. An unsuitable picture is not an error.
pub fn check_photo(
    encoder: &mut FaceEncoder,
    limits: &QualityLimits,
    frame: &Frame,
) -> Result<PhotoCheck, VisionError> {
    let faces: Vec<Face> = encoder.faces(frame)?.into_iter().map(|found| found.face).collect();
    let face = match single_face(&faces) {
        Ok(face) => face,
        Err(refusal) => return Ok(PhotoCheck::Refused(refusal)),
    };
    let encoded = encoder.encode(frame, &face.detection)?;
    Ok(match encoder.fault(limits, &encoded) {
        None => PhotoCheck::Good(encoded),
        Some(fault) => PhotoCheck::Poor(encoded, fault),
    })
}

/// The most probable face, unless another is of comparable size.
fn single_face(faces: &[Face]) -> Result<&Face, FaceCountError> {
    let (face, others) = faces.split_first().ok_or(FaceCountError::NoFace)?;
    let ambiguous = AMBIGUOUS_AREA * face.detection.bbox.area();
    if others.iter().any(|other| other.detection.bbox.area() >= ambiguous) {
        return Err(FaceCountError::SeveralFaces);
    }
    Ok(face)
}

/// Takes a picture of exactly 112x112 pixels as a face that is already aligned; `None` for any other size.
pub fn aligned_crop(frame: &Frame) -> Option<Crop> {
    let side = Crop::SIDE as u32;
    (frame.width() == side && frame.height() == side).then(|| Crop::from_rgb(frame.rgb()))?
}

/// The indices of the embeddings in `new` that probably show another person than the others of the person (`new` and `known`): they
/// match neither one of these nor their mean, or disagree with the mean ([`disagreeing_photos`]). Empty if there is nothing
/// to compare with.
pub fn outliers(new: &[Embedding], known: &[Embedding], thresholds: &Thresholds) -> Vec<usize> {
    let all: Vec<&Embedding> = known.iter().chain(new).collect();
    let disagreeing = disagreeing_photos(&all);
    let is_match = |a: &Embedding, b: &Embedding| thresholds.compare(a, b).is_match();
    let is_similar = |index: usize, embedding: &Embedding| {
        let others =
            || new.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, e)| e).chain(known);
        let mean = Embedding::mean(others().map(|other| (other, 1.0)));
        others().next().is_none()
            || others().any(|other| is_match(other, embedding))
            || mean.is_some_and(|mean| is_match(&mean, embedding))
    };
    new.iter()
        .enumerate()
        .filter(|(index, embedding)| {
            disagreeing.contains(&(known.len() + index)) || !is_similar(*index, embedding)
        })
        .map(|(i, _)| i)
        .collect()
}

#[cfg(test)]
mod tests {
    use ostiary_core::{BBox, Detection, ModelRole, Precision, Quality};
    use ostiary_models::{FarPoint, Manifest, ModelEntry};

    use super::*;

    fn face(side: f32) -> Face {
        let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
        let detection = Detection { bbox, score: 0.9, landmarks: Default::default() };
        Face { detection, quality: Quality::default() }
    }

    #[test]
    fn a_second_face_is_refused_unless_it_is_small() {
        assert_eq!(single_face(&[]), Err(FaceCountError::NoFace));
        assert_eq!(single_face(&[face(100.0), face(80.0)]), Err(FaceCountError::SeveralFaces));
        assert_eq!(single_face(&[face(100.0), face(300.0)]), Err(FaceCountError::SeveralFaces));
        assert_eq!(single_face(&[face(100.0), face(50.0)]), Ok(&face(100.0)));
    }

    #[test]
    fn outliers_are_found() {
        let at = |degrees: f32| {
            Embedding::normalized(&[degrees.to_radians().cos(), degrees.to_radians().sin()]).unwrap()
        };
        let manifest = include_str!("../../../models/manifest.toml");
        let manifest: Manifest = toml::from_str(manifest).unwrap();
        let model = manifest.entry(ModelRole::Embedder, Precision::Int8).unwrap();
        let far = vec![FarPoint { far: 1e-3, threshold: 0.7 }];
        let thresholds =
            Thresholds::new(&ModelEntry { calibration: None, far, ..model.clone() }, None).unwrap();
        assert!(outliers(&[at(0.0)], &[], &thresholds).is_empty());
        assert!(outliers(&[at(0.0), at(20.0), at(40.0)], &[], &thresholds).is_empty());
        assert_eq!(outliers(&[at(0.0), at(20.0), at(120.0)], &[], &thresholds), [2]);
        assert_eq!(outliers(&[at(0.0), at(90.0)], &[], &thresholds), [0, 1]);
        assert_eq!(outliers(&[at(90.0)], &[at(0.0), at(10.0)], &thresholds), [0]);
        // Not similar to either, but to their mean.
        assert!(outliers(&[at(0.0)], &[at(40.0), at(-40.0)], &thresholds).is_empty());
    }
}
