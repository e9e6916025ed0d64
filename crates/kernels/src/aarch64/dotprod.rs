//! NEON with the dot product instructions: four products of signed bytes are added to 32 bits at once.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers, and an instruction without a stable intrinsic")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::epilogue::store;
use crate::job::ConvJob;

/// Convolution of one block of 16 output channels.
///
/// # Safety
///
/// The processor must support the dot product instructions. The windows of all pixels must be inside the input, and all
/// pixels with all lanes inside the output. Weights and epilogue must have the lengths that lanes and window require.
#[target_feature(enable = "neon,dotprod")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let (fours, rest) = job.pixels.as_chunks::<4>();
    // SAFETY: the caller guarantees it.
    unsafe {
        fours.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// Computes `P` pixels by 16 channels. Inputs are converted to signed bytes by subtracting 128; the sums begin with 128 times
/// the sum of the weights.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<const P: usize>(job: &ConvJob, pixels: &[[u32; 2]; P]) {
    let mut weights = job.weights.as_ptr().cast::<i8>();
    // SAFETY: windows, weights and sums have the lengths that rows, groups and lanes require: guaranteed by the caller.
    unsafe {
        let offsets: [int32x4_t; 4] =
            std::array::from_fn(|v| vshlq_n_s32::<7>(vld1q_s32(job.weight_sums.as_ptr().add(v * 4))));
        let mut sums = [offsets; P];
        for row in 0..job.kernel_rows {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + row * job.row_step));
            let blocks = job.groups / 4;
            for block in 0..blocks {
                let values: [int8x16_t; P] = std::array::from_fn(|p| {
                    let bytes = vld1q_u8(input[p].add(block * 16));
                    vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80)))
                });
                add_group::<P, 0>(&mut sums, weights, &values);
                add_group::<P, 1>(&mut sums, weights.add(64), &values);
                add_group::<P, 2>(&mut sums, weights.add(128), &values);
                add_group::<P, 3>(&mut sums, weights.add(192), &values);
                weights = weights.add(256);
            }
            for rest in blocks * 4..job.groups {
                let values: [int8x16_t; P] = std::array::from_fn(|p| {
                    let bytes = input[p].add(rest * 4).cast::<u32>().read_unaligned();
                    vreinterpretq_s8_u32(vdupq_n_u32(bytes ^ 0x8080_8080))
                });
                add_group::<P, 0>(&mut sums, weights, &values);
                weights = weights.add(64);
            }
        }
        for p in 0..P {
            store(job.epilogue.as_ptr(), sums[p], job.output.add(pixels[p][1] as usize), job.float);
        }
    }
}

/// Adds the products of four inputs (number `LANE`) of each pixel and their weights.
///
/// # Safety
///
/// `weights` must point to at least 64 weights.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn add_group<const P: usize, const LANE: i32>(
    sums: &mut [[int32x4_t; 4]; P],
    weights: *const i8,
    values: &[int8x16_t; P],
) {
    // SAFETY: the caller guarantees it.
    let rows: [int8x16_t; 4] = std::array::from_fn(|v| unsafe { vld1q_s8(weights.add(v * 16)) });
    for (sums, values) in sums.iter_mut().zip(values) {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = dot::<LANE>(*sum, row, *values);
        }
    }
}

/// `sums + row . values[LANE]`, four products for each sum. In assembly, because the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot<const LANE: i32>(mut sums: int32x4_t, row: int8x16_t, values: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes only the named registers, and the target features of this function include
    // it.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {row:v}.16b, {values:v}.4b[{lane}]",
            sums = inout(vreg) sums,
            row = in(vreg) row,
            // For four bytes any register can be the indexed operand.
            values = in(vreg) values,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
