//! One layer of the execution plan: its kernel with packed weights, and where its values are.

use std::ops::Range;

use ostiary_kernels::{
    Add, AlignedBytes, Conv, ConvShape, Depthwise, Epilogue, EpilogueError, Gate, Isa, MaxPool,
    SqueezeExcite, Tensor, Window,
};

use super::layer::{Filter, GateWeights, Layer, LayerGraph, Op, QuantParams, Target, ValueId};

/// Smallest number of multiplications of a layer that is split among threads. Waking a thread takes some microseconds.
const MIN_MACS_FOR_THREADS: usize = 400_000;

/// Layout and memory of a value.
pub struct StoredValue {
    pub tensor: Tensor,
    /// Index of its slot.
    pub slot: usize,
    /// The pixel in its border: the zero point of each channel, as the kernels keep it.
    pub edge: Vec<u8>,
}

/// One layer, ready to run.
pub struct Step {
    name: String,
    kernel: Kernel,
    inputs: Vec<ValueId>,
    pub result: StepResult,
    /// Multiplications of a run, all images together.
    macs: usize,
}

/// Where a step writes its result.
pub enum StepResult {
    /// An 8-bit value.
    Bytes(ValueId),
    /// Floats in a buffer of its own.
    Floats(Tensor, Vec<f32>),
}

/// The layer of a step, with its packed weights.
enum Kernel {
    Conv(Conv),
    Depthwise(Depthwise),
    Add(Add),
    MaxPool(MaxPool),
    SqueezeExcite(SqueezeExcite),
}

/// Description of a layer for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Name of the node in the file.
    pub name: String,
    /// Operation with kernel and stride, such as `conv 1x1` or `depthwise 3x3/2`.
    pub kind: String,
    /// Shape of the output of one image: channels, height, width.
    pub output: [usize; 3],
    /// Multiply-accumulate operations of a run, all images together.
    pub macs: usize,
}

impl Step {
    /// Packs the weights of a layer.
    ///
    /// # Errors
    /// The parameters of the layer are invalid.
    pub fn new(
        network: &LayerGraph,
        layer: &Layer,
        tensors: &[Tensor],
        isa: Isa,
    ) -> Result<Self, EpilogueError> {
        let inputs = layer.op.inputs().to_vec();
        let quant = |input: usize| &network.values[inputs[input]].quant;
        let target = match layer.target {
            Target::Bytes(value) => Some(&network.values[value].quant),
            Target::Floats(_) => None,
        };
        let (result, tensor) = match layer.target {
            Target::Bytes(value) => (StepResult::Bytes(value), tensors[value]),
            Target::Floats([channels, height, width]) => {
                let tensor = Tensor::new(network.images, height, width, channels);
                (StepResult::Floats(tensor, vec![0.0; tensor.len()]), tensor)
            }
        };
        let pixels = tensor.images * tensor.height * tensor.width;
        let (kernel, macs) = match &layer.op {
            Op::Conv { window, filter, .. } => {
                let from = &tensors[inputs[0]];
                let shape = ConvShape {
                    inputs: from.channels,
                    pitch: from.pitch,
                    outputs: tensor.channels,
                    window: *window,
                };
                let conv = Conv::new(shape, &filter.weights, &epilogue(filter, quant(0), target), isa)?;
                let macs = conv.macs() * pixels;
                (Kernel::Conv(conv), macs)
            }
            Op::Depthwise { window, filter, .. } => {
                let epilogue = epilogue(filter, quant(0), target);
                let conv = Depthwise::new(tensor.channels, *window, &filter.weights, &epilogue, isa)?;
                let macs = conv.macs() * pixels;
                (Kernel::Depthwise(conv), macs)
            }
            Op::Add { .. } => {
                (Kernel::Add(residual_sum(quant(0), quant(1), target, tensor.channels, isa)?), 0)
            }
            Op::MaxPool { window, .. } => (Kernel::MaxPool(MaxPool::new(*window, isa)), 0),
            Op::SqueezeExcite { weights, .. } => {
                let layer = SqueezeExcite::new(&gate(weights, quant(0), target, tensor.channels), isa)?;
                let macs = layer.macs() * tensor.images;
                (Kernel::SqueezeExcite(layer), macs)
            }
        };
        Ok(Self { name: layer.name.clone(), kernel, inputs, result, macs })
    }

