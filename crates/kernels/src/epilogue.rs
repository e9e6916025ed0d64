//! What every layer ends with: scale, bias, PReLU, requantize.

use crate::Tensor;

/// Why a layer's numbers cannot be computed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpilogueError {
    /// A scale, bias, slope or zero point is not finite.
    NotFinite { channel: usize },
    /// The largest sum that can occur does not fit the arithmetic.
    OutOfRange { channel: usize },
}

impl std::fmt::Display for EpilogueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFinite { channel } => {
                write!(f, "a scale, bias, slope or zero point of channel {channel} is not finite")
            }
            Self::OutOfRange { channel } => {
                write!(f, "the sums of channel {channel} can grow beyond 32 bits")
            }
        }
    }
}

impl std::error::Error for EpilogueError {}

/// From a sum of products to the next layer's value, for each output channel:
///
/// `y = sum * scale + bias`, `z = max(y, 0) + slope * min(y, 0)`, and for `u8` outputs
/// `round(z + zero_point)` to the even of two nearest, held to 0..=255.
///
/// `scale` is the input's times the weights' scale over the output's; `bias` is in units of the output's scale
/// and holds what the input's zero point adds to the sums.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Epilogue {
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
    /// 1 for a linear layer, 0 for ReLU.
    pub slope: Vec<f32>,
    /// 0 where the output stays `f32`.
    pub zero_point: Vec<f32>,
}

impl Epilogue {
    /// Refuses numbers with which the kernels would not agree: `largest` is the largest absolute sum a channel.
    pub(crate) fn check(&self, outputs: usize, largest: impl Fn(usize) -> i64) -> Result<(), EpilogueError> {
        for lane in [&self.scale, &self.bias, &self.slope, &self.zero_point] {
            assert_eq!(lane.len(), outputs, "one value for each output channel");
        }
        for channel in 0..outputs {
            let [scale, bias, slope, zero_point] = self.channel(channel);
            if ![scale, bias, slope, zero_point].iter().all(|value| value.is_finite()) {
                return Err(EpilogueError::NotFinite { channel });
            }
            let largest = largest(channel);
            let scaled = f64::from(scale.abs()) * largest as f64 + f64::from(bias.abs());
            if largest > i64::from(i32::MAX) || scaled * f64::from(slope.abs().max(1.0)) > f64::from(1 << 30)
            {
                return Err(EpilogueError::OutOfRange { channel });
            }
        }
        Ok(())
    }

    /// Scale, bias, slope and zero point.
    pub(crate) fn channel(&self, channel: usize) -> [f32; 4] {
        [self.scale[channel], self.bias[channel], self.slope[channel], self.zero_point[channel]]
    }

    /// The next layer's value before rounding.
    #[inline(always)]
    pub(crate) fn float([scale, bias, slope, _]: [f32; 4], sum: i32) -> f32 {
        let y = (sum as f32).mul_add(scale, bias);
        y.min(0.0).mul_add(slope, y.max(0.0))
    }

    /// The next layer's value.
    #[inline(always)]
    pub(crate) fn quantized(channel: [f32; 4], sum: i32) -> u8 {
        (Self::float(channel, sum) + channel[3]).round_ties_even().clamp(0.0, 255.0) as u8
    }

    /// The numbers of each block of so many channels together: scales, biases, slopes, zero points. Channels
    /// that are not there have zeros, and so give zeros.
    pub(crate) fn blocks(&self, block: usize) -> Vec<f32> {
        let outputs = self.scale.len();
        let padded = outputs.next_multiple_of(Tensor::LANES);
        let mut blocks = Vec::with_capacity(padded * 4);
        for first in (0..padded).step_by(block) {
            let size = block.min(padded - first);
            for lane in [&self.scale, &self.bias, &self.slope, &self.zero_point] {
                blocks.extend((first..first + size).map(|c| lane.get(c).copied().unwrap_or(0.0)));
            }
        }
        blocks
    }
}
