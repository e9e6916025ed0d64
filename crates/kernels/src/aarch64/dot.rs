//! NEON with the dot product: four products of signed bytes are added to 32 bits at once.

use std::arch::aarch64::*;
use std::arch::asm;

use super::epilogue::store;
use crate::job::Job;

/// # Safety
///
/// The processor must have the dot product. Every window of the job's pixels must lie in the input, every pixel with
/// all its lanes in the output; weights and epilogue must be as long as lanes and window say.
#[target_feature(enable = "neon,dotprod")]
pub(crate) unsafe fn conv(job: &Job) {
    let (fours, rest) = job.pixels.as_chunks::<4>();
    // SAFETY: the caller's promises.
    unsafe {
        fours.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// Inputs are taken 128 lower, as signed bytes; the weights' sums make up for it.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile<const P: usize>(job: &Job, pixels: &[[u32; 2]; P]) {
    let mut weights = job.weights.as_ptr().cast::<i8>();
    // SAFETY: windows, weights and sums are as long as runs, groups and lanes say: the caller's promise.
    unsafe {
        let raised: [int32x4_t; 4] =
            std::array::from_fn(|v| vshlq_n_s32::<7>(vld1q_s32(job.sums.as_ptr().add(v * 4))));
        let mut sums = [raised; P];
        for run in 0..job.runs {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + run * job.run_step));
            let whole = job.groups / 4;
            for sixteen in 0..whole {
                let values: [int8x16_t; P] = std::array::from_fn(|p| {
                    let bytes = vld1q_u8(input[p].add(sixteen * 16));
                    vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(0x80)))
                });
                group::<P, 0>(&mut sums, weights, &values);
                group::<P, 1>(&mut sums, weights.add(64), &values);
                group::<P, 2>(&mut sums, weights.add(128), &values);
                group::<P, 3>(&mut sums, weights.add(192), &values);
                weights = weights.add(256);
            }
            for rest in whole * 4..job.groups {
                let values: [int8x16_t; P] = std::array::from_fn(|p| {
                    let bytes = input[p].add(rest * 4).cast::<u32>().read_unaligned();
                    vreinterpretq_s8_u32(vdupq_n_u32(bytes ^ 0x8080_8080))
                });
                group::<P, 0>(&mut sums, weights, &values);
                weights = weights.add(64);
            }
        }
        for p in 0..P {
            store(job.epilogue.as_ptr(), sums[p], job.output.add(pixels[p][1] as usize), job.float);
        }
    }
}

/// Adds the products of the `LANE`th four inputs of each pixel with their weights.
///
/// # Safety
///
/// There must be 64 weights.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn group<const P: usize, const LANE: i32>(
    sums: &mut [[int32x4_t; 4]; P],
    weights: *const i8,
    values: &[int8x16_t; P],
) {
    // SAFETY: the caller's promise.
    let rows: [int8x16_t; 4] = std::array::from_fn(|v| unsafe { vld1q_s8(weights.add(v * 16)) });
    for (sums, values) in sums.iter_mut().zip(values) {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = dot::<LANE>(*sum, row, *values);
        }
    }
}

/// `sums + row . values[LANE]`, four products a sum. By hand: the intrinsic is not stable yet.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot<const LANE: i32>(mut sums: int32x4_t, row: int8x16_t, values: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes only the registers named; the processor has it by the caller's
    // features.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {row:v}.16b, {values:v}.4b[{lane}]",
            sums = inout(vreg) sums,
            row = in(vreg) row,
            // Any register may be an indexed operand of four bytes.
            values = in(vreg) values,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