    /// Computes the layer, by at most `threads` threads of the pool that this thread is in.
    pub fn run(&mut self, values: &[StoredValue], slots: &mut [AlignedBytes], threads: usize) {
        let threads = if self.macs < MIN_MACS_FOR_THREADS { 1 } else { threads };
        let Self { kernel, inputs, result, .. } = self;
        let kernel = &*kernel;
        match result {
            StepResult::Bytes(value) => {
                let StoredValue { tensor, slot, edge } = &values[*value];
                // The slot of the output is not the slot of an input, because the inputs are still live when it is assigned.
                let mut memory = std::mem::take(&mut slots[*slot]);
                tensor.fill_border(&mut memory, edge);
                let input =
                    |index: usize| (&values[inputs[index]].tensor, &slots[values[inputs[index]].slot][..]);
                let run_rows = |rows: Range<usize>, output: &mut [u8]| match kernel {
                    Kernel::Conv(conv) => conv.run(input(0).0, input(0).1, tensor, rows, output),
                    Kernel::Depthwise(conv) => conv.run(input(0).0, input(0).1, tensor, rows, output),
                    Kernel::Add(add) => add.run([input(0), input(1)], tensor, rows, output),
                    Kernel::MaxPool(pool) => pool.run(input(0).0, input(0).1, tensor, rows, output),
                    Kernel::SqueezeExcite(layer) => layer.run(input(0).0, input(0).1, tensor, rows, output),
                };
                let first = tensor.row_start(0);
                split(tensor, 0..tensor.total_rows(), &mut memory[first..], threads, &run_rows);
                slots[*slot] = memory;
            }
            StepResult::Floats(tensor, floats) => {
                let Kernel::Conv(conv) = kernel else { return };
                let (source, input) = (&values[inputs[0]].tensor, &slots[values[inputs[0]].slot][..]);
                let run_rows = |rows: Range<usize>, output: &mut [f32]| {
                    conv.run_float(source, input, tensor, rows, output);
                };
                split(tensor, 0..tensor.total_rows(), floats, threads, &run_rows);
            }
        }
    }

    /// Name of the node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the sums and values of the layer are small enough for the faster rounding.
    pub fn is_bounded(&self) -> bool {
        match &self.kernel {
            Kernel::Conv(conv) => conv.is_bounded(),
            Kernel::Depthwise(conv) => conv.is_bounded(),
            Kernel::Add(_) | Kernel::MaxPool(_) | Kernel::SqueezeExcite(_) => true,
        }
    }

    /// Description of the layer for users.
    pub fn info(&self, values: &[StoredValue]) -> LayerInfo {
        let tensor = match &self.result {
            StepResult::Bytes(value) => &values[*value].tensor,
            StepResult::Floats(tensor, _) => tensor,
        };
        let describe = |name: &str, window: &Window| {
            let Window { kernel: [rows, columns], stride, .. } = window;
            let stride = if *stride == [1, 1] { String::new() } else { format!("/{}", stride[0]) };
            format!("{name} {rows}x{columns}{stride}")
        };
        let kind = match &self.kernel {
            Kernel::Conv(conv) => describe("conv", &conv.shape().window),
            Kernel::Depthwise(conv) => describe("depthwise", conv.window()),
            Kernel::Add(_) => "add".to_owned(),
            Kernel::MaxPool(pool) => describe("max pool", pool.window()),
            Kernel::SqueezeExcite(layer) => format!("squeeze-excite {}", layer.size()[1]),
        };
        let output = [tensor.channels, tensor.height, tensor.width];
        LayerInfo { name: self.name.clone(), kind, output, macs: self.macs }
    }
}

