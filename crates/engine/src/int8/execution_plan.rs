//! Layers bound to an instruction set and to memory: what runs.

use std::ops::Range;
use std::time::{Duration, Instant};

use ostiary_kernels::{
    Add, AlignedBytes, Conv, ConvShape, Depthwise, Epilogue, EpilogueError, Isa, MaxPool, Tensor, Window,
};

use super::layer::{Filter, Layer, Network, Op, Output, QuantParams, Source, Target, ValueId};

/// Layers of fewer multiplications are not worth a second thread: it costs some microseconds to wake.
const WORTH_SPLITTING: usize = 400_000;

/// The most memory of a network's values, and of its weights with its outputs, bytes.
const MAX_MEMORY: usize = 1 << 30;

/// A network that runs on bytes alone, allocating nothing.
pub struct ExecutionPlan {
    steps: Vec<Step>,
    values: Vec<Stored>,
    /// The memory of the values; those that are not needed at the same time share it.
    slots: Vec<AlignedBytes>,
    outputs: Vec<Output>,
    quants: Vec<QuantParams>,
    quantize: Option<Box<[u8; 256]>>,
    /// Where the first and the last channel change places.
    reversed: bool,
    workers: Option<rayon::ThreadPool>,
}

/// Where a value lies.
struct Stored {
    tensor: Tensor,
    slot: usize,
    /// What its border holds: each channel's zero point.
    edge: Vec<u8>,
}

struct Step {
    name: String,
    kernel: Kernel,
    inputs: Vec<ValueId>,
    to: To,
    macs: usize,
}

enum To {
    Bytes(ValueId),
    Floats(Tensor, Vec<f32>),
}

enum Kernel {
    Conv(Conv),
    Depthwise(Depthwise),
    Add(Add),
    MaxPool(MaxPool),
}

/// A layer, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    pub name: String,
    /// Such as `conv 1x1` or `depthwise 3x3/2`.
    pub kind: String,
    /// Channels, rows and columns.
    pub output: [usize; 3],
    /// Multiplications and additions of a run, all images together.
    pub macs: usize,
}

