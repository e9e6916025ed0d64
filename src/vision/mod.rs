//! From a frame to faces, crops and embeddings: pure functions and small structs, no I/O.
//!
//! A detector finds faces (MTCNN), a tracker follows them, alignment cuts the 112x112 [`Crop`],
//! [`Quality`] says whether it is good enough, an embedder turns it into an [`Embedding`].

mod align;
mod batches;
mod crop;
mod embedder;
mod embedding;
mod face;
mod geometry;
mod mtcnn;
mod proof;
mod quality;
mod recogniser;
mod track;

pub use align::{ARCFACE_TEMPLATE, SimilarityTransform, align};
pub use crop::Crop;
pub use embedder::Embedder;
pub use embedding::{Embedding, Similarity};
pub use face::{Detection, Detections, Face, MAX_FACES, Quality, subject};
pub use geometry::{BBox, Landmarks, Point};
pub use mtcnn::Detector;
pub use proof::{Agreement, ProofError, hold_to_golden, prove};
pub use quality::QualityFault;
pub use recogniser::{Recognised, Recogniser, VisionError};
pub use track::{Ended, Track, TrackId, Tracker};
