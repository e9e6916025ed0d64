//! Statistics of the values of a network over the calibration samples: range, mean and histogram of each channel.

use std::collections::BTreeMap;

use anyhow::Result;
use ostiary_core::{ChannelOrder, NetworkInput};

use super::calibrate::Sample;
use super::graph::QuantizationGraph;
use super::graph_runner::GraphRunner;

/// Bins of a histogram, between the least and the greatest number.
pub const BINS: usize = 2048;

/// Statistics of every value of a network, also of its input.
pub struct CalibrationStats {
    /// By name of the value.
    pub values: BTreeMap<String, ValueStats>,
}

/// Statistics of a value.
pub struct ValueStats {
    /// Statistics of each channel.
    pub channels: Vec<ChannelStats>,
    /// Whether the value is a vector: one number for each channel and sample.
    pub is_vector: bool,
}

/// Statistics of a channel, or of all channels together.
pub struct ChannelStats {
    /// The least number; `f32::MAX` before the first one.
    pub least: f32,
    /// The greatest number; `f32::MIN` before the first one.
    pub greatest: f32,
    /// How many numbers are counted in `bins`.
    pub count: u64,
    /// How many numbers are in each of [`BINS`] equal parts between `least` and `greatest`.
    pub bins: Vec<u64>,
    sum: f64,
}

/// The two passes over the samples: bins can be counted when the range is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Range,
    Histogram,
}

impl CalibrationStats {
    /// Runs the fp32 network twice over the samples: for ranges, then for histograms.
    ///
    /// # Errors
    /// If the network cannot run.
    pub fn of(network: &QuantizationGraph, input: &NetworkInput, samples: &[Sample]) -> Result<Self> {
        let names: Vec<String> = network.values.keys().cloned().collect();
        let mut runner = GraphRunner::new(&network.graph, &names, input);
        let mut values: BTreeMap<String, ValueStats> = BTreeMap::new();
        for pass in [Pass::Range, Pass::Histogram] {
            for sample in samples {
                let normalized = normalized(sample, input);
                let outputs = names.iter().zip(runner.run(sample)?);
                let all = outputs.chain([(&network.input, (3, &normalized[..]))]);
                for (name, (channels, numbers)) in all {
                    let stats = values.entry(name.clone()).or_insert_with(|| ValueStats::new(channels));
                    stats.add(numbers, pass);
                }
            }
        }
        Ok(Self { values })
    }
}

impl ValueStats {
    fn new(channels: usize) -> Self {
        let channels = (0..channels).map(|_| ChannelStats::new(f32::MAX, f32::MIN)).collect();
        Self { channels, is_vector: false }
    }

    /// Adds the numbers of one sample, channel after channel.
    fn add(&mut self, numbers: &[f32], pass: Pass) {
        let size = (numbers.len() / self.channels.len().max(1)).max(1);
        self.is_vector = size == 1;
        for (channel, numbers) in self.channels.iter_mut().zip(numbers.chunks_exact(size)) {
            for number in numbers {
                match pass {
                    Pass::Range => {
                        channel.least = channel.least.min(*number);
                        channel.greatest = channel.greatest.max(*number);
                    }
                    Pass::Histogram => {
                        channel.count_in_bin(*number, 1);
                        channel.sum += f64::from(*number);
                    }
                }
            }
        }
    }

    /// The mean of each channel.
    pub fn means(&self) -> Vec<f64> {
        self.channels.iter().map(|channel| channel.sum / channel.count.max(1) as f64).collect()
    }

    /// Statistics of all channels together.
    pub fn merged(&self) -> ChannelStats {
        let least = self.channels.iter().map(|channel| channel.least).fold(f32::MAX, f32::min);
        let greatest = self.channels.iter().map(|channel| channel.greatest).fold(f32::MIN, f32::max);
        let mut all = ChannelStats::new(least, greatest);
        for channel in &self.channels {
            all.sum += channel.sum;
            for (bin, count) in channel.bins.iter().enumerate().filter(|(_, count)| **count > 0) {
                all.count_in_bin(channel.center(bin), *count);
            }
        }
        all
    }
}

impl ChannelStats {
    fn new(least: f32, greatest: f32) -> Self {
        Self { least, greatest, count: 0, bins: vec![0; BINS], sum: 0.0 }
    }

    fn bin_width(&self) -> f32 {
        ((self.greatest - self.least) / BINS as f32).max(f32::MIN_POSITIVE)
    }

    fn count_in_bin(&mut self, number: f32, times: u64) {
        let bin = (((number - self.least) / self.bin_width()) as usize).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(bin) {
            *bin += times;
        }
        self.count += times;
    }

    /// The center of a bin.
    pub fn center(&self, bin: usize) -> f32 {
        self.least + (bin as f32 + 0.5) * self.bin_width()
    }
}

/// The input of the fp32 network for a sample, plane after plane.
fn normalized(sample: &Sample, input: &NetworkInput) -> Vec<f32> {
    let plane = |channel: usize| sample.pixels.iter().skip(channel).step_by(3);
    let order = if input.channels == ChannelOrder::Bgr { [2, 1, 0] } else { [0, 1, 2] };
    order.into_iter().flat_map(plane).map(|value| (f32::from(*value) - input.mean) / input.divisor).collect()
}
