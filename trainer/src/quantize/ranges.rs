//! What is seen of each value over the pictures, and the grid that is chosen for it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use ostiary_core::Input;
use ostiary_engine::{Backend, Onnx};
use prost::Message;
use tract_onnx::pb::{ModelProto, OperatorSetIdProto, ValueInfoProto};

use super::calibrate::Sample;
use super::network::{Network, Role};

/// How a range is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    /// Everything that was seen.
    Minmax,
    /// All but the rarest at both ends.
    Percentile,
    /// That of the least expected squared error of rounding and cutting off together.
    Mse,
}

/// How ranges are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    pub method: Method,
    /// What [`Method::Percentile`] keeps, 0 to 1.
    pub share: f64,
    /// How many times as wide the range is made: the pictures that are seen here are not all there are.
    pub headroom: f32,
}

/// `real = (byte - zero_point) * scale`, one pair or one for each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    pub scale: Vec<f32>,
    pub zero_point: Vec<u8>,
}

/// What was seen of a value, channel by channel.
pub struct Seen {
    channels: Vec<Channel>,
    /// Whether it is a vector: one number a channel and picture.
    vector: bool,
}

struct Channel {
    least: f32,
    greatest: f32,
    sum: f64,
    count: u64,
    /// How often the value was in each of the equal parts between least and greatest.
    bins: Vec<u64>,
}

/// Parts that a range is divided into to count what falls in each.
const BINS: usize = 2048;

impl Seen {
    /// The mean of each channel.
    pub fn means(&self) -> Vec<f64> {
        self.channels.iter().map(|channel| channel.sum / channel.count.max(1) as f64).collect()
    }

    /// The least and greatest of all channels.
    pub fn range(&self) -> (f32, f32) {
        let least = self.channels.iter().map(|channel| channel.least).fold(f32::MAX, f32::min);
        (least, self.channels.iter().map(|channel| channel.greatest).fold(f32::MIN, f32::max))
    }

    /// All channels as one.
    fn together(&self) -> Channel {
        let (least, greatest) = self.range();
        let mut all = Channel { least, greatest, sum: 0.0, count: 0, bins: vec![0; BINS] };
        for channel in &self.channels {
            all.sum += channel.sum;
            all.count += channel.count;
            for (bin, count) in channel.bins.iter().enumerate().filter(|(_, count)| **count > 0) {
                let value = channel.value(bin);
                let place = all.bin(value);
                all.bins[place] += count;
            }
        }
        all
    }
}

impl Channel {
    fn width(&self) -> f32 {
        ((self.greatest - self.least) / BINS as f32).max(f32::MIN_POSITIVE)
    }

    fn bin(&self, value: f32) -> usize {
        (((value - self.least) / self.width()) as usize).min(BINS - 1)
    }

    /// The middle of a bin.
    fn value(&self, bin: usize) -> f32 {
        self.least + (bin as f32 + 0.5) * self.width()
    }
}

/// What was seen of every value of a network, the input among them.
pub struct Observed {
    pub values: BTreeMap<String, Seen>,
}

impl Observed {
    /// Runs the fp32 network over the samples, twice: for the ranges, and for what lies where in them.
    pub fn of(network: &Network, input: &Input, samples: &[Sample]) -> Result<Self> {
        let names: Vec<String> = network.values.keys().cloned().collect();
        let mut runner = Runner::new(&network.graph, &names, input)?;
        let mut values: BTreeMap<String, Seen> = BTreeMap::new();
        for counting in [false, true] {
            for sample in samples {
                let normalised = normalized(sample, input);
                runner.run(sample)?;
                let made = names.iter().zip(runner.channels()).zip(&runner.outputs);
                let all = made.map(|((name, channels), made)| (name.as_str(), channels, &made[..]));
                let all = all.chain([(network.input.as_str(), 3, &normalised[..])]);
                for (name, channels, numbers) in all {
                    let seen = values.entry(name.to_owned()).or_insert_with(|| Seen::new(channels));
                    seen.take(numbers, counting);
                }
            }
        }
        Ok(Self { values })
    }
}

impl Seen {
    fn new(channels: usize) -> Self {
        let channel =
            || Channel { least: f32::MAX, greatest: f32::MIN, sum: 0.0, count: 0, bins: vec![0; BINS] };
        Self { channels: (0..channels).map(|_| channel()).collect(), vector: false }
    }

    /// One picture's numbers, channel after channel.
    fn take(&mut self, numbers: &[f32], counting: bool) {
        let size = (numbers.len() / self.channels.len()).max(1);
        self.vector = size == 1;
        for (channel, numbers) in self.channels.iter_mut().zip(numbers.chunks_exact(size)) {
            for number in numbers {
                if counting {
                    let bin = channel.bin(*number);
                    channel.bins[bin] += 1;
                    channel.sum += f64::from(*number);
                    channel.count += 1;
                } else {
                    channel.least = channel.least.min(*number);
                    channel.greatest = channel.greatest.max(*number);
                }
            }
        }
    }
}

/// A sample as the fp32 network sees it.
fn normalized(sample: &Sample, input: &Input) -> Vec<f32> {
    let pixels = sample.pixels.as_chunks::<3>().0;
    (0..3)
        .flat_map(|channel| {
            pixels.iter().map(move |pixel| (f32::from(pixel[channel]) - input.mean) / input.divisor)
        })
        .collect()
}

