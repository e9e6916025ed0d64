//! Tests whether models find the faces of the bundled portraits and distinguish the people.

use ostiary_core::Embedding;
use ostiary_models::FarPoint;
use ostiary_pipeline::FaceEncoder;

use super::{DEMO_VISITORS, Portrait, SelfTestError, enrollment};

/// Smallest overlap (IoU) of the detected face and its known position.
const MIN_IOU: f32 = 0.7;

/// Checks that the one face of each portrait is found, that two photos of one person are more similar than photos of two
/// people and reach the threshold of the highest false accept rate in `table` (the embedder's), and that two people do not
/// reach the threshold of the lowest rate. The rate that the door uses is not considered: at a high rate some strangers
/// match by chance.
///
/// # Errors
/// Names the portrait whose face was not found, or gives the similarities that are wrong; or a network fails.
pub fn match_portraits(encoder: &mut FaceEncoder, table: &[FarPoint]) -> Result<(), SelfTestError> {
    let [stranger, known] = DEMO_VISITORS;
    let [stranger, known] = [embed(encoder, &stranger)?, embed(encoder, &known)?];
    // The case without a table is refused before, because no threshold can be set.
    let (loosest, strictest) = match table {
        [first, .., last] => (first.threshold, last.threshold),
        [only] => (only.threshold, only.threshold),
        [] => (0.0, 1.0),
    };
    for portrait in enrollment().portraits {
        let enrolled = embed(encoder, portrait)?;
        let same = enrolled.similarity(&known).0;
        let different = enrolled.similarity(&stranger).0.max(known.similarity(&stranger).0);
        if !(same > different && same >= loosest) {
            return Err(SelfTestError::FalseNonMatch { same, different });
        }
        if different >= strictest {
            return Err(SelfTestError::FalseMatch { different, threshold: strictest });
        }
    }
    Ok(())
}

fn embed(encoder: &mut FaceEncoder, portrait: &Portrait) -> Result<Embedding, SelfTestError> {
    let picture = portrait.picture()?;
    let faces = encoder.faces(&picture)?;
    match faces.as_slice() {
        [face] if face.detection.bbox.iou(&portrait.face) > MIN_IOU => {
            Ok(encoder.encode(&picture, &face.detection)?.embedding)
        }
        faces => Err(SelfTestError::FaceNotFound { file: portrait.file, found: faces.len() }),
    }
}
