//! Why a picture cannot be looked at.

use ostiary_engine::EngineError;
use ostiary_models::BundleError;

/// Why a picture could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("{model}: gives outputs of {found}, not {wanted}; it is not the model that its role needs")]
    Outputs { model: String, wanted: String, found: String },
    #[error("the picture cannot be shrunk: {why}")]
    Resize { why: String },
    #[error("the model gave no usable embedding (not finite, or all zero); install the models again")]
    NoEmbedding,
    #[error("the face's landmarks do not tell how it lies")]
    NotAligned,
}
