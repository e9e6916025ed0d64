//! Tests whether models find the faces of the bundled portraits and distinguish the people.

use ostiary_core::Embedding;
use ostiary_models::ModelEntry;
use ostiary_pipeline::{Comparison, FaceEncoder, Thresholds};

use super::{DEMO_VISITORS, Portrait, SelfTestError, enrollment};

/// Smallest overlap (IoU) of the detected face and its known position.
const MIN_IOU: f32 = 0.7;

/// Checks that the one face of each portrait is found, that another photo of the person is more similar than one of a stranger
/// and reaches the loosest threshold of `model` (the embedder's entry in the manifest), and that the stranger does not reach the
/// strictest one. The rate that the door uses is not considered: at a high rate some strangers match by chance.
///
/// # Errors
/// Names the portrait whose face was not found, or gives the similarities that are wrong; or a network fails.
pub fn match_portraits(encoder: &mut FaceEncoder, model: &ModelEntry) -> Result<(), SelfTestError> {
    let [stranger, known] = DEMO_VISITORS;
    let [stranger, known] = [embed(encoder, &stranger)?, embed(encoder, &known)?];
    let [loosest, strictest] = Thresholds::extremes(model);
    for portrait in enrollment().portraits {
        let enrolled = embed(encoder, portrait)?;
        let same = loosest.compare(&enrolled, &known);
        let different = strictest.compare(&enrolled, &stranger);
        let Comparison { similarity, threshold, .. } = different;
        if !(same.is_match() && same.similarity > similarity) {
            return Err(SelfTestError::FalseNonMatch { same: same.similarity.0, different: similarity.0 });
        }
        if different.is_match() {
            return Err(SelfTestError::FalseMatch { different: similarity.0, threshold: threshold.0 });
        }
    }
    Ok(())
}

fn embed(encoder: &mut FaceEncoder, portrait: &Portrait) -> Result<Embedding, SelfTestError> {
    let picture = portrait.picture()?;
    let faces = encoder.faces(&picture)?;
    match faces.as_slice() {
        [found] if found.face.detection.bbox.iou(&portrait.face) > MIN_IOU => {
            Ok(encoder.encode(&picture, &found.face.detection)?.embedding)
        }
        faces => Err(SelfTestError::FaceNotFound { file: portrait.file, found: faces.len() }),
    }
}
