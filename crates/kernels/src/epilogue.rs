//! The end of a convolution: scale, bias, PReLU, requantization.

use crate::{Isa, Tensor};

/// Largest absolute value before rounding: with larger ones the scale of the output cannot be right.
const MAX_VALUE: f64 = (1 << 30) as f64;

/// 1.5 * 2^23. A float between 2^23 and 2^24 has no fraction, so adding this number to one of at most 2^22 rounds that to the
/// nearest integer, ties to even, and the integer is in the lowest bits of the result. The additions of an integer to the bits and
/// of the number to the float so replace two conversions, which ARM's processors do at half the rate.
pub(crate) const ROUNDING_BASE: f32 = 12_582_912.0;

/// The bits of [`ROUNDING_BASE`].
pub(crate) const ROUNDING_BITS: i32 = ROUNDING_BASE.to_bits().cast_signed();

/// Where values before rounding are cut off, far outside of 0..=255, if they can be too large for [`ROUNDING_BASE`].
pub(crate) const CUTOFF: f32 = 1024.0;

/// Why the parameters of a layer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpilogueError {
    /// A scale, bias, slope or a weight of a gate is not finite, or a scale is negative.
    NotFinite {
        /// Output channel.
        channel: usize,
    },
    /// The largest possible sum exceeds 32 bits.
    OutOfRange {
        /// Output channel.
        channel: usize,
    },
}

impl std::fmt::Display for EpilogueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFinite { channel } => {
                write!(
                    f,
                    "a scale, bias, slope or weight of channel {channel} is not finite, or a scale is negative"
                )
            }
            Self::OutOfRange { channel } => {
                write!(f, "the sums of channel {channel} can exceed 32 bits")
            }
        }
    }
}

impl std::error::Error for EpilogueError {}

/// The parameters that convert a sum of products to an output value, for each output channel:
///
/// `x = sum + bias`, an integer; `y = x * scale`, or `x * scale * slope` if `x` is negative; and for `u8` outputs
/// `y + zero_point`, rounded to nearest (ties to even) and clamped to 0..=255.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Epilogue {
    /// Scale of the sum, at least 0: the product of the scales of input and weights, divided by the scale of the output.
    pub scale: Vec<f32>,
    /// Bias in units of the sum. It is rounded to an integer. It contains the correction of the input's zero point.
    pub bias: Vec<f64>,
    /// Slope of PReLU: 1 for a linear layer, 0 for ReLU.
    pub slope: Vec<f32>,
    /// Zero point of the output; 0 for `f32` outputs.
    pub zero_point: Vec<u8>,
}

/// The epilogue of a layer in the form that the kernels compute.
#[derive(Debug, Clone)]
pub(crate) struct FoldedEpilogue {
    /// What the sum of each output channel begins with. Channels are padded to whole lanes, as in `parameters`.
    start: Vec<i32>,
    /// For each block of channels the scales, the scales of negative sums, and the offsets.
    parameters: Vec<f32>,
    linear: bool,
    bounded: bool,
}

/// The epilogue of a block of output channels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EpilogueBlock<'a> {
    /// What the sum of each channel begins with: the bias. Where activations are kept minus 128, also what is therefore missing
    /// from the products, 128 times the sum of the weights. For kernels of ARM also [`ROUNDING_BITS`].
    pub start: &'a [i32],
    /// The scales of the channels, their scales of negative sums, and their offsets: [`ROUNDING_BASE`] and the zero point, minus
    /// 128 where activations are kept so. Padding channels have zeros, so their outputs are 0.
    pub parameters: &'a [f32],
    /// Whether all slopes are 1.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "only the kernels of ARM use it"))]
    pub linear: bool,
    /// Whether no sum exceeds 2^22 and no value before rounding 2^15, so that [`ROUNDING_BASE`] is exact without [`CUTOFF`].
    pub bounded: bool,
}

