//! Whether models find the faces of the bundled portraits, and tell the people apart.

use ostiary_core::Embedding;
use ostiary_models::FarPoint;
use ostiary_pipeline::Recognizer;

use super::{Portrait, SCRIPT, SelfTestError, enrollment};

/// The least share that the face found must have in common with where it is.
const OVERLAP: f32 = 0.7;

/// Whether the one face of each portrait is found, two photos of one person are more alike than those of two people, and
/// match at the widest rate of the embedder's `table`, while two people do not match at the strictest. How strict a door
/// is, is its owner's affair; at a wide rate some strangers match by chance.
///
/// # Errors
/// Which portrait was not found, or who was not told apart.
pub fn match_portraits(recognizer: &mut Recognizer, table: &[FarPoint]) -> Result<(), SelfTestError> {
    let [stranger, known] = SCRIPT;
    let [stranger, known] = [embed(recognizer, &stranger)?, embed(recognizer, &known)?];
    // Without a table no threshold can be set, which is refused before.
    let (widest, strictest) = match table {
        [first, .., last] => (first.threshold, last.threshold),
        [only] => (only.threshold, only.threshold),
        [] => (0.0, 1.0),
    };
    for portrait in enrollment().portraits {
        let enrolled = embed(recognizer, portrait)?;
        let same = enrolled.similarity(&known).0;
        let strange = enrolled.similarity(&stranger).0.max(known.similarity(&stranger).0);
        if !(same > strange && same >= widest) {
            return Err(SelfTestError::NotMatched { same, strange });
        }
        if strange >= strictest {
            return Err(SelfTestError::Mistaken { strange, threshold: strictest });
        }
    }
    Ok(())
}

fn embed(recognizer: &mut Recognizer, portrait: &Portrait) -> Result<Embedding, SelfTestError> {
    let picture = portrait.picture()?;
    let faces = recognizer.faces(&picture)?;
    match faces.as_slice() {
        [face] if face.detection.bbox.iou(&portrait.face) > OVERLAP => {
            Ok(recognizer.recognize(&picture, &face.detection)?.embedding)
        }
        faces => Err(SelfTestError::NotFound { file: portrait.file, found: faces.len() }),
    }
}
