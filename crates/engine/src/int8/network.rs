//! A quantized network as an implementation of [`Network`].

use std::time::Duration;

use ostiary_core::{ChannelOrder, NetworkInput};
use ostiary_kernels::Isa;
use tract_onnx::pb::ModelProto;

use super::execution_plan::ExecutionPlan;
use super::graph::Graph;
use super::import_error::ImportError;
use super::qdq_import::import_qdq;
use super::step::LayerInfo;
use crate::{EngineError, Network};

/// A quantized network for one shape of input.
pub struct QuantizedNetwork {
    name: String,
    plan: ExecutionPlan,
    isa: Isa,
    output_shapes: Vec<Vec<usize>>,
}

impl QuantizedNetwork {
    /// Prepares a file for inputs of `shape`: batch, channels, height, width. `None` if the file is not quantized, or has an
    /// operator that the kernels do not support: then tract runs it.
    ///
    /// # Errors
    /// Scales or shapes are invalid, or the network needs too much memory.
    pub fn new(
        name: &str,
        file: &ModelProto,
        input: &NetworkInput,
        shape: &[usize],
        threads: usize,
    ) -> Result<Option<Self>, EngineError> {
        let invalid = |why: String| EngineError::Shape { model: name.to_owned(), shape: shape.to_vec(), why };
        let Some(graph) = &file.graph else { return Ok(None) };
        if !graph.node.iter().any(|node| node.op_type == "DequantizeLinear") {
            return Ok(None);
        }
        let network = match import_qdq(&Graph::new(graph), input, shape) {
            Ok(network) => network,
            Err(ImportError::Unsupported(why)) => {
                log::warn!(
                    "{name}: the fast kernels do not support its quantization ({why}); it runs slowly"
                );
                return Ok(None);
            }
            Err(ImportError::Invalid(why)) => return Err(invalid(why)),
        };
        let isa = Isa::best();
        let plan = ExecutionPlan::new(&network, input.channels == ChannelOrder::Bgr, isa, threads)
            .map_err(|error| invalid(error.to_string()))?;
        let slow = plan.unbounded_layers();
        if let Some(layer) = slow.first() {
            let count = slow.len();
            log::warn!(
                "{name}: in {count} of {} layers, first in {layer}, sums or scales exceed the bounds of the faster rounding; they give the same result more slowly",
                plan.layers().len()
            );
        }
        let output_shapes = network.outputs.iter().map(|output| output.shape.clone()).collect();
        Ok(Some(Self { name: name.to_owned(), plan, isa, output_shapes }))
    }

    /// The instruction set of the kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The layers, in the order in which they run.
    pub fn layers(&self) -> Vec<LayerInfo> {
        self.plan.layers()
    }

    /// The names of the layers whose sums or values are too large for the faster rounding.
    pub fn unbounded_layers(&self) -> Vec<&str> {
        self.plan.unbounded_layers()
    }

    /// Runs the network without its outputs, and adds the duration of each layer to `times`.
    ///
    /// # Errors
    /// The length of `pixels` is wrong.
    pub fn run_timed(&mut self, pixels: &[u8], times: &mut [Duration]) -> Result<(), EngineError> {
        self.check_input(pixels)?;
        self.plan.run_timed(pixels, times);
        Ok(())
    }

    fn check_input(&self, pixels: &[u8]) -> Result<(), EngineError> {
        let expected = self.plan.input_len();
        if pixels.len() != expected {
            let why = format!("{} bytes of pixels for an input of {expected}", pixels.len());
            return Err(EngineError::Run { model: self.name.clone(), why });
        }
        Ok(())
    }
}

impl Network for QuantizedNetwork {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        self.check_input(pixels)?;
        self.plan.run(pixels, outputs);
        Ok(())
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }
}