/// Divides rows among threads, recursively in halves. Each thread gets the memory of its rows.
fn split<T: Send>(
    tensor: &Tensor,
    rows: Range<usize>,
    output: &mut [T],
    threads: usize,
    run_rows: &(impl Fn(Range<usize>, &mut [T]) + Sync),
) {
    let first = threads / 2;
    let middle = rows.start + rows.len() * first / threads.max(1);
    if threads < 2 || middle == rows.start || middle == rows.end {
        return run_rows(rows, output);
    }
    let (above, below) = output.split_at_mut(tensor.row_start(middle) - tensor.row_start(rows.start));
    rayon::join(
        || split(tensor, rows.start..middle, above, first, run_rows),
        || split(tensor, middle..rows.end, below, threads - first, run_rows),
    );
}

/// Folds scales, zero points and biases into the parameters of the kernel. Without quantization parameters of the output
/// (`to`) the results are in real units.
fn epilogue(filter: &Filter, from: &QuantParams, to: Option<&QuantParams>) -> Epilogue {
    let outputs = filter.bias.len();
    let depth = filter.weights.len() / outputs.max(1);
    let mut epilogue = Epilogue::default();
    for channel in 0..outputs {
        let weights = &filter.weights[channel * depth..][..depth];
        // Only a depthwise convolution can have parameters for each input channel: those of its own channel.
        let (scale, zero_point) = from.channel(channel);
        let (target, target_zero) = to.map_or((1.0, 0), |quant| quant.channel(channel));
        let product = f64::from(scale) * f64::from(filter.scale[channel]);
        let sum: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
        let correction = (i64::from(zero_point) * sum) as f64;
        epilogue.scale.push((product / f64::from(target)) as f32);
        epilogue.bias.push(f64::from(filter.bias[channel]) / product - correction);
        epilogue.slope.push(filter.slope[channel]);
        epilogue.zero_point.push(target_zero);
    }
    epilogue
}

/// Folds scales and zero points into the parameters of a residual sum.
fn residual_sum(
    a: &QuantParams,
    b: &QuantParams,
    to: Option<&QuantParams>,
    channels: usize,
    isa: Isa,
) -> Result<Add, EpilogueError> {
    let (mut a_scale, mut b_scale, mut offset) = (Vec::new(), Vec::new(), Vec::new());
    for channel in 0..channels {
        let [(a, a_zero), (b, b_zero)] = [a, b].map(|quant| quant.channel(channel));
        let (target, zero_point) = to.map_or((1.0, 0), |quant| quant.channel(channel));
        let (a, b) = (a / target, b / target);
        a_scale.push(a);
        b_scale.push(b);
        offset.push(f32::from(zero_point) - f32::from(a_zero) * a - f32::from(b_zero) * b);
    }
    Add::new(&a_scale, &b_scale, &offset, isa)
}

/// Folds scales and zero points into the parameters of a squeeze-and-excitation block.
fn gate(weights: &GateWeights, from: &QuantParams, to: Option<&QuantParams>, channels: usize) -> Gate {
    let mut gate = Gate {
        squeeze: weights.squeeze.clone(),
        squeeze_bias: weights.squeeze_bias.clone(),
        excite: weights.excite.clone(),
        excite_bias: weights.excite_bias.clone(),
        ..Gate::default()
    };
    // The mean of a channel in real units is (mean of its bytes - zero point) * scale.
    for (row, bias) in gate.squeeze.chunks_exact_mut(channels.max(1)).zip(&mut gate.squeeze_bias) {
        let mut offset = 0.0;
        for (channel, weight) in row.iter_mut().enumerate() {
            let (scale, zero_point) = from.channel(channel);
            *weight *= scale;
            offset += f64::from(*weight) * f64::from(zero_point);
        }
        *bias = (f64::from(*bias) - offset) as f32;
    }
    for channel in 0..channels {
        let (scale, zero_point) = from.channel(channel);
        let (target, target_zero) = to.map_or((1.0, 0), |quant| quant.channel(channel));
        gate.scale.push(scale / target);
        gate.zero_point.push(f32::from(zero_point));
        gate.output_zero_point.push(f32::from(target_zero));
    }
    gate
}
