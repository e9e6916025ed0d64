//! Errors of the vision pipeline.

use ostiary_engine::EngineError;
use ostiary_models::BundleError;

/// Why a network cannot be used, or a frame cannot be processed.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// A network cannot be loaded or run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The bundle of models cannot be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The outputs of a network do not fit its role.
    #[error("{model}: gives outputs of {found}, not {expected}; it is not the model that its role needs")]
    Outputs {
        /// File of the model.
        model: String,
        /// Shapes that the role needs.
        expected: String,
        /// Shapes of the network.
        found: String,
    },
    /// The frame cannot be resized for the detector.
    #[error("the frame cannot be resized: {why}")]
    Resize {
        /// The error of the resizer.
        why: String,
    },
    /// The embedder gave a vector that cannot be normalized.
    #[error("the model gave no usable embedding (not finite, or all zero); install the models again")]
    NoEmbedding,
    /// Presentation attack detection gave a number that is not finite.
    #[error("the model gave no usable score of liveness (not finite); install the models again")]
    NoScore,
    /// The landmarks of a face do not determine a transform.
    #[error("the face cannot be aligned by its landmarks")]
    NotAligned,
}
