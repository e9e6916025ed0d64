//! A recognized network behind the engine's seam.

use std::time::Duration;

use ostiary_core::{ChannelOrder, Input};
use ostiary_kernels::Isa;
use tract_onnx::pb::ModelProto;

use super::execution_plan::{ExecutionPlan, LayerInfo};
use super::graph::Graph;
use super::qdq_import::{ImportError, import_qdq};
use crate::{EngineError, Network};

/// A quantized network for one shape of input.
pub struct QuantizedNetwork {
    name: String,
    execution_plan: ExecutionPlan,
    isa: Isa,
    output_shapes: Vec<Vec<usize>>,
}

impl QuantizedNetwork {
    /// `None` for a file that is not quantized, or in which something is that no kernel does: tract's own
    /// operators run those. An error where scales or shapes cannot be right.
    pub fn new(
        name: &str,
        file: &ModelProto,
        input: &Input,
        shape: &[usize],
        threads: usize,
    ) -> Result<Option<Self>, EngineError> {
        let refused = |why: String| EngineError::Shape { model: name.to_owned(), shape: shape.to_vec(), why };
        let Some(graph) = &file.graph else { return Ok(None) };
        if !graph.node.iter().any(|node| node.op_type == "DequantizeLinear") {
            return Ok(None);
        }
        let network = match import_qdq(&Graph::new(graph), input, shape) {
            Ok(network) => network,
            Err(ImportError::Unknown(why)) => {
                log::warn!("{name}: is quantized in a way that no fast kernel runs ({why}); it runs slowly");
                return Ok(None);
            }
            Err(ImportError::Broken(why)) => return Err(refused(why)),
        };
        let isa = Isa::best();
        let execution_plan = ExecutionPlan::new(&network, input.channels == ChannelOrder::Bgr, isa, threads)
            .map_err(refused)?;
        let output_shapes = network.outputs.iter().map(|output| output.shape.clone()).collect();
        Ok(Some(Self { name: name.to_owned(), execution_plan, isa, output_shapes }))
    }

    /// The instruction set of its kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Its layers, in the order in which they run.
    pub fn layers(&self) -> Vec<LayerInfo> {
        self.execution_plan.layers()
    }

    /// Runs it as [`Network::run`] does, adding what each layer took to `times`; the outputs are not made.
    pub fn run_timed(&mut self, pixels: &[u8], times: &mut [Duration]) -> Result<(), EngineError> {
        self.check(pixels)?;
        self.execution_plan.run_timed(pixels, times);
        Ok(())
    }

    fn check(&self, pixels: &[u8]) -> Result<(), EngineError> {
        let wanted = self.execution_plan.input_len();
        if pixels.len() != wanted {
            let why = format!("{} bytes of pixels for an input of {wanted}", pixels.len());
            return Err(EngineError::Run { model: self.name.clone(), why });
        }
        Ok(())
    }
}

impl Network for QuantizedNetwork {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        self.check(pixels)?;
        self.execution_plan.run(pixels, outputs);
        Ok(())
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }
}
