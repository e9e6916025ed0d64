//! NEON without the dot product instructions: products of signed bytes are added in pairs to 16 bits, then to 32 bits.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::aarch64::*;

use super::epilogue;
use crate::job::{ConvJob, DepthwiseJob};

/// Convolution of one block of 16 output channels.
///
/// # Safety
///
/// The windows of all pixels must be inside the input, and all pixels with all lanes inside the output. Weights and epilogue
/// must have the lengths that lanes and window require.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let (pairs, rest) = job.pixels.as_chunks::<2>();
    // SAFETY: the caller guarantees it.
    unsafe {
        pairs.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// Computes `P` pixels by 16 channels.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn tile<const P: usize>(job: &ConvJob, pixels: &[[u32; 2]; P]) {
    // Each register has 2 channels, and for each the sums of two pairs of inputs.
    let mut sums = [[vdupq_n_s32(0); 8]; P];
    let mut weights = job.weights.as_ptr().cast::<i8>();
    // The sum of two products -128 * -128 exceeds 16 bits: if there are such weights, products are not added in pairs.
    let pairs = if job.has_min_weight { 0 } else { job.groups / 2 };
    // SAFETY: windows and weights have the lengths that rows and groups require: guaranteed by the caller.
    unsafe {
        for row in 0..job.kernel_rows {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + row * job.row_step));
            for pair in 0..pairs {
                let values: [[int8x8_t; 2]; P] =
                    std::array::from_fn(|p| [four(input[p].add(pair * 8)), four(input[p].add(pair * 8 + 4))]);
                for v in 0..4 {
                    let first = vld1q_s8(weights.add(v * 16));
                    let second = vld1q_s8(weights.add(64 + v * 16));
                    for p in 0..P {
                        let [a, b] = values[p];
                        let low = vmlal_s8(vmull_s8(a, vget_low_s8(first)), b, vget_low_s8(second));
                        sums[p][v * 2] = vpadalq_s16(sums[p][v * 2], low);
                        let high = vmlal_s8(vmull_s8(a, vget_high_s8(first)), b, vget_high_s8(second));
                        sums[p][v * 2 + 1] = vpadalq_s16(sums[p][v * 2 + 1], high);
                    }
                }
                weights = weights.add(128);
            }
            for group in pairs * 2..job.groups {
                let values: [int8x8_t; P] = std::array::from_fn(|p| four(input[p].add(group * 4)));
                for v in 0..4 {
                    let row = vld1q_s8(weights.add(v * 16));
                    for p in 0..P {
                        let low = vmull_s8(values[p], vget_low_s8(row));
                        sums[p][v * 2] = vpadalq_s16(sums[p][v * 2], low);
                        let high = vmull_s8(values[p], vget_high_s8(row));
                        sums[p][v * 2 + 1] = vpadalq_s16(sums[p][v * 2 + 1], high);
                    }
                }
                weights = weights.add(64);
            }
        }
        let totals: [[int32x4_t; 4]; P] = std::array::from_fn(|p| {
            std::array::from_fn(|v| {
                let start = vld1q_s32(job.start.as_ptr().add(v * 4));
                vaddq_s32(vpaddq_s32(sums[p][v * 2], sums[p][v * 2 + 1]), start)
            })
        });
        let outputs = pixels.map(|[_, output]| job.output.add(output as usize));
        if job.float {
            epilogue::store_floats(job.epilogue.as_ptr(), &totals, outputs);
        } else {
            epilogue::store(job.epilogue.as_ptr(), job.linear, &totals, outputs);
        }
    }
}

/// Loads four inputs twice.
///
/// # Safety
///
/// `input` must point to at least 4 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn four(input: *const u8) -> int8x8_t {
    // SAFETY: the caller guarantees it.
    let bytes = unsafe { input.cast::<u32>().read_unaligned() };
    vreinterpret_s8_u32(vdup_n_u32(bytes))
}

/// Depthwise convolution of one block of 16 channels.
///
/// # Safety
///
/// All taps of all pixels with all lanes must be inside the input, and all pixels inside the output. Weights and epilogue
/// must have the lengths that lanes and taps require.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn depthwise(job: &DepthwiseJob) {
    // SAFETY: the caller guarantees it.
    unsafe {
        for pixel in 0..job.pixels {
            let input = job.input.add(pixel * job.input_step);
            let mut sums: [int32x4_t; 4] = std::array::from_fn(|v| vld1q_s32(job.start.as_ptr().add(v * 4)));
            for (group, taps) in job.taps.as_chunks::<4>().0.iter().enumerate() {
                // Loads four taps of 16 channels: one register for each tap.
                let weights = vld4q_s8(job.weights.as_ptr().cast::<i8>().add(group * 64));
                let weights = [weights.0, weights.1, weights.2, weights.3];
                for (tap, row) in taps.iter().zip(weights) {
                    let values = vld1q_s8(input.add(*tap as usize).cast());
                    let (low, high) = (vmovl_s8(vget_low_s8(values)), vmovl_high_s8(values));
                    let (low_row, high_row) = (vmovl_s8(vget_low_s8(row)), vmovl_s8(vget_high_s8(row)));
                    sums[0] = vmlal_s16(sums[0], vget_low_s16(low), vget_low_s16(low_row));
                    sums[1] = vmlal_high_s16(sums[1], low, low_row);
                    sums[2] = vmlal_s16(sums[2], vget_low_s16(high), vget_low_s16(high_row));
                    sums[3] = vmlal_high_s16(sums[3], high, high_row);
                }
            }
            let output = job.output.add(pixel * job.output_step);
            epilogue::store(job.epilogue.as_ptr(), job.linear, &[sums], [output]);
        }
    }
}
