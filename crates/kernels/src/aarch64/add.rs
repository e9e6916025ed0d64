//! The sum of two tensors, of bytes minus 128.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::aarch64::*;

use crate::scalar::ADD_FRACTION;

/// [`ADD_FRACTION`] as a shift. A shift by a constant is one instruction with the narrowing.
const USUAL_FRACTION: i32 = ADD_FRACTION.cast_signed();

/// Adds pixels: `(a * scales[0] + b * scales[1] + offset) >> fraction` for each channel, clamped to -128..=127.
///
/// # Safety
///
/// The number of channels, the length of scales and offsets, must be a multiple of 16, and the inputs and the output must have the
/// same whole number of pixels.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn row(
    scales: [&[i16]; 2],
    offset: &[i32],
    fraction: u32,
    inputs: [&[u8]; 2],
    output: &mut [u8],
) {
    let shift = -fraction.cast_signed();
    // SAFETY: the caller guarantees it.
    unsafe {
        if shift == -USUAL_FRACTION {
            row_with(scales, offset, inputs, output, |low, high| {
                vqshrn_high_n_s32::<USUAL_FRACTION>(vqshrn_n_s32::<USUAL_FRACTION>(low), high)
            });
        } else {
            row_with(scales, offset, inputs, output, |low, high| {
                let [low, high] = [low, high].map(|sums| vshlq_s32(sums, vdupq_n_s32(shift)));
                vqmovn_high_s32(vqmovn_s32(low), high)
            });
        }
    }
}

/// As [`row`]. `narrowed` shifts 8 sums and converts them to 16 bits.
///
/// # Safety
///
/// As [`row`].
#[inline(always)]
unsafe fn row_with(
    scales: [&[i16]; 2],
    offset: &[i32],
    [a, b]: [&[u8]; 2],
    output: &mut [u8],
    narrowed: impl Fn(int32x4_t, int32x4_t) -> int16x8_t,
) {
    for pixel in (0..output.len()).step_by(offset.len()) {
        for first in (0..offset.len()).step_by(16) {
            // SAFETY: the caller guarantees that there are 16 channels from `first` on.
            unsafe {
                let load = |bytes: &[u8]| {
                    let bytes = vld1q_s8(bytes.as_ptr().add(pixel + first).cast());
                    [vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes)]
                };
                let [a, b] = [load(a), load(b)];
                let words: [int16x8_t; 2] = std::array::from_fn(|half| {
                    let channel = first + half * 8;
                    let [a_scale, b_scale] = scales.map(|scales| vld1q_s16(scales.as_ptr().add(channel)));
                    let [low, high] = [0, 4].map(|four| vld1q_s32(offset.as_ptr().add(channel + four)));
                    let low = vmlal_s16(low, vget_low_s16(a[half]), vget_low_s16(a_scale));
                    let low = vmlal_s16(low, vget_low_s16(b[half]), vget_low_s16(b_scale));
                    let high = vmlal_high_s16(high, a[half], a_scale);
                    let high = vmlal_high_s16(high, b[half], b_scale);
                    narrowed(low, high)
                });
                let bytes = vqmovn_high_s16(vqmovn_s16(words[0]), words[1]);
                vst1q_s8(output.as_mut_ptr().add(pixel + first).cast(), bytes);
            }
        }
    }
}
