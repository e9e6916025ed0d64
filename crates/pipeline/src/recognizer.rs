//! Everything between a picture and an embedding, in one hand, for pictures that stand alone.

use ostiary_config::Config;
use ostiary_core::{Crop, Detection, Detections, Embedding, Face, Frame, ModelId, Similarity, subject};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_vision::{Detector, Embedder, VisionError, align, measure_quality};

/// Detector, alignment, quality and embedder together.
pub struct Recognizer {
    detector: Detector,
    embedder: Embedder,
    found: Detections,
}

/// A face with what was made of it.
#[derive(Debug, Clone)]
pub struct RecognizedFace {
    pub face: Face,
    pub crop: Crop,
    pub embedding: Embedding,
}

impl Recognizer {
    /// Loads and verifies the models that the configuration names.
    pub fn load(config: &Config) -> Result<Self, VisionError> {
        let bundle = Bundle::find(&config.models, config.engine.precision)?;
        Self::of(&bundle, config, &Backend::new(&config.engine, &config.ort)?)
    }

    /// Loads and verifies the models of a bundle.
    pub fn of(bundle: &Bundle, config: &Config, backend: &Backend) -> Result<Self, VisionError> {
        Ok(Self {
            detector: Detector::load(bundle, &config.detector, backend)?,
            embedder: Embedder::load(bundle, &config.embedder, backend)?,
            found: Detections::new(),
        })
    }

    /// The embedding model.
    pub fn model(&self) -> &ModelId {
        self.embedder.model()
    }

    /// The cosine threshold that holds a false accept rate.
    pub fn threshold(&self, far: f64) -> Result<Similarity, VisionError> {
        self.embedder.threshold(far)
    }

    /// All faces of a picture, most probable first.
    pub fn faces(&mut self, frame: &Frame) -> Result<Vec<Face>, VisionError> {
        self.detector.detect(frame, &mut self.found)?;
        let mut crop = Crop::default();
        let face = |detection: &Detection| {
            align(frame, &detection.landmarks, &mut crop)
                .then(|| Face { detection: *detection, quality: measure_quality(detection, &crop) })
        };
        Ok(self.found.iter().filter_map(face).collect())
    }

    /// Aligns and embeds one face of the picture.
    pub fn recognize(&mut self, frame: &Frame, detection: &Detection) -> Result<RecognizedFace, VisionError> {
        let mut crop = Crop::default();
        if !align(frame, &detection.landmarks, &mut crop) {
            return Err(VisionError::NotAligned);
        }
        let face = Face { detection: *detection, quality: measure_quality(detection, &crop) };
        Ok(RecognizedFace { face, embedding: self.embedder.embed(&crop)?, crop })
    }

    /// The face that the picture is of ([`subject`]); `None` where there is no face.
    pub fn most_probable(&mut self, frame: &Frame) -> Result<Option<RecognizedFace>, VisionError> {
        let faces = self.faces(frame)?;
        match subject(faces.iter().map(|face| &face.detection)) {
            Some(detection) => Ok(Some(self.recognize(frame, detection)?)),
            None => Ok(None),
        }
    }

    /// Embeds a crop that is already aligned.
    pub fn embed(&mut self, crop: &Crop) -> Result<Embedding, VisionError> {
        self.embedder.embed(crop)
    }
}
