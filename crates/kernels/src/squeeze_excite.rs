//! Squeeze and excitation: each channel is multiplied by a gate that depends on the means of all channels.

#![expect(unsafe_code, reason = "calls functions for AVX2 and SSE4.1, and converts floats without a check")]

use std::ops::Range;

use crate::{EpilogueError, Isa, Tensor};

/// The parameters of a squeeze-and-excitation block (Hu et al., "Squeeze-and-Excitation Networks", 2018):
///
/// `hidden = max(squeeze * means + squeeze_bias, 0)`, `gate = sigmoid(excite * hidden + excite_bias)`, and
/// `y = (x - zero_point) * gate * scale + output_zero_point`, rounded to nearest (ties to even) and clamped to 0..=255.
///
/// `means` are the means of the bytes of each channel of an image, from 0 to 255.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gate {
    /// The first matrix, in the order hidden value, channel.
    pub squeeze: Vec<f32>,
    /// The first bias, one for each hidden value.
    pub squeeze_bias: Vec<f32>,
    /// The second matrix, in the order channel, hidden value.
    pub excite: Vec<f32>,
    /// The second bias, one for each channel.
    pub excite_bias: Vec<f32>,
    /// The scale of the input divided by the scale of the output, one for each channel.
    pub scale: Vec<f32>,
    /// The zero point of the input, one for each channel.
    pub zero_point: Vec<f32>,
    /// The zero point of the output, one for each channel.
    pub output_zero_point: Vec<f32>,
}

/// A squeeze-and-excitation block bound to an instruction set. The gate is computed in floats, in the same order on every
/// processor.
#[derive(Debug, Clone)]
pub struct SqueezeExcite {
    isa: Isa,
    channels: usize,
    hidden: usize,
    /// The first matrix in the order channel, hidden value; the hidden values are padded to whole lanes.
    squeeze: Vec<f32>,
    squeeze_bias: Vec<f32>,
    /// The second matrix in the order hidden value, channel; the channels are padded to whole lanes.
    excite: Vec<f32>,
    excite_bias: Vec<f32>,
    scale: Vec<f32>,
    zero_point: Vec<f32>,
    output_zero_point: Vec<f32>,
}

/// Limit of the absolute values between the steps: with it no value can become infinite, and conversions cannot overflow.
const MAX_VALUE: f64 = (1 << 30) as f64;

impl SqueezeExcite {
    /// Maximum number of channels, and of hidden values.
    pub const MAX_CHANNELS: usize = 1024;
    /// Maximum number of pixels of an image: the sums of their bytes fit 32 bits.
    pub const MAX_PIXELS: usize = 1 << 24;

    /// Creates the layer.
    ///
    /// # Errors
    ///
    /// A parameter is not finite, or a value can be too large.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit each other, there are no or more than 1024 channels or hidden values, or this host does not
    /// support `isa`.
    pub fn new(gate: &Gate, isa: Isa) -> Result<Self, EpilogueError> {
        let (channels, hidden) = (gate.excite_bias.len(), gate.squeeze_bias.len());
        for count in [channels, hidden] {
            assert!((1..=Self::MAX_CHANNELS).contains(&count), "there must be 1 to 1024 values");
        }
        for matrix in [&gate.squeeze, &gate.excite] {
            assert_eq!(matrix.len(), channels * hidden, "the matrices must fit the biases");
        }
        for values in [&gate.scale, &gate.zero_point, &gate.output_zero_point] {
            assert_eq!(values.len(), channels, "one value for each channel");
        }
        assert!(isa.is_available(), "this host does not support {isa}");
        gate.check(channels, hidden)?;
        let padded = |values: &[f32]| {
            let mut padded = values.to_vec();
            padded.resize(values.len().next_multiple_of(Tensor::LANES), 0.0);
            padded
        };
        Ok(Self {
            isa,
            channels,
            hidden,
            squeeze: transposed(&gate.squeeze, hidden, channels),
            squeeze_bias: padded(&gate.squeeze_bias),
            excite: transposed(&gate.excite, channels, hidden),
            excite_bias: padded(&gate.excite_bias),
            scale: padded(&gate.scale),
            zero_point: padded(&gate.zero_point),
            output_zero_point: padded(&gate.output_zero_point),
        })
    }

    /// Number of multiply-accumulate operations of the two matrices for one image.
    pub fn macs(&self) -> usize {
        2 * self.channels * self.hidden
    }

    /// Number of channels, and of hidden values.
    pub fn size(&self) -> [usize; 2] {
        [self.channels, self.hidden]
    }

