//! Chooses the quantization parameters of each value from the statistics over the calibration samples.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::graph::{QuantizationGraph, ValueRole};
use super::stats::{BINS, CalibrationStats, ChannelStats, ValueStats};

/// Steps between the least and the greatest number of an unsigned byte.
pub const STEPS: f32 = 255.0;
/// Least width of the widest channel, so that a value that is always 0 has a scale.
const MIN_WIDTH: f32 = 1e-3;
/// Least width of a channel, as a share of the widest channel of the same value.
const MIN_RELATIVE_WIDTH: f32 = 1e-3;
/// [`RangeMethod::Mse`] tries ranges in these steps, as shares of the observed range.
const MSE_STEP: f32 = 0.03;
/// The number of these steps: the narrowest range has 28 % of the observed one.
const MSE_STEPS: u8 = 24;
/// Exponent of the headroom of vectors, see [`choose_params`].
const VECTOR_HEADROOM: i32 = 5;

/// How a range is chosen from the observed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RangeMethod {
    /// The whole observed range.
    Minmax,
    /// The range without the rarest values at both ends.
    Percentile,
    /// The range with the least expected squared error of rounding and clipping together.
    Mse,
}

/// Settings of the choice of ranges.
#[derive(Debug, Clone, Copy)]
pub struct RangeSettings {
    /// How a range is chosen.
    pub method: RangeMethod,
    /// The share of values that [`RangeMethod::Percentile`] keeps, 0 to 1.
    pub share: f64,
    /// Factor of the width of each range: other pictures than those of calibration can reach further.
    pub headroom: f32,
}

/// Scale and zero point: `real = (byte - zero_point) * scale`. One pair, or one pair for each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantParams {
    /// The scales.
    pub scale: Vec<f32>,
    /// The zero points, as many as scales.
    pub zero_point: Vec<u8>,
}

/// The parameters of the input, and of each value that has its own.
///
/// # Errors
/// If a value has no statistics.
pub fn choose_params(
    network: &QuantizationGraph,
    stats: &CalibrationStats,
    settings: RangeSettings,
) -> Result<BTreeMap<String, QuantParams>> {
    let quantized = network.values.iter().filter_map(|(name, role)| match role {
        ValueRole::Quantized { per_channel } => Some((name, *per_channel)),
        _ => None,
    });
    quantized
        .chain([(&network.input, false)])
        .map(|(name, per_channel)| {
            let stats = stats.values.get(name).with_context(|| format!("{name} has no statistics"))?;
            // Few numbers of a vector are observed. If no activation bounds them, other faces reach much further.
            let is_unbounded = stats.is_vector && network.is_linear(name);
            let exponent = if is_unbounded { VECTOR_HEADROOM } else { 1 };
            let headroom = settings.headroom.powi(exponent);
            Ok((name.clone(), params(stats, per_channel, settings, headroom)))
        })
        .collect()
}

fn params(stats: &ValueStats, per_channel: bool, settings: RangeSettings, headroom: f32) -> QuantParams {
    let ranges: Vec<(f32, f32)> = match per_channel {
        true => stats.channels.iter().map(|channel| range(channel, settings)).collect(),
        false => vec![range(&stats.merged(), settings)],
    };
    // A channel that is always 0 still needs a scale that is not much smaller than the others.
    let widest = ranges.iter().map(|(least, greatest)| greatest - least).fold(0.0, f32::max).max(MIN_WIDTH);
    let (scale, zero_point) = ranges
        .into_iter()
        .map(|(least, greatest)| {
            let (least, greatest) = (least * headroom, greatest * headroom);
            let scale = rounded_scale((greatest - least).max(widest * MIN_RELATIVE_WIDTH) / STEPS);
            (scale, (-least / scale).round().clamp(0.0, STEPS) as u8)
        })
        .unzip();
    QuantParams { scale, zero_point }
}

/// Rounds to 12 bits of the fraction, so that differences in the last bits between processors give the same file.
fn rounded_scale(scale: f32) -> f32 {
    const DROPPED_BITS: u32 = f32::MANTISSA_DIGITS - 1 - 12;
    let half = 1 << (DROPPED_BITS - 1);
    f32::from_bits((scale.to_bits() + half) & !((1 << DROPPED_BITS) - 1))
}

/// The range of a channel, which includes 0.
fn range(channel: &ChannelStats, settings: RangeSettings) -> (f32, f32) {
    let (least, greatest) = (channel.least.min(0.0), channel.greatest.max(0.0));
    match settings.method {
        RangeMethod::Minmax => (least, greatest),
        RangeMethod::Percentile => {
            let cut = (channel.count as f64 * (1.0 - settings.share) / 2.0) as u64;
            let bins = || channel.bins.iter().copied().enumerate();
            let low = bin_after(bins(), cut).unwrap_or(0);
            let high = bin_after(bins().rev(), cut).unwrap_or(BINS - 1);
            (channel.center(low).min(0.0).max(least), channel.center(high).max(0.0).min(greatest))
        }
        RangeMethod::Mse => {
            let candidates = (0..=MSE_STEPS).map(|step| 1.0 - f32::from(step) * MSE_STEP).map(|share| {
                let (low, high) = (least * share, greatest * share);
                (expected_error(channel, low, high), low, high)
            });
            let best = candidates.min_by(|a, b| a.0.total_cmp(&b.0));
            best.map_or((least, greatest), |(_, low, high)| (low, high))
        }
    }
}

/// The first bin at which more than `cut` values are passed.
fn bin_after(mut bins: impl Iterator<Item = (usize, u64)>, cut: u64) -> Option<usize> {
    let mut passed = 0;
    bins.find_map(|(bin, count)| {
        passed += count;
        (passed > cut).then_some(bin)
    })
}

/// The expected squared error of a range: the variance of rounding inside it, the distance to it outside.
fn expected_error(channel: &ChannelStats, low: f32, high: f32) -> f64 {
    let step = f64::from(high - low) / f64::from(STEPS);
    let counted = channel.bins.iter().enumerate().filter(|(_, count)| **count > 0);
    counted
        .map(|(bin, count)| {
            let value = channel.center(bin);
            let beyond = f64::from((low - value).max(value - high).max(0.0));
            *count as f64 * (beyond * beyond + step * step / 12.0)
        })
        .sum()
}
