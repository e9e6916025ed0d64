//! The execution plan: layers bound to an instruction set and to memory.

use std::ops::Range;
use std::time::{Duration, Instant};

use ostiary_kernels::{
    Add, AlignedBytes, Conv, ConvShape, Depthwise, Epilogue, EpilogueError, Isa, MaxPool, Tensor, Window,
};

use super::layer::{Filter, Layer, Network, Op, Output, QuantParams, Source, Target, ValueId};

/// Smallest number of multiplications of a layer that is split among threads. Waking a thread takes some microseconds.
const MIN_MACS_FOR_THREADS: usize = 400_000;

/// Limit of the memory of the values of a network, and of its weights and outputs, bytes.
const MAX_MEMORY: usize = 1 << 30;

/// A quantized network that is ready to run. It does not allocate while it runs.
pub struct ExecutionPlan {
    steps: Vec<Step>,
    values: Vec<StoredValue>,
    /// The memory of the values. Values that are not needed at the same time share a slot.
    slots: Vec<AlignedBytes>,
    outputs: Vec<Output>,
    /// Quantization parameters of the values.
    quants: Vec<QuantParams>,
    /// The quantized value of each pixel value, if the file takes floats.
    quantize: Option<Box<[u8; 256]>>,
    /// Whether the network takes BGR.
    reversed: bool,
    /// The threads; `None` for one thread.
    workers: Option<rayon::ThreadPool>,
}

/// Layout and memory of a value.
struct StoredValue {
    tensor: Tensor,
    /// Index in [`ExecutionPlan::slots`].
    slot: usize,
    /// The pixel in its border: the zero point of each channel.
    edge: Vec<u8>,
}

/// One layer, ready to run.
struct Step {
    name: String,
    kernel: Kernel,
    inputs: Vec<ValueId>,
    result: StepResult,
    /// Multiplications of a run, all images together.
    macs: usize,
}