    /// Computes the rows `rows` of the output; see [`Conv::run`](crate::Conv::run). `input` is the whole input. Both tensors
    /// have the same size; their borders can differ.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the layer, or a slice is too short for its tensor.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        let size = |tensor: &Tensor| (tensor.images, tensor.height, tensor.width, tensor.pitch);
        assert_eq!(size(from), size(to), "the tensors must have the same size");
        assert_eq!(to.pitch, self.scale.len(), "the tensors must have the channels of the layer");
        assert!((1..=Self::MAX_PIXELS).contains(&(from.height * from.width)), "the sums must fit 32 bits");
        match self.isa {
            // SAFETY: `new` has checked that this host supports the instructions.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::AvxVnni | Isa::Avx512Vnni => unsafe {
                self.run_avx2(from, input, to, rows, output);
            },
            // SAFETY: `new` has checked that this host supports the instructions.
            #[cfg(target_arch = "x86_64")]
            Isa::Sse41 => unsafe { self.run_sse41(from, input, to, rows, output) },
            isa => self.run_rows(from, input, to, rows, output, isa.storage_mask()),
        }
    }

    /// The same code, compiled with AVX2.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn run_avx2(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        self.run_rows(from, input, to, rows, output, 0);
    }

    /// The same code, compiled with SSE4.1, which rounds floats in registers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sse4.1")]
    fn run_sse41(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        self.run_rows(from, input, to, rows, output, 0);
    }

    /// `mask`: see [`Isa::storage_mask`].
    #[inline(always)]
    fn run_rows(
        &self,
        from: &Tensor,
        input: &[u8],
        to: &Tensor,
        rows: Range<usize>,
        output: &mut [u8],
        mask: u8,
    ) {
        let Some(last) = rows.clone().next_back() else { return };
        let begin = to.row_start(rows.start);
        let bytes = to.width * to.pitch;
        let (mut scales, mut offsets) = ([0.0; Self::MAX_CHANNELS], [0.0; Self::MAX_CHANNELS]);
        for image in rows.start / to.height..=last / to.height {
            let (scales, offsets) = (&mut scales[..to.pitch], &mut offsets[..to.pitch]);
            self.gate(from, input, image, scales, offsets, mask);
            let first_row = image * to.height;
            for row in rows.start.max(first_row)..rows.end.min(first_row + to.height) {
                let y = row - first_row;
                let input = &input[from.pixel_offset(image, y, 0)..][..bytes];
                let output = &mut output[to.pixel_offset(image, y, 0) - begin..][..bytes];
                let pixels = input.chunks_exact(to.pitch).zip(output.chunks_exact_mut(to.pitch));
                for (input, output) in pixels {
                    scale_pixel(input, scales, offsets, output, mask);
                }
            }
        }
    }

    /// Computes the gate of an image as the factor and the offset of each channel's bytes.
    #[inline(always)]
    fn gate(
        &self,
        from: &Tensor,
        input: &[u8],
        image: usize,
        scales: &mut [f32],
        offsets: &mut [f32],
        mask: u8,
    ) {
        let mut sums = [0u32; Self::MAX_CHANNELS];
        let sums = &mut sums[..from.pitch];
        for row in 0..from.height {
            let line = &input[from.pixel_offset(image, row, 0)..][..from.width * from.pitch];
            for pixel in line.chunks_exact(from.pitch) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value ^ mask));
            }
        }
        let pixels = (from.height * from.width) as f32;
        let mut hidden = [0.0; Self::MAX_CHANNELS];
        let hidden = &mut hidden[..self.squeeze_bias.len()];
        hidden.copy_from_slice(&self.squeeze_bias);
        for (sum, weights) in sums.iter().zip(self.squeeze.chunks_exact(hidden.len())) {
            add_product(hidden, *sum as f32 / pixels, weights);
        }
        hidden.iter_mut().for_each(|value| *value = value.max(0.0));
        scales.copy_from_slice(&self.excite_bias);
        for (value, weights) in hidden.iter().zip(self.excite.chunks_exact(scales.len())) {
            add_product(scales, *value, weights);
        }
        let zero_points = self.zero_point.iter().zip(&self.output_zero_point);
        let channels = scales.iter_mut().zip(offsets).zip(self.scale.iter().zip(zero_points));
        for ((scale, offset), (ratio, (zero_point, output_zero_point))) in channels {
            *scale = sigmoid(*scale) * *ratio;
            *offset = *output_zero_point - *scale * *zero_point;
        }
    }
}

impl Gate {
    /// Refuses parameters with which a value could become infinite.
    fn check(&self, channels: usize, hidden: usize) -> Result<(), EpilogueError> {
        let largest = |weights: &[f32], inputs: f64, bias: f32| {
            weights.iter().map(|weight| f64::from(weight.abs()) * inputs).sum::<f64>() + f64::from(bias.abs())
        };
        let mut largest_hidden = 0.0f64;
        for (weights, bias) in self.squeeze.chunks_exact(channels).zip(&self.squeeze_bias) {
            let value = largest(weights, 255.0, *bias);
            check_limit(value, 0)?;
            largest_hidden = largest_hidden.max(value);
        }
        for (channel, weights) in self.excite.chunks_exact(hidden).enumerate() {
            let values = [self.scale[channel], self.zero_point[channel], self.output_zero_point[channel]];
            let gate = largest(weights, largest_hidden, self.excite_bias[channel]);
            let [scale, zero_point, output_zero_point] = values.map(|value| f64::from(value.abs()));
            let scaled = scale * (255.0 + zero_point) + output_zero_point;
            check_limit(gate, channel)?;
            check_limit(scaled, channel)?;
        }
        Ok(())
    }
}

