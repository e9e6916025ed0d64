//! The sum of two tensors. A multiplication adds the products of two numbers of 16 bits, so that it computes a channel's sum.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::x86_64::*;

/// Adds pixels: `(a * scales[0] + b * scales[1] + offset) >> fraction` for each channel, clamped to 0..=255.
///
/// # Safety
///
/// The host must support SSE4.1. The number of channels, the length of scales and offsets, must be a multiple of 16, and the inputs
/// and the output must have the same whole number of pixels.
#[target_feature(enable = "sse4.1")]
pub(crate) unsafe fn row(
    scales: [&[i16]; 2],
    offset: &[i32],
    fraction: u32,
    [a, b]: [&[u8]; 2],
    output: &mut [u8],
) {
    let shift = _mm_cvtsi32_si128(fraction.cast_signed());
    for pixel in (0..output.len()).step_by(offset.len()) {
        for first in (0..offset.len()).step_by(16) {
            // SAFETY: the caller guarantees that there are 16 channels from `first` on.
            unsafe {
                let words = |half: usize| {
                    let channel = first + half * 8;
                    let load = |bytes: &[u8]| {
                        _mm_cvtepu8_epi16(_mm_loadl_epi64(bytes.as_ptr().add(pixel + channel).cast()))
                    };
                    let [a, b] = [load(a), load(b)];
                    let [a_scale, b_scale] =
                        scales.map(|scales| _mm_loadu_si128(scales.as_ptr().add(channel).cast()));
                    let sums = |values, scales, channel: usize| {
                        let offset = _mm_loadu_si128(offset.as_ptr().add(channel).cast());
                        _mm_sra_epi32(_mm_add_epi32(_mm_madd_epi16(values, scales), offset), shift)
                    };
                    _mm_packs_epi32(
                        sums(_mm_unpacklo_epi16(a, b), _mm_unpacklo_epi16(a_scale, b_scale), channel),
                        sums(_mm_unpackhi_epi16(a, b), _mm_unpackhi_epi16(a_scale, b_scale), channel + 4),
                    )
                };
                let bytes = _mm_packus_epi16(words(0), words(1));
                _mm_storeu_si128(output.as_mut_ptr().add(pixel + first).cast(), bytes);
            }
        }
    }
}
