//! A recognized network: layers between values on their grids, free of any instruction set and of memory.

use ostiary_kernels::Window;

/// The grid that a value's bytes lie on: `real = (byte - zero_point) * scale`, one pair for all channels or one
/// for each.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantParams {
    pub scale: Vec<f32>,
    pub zero_point: Vec<u8>,
}

impl QuantParams {
    /// A channel's scale and zero point.
    pub fn channel(&self, channel: usize) -> (f32, u8) {
        let at = if self.scale.len() == 1 { 0 } else { channel };
        (self.scale[at], self.zero_point[at])
    }

    /// Whether all channels share one pair.
    pub fn is_uniform(&self) -> bool {
        self.scale.len() == 1
    }
}

/// A value in bytes.
#[derive(Debug, Clone)]
pub struct Value {
    /// Channels, height, width.
    pub map: [usize; 3],
    pub quant: QuantParams,
}

/// The index of a value; 0 is the network's input.
pub type ValueId = usize;

/// Weights with their scale, bias and slope for each output channel, in real units.
#[derive(Debug, Clone)]
pub struct Filter {
    /// In the order output, row, column, input; for a depthwise one channel, row, column.
    pub weights: Vec<i8>,
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
    /// 1 where there is no PReLU.
    pub slope: Vec<f32>,
}

#[derive(Debug, Clone)]
pub enum Op {
    Conv { input: ValueId, window: Window, filter: Filter },
    Depthwise { input: ValueId, window: Window, filter: Filter },
    Add { inputs: [ValueId; 2] },
    MaxPool { input: ValueId, window: Window },
}

impl Op {
    pub fn inputs(&self) -> &[ValueId] {
        match self {
            Self::Conv { input, .. } | Self::Depthwise { input, .. } | Self::MaxPool { input, .. } => {
                std::slice::from_ref(input)
            }
            Self::Add { inputs } => inputs,
        }
    }
}

/// What a layer gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Bytes(ValueId),
    /// Real numbers, of so many channels, rows and columns: the end of the network.
    Floats([usize; 3]),
}

#[derive(Debug, Clone)]
pub struct Layer {
    /// The node's name in the file.
    pub name: String,
    pub op: Op,
    pub target: Target,
}

/// Where an output of the network comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A layer with a target of floats.
    Layer(usize),
    /// A value in bytes, made real again.
    Value(ValueId),
}

#[derive(Debug, Clone)]
pub struct Output {
    pub source: Source,
    pub softmax: bool,
    /// The batch first.
    pub shape: Vec<usize>,
}

/// A whole recognized network for one shape of input.
#[derive(Debug, Clone)]
pub struct Network {
    pub images: usize,
    pub values: Vec<Value>,
    /// What the input's grid makes of a pixel where the file wants real numbers; `None` where it wants bytes.
    pub quantize: Option<Box<[u8; 256]>>,
    /// In an order in which they can run.
    pub layers: Vec<Layer>,
    pub outputs: Vec<Output>,
}
