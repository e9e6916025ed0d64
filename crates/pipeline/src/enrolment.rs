//! Whether a picture is fit to enroll somebody from.

use ostiary_config::QualityLimits;
use ostiary_core::{Crop, Embedding, Face, Frame, QualityFault, Similarity};
use ostiary_vision::VisionError;

use crate::{Recognised, Recogniser};

/// A face whose box has this share of the chosen face's area may be the one that was meant.
const COMPARABLE: f32 = 0.5;

/// What a picture holds for enrolment.
#[derive(Debug, Clone)]
pub enum Look {
    /// One face, good enough.
    Good(Recognised),
    /// One face, not good enough.
    Poor(Recognised, QualityFault),
    /// No face, or no saying which.
    Refused(Refusal),
}

/// Why a picture shows nobody to enroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no face to be seen: it should be near enough and in the light")]
    NoFace,
    #[error("more than one face to be seen: only the one person should be there")]
    SeveralFaces,
}

/// Finds the one face of a picture and says whether it is fit to be enrolled.
pub fn look(recogniser: &mut Recogniser, limits: &QualityLimits, frame: &Frame) -> Result<Look, VisionError> {
    let faces = recogniser.faces(frame)?;
    let face = match single(&faces) {
        Ok(face) => face,
        Err(refusal) => return Ok(Look::Refused(refusal)),
    };
    let recognised = recogniser.recognise(frame, &face.detection)?;
    Ok(match limits.fault(&recognised.face.quality) {
        None => Look::Good(recognised),
        Some(fault) => Look::Poor(recognised, fault),
    })
}

/// The most probable face, unless another is of comparable size.
fn single(faces: &[Face]) -> Result<&Face, Refusal> {
    let (face, others) = faces.split_first().ok_or(Refusal::NoFace)?;
    let enough = COMPARABLE * face.detection.bbox.area();
    if others.iter().any(|other| other.detection.bbox.area() >= enough) {
        return Err(Refusal::SeveralFaces);
    }
    Ok(face)
}

/// A picture of exactly 112x112 pixels, taken as a face that is already aligned.
pub fn aligned_crop(frame: &Frame) -> Option<Crop> {
    let side = Crop::SIDE as u32;
    (frame.width() == side && frame.height() == side).then(|| Crop::from_rgb(frame.rgb()))?
}

/// Which of `new` do not look like the same person: those that are alike to the threshold neither to any
/// other of the person's embeddings nor to the average of the others. With nothing to compare to, none.
pub fn unlike(new: &[Embedding], known: &[Embedding], threshold: Similarity) -> Vec<usize> {
    let alike = |index: usize, embedding: &Embedding| {
        let others =
            || new.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, e)| e).chain(known);
        let mut sum = vec![0.0; embedding.values().len()];
        for other in others() {
            sum.iter_mut().zip(other.values()).for_each(|(sum, value)| *sum += value);
        }
        others().next().is_none()
            || others().any(|other| embedding.similarity(other) >= threshold)
            || Embedding::normalised(&sum).is_some_and(|average| embedding.similarity(&average) >= threshold)
    };
    new.iter().enumerate().filter(|(index, embedding)| !alike(*index, embedding)).map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use ostiary_core::{BBox, Detection, Quality};

    use super::*;

    fn face(side: f32) -> Face {
        let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
        let detection = Detection { bbox, score: 0.9, landmarks: Default::default() };
        Face { detection, quality: Quality::default() }
    }

    #[test]
    fn two_comparable_faces_are_refused_and_a_small_one_behind_is_not() {
        assert_eq!(single(&[]), Err(Refusal::NoFace));
        assert_eq!(single(&[face(100.0), face(80.0)]), Err(Refusal::SeveralFaces));
        assert_eq!(single(&[face(100.0), face(300.0)]), Err(Refusal::SeveralFaces));
        assert_eq!(single(&[face(100.0), face(50.0)]), Ok(&face(100.0)));
    }

    #[test]
    fn the_odd_one_out_is_found() {
        let at = |degrees: f32| {
            Embedding::normalised(&[degrees.to_radians().cos(), degrees.to_radians().sin()]).unwrap()
        };
        let threshold = Similarity(0.8);
        assert!(unlike(&[at(0.0)], &[], threshold).is_empty());
        assert!(unlike(&[at(0.0), at(20.0), at(40.0)], &[], threshold).is_empty());
        assert_eq!(unlike(&[at(0.0), at(20.0), at(120.0)], &[], threshold), [2]);
        assert_eq!(unlike(&[at(0.0), at(90.0)], &[], threshold), [0, 1]);
        assert_eq!(unlike(&[at(90.0)], &[at(0.0), at(10.0)], threshold), [0]);
        // Too far from either, near enough to their middle.
        assert!(unlike(&[at(0.0)], &[at(40.0), at(-40.0)], threshold).is_empty());
    }
}