impl ExecutionPlan {
    /// `reversed` where the network wants blue first.
    pub fn new(network: &Network, reversed: bool, isa: Isa, threads: usize) -> Result<Self, String> {
        let tensors = tensors(network);
        check_memory(network, &tensors)?;
        let mut steps = Vec::with_capacity(network.layers.len());
        for layer in &network.layers {
            let step = Step::new(network, layer, &tensors, isa);
            steps.push(step.map_err(|why| format!("{}: {why}", layer.name))?);
        }
        let (slots, places) = places(network, &tensors);
        let together = slots.iter().fold(0usize, |sum, slot| sum.saturating_add(*slot));
        if together > MAX_MEMORY {
            return Err(format!("its values would take {together} bytes, and {MAX_MEMORY} are allowed"));
        }
        let values = network.values.iter().zip(tensors).zip(places);
        let values = values
            .map(|((value, tensor), slot)| {
                let mut edge: Vec<u8> = (0..value.map[0]).map(|c| value.quant.channel(c).1).collect();
                edge.resize(tensor.pitch, 0);
                Stored { tensor, slot, edge }
            })
            .collect();
        let workers = match threads {
            0 | 1 => None,
            _ => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                Some(pool.thread_name(|index| format!("kernel-{index}")).build().map_err(|e| e.to_string())?)
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

    /// Bytes of the pictures that it takes: packed RGB, one after the other.
    pub fn input_len(&self) -> usize {
        let Tensor { images, height, width, .. } = self.values[0].tensor;
        images * height * width * 3
    }

    /// Runs the pictures; each of `outputs` is cleared and filled.
    pub fn run(&mut self, pixels: &[u8], outputs: &mut [Vec<f32>]) {
        self.take_in(pixels);
        let Self { steps, values, slots, workers, .. } = self;
        match workers {
            None => steps.iter_mut().for_each(|step| step.run(values, slots, 1)),
            Some(pool) => {
                let threads = pool.current_num_threads();
                pool.install(|| steps.iter_mut().for_each(|step| step.run(values, slots, threads)));
            }
        }
        self.give_out(outputs);
    }

    /// The same, adding what each layer took to `times`.
    pub fn run_timed(&mut self, pixels: &[u8], times: &mut [Duration]) {
        self.take_in(pixels);
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

    /// Its layers, in the order in which they run.
    pub fn layers(&self) -> Vec<LayerInfo> {
        self.steps.iter().map(|step| step.info(&self.values)).collect()
    }

    fn take_in(&mut self, pixels: &[u8]) {
        let Stored { tensor, slot, edge } = &self.values[0];
        let memory = &mut self.slots[*slot];
        tensor.fill_border(memory, edge);
        let lines = pixels.chunks_exact(tensor.width * 3);
        for (row, line) in lines.take(tensor.rows()).enumerate() {
            let first = tensor.pixel(row / tensor.height, row % tensor.height, 0);
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

    fn give_out(&self, outputs: &mut [Vec<f32>]) {
        for (output, made) in self.outputs.iter().zip(outputs) {
            made.clear();
            match output.source {
                Source::Layer(layer) => {
                    if let To::Floats(tensor, values) = &self.steps[layer].to {
                        planes(tensor, made, |at, _| values[at]);
                        if output.softmax {
                            softmax(made, tensor.channels, tensor.height * tensor.width);
                        }
                    }
                }
                Source::Value(value) => {
                    let Stored { tensor, slot, .. } = &self.values[value];
                    let (memory, quant) = (&self.slots[*slot], &self.quants[value]);
                    planes(tensor, made, |at, channel| {
                        let (scale, zero_point) = quant.channel(channel);
                        (f32::from(memory[at]) - f32::from(zero_point)) * scale
                    });
                }
            }
        }
    }
}

/// Appends a tensor's values channel by channel.
fn planes(tensor: &Tensor, made: &mut Vec<f32>, value: impl Fn(usize, usize) -> f32) {
    for image in 0..tensor.images {
        for channel in 0..tensor.channels {
            for row in 0..tensor.height {
                let first = tensor.pixel(image, row, 0) + channel;
                made.extend((0..tensor.width).map(|column| value(first + column * tensor.pitch, channel)));
            }
        }
    }
}

/// Makes probabilities of the channels of each pixel, in place.
fn softmax(planes: &mut [f32], channels: usize, pixels: usize) {
    for image in planes.chunks_exact_mut(channels * pixels) {
        for pixel in 0..pixels {
            let greatest = (0..channels).map(|c| image[c * pixels + pixel]).fold(f32::MIN, f32::max);
            let mut sum = 0.0;
            for channel in 0..channels {
                let value = &mut image[channel * pixels + pixel];
                *value = (*value - greatest).exp();
                sum += *value;
            }
            (0..channels).for_each(|channel| image[channel * pixels + pixel] /= sum);
        }
    }
}

/// Whether what the program will allocate is within [`MAX_MEMORY`]: values with their borders, and weights as kernels
/// lay them out, both with channels rounded up.
fn check_memory(network: &Network, tensors: &[Tensor]) -> Result<(), String> {
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
    let all = layers.fold(largest, usize::saturating_add);
    match all <= MAX_MEMORY {
        true => Ok(()),
        false => Err(format!("its buffers would take {all} bytes, and {MAX_MEMORY} are allowed")),
    }
}

/// The layout of each value: its border is what its consumers' windows reach into.
fn tensors(network: &Network) -> Vec<Tensor> {
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

/// The sizes of the slots of memory and each value's slot: a slot is free again after its value's last use.
fn places(network: &Network, tensors: &[Tensor]) -> (Vec<usize>, Vec<usize>) {
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
    let mut places = vec![0; tensors.len()];
    let mut take = |value: ValueId, slots: &mut Vec<usize>, free: &mut Vec<usize>| {
        let size = tensors[value].len();
        // The slot that wastes least: the smallest that is large enough, or else the largest.
        let best = (0..free.len()).min_by_key(|at| {
            let room = slots[free[*at]];
            if room >= size { (0, room) } else { (1, usize::MAX - room) }
        });
        let slot = match best {
            Some(at) => free.swap_remove(at),
            None => {
                slots.push(0);
                slots.len() - 1
            }
        };
        slots[slot] = slots[slot].max(size);
        places[value] = slot;
        slot
    };
    if !tensors.is_empty() {
        take(0, &mut slots, &mut free);
    }
    let mut held: Vec<(ValueId, usize)> = vec![(0, 0)];
    for (index, layer) in network.layers.iter().enumerate() {
        if let Target::Bytes(value) = layer.target {
            let slot = take(value, &mut slots, &mut free);
            held.push((value, slot));
        }
        held.retain(|(value, slot)| {
            let over = last_use[*value] <= index;
            if over {
                free.push(*slot);
            }
            !over
        });
    }
    (slots, places)
}

impl Step {
    fn new(network: &Network, layer: &Layer, tensors: &[Tensor], isa: Isa) -> Result<Self, EpilogueError> {
        let inputs = layer.op.inputs().to_vec();
        let quant = |input: usize| &network.values[inputs[input]].quant;
        let target = match layer.target {
            Target::Bytes(value) => Some(&network.values[value].quant),
            Target::Floats(_) => None,
        };
        let (to, tensor) = match layer.target {
            Target::Bytes(value) => (To::Bytes(value), tensors[value]),
            Target::Floats([channels, height, width]) => {
                let tensor = Tensor::new(network.images, height, width, channels);
                (To::Floats(tensor, vec![0.0; tensor.len()]), tensor)
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
            Op::Add { .. } => (Kernel::Add(sum(quant(0), quant(1), target, tensor.channels, isa)?), 0),
            Op::MaxPool { window, .. } => (Kernel::MaxPool(MaxPool::new(*window)), 0),
        };
        Ok(Self { name: layer.name.clone(), kernel, inputs, to, macs })
    }

    fn run(&mut self, values: &[Stored], slots: &mut [AlignedBytes], threads: usize) {
        let threads = if self.macs < WORTH_SPLITTING { 1 } else { threads };
        let Self { kernel, inputs, to, .. } = self;
        let kernel = &*kernel;
        match to {
            To::Bytes(value) => {
                let Stored { tensor, slot, edge } = &values[*value];
                // The output's memory is never an input's: it is taken before theirs are free again.
                let mut memory = std::mem::take(&mut slots[*slot]);
                tensor.fill_border(&mut memory, edge);
                let input =
                    |index: usize| (&values[inputs[index]].tensor, &slots[values[inputs[index]].slot][..]);
                let work = |rows: Range<usize>, output: &mut [u8]| match kernel {
                    Kernel::Conv(conv) => conv.run(input(0).0, input(0).1, tensor, rows, output),
                    Kernel::Depthwise(conv) => conv.run(input(0).0, input(0).1, tensor, rows, output),
                    Kernel::Add(add) => add.run([input(0), input(1)], tensor, rows, output),
                    Kernel::MaxPool(pool) => pool.run(input(0).0, input(0).1, tensor, rows, output),
                };
                let first = tensor.row_start(0);
                split(tensor, 0..tensor.rows(), &mut memory[first..], threads, &work);
                slots[*slot] = memory;
            }
            To::Floats(tensor, floats) => {
                let Kernel::Conv(conv) = kernel else { return };
                let (source, input) = (&values[inputs[0]].tensor, &slots[values[inputs[0]].slot][..]);
                let work = |rows: Range<usize>, output: &mut [f32]| {
                    conv.run_float(source, input, tensor, rows, output);
                };
                split(tensor, 0..tensor.rows(), floats, threads, &work);
            }
        }
    }

    fn info(&self, values: &[Stored]) -> LayerInfo {
        let tensor = match &self.to {
            To::Bytes(value) => &values[*value].tensor,
            To::Floats(tensor, _) => tensor,
        };
        let windowed = |what: &str, window: &Window| {
            let Window { kernel: [rows, columns], stride, .. } = window;
            let step = if *stride == [1, 1] { String::new() } else { format!("/{}", stride[0]) };
            format!("{what} {rows}x{columns}{step}")
        };
        let kind = match &self.kernel {
            Kernel::Conv(conv) => windowed("conv", &conv.shape().window),
            Kernel::Depthwise(conv) => windowed("depthwise", conv.window()),
            Kernel::Add(_) => "add".to_owned(),
            Kernel::MaxPool(pool) => windowed("max pool", pool.window()),
        };
        let output = [tensor.channels, tensor.height, tensor.width];
        LayerInfo { name: self.name.clone(), kind, output, macs: self.macs }
    }
}

/// Divides rows among threads; each has the memory of its own rows.
fn split<T: Send>(
    tensor: &Tensor,
    rows: Range<usize>,
    output: &mut [T],
    threads: usize,
    work: &(impl Fn(Range<usize>, &mut [T]) + Sync),
) {
    let first = threads / 2;
    let middle = rows.start + rows.len() * first / threads.max(1);
    if threads < 2 || middle == rows.start || middle == rows.end {
        return work(rows, output);
    }
    let (above, below) = output.split_at_mut(tensor.row_start(middle) - tensor.row_start(rows.start));
    rayon::join(
        || split(tensor, rows.start..middle, above, first, work),
        || split(tensor, middle..rows.end, below, threads - first, work),
    );
}

/// Folds scales, zero points and biases into what the kernel multiplies and adds; in real numbers where there is
/// no target grid.
fn epilogue(filter: &Filter, from: &QuantParams, to: Option<&QuantParams>) -> Epilogue {
    let outputs = filter.bias.len();
    let depth = filter.weights.len() / outputs.max(1);
    let mut epilogue = Epilogue::default();
    for channel in 0..outputs {
        let weights = &filter.weights[channel * depth..][..depth];
        // Only a depthwise convolution reads a grid for each channel, and it reads its own channel's.
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

fn sum(
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
