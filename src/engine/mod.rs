//! An ONNX file to something runnable. The one seam is [`Network`]; `tract` is the default behind it.
//!
//! What comes in: the bytes of an ONNX file ([`Onnx::parse`]) and the shape to run it at
//! ([`Onnx::prepare`]). What goes out: a [`Network`].

mod prelu;
mod tract;

pub use tract::Onnx;

/// A loaded network. Tensors are dense `f32`, in the layout that the model's file gives them (NCHW unless the
/// manifest says otherwise).
pub trait Network: Send {
    /// Runs one input of the shape that the network was prepared for.
    ///
    /// `input` holds every element of the input; each of `outputs` is cleared and filled with one output of
    /// the network, in the file's order, keeping its capacity.
    fn run(&mut self, input: &[f32], outputs: &mut [Vec<f32>]) -> Result<(), EngineError>;

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
    #[error("{model}: failed while running: {why}")]
    Run { model: String, why: String },
}
