//! From an ONNX file to a network that runs.
//!
//! What comes in: the bytes of an ONNX file ([`Onnx::parse`]) and the shape to run it at ([`Onnx::prepare`]). What goes
//! out: a [`Network`]. Quantized files run on this project's kernels (`int8`), all others on tract; or all on onnxruntime
//! where the configuration says so ([`Backend`]).

mod backend;
mod caught;
mod int8;
mod limits;
mod max_pool;
mod onnx;
#[cfg(feature = "ort")]
mod ort;
mod planes;
mod prelu;
mod tract;

use std::path::PathBuf;

pub use backend::Backend;
pub use int8::{LayerInfo, QuantizedNetwork};
pub use limits::LimitError;
pub use onnx::Onnx;

/// A loaded network, bound to one shape of input.
pub trait Network: Send {
    /// Runs a batch of pictures of the size that the network was prepared for.
    ///
    /// `pixels` are the pictures one after the other, each packed RGB, rows top to bottom; the network does what
    /// its file needs beyond that: normalization, planes, blue first. Each of `outputs` is cleared and filled with
    /// one output of the network, dense and in the file's layout (NCHW), in the file's order, keeping its capacity.
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError>;

    /// The shapes of the outputs, in the file's order.
    fn output_shapes(&self) -> &[Vec<usize>];
}

/// Why a network cannot be loaded or run. Every message names the file or shape and the mend.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{model}: is not an ONNX model that can be run: {why}; install the models again")]
    Load { model: String, why: String },
    #[error("{model}: does not run on an input of {shape:?}: {why}; it is not the model that its role needs")]
    Shape { model: String, shape: Vec<usize>, why: String },
    #[error(
        "{model}: is refused before it is loaded: {why}; it is damaged, or not the model that its role needs; install the \
         models again"
    )]
    Limit { model: String, why: LimitError },
    #[error(
        "{model}: cannot be loaded or run: the engine met what it did not expect ({why}); install the models again"
    )]
    Panic { model: String, why: String },
    #[error("{model}: failed while running: {why}")]
    Run { model: String, why: String },
    #[error("{library}: cannot be used as onnxruntime: {why}; {mend}", library = library.display())]
    Library { library: PathBuf, why: String, mend: String },
    #[error(
        "{library}: this onnxruntime does not give {provider}: {why}; install one that does, with the libraries that it \
         needs, or set ort.provider = \"cpu\"",
        library = library.display()
    )]
    Provider { library: PathBuf, provider: &'static str, why: String },
}
