//! A recognised network behind the engine's seam.

use std::time::Duration;

use ostiary_core::{ChannelOrder, Input};
use ostiary_kernels::Isa;
use tract_onnx::pb::ModelProto;

use super::graph::Graph;
use super::program::{LayerInfo, Program};
use super::recognise::{Refusal, recognise};
use crate::{EngineError, Network};

/// A quantised network for one shape of input.
pub struct QuantisedNetwork {
    name: String,
    program: Program,
    isa: Isa,
    output_shapes: Vec<Vec<usize>>,
}

impl QuantisedNetwork {
    /// `None` for a file that is not quantised, or in which something is that no kernel does: tract's own
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
        let network = match recognise(&Graph::new(graph), input, shape) {
            Ok(network) => network,
            Err(Refusal::Unknown(why)) => {
                log::warn!("{name}: is quantised in a way that no fast kernel runs ({why}); it runs slowly");
                return Ok(None);
            }
            Err(Refusal::Broken(why)) => return Err(refused(why)),
        };
        let isa = Isa::best();
        let program =
            Program::new(&network, input.channels == ChannelOrder::Bgr, isa, threads).map_err(refused)?;
        let output_shapes = network.outputs.iter().map(|output| output.shape.clone()).collect();
        Ok(Some(Self { name: name.to_owned(), program, isa, output_shapes }))
    }

    /// The instruction set of its kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Its layers, in the order in which they run.
    pub fn layers(&self) -> Vec<LayerInfo> {
        self.program.layers()
    }

    /// Runs it as [`Network::run`] does, adding what each layer took to `times`; the outputs are not made.
    pub fn run_timed(&mut self, pixels: &[u8], times: &mut [Duration]) -> Result<(), EngineError> {
        self.check(pixels)?;
        self.program.run_timed(pixels, times);
        Ok(())
    }

    fn check(&self, pixels: &[u8]) -> Result<(), EngineError> {
        let wanted = self.program.input_len();
        if pixels.len() != wanted {
            let why = format!("{} bytes of pixels for an input of {wanted}", pixels.len());
            return Err(EngineError::Run { model: self.name.clone(), why });
        }
        Ok(())
    }
}

impl Network for QuantisedNetwork {
    fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) -> Result<(), EngineError> {
        self.check(pixels)?;
        self.program.run(pixels, outputs);
        Ok(())
    }

    fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }
}