impl Epilogue {
    /// Converts the parameters to those of the kernels. `weights` returns the weights of an output channel, `position` the
    /// position of a channel in its block of some lanes.
    ///
    /// # Errors
    ///
    /// Parameters with which the results of the kernels could differ.
    pub(crate) fn fold<'a>(
        &self,
        isa: Isa,
        block: usize,
        weights: impl Fn(usize) -> &'a [i8],
        position: impl Fn(usize, usize) -> usize,
    ) -> Result<FoldedEpilogue, EpilogueError> {
        let outputs = self.scale.len();
        let lengths = [self.bias.len(), self.slope.len(), self.zero_point.len()];
        assert_eq!(lengths, [outputs; 3], "one value for each output channel");
        let padded = outputs.next_multiple_of(Tensor::LANES);
        let mask = isa.storage_mask();
        let mut folded = FoldedEpilogue {
            start: vec![0; padded],
            parameters: vec![0.0; padded * PARAMETERS],
            linear: self.slope.iter().all(|slope| *slope == 1.0),
            bounded: true,
        };
        for channel in 0..outputs {
            let weights = weights(channel);
            let (bias, scale) = self.integer_bias(channel, weights)?;
            let negative_scale = scale * self.slope[channel];
            if !negative_scale.is_finite() {
                return Err(EpilogueError::NotFinite { channel });
            }
            let sum_of = |weight: fn(i64) -> i64| weights.iter().map(|w| weight(i64::from(*w))).sum::<i64>();
            let lowest = bias + 255 * sum_of(|weight| weight.min(0));
            let highest = bias + 255 * sum_of(|weight| weight.max(0));
            let largest = lowest.abs().max(highest.abs());
            let value = largest as f64 * f64::from(scale.max(negative_scale.abs()));
            if largest > i64::from(i32::MAX) || value > MAX_VALUE {
                return Err(EpilogueError::OutOfRange { channel });
            }
            folded.bounded &= largest < 1 << 22 && value < f64::from(i16::MAX - 256);

            let first = channel - channel % block;
            let lanes = block.min(padded - first);
            let lane = position(channel - first, lanes);
            let mut start = bias + i64::from(mask) * sum_of(|weight| weight);
            if mask != 0 {
                start += i64::from(ROUNDING_BITS);
            }
            // The sums of the kernels wrap around, so the lowest 32 bits are enough.
            folded.start[first + lane] = start as i32;
            let offset = ROUNDING_BASE + f32::from(self.zero_point[channel]) - f32::from(mask);
            for (index, value) in [scale, negative_scale, offset].into_iter().enumerate() {
                folded.parameters[first * PARAMETERS + index * lanes + lane] = value;
            }
        }
        Ok(folded)
    }

    /// The bias of a channel as an integer, and the scale that belongs to it.
    fn integer_bias(&self, channel: usize, weights: &[i8]) -> Result<(i64, f32), EpilogueError> {
        let (bias, scale) = (self.bias[channel], self.scale[channel]);
        if !bias.is_finite() || !scale.is_finite() || scale < 0.0 {
            return Err(EpilogueError::NotFinite { channel });
        }
        // The scale of a channel without weights says nothing, and can be so small that the bias is too large.
        const CONSTANT: f64 = (1 << 20) as f64;
        if weights.iter().all(|weight| *weight == 0) && bias.abs() > CONSTANT {
            return Ok((
                (CONSTANT * bias.signum()) as i64,
                (bias.abs() / CONSTANT * f64::from(scale)) as f32,
            ));
        }
        if bias.abs() > f64::from(i32::MAX) {
            return Err(EpilogueError::OutOfRange { channel });
        }
        Ok((bias.round_ties_even() as i64, scale))
    }

    /// The output value before the offset is added, for a sum that contains its start.
    #[inline(always)]
    pub(crate) fn float([scale, negative_scale, _]: [f32; PARAMETERS], sum: i32) -> f32 {
        sum as f32 * if sum < 0 { negative_scale } else { scale }
    }

    /// The requantized output value, for a sum that contains its start.
    #[inline(always)]
    pub(crate) fn quantized(channel: [f32; PARAMETERS], sum: i32) -> u8 {
        let value = Self::float(channel, sum).clamp(-CUTOFF, CUTOFF) + channel[2];
        (value.to_bits().cast_signed() - ROUNDING_BITS).clamp(0, 255) as u8
    }
}