/// Runs a graph for some of its values.
pub struct Runner {
    bytes: Vec<u8>,
    input: Input,
    /// By height and width.
    prepared: Vec<([usize; 2], Box<dyn ostiary_engine::Network>)>,
    outputs: Vec<Vec<f32>>,
}

impl Runner {
    pub fn new(graph: &tract_onnx::pb::GraphProto, names: &[String], input: &Input) -> Result<Self> {
        let mut graph = graph.clone();
        graph.output =
            names.iter().map(|name| ValueInfoProto { name: name.clone(), ..Default::default() }).collect();
        let bytes = model(graph).encode_to_vec();
        Ok(Self { bytes, input: input.clone(), prepared: Vec::new(), outputs: vec![Vec::new(); names.len()] })
    }

    /// The values' numbers for one sample.
    pub fn run(&mut self, sample: &Sample) -> Result<&[Vec<f32>]> {
        let size = [sample.height, sample.width];
        let index = match self.prepared.iter().position(|(prepared, _)| *prepared == size) {
            Some(index) => index,
            None => {
                let onnx = Onnx::parse("the network", &self.bytes, &self.input, &Backend::tract(1))?;
                self.prepared.push((size, onnx.prepare(&[1, 3, sample.height, sample.width])?));
                self.prepared.len() - 1
            }
        };
        let network = &mut self.prepared[index].1;
        network.run(&sample.pixels, &mut self.outputs).context("the network does not run")?;
        Ok(&self.outputs)
    }

    /// How many channels each value has.
    fn channels(&self) -> Vec<usize> {
        let shapes = self.prepared.last().map_or(&[][..], |(_, network)| network.output_shapes());
        shapes.iter().map(|shape| shape.get(1).copied().unwrap_or(1)).collect()
    }
}

/// A graph as a file.
pub fn model(graph: tract_onnx::pb::GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 7,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        producer_name: "ostiary-trainer".into(),
        graph: Some(graph),
        ..Default::default()
    }
}

/// The grid of each value that has one of its own.
pub fn grids(network: &Network, observed: &Observed, choice: Choice) -> BTreeMap<String, Grid> {
    let own = |(name, role): (&String, &Role)| match role {
        Role::Grid { per_channel } => Some((name.clone(), *per_channel)),
        _ => None,
    };
    let mut names: Vec<(String, bool)> = network.values.iter().filter_map(own).collect();
    names.push((network.input.clone(), false));
    let grid = |(name, per_channel): (String, bool)| {
        let seen = &observed.values[&name];
        let ranges: Vec<(f32, f32)> = match per_channel {
            true => seen.channels.iter().map(|channel| range(channel, choice)).collect(),
            false => vec![range(&seen.together(), choice)],
        };
        // Of a vector little is seen, and where no activation holds it in, other faces reach much further: it gets
        // the headroom five times over.
        let wide = seen.vector && network.is_linear(&name);
        let headroom = if wide { choice.headroom.powi(5) } else { choice.headroom };
        // A channel that is always 0 still needs a scale; any that is far from vanishing does.
        let widest = ranges.iter().map(|(least, greatest)| greatest - least).fold(0.0, f32::max).max(1e-3);
        let (scale, zero_point) = ranges
            .into_iter()
            .map(|(least, greatest)| {
                let (least, greatest) = (least * headroom, greatest * headroom);
                let scale = short((greatest - least).max(widest * 1e-3) / 255.0);
                (scale, (-least / scale).round().clamp(0.0, 255.0) as u8)
            })
            .unzip();
        (name, Grid { scale, zero_point })
    };
    names.into_iter().map(grid).collect()
}

/// With 12 bits of its fraction: what differs in the last bits from one processor to another gives the same file.
fn short(scale: f32) -> f32 {
    f32::from_bits((scale.to_bits() + (1 << 10)) & !((1 << 11) - 1))
}

/// The range of a channel's values, 0 within it.
fn range(channel: &Channel, choice: Choice) -> (f32, f32) {
    let (least, greatest) = (channel.least.min(0.0), channel.greatest.max(0.0));
    match choice.method {
        Method::Minmax => (least, greatest),
        Method::Percentile => {
            let cut = (channel.count as f64 * (1.0 - choice.share) / 2.0) as u64;
            let reach = |from_above: bool| {
                let mut passed = 0;
                let place = |step: usize| if from_above { BINS - 1 - step } else { step };
                (0..BINS).map(place).find(|bin| {
                    passed += channel.bins[*bin];
                    passed > cut
                })
            };
            let (low, high) = (reach(false).unwrap_or(0), reach(true).unwrap_or(BINS - 1));
            (channel.value(low).min(0.0).max(least), channel.value(high).max(0.0).min(greatest))
        }
        Method::Mse => {
            let candidates = (0..=24).map(|step| 1.0 - step as f32 * 0.03);
            let tried = candidates.map(|share| {
                let (low, high) = (least * share, greatest * share);
                (error(channel, low, high), low, high)
            });
            let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
            best.map_or((least, greatest), |(_, low, high)| (low, high))
        }
    }
}

/// The expected squared error of a range: a step's variance within it, the distance to it outside.
fn error(channel: &Channel, low: f32, high: f32) -> f64 {
    let step = f64::from(high - low) / 255.0;
    let counted = channel.bins.iter().enumerate().filter(|(_, count)| **count > 0);
    counted
        .map(|(bin, count)| {
            let value = channel.value(bin);
            let beyond = f64::from((low - value).max(value - high).max(0.0));
            *count as f64 * (beyond * beyond + step * step / 12.0)
        })
        .sum()
}
