//! An ONNX file to something runnable. The one seam is [`Network`]; `tract` is the default behind it.

/// A loaded network. Tensors are dense `f32`, in the layout that the model's file gives them (NCHW unless the
/// manifest says otherwise).
pub trait Network: Send {
    /// Runs one input of the shape that the network was prepared for.
    ///
    /// `input` holds every element of the input; each of `outputs` is cleared and filled with one output of
    /// the network, in the file's order, keeping its capacity.
    fn run(&mut self, input: &[f32], outputs: &mut [Vec<f32>]) -> Result<(), EngineError>;
}

/// Why a network cannot be loaded or run. Every message names the file or shape and the mend.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{model}: {why}")]
    Run { model: String, why: String },
}
