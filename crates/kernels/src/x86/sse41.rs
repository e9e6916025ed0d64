//! SSE4.1, for processors without AVX2: bytes are widened to 16 bits before the multiplication, as for AVX2.
//!
//! A register of sums has four output channels. A product adds two inputs of each, so that no sums are added across a register in
//! the end.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]
#![expect(clippy::needless_range_loop, reason = "an index selects the same register of several arrays")]

use std::arch::x86_64::*;

use super::epilogue_sse41::{start, store};
use crate::job::{ConvJob, DepthwiseJob};

/// Number of output channels of a block of a convolution. The weights are in the order: 2 inputs of a channel, channel.
pub(crate) const BLOCK: usize = 8;

/// Number of inputs of a channel that follow each other in the weights of a convolution.
pub(crate) const GROUP: usize = 2;

/// Convolution of one block of 8 output channels, 3 pixels at a time.
///
/// # Safety
///
/// The host must support SSSE3 and SSE4.1. The windows of all pixels must be inside the input, and all pixels with all lanes
/// inside the output. Weights and epilogue must have the lengths that lanes and window require. The number of groups must be even.
#[target_feature(enable = "ssse3,sse4.1")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let (whole, rest) = job.pixels.as_chunks::<3>();
    // SAFETY: the caller guarantees it.
    unsafe {
        whole.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// Computes `P` pixels by 8 channels in registers.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn tile<const P: usize>(job: &ConvJob, pixels: &[[u32; 2]; P]) {
    let mut weights = job.weights.as_ptr();
    // SAFETY: windows, weights and starts have the lengths that rows, groups and lanes require: guaranteed by the caller.
    unsafe {
        let mut sums = [start::<2>(&job.epilogue); P];
        for row in 0..job.kernel_rows {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + row * job.row_step));
            // 8 inputs of each pixel, in 16 bits.
            let eights = job.groups / 4;
            for eight in 0..eights {
                let values: [__m128i; P] = std::array::from_fn(|p| {
                    _mm_cvtepu8_epi16(_mm_loadl_epi64(input[p].add(eight * 8).cast()))
                });
                add_products::<0b00_00_00_00, P>(&mut sums, &values, weights);
                add_products::<0b01_01_01_01, P>(&mut sums, &values, weights.add(16));
                add_products::<0b10_10_10_10, P>(&mut sums, &values, weights.add(32));
                add_products::<0b11_11_11_11, P>(&mut sums, &values, weights.add(48));
                weights = weights.add(64);
            }
            if !job.groups.is_multiple_of(4) {
                let values: [__m128i; P] = std::array::from_fn(|p| {
                    let four = input[p].add(eights * 8).cast::<i32>().read_unaligned();
                    _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four))
                });
                add_products::<0b00_00_00_00, P>(&mut sums, &values, weights);
                add_products::<0b01_01_01_01, P>(&mut sums, &values, weights.add(16));
                weights = weights.add(32);
            }
        }
        store(&job.epilogue, &sums, pixels.map(|[_, target]| job.output.add(target as usize)), job.float);
    }
}

/// Adds the products of two inputs and their weights. `PAIR` selects the two of the 8 inputs, four times.
///
/// # Safety
///
/// `weights` must have 2 weights for each of 8 channels.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn add_products<const PAIR: i32, const P: usize>(
    sums: &mut [[__m128i; 2]; P],
    values: &[__m128i; P],
    weights: *const u8,
) {
    // SAFETY: the caller guarantees it.
    let weights: [__m128i; 2] =
        std::array::from_fn(|v| unsafe { _mm_cvtepi8_epi16(_mm_loadl_epi64(weights.add(v * 8).cast())) });
    for p in 0..P {
        let pair = _mm_shuffle_epi32(values[p], PAIR);
        for v in 0..2 {
            sums[p][v] = _mm_add_epi32(sums[p][v], _mm_madd_epi16(pair, weights[v]));
        }
    }
}

