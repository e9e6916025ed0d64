//! A recognized quantized network: layers between 8-bit values, independent of instruction sets and memory.

use ostiary_kernels::Window;

/// Quantization parameters of a value: `real = (byte - zero_point) * scale`. There is one pair for all channels, or one for
/// each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantParams {
    /// Scales, positive.
    pub scale: Vec<f32>,
    /// Zero points, as many as scales.
    pub zero_point: Vec<u8>,
}

impl QuantParams {
    /// Scale and zero point of a channel.
    pub fn channel(&self, channel: usize) -> (f32, u8) {
        let index = if self.scale.len() == 1 { 0 } else { channel };
        (self.scale[index], self.zero_point[index])
    }

    /// Whether all channels have the same parameters.
    pub fn is_uniform(&self) -> bool {
        self.scale.len() == 1
    }
}

/// An 8-bit value.
#[derive(Debug, Clone)]
pub struct Value {
    /// Shape of one image: channels, height, width.
    pub map: [usize; 3],
    /// Quantization parameters.
    pub quant: QuantParams,
}

/// Index of a value in [`LayerGraph::values`]; 0 is the input of the network.
pub type ValueId = usize;

/// The parameters of a convolution. Scale, bias and slope have one value for each output channel, in real units.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Weights in the order output, row, column, input; of a depthwise convolution channel, row, column.
    pub weights: Vec<i8>,
    /// Scales of the weights.
    pub scale: Vec<f32>,
    /// Biases.
    pub bias: Vec<f32>,
    /// Slopes of PReLU; 1 without PReLU.
    pub slope: Vec<f32>,
}

/// The gate of a squeeze-and-excitation block, in real units.
#[derive(Debug, Clone, Default)]
pub struct GateWeights {
    /// The first matrix, in the order hidden value, channel.
    pub squeeze: Vec<f32>,
    /// The first bias.
    pub squeeze_bias: Vec<f32>,
    /// The second matrix, in the order channel, hidden value.
    pub excite: Vec<f32>,
    /// The second bias.
    pub excite_bias: Vec<f32>,
}

/// The operation of a layer.
#[derive(Debug, Clone)]
pub enum Op {
    Conv { input: ValueId, window: Window, filter: Filter },
    Depthwise { input: ValueId, window: Window, filter: Filter },
    Add { inputs: [ValueId; 2] },
    MaxPool { input: ValueId, window: Window },
    SqueezeExcite { input: ValueId, weights: GateWeights },
}

impl Op {
    /// The values that the operation reads.
    pub fn inputs(&self) -> &[ValueId] {
        match self {
            Self::Conv { input, .. }
            | Self::Depthwise { input, .. }
            | Self::MaxPool { input, .. }
            | Self::SqueezeExcite { input, .. } => std::slice::from_ref(input),
            Self::Add { inputs } => inputs,
        }
    }
}

/// The result of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An 8-bit value.
    Bytes(ValueId),
    /// Floats at the end of the network: channels, height, width.
    Floats([usize; 3]),
}

/// One layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Name of the node in the file.
    pub name: String,
    /// Its operation.
    pub op: Op,
    /// Its result.
    pub target: Target,
}

/// The source of an output of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The index of a layer whose result is floats.
    Layer(usize),
    /// An 8-bit value, which is dequantized.
    Value(ValueId),
}

/// An output of the network.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where its values come from.
    pub source: Source,
    /// Whether a softmax over the channels follows.
    pub softmax: bool,
    /// Its shape, with the batch as the first dimension.
    pub shape: Vec<usize>,
}

/// A recognized network for one shape of input.
#[derive(Debug, Clone)]
pub struct LayerGraph {
    /// Number of images in the batch.
    pub images: usize,
    /// The 8-bit values; the first is the input.
    pub values: Vec<Value>,
    /// The quantized value of each pixel value, if the file takes floats; `None` if it takes bytes.
    pub quantize: Option<Box<[u8; 256]>>,
    /// The layers, in topological order.
    pub layers: Vec<Layer>,
    /// The outputs, in the order of the file.
    pub outputs: Vec<Output>,
}
