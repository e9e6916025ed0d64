//! Detection, alignment, quality and embedding for single pictures.

use ostiary_config::{Config, QualityLimits};
use ostiary_core::{
    BBox, Crop, Detection, Detections, Embedding, Face, Frame, ModelId, QualityFault, primary_detection,
};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, UnsupportedFpir};
use ostiary_vision::{Detector, Embedder, VisionError, align, cover, is_cut_off, measure_quality};

use super::{Thresholds, face_fault};

/// Least width of the face in an aligned crop, as a share of its side.
const MIN_CROP_FACE: f32 = 0.35;

/// Detector and embedder for single pictures, without tracking.
pub struct FaceEncoder {
    detector: Detector,
    embedder: Embedder,
    detections: Detections,
}

/// A face that was aligned and measured, but not embedded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasuredFace {
    /// Detection and quality.
    pub face: Face,
    /// Whether the picture's edge cuts the face off.
    pub is_cut_off: bool,
    /// What covers the eyes or the mouth.
    pub cover: Option<QualityFault>,
}

/// A face with its aligned crop and its embedding.
#[derive(Debug, Clone)]
pub struct EncodedFace {
    /// Detection and quality.
    pub face: Face,
    /// The aligned crop.
    pub crop: Crop,
    /// The embedding of the crop.
    pub embedding: Embedding,
    /// The share of the crop that lies outside the picture, 0 to 1.
    pub share_outside: f32,
}

impl FaceEncoder {
    /// Loads the models that the configuration names.
    ///
    /// # Errors
    /// The models are missing, damaged or do not fit their roles, or the backend is not available.
    pub fn load(config: &Config) -> Result<Self, VisionError> {
        let bundle = Bundle::find(&config.models, config.engine.precision)?;
        Self::from_bundle(&bundle, config, &Backend::new(&config.engine, &config.ort)?)
    }

    /// Loads the models of a bundle.
    ///
    /// # Errors
    /// The models are damaged or do not fit their roles.
    pub fn from_bundle(bundle: &Bundle, config: &Config, backend: &Backend) -> Result<Self, VisionError> {
        Ok(Self {
            detector: Detector::load(bundle, &config.detector, backend)?,
            embedder: Embedder::load(bundle, &config.embedder, backend)?,
            detections: Detections::new(),
        })
    }

    /// The id of the embedding model.
    pub fn model(&self) -> &ModelId {
        self.embedder.model()
    }

    /// The ids of the models whose templates stay valid with this one, most similar first.
    pub fn compatible_models(&self) -> Vec<ModelId> {
        self.embedder.entry().compatible_models()
    }

    /// The thresholds of the model for `door.fpir`, and the error if the model does not support the rate
    /// ([`Thresholds::nearest`]).
    pub fn thresholds(&self, fpir: Option<f64>) -> (Thresholds, Option<UnsupportedFpir>) {
        Thresholds::nearest(self.embedder.entry(), fpir)
    }

    /// The first fault of a face; `None` if it is good enough.
    pub fn fault(&self, limits: &QualityLimits, encoded: &EncodedFace) -> Option<QualityFault> {
        // A head that is not upright has the landmarks of another pose, and with them other faults.
        let EncodedFace { face, crop, embedding, share_outside } = encoded;
        self.not_upright(embedding).or_else(|| face_fault(limits, &face.quality, *share_outside, crop))
    }

    /// The fault of an embedding whose head is not upright, so that it says nothing about the person.
    pub fn not_upright(&self, embedding: &Embedding) -> Option<QualityFault> {
        (!self.embedder.entry().is_upright(embedding)).then_some(QualityFault::NotUpright)
    }

    /// All faces of a picture that can be aligned, most probable first.
    ///
    /// # Errors
    /// The detector fails.
    pub fn faces(&mut self, frame: &Frame) -> Result<Vec<MeasuredFace>, VisionError> {
        self.detector.detect(frame, &mut self.detections)?;
        let mut crop = Crop::default();
        let face = |detection: &Detection| {
            let share_outside = align(frame, &detection.landmarks, &mut crop)?;
            let face = Face { detection: *detection, quality: measure_quality(detection, &crop) };
            Some(MeasuredFace { face, is_cut_off: is_cut_off(share_outside), cover: cover(&crop) })
        };
        Ok(self.detections.iter().filter_map(face).collect())
    }

    /// Aligns and embeds one face of a picture.
    ///
    /// # Errors
    /// The landmarks cannot be aligned, or the embedder fails.
    pub fn encode(&mut self, frame: &Frame, detection: &Detection) -> Result<EncodedFace, VisionError> {
        let mut crop = Crop::default();
        let share_outside = align(frame, &detection.landmarks, &mut crop).ok_or(VisionError::NotAligned)?;
        let face = Face { detection: *detection, quality: measure_quality(detection, &crop) };
        Ok(EncodedFace { face, embedding: self.embedder.embed(&crop)?, crop, share_outside })
    }

    /// The main face of a picture ([`primary_detection`]); `None` if there is no face.
    ///
    /// # Errors
    /// A network fails.
    pub fn most_probable(&mut self, frame: &Frame) -> Result<Option<EncodedFace>, VisionError> {
        let faces = self.faces(frame)?;
        match primary_detection(faces.iter().map(|found| &found.face.detection)) {
            Some(detection) => Ok(Some(self.encode(frame, detection)?)),
            None => Ok(None),
        }
    }

    /// Whether an aligned crop shows a face: the detector finds one around its middle.
    ///
    /// # Errors
    /// The detector fails.
    pub fn is_face(&mut self, crop: &Crop) -> Result<bool, VisionError> {
        // The face of a crop reaches its borders, and the detector needs some space around a face.
        const BORDER: usize = Crop::SIDE / 2;
        const SIDE: usize = Crop::SIDE + 2 * BORDER;
        let mut rgb = vec![0; SIDE * SIDE * 3];
        let rows = rgb.chunks_exact_mut(SIDE * 3).skip(BORDER);
        for (row, pixels) in rows.zip(crop.rgb().chunks_exact(Crop::SIDE * 3)) {
            if let Some(middle) = row.get_mut(BORDER * 3..(BORDER + Crop::SIDE) * 3) {
                middle.copy_from_slice(pixels);
            }
        }
        let Some(frame) = Frame::from_rgb(SIDE as u32, SIDE as u32, rgb) else { return Ok(false) };
        self.detector.detect(&frame, &mut self.detections)?;
        let middle = SIDE as f32 / 2.0;
        Ok(self.detections.iter().any(|face| {
            let BBox { x, y, width, height } = face.bbox;
            (x..x + width).contains(&middle)
                && (y..y + height).contains(&middle)
                && width > Crop::SIDE as f32 * MIN_CROP_FACE
        }))
    }

    /// Embeds an aligned crop.
    ///
    /// # Errors
    /// The embedder fails.
    pub fn embed(&mut self, crop: &Crop) -> Result<Embedding, VisionError> {
        self.embedder.embed(crop)
    }
}