/// Where a step writes its result.
enum StepResult {
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

/// Why a recognized network cannot be executed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The parameters of a layer are invalid.
    #[error("{layer}: {why}")]
    Layer {
        /// Name of the node.
        layer: String,
        /// What is wrong with the parameters.
        why: EpilogueError,
    },
    /// The buffers would be too large.
    #[error("its buffers would take {bytes} bytes, and {MAX_MEMORY} are allowed")]
    Memory {
        /// Size of the buffers.
        bytes: usize,
    },
    /// The threads cannot be started.
    #[error(transparent)]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl ExecutionPlan {
    /// Lays out the memory and packs the weights. `reversed` is for networks that take BGR.
    ///
    /// # Errors
    /// The parameters of a layer are invalid, or the network needs too much memory.
    pub fn new(network: &Network, reversed: bool, isa: Isa, threads: usize) -> Result<Self, PlanError> {
        let tensors = layouts(network);
        check_memory(network, &tensors)?;
        let mut steps = Vec::with_capacity(network.layers.len());
        for layer in &network.layers {
            let step = Step::new(network, layer, &tensors, isa);
            steps.push(step.map_err(|why| PlanError::Layer { layer: layer.name.clone(), why })?);
        }
        let (slots, slot_of_value) = assign_slots(network, &tensors);
        let bytes = slots.iter().fold(0usize, |sum, slot| sum.saturating_add(*slot));
        if bytes > MAX_MEMORY {
            return Err(PlanError::Memory { bytes });
        }
        let values = network.values.iter().zip(tensors).zip(slot_of_value);
        let values = values
            .map(|((value, tensor), slot)| {
                let mut edge: Vec<u8> = (0..value.map[0]).map(|c| value.quant.channel(c).1).collect();
                edge.resize(tensor.pitch, 0);
                StoredValue { tensor, slot, edge }
            })
            .collect();
        let workers = match threads {
            0 | 1 => None,
            _ => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                Some(pool.thread_name(|index| format!("kernel-{index}")).build()?)
            }
        };
        Ok(Self {
            steps,
            values,
            slots: slots.into_iter().map(AlignedBytes::new).collect(),
            outputs: network.outputs.clone(),
            quants: network.values.iter().map(|value| value.quant.clone()).collect(),
            quantize: network.quantize.clone(),
            reversed,
            workers,
        })
    }

    /// Size of the input, bytes: the pictures as packed RGB, one after another.
    pub fn input_len(&self) -> usize {
        let Tensor { images, height, width, .. } = self.values[0].tensor;
        images * height * width * 3
    }

    /// Runs the network on pictures. Each of `outputs` is cleared and filled.
    pub fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) {
        self.write_input(pixels);
        let Self { steps, values, slots, workers, .. } = self;
        match workers {
            None => steps.iter_mut().for_each(|step| step.run(values, slots, 1)),
            Some(pool) => {
                let threads = pool.current_num_threads();
                pool.install(|| steps.iter_mut().for_each(|step| step.run(values, slots, threads)));
            }
        }
        self.read_outputs(outputs);
    }

    /// Runs the network without its outputs, and adds the duration of each layer to `times`.
    pub fn run_timed(&mut self, pixels: &[u8], times: &mut [Duration]) {
        self.write_input(pixels);
        let threads = self.workers.as_ref().map_or(1, rayon::ThreadPool::current_num_threads);
        let Self { steps, values, slots, workers, .. } = self;
        let run = || {
            for (step, time) in steps.iter_mut().zip(times) {
                let start = Instant::now();
                step.run(values, slots, threads);
                *time += start.elapsed();
            }
        };
        match workers {
            None => run(),
            Some(pool) => pool.install(run),
        }
    }

    /// The layers, in the order in which they run.
    pub fn layers(&self) -> Vec<LayerInfo> {
        self.steps.iter().map(|step| step.info(&self.values)).collect()
    }

    /// Converts pixels to the input value.
    fn write_input(&mut self, pixels: &[u8]) {
        let StoredValue { tensor, slot, edge } = &self.values[0];
        let memory = &mut self.slots[*slot];
        tensor.fill_border(memory, edge);
        let lines = pixels.chunks_exact(tensor.width * 3);
        for (row, line) in lines.take(tensor.total_rows()).enumerate() {
            let first = tensor.pixel_offset(row / tensor.height, row % tensor.height, 0);
            let target = memory[first..][..tensor.width * 4].as_chunks_mut::<4>().0;
            for (target, pixel) in target.iter_mut().zip(line.as_chunks::<3>().0) {
                let [mut first, second, mut third] = *pixel;
                if self.reversed {
                    std::mem::swap(&mut first, &mut third);
                }
                *target = [first, second, third, 0];
            }
            if let Some(table) = &self.quantize {
                for value in target.iter_mut().flat_map(|target| &mut target[..3]) {
                    *value = table[usize::from(*value)];
                }
            }
        }
    }

    /// Converts the results to dense outputs.
    fn read_outputs(&self, outputs: &mut [Vec<f32>]) {
        for (output, values) in self.outputs.iter().zip(outputs) {
            values.clear();
            match output.source {
                Source::Layer(layer) => {
                    if let StepResult::Floats(tensor, floats) = &self.steps[layer].result {
                        append_planes(tensor, values, |index, _| floats[index]);
                        if output.softmax {
                            softmax(values, tensor.channels, tensor.height * tensor.width);
                        }
                    }
                }
                Source::Value(value) => {
                    let StoredValue { tensor, slot, .. } = &self.values[value];
                    let (memory, quant) = (&self.slots[*slot], &self.quants[value]);
                    append_planes(tensor, values, |index, channel| {
                        let (scale, zero_point) = quant.channel(channel);
                        (f32::from(memory[index]) - f32::from(zero_point)) * scale
                    });
                }
            }
        }
    }
}

/// Appends the values of a tensor in the layout NCHW. `value` converts the value at an index of a channel.
fn append_planes(tensor: &Tensor, output: &mut Vec<f32>, value: impl Fn(usize, usize) -> f32) {
    for image in 0..tensor.images {
        for channel in 0..tensor.channels {
            for row in 0..tensor.height {
                let first = tensor.pixel_offset(image, row, 0) + channel;
                output.extend((0..tensor.width).map(|column| value(first + column * tensor.pitch, channel)));
            }
        }
    }
}

/// Applies a softmax over the channels of each pixel, in place.
fn softmax(planes: &mut [f32], channels: usize, pixels: usize) {
    for image in planes.chunks_exact_mut(channels * pixels) {
        for pixel in 0..pixels {
            let max = (0..channels).map(|c| image[c * pixels + pixel]).fold(f32::MIN, f32::max);
            let mut sum = 0.0;
            for channel in 0..channels {
                let value = &mut image[channel * pixels + pixel];
                *value = (*value - max).exp();
                sum += *value;
            }
            (0..channels).for_each(|channel| image[channel * pixels + pixel] /= sum);
        }
    }
}

