//! Recognizes the gate of a squeeze-and-excitation block: a global average pool, two 1x1 convolutions in floats with a Relu
//! between them, and a Sigmoid.

use ostiary_kernels::SqueezeExcite;
use tract_onnx::pb::NodeProto;

use super::graph::{Constant, Graph, int, ints};
use super::import_error::{ImportError, invalid, unsupported};
use super::layer::{GateWeights, Value, ValueId};

/// A gate of which a part was recognized.
#[derive(Debug, Clone)]
pub struct PartialGate {
    /// The value whose channels are averaged.
    pub input: ValueId,
    weights: GateWeights,
    stage: Stage,
}

/// The last recognized operator of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pool,
    Squeeze,
    Relu,
    Excite,
    Sigmoid,
}

impl PartialGate {
    /// The averages of the channels of a value.
    ///
    /// # Errors
    /// The kernel does not support maps of this size.
    pub fn pool(input: ValueId, value: &Value) -> Result<Self, ImportError> {
        let [channels, height, width] = value.map;
        if channels > SqueezeExcite::MAX_CHANNELS || height * width > SqueezeExcite::MAX_PIXELS {
            return unsupported(format!("a gate for a map of {channels}x{height}x{width}"));
        }
        Ok(Self { input, weights: GateWeights::default(), stage: Stage::Pool })
    }

    /// Adds a convolution in floats.
    ///
    /// # Errors
    /// It is not the next operator of a gate, or its weights do not fit.
    pub fn conv(mut self, node: &NodeProto, graph: &Graph, channels: usize) -> Result<Self, ImportError> {
        let inputs = match self.stage {
            Stage::Pool => channels,
            Stage::Relu => self.weights.squeeze_bias.len(),
            _ => return unsupported("it is not the next operator of a gate"),
        };
        let constant = |index: usize| node.input.get(index).and_then(|name| graph.floats(name));
        let Some(Constant { shape, values }) = constant(1) else {
            return unsupported("the weights of a gate are not floats");
        };
        let [outputs, weights_inputs, 1, 1] = shape[..] else {
            return unsupported("the kernel of a gate is not 1x1");
        };
        let differs =
            |name, value| ints(node, name).is_some_and(|values| values.iter().any(|given| *given != value));
        if int(node, "group").unwrap_or(1) != 1
            || differs("strides", 1)
            || differs("dilations", 1)
            || differs("pads", 0)
        {
            return unsupported("a convolution of a gate with steps, padding or groups");
        }
        if weights_inputs != inputs || outputs == 0 || (self.stage == Stage::Relu && outputs != channels) {
            return invalid(format!("its weights are of shape {shape:?}, in a gate for {channels} channels"));
        }
        if outputs > SqueezeExcite::MAX_CHANNELS {
            return unsupported("a gate with more values than the kernel has room for");
        }
        let bias = match node.input.get(2) {
            None => vec![0.0; outputs],
            Some(_) => match constant(2) {
                Some(bias) if bias.values.len() == outputs => bias.values,
                Some(bias) => {
                    return invalid(format!("it has {} biases for {outputs} outputs", bias.values.len()));
                }
                None => return unsupported("its bias is not a constant"),
            },
        };
        if self.stage == Stage::Pool {
            (self.weights.squeeze, self.weights.squeeze_bias) = (values, bias);
            self.stage = Stage::Squeeze;
        } else {
            (self.weights.excite, self.weights.excite_bias) = (values, bias);
            self.stage = Stage::Excite;
        }
        Ok(self)
    }

    /// Adds a Relu or a Sigmoid.
    ///
    /// # Errors
    /// It is not the next operator of a gate.
    pub fn activation(mut self, node: &NodeProto) -> Result<Self, ImportError> {
        self.stage = match (node.op_type.as_str(), self.stage) {
            ("Relu", Stage::Squeeze) => Stage::Relu,
            ("Sigmoid", Stage::Excite) => Stage::Sigmoid,
            _ => return unsupported("it is not the next operator of a gate"),
        };
        Ok(self)
    }

    /// The weights of the whole gate.
    ///
    /// # Errors
    /// A part of the gate is missing.
    pub fn complete(self) -> Result<GateWeights, ImportError> {
        match self.stage {
            Stage::Sigmoid => Ok(self.weights),
            _ => unsupported("it multiplies by something else than a gate"),
        }
    }
}
