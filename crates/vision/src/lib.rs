//! From a frame to faces, crops and embeddings: pure functions and small structs, no I/O.
//!
//! What comes in: frames and crops. What goes out: faces, crops, quality and embeddings. A detector finds faces (MTCNN), a
//! tracker follows them, alignment cuts the 112x112 [`Crop`](ostiary_core::Crop), [`measure_quality`] says whether it is
//! good enough, an embedder turns it into an [`Embedding`](ostiary_core::Embedding).

mod align;
mod batches;
mod embedder;
mod error;
mod mtcnn;
mod quality;
mod track;

pub use align::{ARCFACE_TEMPLATE, SimilarityTransform, align};
pub use embedder::Embedder;
pub use error::VisionError;
pub use mtcnn::Detector;
pub use quality::measure_quality;
pub use track::{Ended, Track, Tracker};
