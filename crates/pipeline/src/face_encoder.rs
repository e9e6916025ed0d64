//! Detection, alignment, quality and embedding for single pictures.

use ostiary_config::{Config, QualityLimits};
use ostiary_core::{
    BBox, Crop, Detection, Detections, Embedding, Face, Frame, ModelId, QualityFault, primary_detection,
};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, UnsupportedFpir};
use ostiary_vision::{Detector, Embedder, VisionError, align, cover, is_cut_off, measure_quality};

use super::Thresholds;

/// Least width of the face in an aligned crop, as a share of its side.
const MIN_CROP_FACE: f32 = 0.35;

/// Detector and embedder for single pictures, without tracking.
pub struct FaceEncoder {
    detector: Detector,
    embedder: Embedder,
    detections: Detections,
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
    /// Whether the picture's edge cuts the face off.
    pub is_cut_off: bool,
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

    /// The thresholds of the model for `door.fpir`, and the error if the model does not support the rate
    /// ([`Thresholds::nearest`]).
    pub fn thresholds(&self, fpir: Option<f64>) -> (Thresholds, Option<UnsupportedFpir>) {
        Thresholds::nearest(self.embedder.entry(), fpir)
    }

    /// The first fault of a face; `None` if it is good enough.
    pub fn fault(&self, limits: &QualityLimits, encoded: &EncodedFace) -> Option<QualityFault> {
        // A head that is not upright, or is cut off, has the landmarks of another pose, and with them other faults.
        let cut_off = encoded.is_cut_off.then_some(QualityFault::CutOff);
        let faults = || limits.fault(&encoded.face.quality).or_else(|| cover(&encoded.crop));
        self.not_upright(&encoded.embedding).or(cut_off).or_else(faults)
    }

    /// The fault of an embedding whose head is not upright, so that it says nothing about the person.
    pub fn not_upright(&self, embedding: &Embedding) -> Option<QualityFault> {
        (!self.embedder.entry().is_upright(embedding)).then_some(QualityFault::NotUpright)
    }

    /// All faces of a picture that can be aligned, most probable first.
    ///
    /// # Errors
    /// The detector fails.
    pub fn faces(&mut self, frame: &Frame) -> Result<Vec<Face>, VisionError> {
        self.detector.detect(frame, &mut self.detections)?;
        let mut crop = Crop::default();
        let face = |detection: &Detection| {
            align(frame, &detection.landmarks, &mut crop)
                .then(|| Face { detection: *detection, quality: measure_quality(detection, &crop) })
        };
        Ok(self.detections.iter().filter_map(face).collect())
    }

    /// Aligns and embeds one face of a picture.
    ///
    /// # Errors
    /// The landmarks cannot be aligned, or the embedder fails.
    pub fn encode(&mut self, frame: &Frame, detection: &Detection) -> Result<EncodedFace, VisionError> {
        let mut crop = Crop::default();
        if !align(frame, &detection.landmarks, &mut crop) {
            return Err(VisionError::NotAligned);
        }
        let face = Face { detection: *detection, quality: measure_quality(detection, &crop) };
        let is_cut_off = is_cut_off(frame, &detection.landmarks);
        Ok(EncodedFace { face, embedding: self.embedder.embed(&crop)?, crop, is_cut_off })
    }

    /// The main face of a picture ([`primary_detection`]); `None` if there is no face.
    ///
    /// # Errors
    /// A network fails.
    pub fn most_probable(&mut self, frame: &Frame) -> Result<Option<EncodedFace>, VisionError> {
        let faces = self.faces(frame)?;
        match primary_detection(faces.iter().map(|face| &face.detection)) {
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
