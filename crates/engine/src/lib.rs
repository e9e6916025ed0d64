//! Loads ONNX files and runs them.
//!
//! What comes in: the bytes of an ONNX file ([`Onnx::parse`]) and the shape of the input ([`Onnx::prepare`]). What goes out:
//! a [`Network`]. Quantized files run on the kernels of this project (`int8`), all others on tract; or all on onnxruntime if
//! the configuration says so ([`Backend`]).

mod backend;
mod input_planes;
mod int8;
mod limits;
mod max_pool;
mod onnx;
#[cfg(feature = "ort")]
mod ort;
mod panic_guard;
mod prelu;
mod tract;

use std::path::PathBuf;

pub use backend::Backend;
pub use int8::{LayerInfo, QuantizedNetwork};
pub use limits::LimitError;
pub use onnx::Onnx;
pub use ostiary_kernels::ARITHMETIC;

/// A loaded network, prepared for one shape of input.
pub trait Network: Send {
    /// Runs a batch of pictures of the size that the network was prepared for.
    ///
    /// `pixels` are the pictures one after another, each as packed RGB, rows top to bottom. The network itself normalizes
    /// them and brings them into the layout and channel order of its file. Each of `outputs` is cleared and filled with one
    /// output of the network, dense, in the layout of the file (NCHW) and the order of the file; it keeps its capacity.
    ///
    /// # Errors
    /// The length of `pixels` is wrong, or the engine fails.
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError>;

    /// The shapes of the outputs, in the order of the file.
    fn output_shapes(&self) -> &[Vec<usize>];
}

/// Why a network cannot be loaded or run. Each message names the file or shape and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file is not a valid ONNX model.
    #[error("{model}: is not an ONNX model that can be run: {why}; install the models again")]
    Load {
        /// File of the model.
        model: String,
        /// What is wrong with it.
        why: String,
    },
    /// The network does not accept this shape of input.
    #[error("{model}: does not run on an input of {shape:?}: {why}; it is not the model that its role needs")]
    Shape {
        /// File of the model.
        model: String,
        /// Batch, channels, height, width.
        shape: Vec<usize>,
        /// The reason.
        why: String,
    },
    /// The network would need too much memory or time.
    #[error(
        "{model}: is refused before it is loaded: {why}; it is damaged, or not the model that its role needs; install the \
         models again"
    )]
    Limit {
        /// File of the model.
        model: String,
        /// The exceeded limit.
        why: LimitError,
    },
    /// The engine panicked.
    #[error(
        "{model}: cannot be loaded or run: the engine failed unexpectedly ({why}); install the models again"
    )]
    Panic {
        /// File of the model.
        model: String,
        /// Message and place of the panic.
        why: String,
    },
    /// The engine failed while it ran the network.
    #[error("{model}: failed while running: {why}")]
    Run {
        /// File of the model.
        model: String,
        /// The error of the engine.
        why: String,
    },
    /// The library onnxruntime cannot be loaded.
    #[error("{library}: cannot be used as onnxruntime: {why}; {fix}", library = library.display())]
    Library {
        /// The library.
        library: PathBuf,
        /// The reason.
        why: String,
        /// How to fix it.
        fix: String,
    },
    /// The execution provider of onnxruntime does not run a quantized network.
    #[error(
        "{model}: is a network in 8 bits, which {provider} does not run as a whole: {why}; set engine.precision = \"fp32\", or \
         ort.provider = \"cpu\""
    )]
    Quantized {
        /// File of the model.
        model: String,
        /// Name of the execution provider.
        provider: &'static str,
        /// The reason.
        why: String,
    },
    /// The library does not have the configured execution provider.
    #[error(
        "{library}: this onnxruntime does not have {provider}: {why}; install one that has it, with the libraries that it \
         needs, or set ort.provider = \"cpu\"",
        library = library.display()
    )]
    Provider {
        /// The library.
        library: PathBuf,
        /// Name of the execution provider.
        provider: &'static str,
        /// The reason.
        why: String,
    },
}
