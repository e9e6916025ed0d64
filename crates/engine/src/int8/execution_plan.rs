//! The execution plan: layers bound to an instruction set and to memory.

use std::time::{Duration, Instant};

use ostiary_kernels::{AlignedBytes, EpilogueError, Isa, Tensor};

use super::layer::{LayerGraph, Output, QuantParams, Source};
use super::memory_layout::{assign_slots, buffer_size, layouts};
use super::step::{LayerInfo, Step, StepResult, StoredValue};

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
    /// The byte that the kernels keep for each pixel value, if the file takes floats.
    table: Option<Box<[u8; 256]>>,
    /// What the kernels combine bytes with ([`Isa::storage_mask`]).
    mask: u8,
    /// Whether the network takes BGR.
    reversed: bool,
    /// The threads; `None` for one thread.
    workers: Option<rayon::ThreadPool>,
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
    pub fn new(network: &LayerGraph, reversed: bool, isa: Isa, threads: usize) -> Result<Self, PlanError> {
        let tensors = layouts(network);
        let bytes = buffer_size(network, &tensors);
        if bytes > MAX_MEMORY {
            return Err(PlanError::Memory { bytes });
        }
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
        let mask = isa.storage_mask();
        let values = network.values.iter().zip(tensors).zip(slot_of_value);
        let values = values
            .map(|((value, tensor), slot)| {
                let mut edge: Vec<u8> = (0..value.map[0]).map(|c| value.quant.channel(c).1 ^ mask).collect();
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
            table: network.quantize.as_ref().map(|table| Box::new(table.map(|value| value ^ mask))),
            mask,
            reversed,
            workers,
        })
    }

    /// The names of the layers whose sums or values are too large for the faster rounding.
    pub fn unbounded_layers(&self) -> Vec<&str> {
        self.steps.iter().filter(|step| !step.is_bounded()).map(Step::name).collect()
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
        // The table contains it.
        let mask = if self.table.is_some() { 0 } else { self.mask };
        let lines = pixels.chunks_exact(tensor.width * 3);
        for (row, line) in lines.take(tensor.total_rows()).enumerate() {
            let first = tensor.pixel_offset(row / tensor.height, row % tensor.height, 0);
            let target = memory[first..][..tensor.width * 4].as_chunks_mut::<4>().0;
            for (target, pixel) in target.iter_mut().zip(line.as_chunks::<3>().0) {
                let [mut first, second, mut third] = *pixel;
                if self.reversed {
                    std::mem::swap(&mut first, &mut third);
                }
                *target = [first, second, third, 0].map(|value| value ^ mask);
            }
            if let Some(table) = &self.table {
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
                        (f32::from(memory[index] ^ self.mask) - f32::from(zero_point)) * scale
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
