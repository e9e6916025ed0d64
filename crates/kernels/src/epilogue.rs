//! The end of a convolution: scale, bias, PReLU, requantization.

use crate::Tensor;

/// Largest absolute value before rounding: its conversion to a 32-bit integer must not overflow.
const MAX_VALUE: f64 = (1 << 30) as f64;

/// Why the parameters of a layer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpilogueError {
    /// A scale, bias, slope, zero point or a weight of a gate is not finite.
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
                write!(f, "a scale, bias, slope, zero point or weight of channel {channel} is not finite")
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
/// `y = sum * scale + bias`, `z = max(y, 0) + slope * min(y, 0)`, and for `u8` outputs `z + zero_point`, rounded to nearest
/// (ties to even) and clamped to 0..=255.
///
/// `scale` is the product of the scales of input and weights, divided by the scale of the output. `bias` is in units of the
/// output's scale and corrects the contribution of the input's zero point to the sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Epilogue {
    /// Scale of the sum.
    pub scale: Vec<f32>,
    /// Bias.
    pub bias: Vec<f32>,
    /// Slope of PReLU: 1 for a linear layer, 0 for ReLU.
    pub slope: Vec<f32>,
    /// Zero point of the output; 0 for `f32` outputs.
    pub zero_point: Vec<f32>,
}

impl Epilogue {
    /// Refuses parameters with which the results of the kernels could differ. `max_sum` returns the largest absolute sum of
    /// a channel.
    pub(crate) fn check(&self, outputs: usize, max_sum: impl Fn(usize) -> i64) -> Result<(), EpilogueError> {
        for values in [&self.scale, &self.bias, &self.slope, &self.zero_point] {
            assert_eq!(values.len(), outputs, "one value for each output channel");
        }
        for channel in 0..outputs {
            let [scale, bias, slope, zero_point] = self.channel(channel);
            if ![scale, bias, slope, zero_point].iter().all(|value| value.is_finite()) {
                return Err(EpilogueError::NotFinite { channel });
            }
            let max_sum = max_sum(channel);
            let scaled = f64::from(scale.abs()) * max_sum as f64 + f64::from(bias.abs());
            if max_sum > i64::from(i32::MAX) || scaled * f64::from(slope.abs().max(1.0)) > MAX_VALUE {
                return Err(EpilogueError::OutOfRange { channel });
            }
        }
        Ok(())
    }

    /// Whether there is no activation function.
    pub(crate) fn is_linear(&self) -> bool {
        self.slope.iter().all(|slope| *slope == 1.0)
    }

    /// Scale, bias, slope and zero point of a channel.
    pub(crate) fn channel(&self, channel: usize) -> [f32; 4] {
        [self.scale[channel], self.bias[channel], self.slope[channel], self.zero_point[channel]]
    }

    /// The output value before the zero point is added: scale, bias and PReLU.
    #[inline(always)]
    pub(crate) fn float([scale, bias, slope, _]: [f32; 4], sum: i32) -> f32 {
        let y = (sum as f32).mul_add(scale, bias);
        y.min(0.0).mul_add(slope, y.max(0.0))
    }

    /// The requantized output value.
    #[inline(always)]
    pub(crate) fn quantized(channel: [f32; 4], sum: i32) -> u8 {
        (Self::float(channel, sum) + channel[3]).round_ties_even().clamp(0.0, 255.0) as u8
    }

    /// The parameters in the order of the kernels: for each block of `block` channels the scales, biases, slopes and zero
    /// points. Padding channels have zeros, and so their outputs are 0.
    pub(crate) fn blocks(&self, block: usize) -> Vec<f32> {
        let outputs = self.scale.len();
        let padded = outputs.next_multiple_of(Tensor::LANES);
        let mut blocks = Vec::with_capacity(padded * 4);
        for first in (0..padded).step_by(block) {
            let size = block.min(padded - first);
            for values in [&self.scale, &self.bias, &self.slope, &self.zero_point] {
                blocks.extend((first..first + size).map(|c| values.get(c).copied().unwrap_or(0.0)));
            }
        }
        blocks
    }
}
