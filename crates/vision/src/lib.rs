//! Detection, tracking, alignment, quality and embedding of faces, without I/O.
//!
//! What comes in: frames and crops. What goes out: detections, tracks, crops, quality, embeddings and scores of liveness. [`Detector`] finds faces
//! (MTCNN), [`Tracker`] follows them from frame to frame, [`align()`] makes the 112x112 [`Crop`](ostiary_core::Crop),
//! [`measure_quality`] measures it, and [`Embedder`] computes its [`Embedding`](ostiary_core::Embedding). [`LivenessNetwork`]
//! scores how live a face and its surroundings look.

mod align;
mod batched_network;
mod change_detector;
mod context_crop;
mod cover;
mod cut_off;
mod embedder;
mod error;
mod face_picture;
mod liveness_network;
mod load_network;
mod luma;
mod mtcnn;
mod quality;
mod tracker;

pub use align::{ARCFACE_TEMPLATE, align};
pub use cover::cover;
pub use cut_off::is_cut_off;
pub use embedder::Embedder;
pub use error::VisionError;
pub use face_picture::{FACE_PICTURE_SIDE, crop_face};
pub use liveness_network::{LivenessNetwork, LivenessScore};
pub use load_network::load_network;
pub use mtcnn::Detector;
pub use quality::measure_quality;
pub use tracker::{Track, Tracker};
