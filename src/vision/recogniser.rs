//! Everything between a picture and an embedding, in one hand, for pictures that stand alone.

use crate::bundle::ModelId;
use crate::capture::Frame;
use crate::config::Config;

use super::{Crop, Detection, Embedding, Face, Similarity};

/// Detector, alignment, quality and embedder together.
pub struct Recogniser {
    model: ModelId,
}

/// A face with what was made of it.
#[derive(Debug, Clone)]
pub struct Recognised {
    pub face: Face,
    pub crop: Crop,
    pub embedding: Embedding,
}

/// Why a picture could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
}

impl Recogniser {
    /// Loads and verifies the models that the configuration names.
    pub fn load(_config: &Config) -> Result<Self, VisionError> {
        Ok(Self { model: ModelId(String::new()) })
    }

    /// The embedding model.
    pub fn model(&self) -> &ModelId {
        &self.model
    }

    /// The similarity from which two faces are called the same person at this false accept rate.
    pub fn threshold(&self, _far: f64) -> Result<Similarity, VisionError> {
        Ok(Similarity(0.5))
    }

    /// All faces of a picture, most probable first.
    pub fn faces(&mut self, _frame: &Frame) -> Result<Vec<Face>, VisionError> {
        Ok(Vec::new())
    }

    /// Aligns and embeds one face of the picture.
    pub fn recognise(&mut self, _frame: &Frame, _detection: &Detection) -> Result<Recognised, VisionError> {
        unimplemented!()
    }

    /// The most probable face; `None` where there is no face.
    pub fn most_probable(&mut self, _frame: &Frame) -> Result<Option<Recognised>, VisionError> {
        Ok(None)
    }

    /// Embeds a crop that is already aligned.
    pub fn embed(&mut self, _crop: &Crop) -> Result<Embedding, VisionError> {
        unimplemented!()
    }
}