/// Checks that the buffers are within [`MAX_MEMORY`]: values with their borders, and weights in the layout of the kernels,
/// both with channels rounded up.
fn check_memory(network: &Network, tensors: &[Tensor]) -> Result<(), PlanError> {
    let rounded = |channels: usize| channels.max(1).saturating_add(Tensor::LANES);
    let product =
        |factors: &[usize]| factors.iter().fold(1usize, |product, factor| product.saturating_mul(*factor));
    let values = tensors.iter().map(|tensor| {
        let [top, left, bottom, right] = tensor.border;
        let (rows, columns) = (top + tensor.height + bottom, left + tensor.width + right);
        product(&[tensor.images, rows, columns, rounded(tensor.channels)])
    });
    let largest = values.max().unwrap_or(0);
    let layers = network.layers.iter().map(|layer| {
        let floats = match layer.target {
            Target::Floats([channels, height, width]) => {
                product(&[4, network.images, height, width, rounded(channels)])
            }
            Target::Bytes(_) => 0,
        };
        let weights = match &layer.op {
            Op::Conv { input, window: Window { kernel: [rows, columns], .. }, filter } => {
                product(&[*rows, *columns, rounded(tensors[*input].channels), rounded(filter.bias.len())])
            }
            _ => 0,
        };
        floats.saturating_add(weights)
    });
    let bytes = layers.fold(largest, usize::saturating_add);
    if bytes <= MAX_MEMORY { Ok(()) } else { Err(PlanError::Memory { bytes }) }
}

/// The layout of each value. Its border is as wide as the padding of the layers that read it.
fn layouts(network: &Network) -> Vec<Tensor> {
    let mut tensors: Vec<Tensor> = network
        .values
        .iter()
        .map(|value| Tensor::new(network.images, value.map[1], value.map[2], value.map[0]))
        .collect();
    if let Some(input) = tensors.first_mut() {
        input.pitch = 4;
    }
    for layer in &network.layers {
        if let Op::Conv { input, window, .. } | Op::Depthwise { input, window, .. } = &layer.op {
            let border = &mut tensors[*input].border;
            border.iter_mut().zip(window.padding).for_each(|(side, padding)| *side = padding.max(*side));
        }
    }
    tensors
}

/// Assigns memory to the values. Returns the sizes of the slots and the slot of each value. A slot is reused after the last
/// use of its value.
fn assign_slots(network: &Network, tensors: &[Tensor]) -> (Vec<usize>, Vec<usize>) {
    let mut last_use = vec![0; tensors.len()];
    for (index, layer) in network.layers.iter().enumerate() {
        layer.op.inputs().iter().for_each(|input| last_use[*input] = index);
    }
    for output in &network.outputs {
        if let Source::Value(value) = output.source {
            last_use[value] = usize::MAX;
        }
    }
    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut slot_of_value = vec![0; tensors.len()];
    let mut assign = |value: ValueId, slots: &mut Vec<usize>, free: &mut Vec<usize>| {
        let size = tensors[value].len();
        // Best fit: the smallest slot that is large enough, or otherwise the largest one.
        let best = (0..free.len()).min_by_key(|index| {
            let slot_size = slots[free[*index]];
            if slot_size >= size { (0, slot_size) } else { (1, usize::MAX - slot_size) }
        });
        let slot = match best {
            Some(index) => free.swap_remove(index),
            None => {
                slots.push(0);
                slots.len() - 1
            }
        };
        slots[slot] = slots[slot].max(size);
        slot_of_value[value] = slot;
        slot
    };
    if !tensors.is_empty() {
        assign(0, &mut slots, &mut free);
    }
    let mut live: Vec<(ValueId, usize)> = vec![(0, 0)];
    for (index, layer) in network.layers.iter().enumerate() {
        if let Target::Bytes(value) = layer.target {
            let slot = assign(value, &mut slots, &mut free);
            live.push((value, slot));
        }
        live.retain(|(value, slot)| {
            let is_unused = last_use[*value] <= index;
            if is_unused {
                free.push(*slot);
            }
            !is_unused
        });
    }
    (slots, slot_of_value)
}

impl Step {
    fn new(network: &Network, layer: &Layer, tensors: &[Tensor], isa: Isa) -> Result<Self, EpilogueError> {
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
            Op::MaxPool { window, .. } => (Kernel::MaxPool(MaxPool::new(*window)), 0),
        };
        Ok(Self { name: layer.name.clone(), kernel, inputs, result, macs })
    }

    fn run(&mut self, values: &[StoredValue], slots: &mut [AlignedBytes], threads: usize) {
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

    fn info(&self, values: &[StoredValue]) -> LayerInfo {
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
        let offset = product * (i64::from(zero_point) * sum) as f64;
        epilogue.scale.push((product / f64::from(target)) as f32);
        epilogue.bias.push(((f64::from(filter.bias[channel]) - offset) / f64::from(target)) as f32);
        epilogue.slope.push(filter.slope[channel]);
        epilogue.zero_point.push(f32::from(target_zero));
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