/// Refuses a value of a channel that is beyond the limit, or not a number.
fn check_limit(value: f64, channel: usize) -> Result<(), EpilogueError> {
    match value {
        value if value <= MAX_VALUE => Ok(()),
        value if value.is_finite() => Err(EpilogueError::OutOfRange { channel }),
        _ => Err(EpilogueError::NotFinite { channel }),
    }
}

/// A matrix in the order column, row; the rows of the result are padded to whole lanes.
fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let padded = rows.next_multiple_of(Tensor::LANES);
    let mut transposed = vec![0.0; columns * padded];
    for (index, value) in matrix.iter().enumerate() {
        transposed[index % columns * padded + index / columns] = *value;
    }
    transposed
}

/// Adds `value * weights` to `sums`. Without fused multiplication, so that no processor needs a library function for it.
#[inline(always)]
fn add_product(sums: &mut [f32], value: f32, weights: &[f32]) {
    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
}

/// Multiplies the bytes of a pixel by the scale of their channel and adds the offset.
#[inline(always)]
fn scale_pixel(input: &[u8], scales: &[f32], offsets: &[f32], output: &mut [u8], mask: u8) {
    for ((input, output), (scale, offset)) in input.iter().zip(output).zip(scales.iter().zip(offsets)) {
        let clamped = (f32::from(*input ^ mask) * scale + offset).round_ties_even().clamp(0.0, 255.0);
        // SAFETY: `Gate::check` ensures that scale and offset are finite, so the value is not NaN, and it is clamped to the
        // range of a byte. A checked conversion would prevent the vectorization of this loop.
        *output = unsafe { clamped.to_int_unchecked::<i32>() } as u8 ^ mask;
    }
}

/// `1 / (1 + exp(-x))`. The exponential function of the system's library has other last bits on other systems; this one
/// consists of additions and multiplications, which are equal everywhere.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    /// Beyond this the result is 0 or 1, to the precision of normal floats.
    const LIMIT: f64 = 100.0;
    /// Number of terms of the series of `exp` for arguments up to `ln(2) / 2`: the next term is below 1e-13.
    const TERMS: u32 = 12;
    let y = -f64::from(x.abs()).min(LIMIT);
    let exponent = (y * std::f64::consts::LOG2_E).round_ties_even();
    let rest = y - exponent * std::f64::consts::LN_2;
    let series = (1..=TERMS).rev().fold(1.0, |sum, term| 1.0 + rest / f64::from(term) * sum);
    // 2 to the power of the exponent, which is from -145 to 0.
    let power = f64::from_bits(((1023 + exponent as i64) as u64) << 52);
    let exp = series * power;
    let sigmoid = if x < 0.0 { exp / (1.0 + exp) } else { 1.0 / (1.0 + exp) };
    sigmoid as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sigmoid_is_the_one_of_the_library_to_the_precision_of_floats() {
        for step in -4000..=4000 {
            let x = step as f32 / 50.0;
            let expected = (1.0 / (1.0 + (-f64::from(x)).exp())) as f32;
            assert!((sigmoid(x) - expected).abs() <= expected * f32::EPSILON, "{x}: {}", sigmoid(x));
        }
        assert_eq!([sigmoid(f32::MAX), sigmoid(0.0)], [1.0, 0.5]);
        assert!(sigmoid(f32::MIN) < 1e-40);
    }

    #[test]
    fn parameters_that_can_give_infinite_values_are_refused() {
        let gate = Gate {
            squeeze: vec![0.5; 6],
            squeeze_bias: vec![0.0; 2],
            excite: vec![0.5; 6],
            excite_bias: vec![0.0; 3],
            scale: vec![1.0; 3],
            zero_point: vec![128.0; 3],
            output_zero_point: vec![0.0; 3],
        };
        let made = |change: &dyn Fn(&mut Gate)| {
            let mut gate = gate.clone();
            change(&mut gate);
            SqueezeExcite::new(&gate, Isa::Scalar).map(|layer| layer.size())
        };
        assert_eq!(made(&|_| ()), Ok([3, 2]));
        let not_finite = |channel| Err(EpilogueError::NotFinite { channel });
        assert_eq!(made(&|gate| gate.squeeze[1] = f32::NAN), not_finite(0));
        assert_eq!(made(&|gate| gate.excite_bias[2] = f32::INFINITY), not_finite(2));
        assert_eq!(made(&|gate| gate.zero_point[1] = f32::NAN), not_finite(1));
        let out_of_range = |channel| Err(EpilogueError::OutOfRange { channel });
        assert_eq!(made(&|gate| gate.squeeze[1] = 1e30), out_of_range(0));
        assert_eq!(made(&|gate| gate.excite[5] = 1e30), out_of_range(2));
        assert_eq!(made(&|gate| gate.scale[1] = 1e30), out_of_range(1));
    }
}