/// Depthwise convolution of one row of a block of 16 channels.
///
/// # Safety
///
/// The host must support SSSE3 and SSE4.1. All taps of all pixels with all lanes must be inside the input, and all pixels inside
/// the output. Weights and epilogue must have the lengths that lanes and taps require.
#[target_feature(enable = "ssse3,sse4.1")]
pub(crate) unsafe fn depthwise(job: &DepthwiseJob) {
    let taps = job.taps.as_chunks::<4>().0;
    // SAFETY: the caller guarantees it.
    unsafe {
        match taps {
            [a, b, [c, ..]] if job.is_3x3 => {
                // The weights are widened once for the row. The ninth tap has no second one.
                let weights: [_; 3] = std::array::from_fn(|group| tap_weights(job, group));
                for pixel in 0..job.pixels {
                    let mut sums = start::<4>(&job.epilogue);
                    let load = |tap: u32| load_tap(job, pixel, tap);
                    add_taps(&mut sums, [load(a[0]), load(a[1])], &weights[0][0]);
                    add_taps(&mut sums, [load(a[2]), load(a[3])], &weights[0][1]);
                    add_taps(&mut sums, [load(b[0]), load(b[1])], &weights[1][0]);
                    add_taps(&mut sums, [load(b[2]), load(b[3])], &weights[1][1]);
                    add_taps(&mut sums, [load(*c), _mm_setzero_si128()], &weights[2][0]);
                    store(&job.epilogue, &[sums], [job.output.add(pixel * job.output_step)], false);
                }
            }
            _ => {
                for pixel in 0..job.pixels {
                    let mut sums = start::<4>(&job.epilogue);
                    for (group, [a, b, c, d]) in taps.iter().enumerate() {
                        let weights = tap_weights(job, group);
                        let load = |tap: &u32| load_tap(job, pixel, *tap);
                        add_taps(&mut sums, [load(a), load(b)], &weights[0]);
                        add_taps(&mut sums, [load(c), load(d)], &weights[1]);
                    }
                    store(&job.epilogue, &[sums], [job.output.add(pixel * job.output_step)], false);
                }
            }
        }
    }
}

/// The 16 channels of a tap of a pixel.
///
/// # Safety
///
/// The tap must be inside the input.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn load_tap(job: &DepthwiseJob, pixel: usize, tap: u32) -> __m128i {
    // SAFETY: the caller guarantees it.
    unsafe { _mm_loadu_si128(job.input.add(tap as usize + pixel * job.input_step).cast()) }
}

/// The weights of a group of 4 taps in 16 bits: for the first two taps and for the others, four registers of four channels.
///
/// # Safety
///
/// The job must have weights for 16 channels of the group.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
unsafe fn tap_weights(job: &DepthwiseJob, group: usize) -> [[__m128i; 4]; 2] {
    // From four taps of each channel to two taps of all channels, then the other two.
    let order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    let mut weights = [[_mm_setzero_si128(); 4]; 2];
    for v in 0..4 {
        // SAFETY: the caller guarantees it.
        let fours = unsafe { _mm_loadu_si128(job.weights.as_ptr().add((group * 4 + v) * 16).cast()) };
        let pairs = _mm_shuffle_epi8(fours, order);
        weights[0][v] = _mm_cvtepi8_epi16(pairs);
        weights[1][v] = _mm_cvtepi8_epi16(_mm_unpackhi_epi64(pairs, pairs));
    }
    weights
}

/// Adds the products of two taps of 16 channels and their weights.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
fn add_taps(sums: &mut [__m128i; 4], [a, b]: [__m128i; 2], weights: &[__m128i; 4]) {
    let zero = _mm_setzero_si128();
    let (low, high) = (_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b));
    let pairs = [
        _mm_cvtepu8_epi16(low),
        _mm_unpackhi_epi8(low, zero),
        _mm_cvtepu8_epi16(high),
        _mm_unpackhi_epi8(high, zero),
    ];
    for v in 0..4 {
        sums[v] = _mm_add_epi32(sums[v], _mm_madd_epi16(pairs[v], weights[v]));
    }
}