/// Number of parameters of a channel.
const PARAMETERS: usize = 3;

impl FoldedEpilogue {
    /// The epilogue of the channels from `first`, a block of `lanes`.
    pub(crate) fn block(&self, first: usize, lanes: usize) -> EpilogueBlock<'_> {
        EpilogueBlock {
            start: &self.start[first..][..lanes],
            parameters: &self.parameters[first * PARAMETERS..][..lanes * PARAMETERS],
            linear: self.linear,
            bounded: self.bounded,
        }
    }

    /// Whether no sum exceeds 2^22 and no value before rounding 2^15. Else the kernels compute more slowly.
    pub(crate) fn is_bounded(&self) -> bool {
        self.bounded
    }
}

impl EpilogueBlock<'_> {
    /// The parameters of a channel: scale, scale of negative sums, offset.
    pub(crate) fn channel(&self, lane: usize) -> [f32; PARAMETERS] {
        let lanes = self.start.len();
        std::array::from_fn(|index| self.parameters[index * lanes + lane])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folded epilogue of one channel with these weights.
    fn folded(weights: &[i8], scale: f32, bias: f64) -> Result<FoldedEpilogue, EpilogueError> {
        let epilogue =
            Epilogue { scale: vec![scale], bias: vec![bias], slope: vec![0.25], zero_point: vec![10] };
        epilogue.fold(Isa::Scalar, 16, |_| weights, |lane, _| lane)
    }

    /// The output for a sum of products.
    fn output(epilogue: &FoldedEpilogue, sum: i32) -> u8 {
        let block = epilogue.block(0, 16);
        Epilogue::quantized(block.channel(0), block.start[0] + sum)
    }

    #[test]
    fn only_layers_within_the_bounds_round_the_fast_way() {
        let is_bounded = |weights: &[i8], scale, bias| folded(weights, scale, bias).unwrap().is_bounded();
        assert!(is_bounded(&[100; 100], 0.001, 0.0));
        // The sum can exceed 2^22.
        assert!(!is_bounded(&[127; 200], 0.001, 0.0));
        assert!(!is_bounded(&[1], 0.001, 5e6));
        // Weights of both signs do not add up.
        assert!(is_bounded(&[[127; 100], [-127; 100]].concat(), 0.001, 0.0));
        // The value can exceed 2^15.
        assert!(!is_bounded(&[100; 100], 0.02, 0.0));
    }

    #[test]
    fn a_channel_without_weights_gives_its_bias_whatever_its_scale() {
        for (scale, bias) in [(1e-12, 3e13), (1e-3, 3e4), (1e-12, -1.2e14)] {
            let constant = folded(&[0, 0], scale, bias).unwrap();
            let value = bias * f64::from(scale);
            let expected = if value < 0.0 { 10.0 + value * 0.25 } else { 10.0 + value };
            assert_eq!(f64::from(output(&constant, 0)), expected.round().max(0.0), "{scale} {bias}");
            assert!(constant.is_bounded());
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let refused = |scale, bias| folded(&[1], scale, bias).unwrap_err();
        let not_finite = EpilogueError::NotFinite { channel: 0 };
        for (scale, bias) in [(f32::NAN, 0.0), (f32::INFINITY, 0.0), (-1.0, 0.0), (1.0, f64::NAN)] {
            assert_eq!(refused(scale, bias), not_finite, "{scale} {bias}");
        }
        for (scale, bias) in [(1.0, 1e10), (1e10, 0.0)] {
            assert_eq!(refused(scale, bias), EpilogueError::OutOfRange { channel: 0 }, "{scale} {bias}");
        }
    }
}
