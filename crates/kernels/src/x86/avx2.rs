//! AVX2: bytes are widened to 16 bits before the multiplication. `vpmaddubsw` multiplies twice as many values, but its sums
//! of two products saturate.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]
#![expect(clippy::needless_range_loop, reason = "an index selects the same register of several arrays")]

use std::arch::x86_64::*;

use crate::epilogue::{CUTOFF, EpilogueBlock, ROUNDING_BITS};
use crate::job::{ConvJob, DepthwiseJob};

/// Convolution of one block of 16 output channels, 3 pixels at a time.
///
/// # Safety
///
/// The host must support AVX2 and FMA. The windows of all pixels must be inside the input, and all pixels with all lanes
/// inside the output. Weights and epilogue must have the lengths that lanes and window require.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let (whole, rest) = job.pixels.as_chunks::<3>();
    // SAFETY: the caller guarantees it.
    unsafe {
        whole.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// Computes `P` pixels by 16 channels in registers.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const P: usize>(job: &ConvJob, pixels: &[[u32; 2]; P]) {
    // Each register has 4 channels, and for each the sums of two pairs of inputs.
    let mut sums = [[_mm256_setzero_si256(); 4]; P];
    let mut weights = job.weights.as_ptr();
    // SAFETY: windows and weights have the lengths that rows and groups require: guaranteed by the caller.
    unsafe {
        for row in 0..job.kernel_rows {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + row * job.row_step));
            for group in 0..job.groups {
                let values: [__m256i; P] = std::array::from_fn(|p| {
                    let four = input[p].add(group * 4).cast::<i32>().read_unaligned();
                    _mm256_cvtepu8_epi16(_mm_set1_epi32(four))
                });
                for v in 0..4 {
                    let row = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.add(v * 16).cast()));
                    for p in 0..P {
                        sums[p][v] = _mm256_add_epi32(sums[p][v], _mm256_madd_epi16(values[p], row));
                    }
                }
                weights = weights.add(64);
            }
        }
        for p in 0..P {
            let [a, b, c, d] = sums[p];
            // Horizontal addition leaves the channels in the order 0 1 4 5 2 3 6 7: exchange the two middle pairs.
            let add = |a, b| _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0b11_01_10_00);
            store(job, [add(a, b), add(c, d)], pixels[p][1] as usize);
        }
    }
}

/// Applies the epilogue to 16 channels and writes them at an offset in the output.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn store(job: &ConvJob, sums: [__m256i; 2], offset: usize) {
    // SAFETY: the epilogue has 4 values for each of 16 lanes, and the output has room for them: guaranteed by the caller.
    unsafe {
        let output = job.output.add(offset);
        if job.float {
            for (v, sums) in sums.into_iter().enumerate() {
                _mm256_storeu_ps(output.cast::<f32>().add(v * 8), scaled(&job.epilogue, v, sums));
            }
        } else {
            store_bytes(&job.epilogue, sums, output);
        }
    }
}

/// Applies the epilogue to 16 channels and writes them as bytes.
///
/// # Safety
///
/// `epilogue` must be that of 16 lanes, `output` must have room for 16 bytes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_bytes(epilogue: &EpilogueBlock, sums: [__m256i; 2], output: *mut u8) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let rounded = |v: usize, sums| {
            let y = scaled(epilogue, v, sums);
            let y = if epilogue.bounded {
                y
            } else {
                _mm256_max_ps(_mm256_min_ps(y, _mm256_set1_ps(CUTOFF)), _mm256_set1_ps(-CUTOFF))
            };
            let offset = _mm256_loadu_ps(epilogue.parameters.as_ptr().add(32 + v * 8));
            let rounded = _mm256_castps_si256(_mm256_add_ps(y, offset));
            _mm256_sub_epi32(rounded, _mm256_set1_epi32(ROUNDING_BITS))
        };
        let words = _mm256_packs_epi32(rounded(0, sums[0]), rounded(1, sums[1]));
        let words = _mm256_permute4x64_epi64(words, 0b11_01_10_00);
        let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128(output.cast(), bytes);
    }
}

/// Adds the starts of the 8 channels of register `v` to their sums, and applies the scales.
///
/// # Safety
///
/// `epilogue` must be that of 16 lanes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn scaled(epilogue: &EpilogueBlock, v: usize, sums: __m256i) -> __m256 {
    // SAFETY: the caller guarantees it.
    let (start, scale, negative_scale) = unsafe {
        let parameters = epilogue.parameters.as_ptr().add(v * 8);
        (
            _mm256_loadu_si256(epilogue.start.as_ptr().add(v * 8).cast()),
            _mm256_loadu_ps(parameters),
            _mm256_loadu_ps(parameters.add(16)),
        )
    };
    let sums = _mm256_add_epi32(sums, start);
    // Selects by the sign of the sum.
    let scale = _mm256_blendv_ps(scale, negative_scale, _mm256_castsi256_ps(sums));
    _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale)
}

/// Depthwise convolution of one block of 16 channels.
///
/// # Safety
///
/// The host must support AVX2 and FMA. All taps of all pixels with all lanes must be inside the input, and all pixels inside
/// the output. Weights and epilogue must have the lengths that lanes and taps require.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn depthwise(job: &DepthwiseJob) {
    // SAFETY: the caller guarantees it.
    unsafe {
        for pixel in 0..job.pixels {
            let input = job.input.add(pixel * job.input_step);
            // Each register has 4 channels, and for each the sums of two pairs of taps.
            let mut sums = [_mm256_setzero_si256(); 4];
            for (group, taps) in job.taps.as_chunks::<4>().0.iter().enumerate() {
                let [a, b, c, d] = taps.map(|tap| _mm_loadu_si128(input.add(tap as usize).cast()));
                let low = [_mm_unpacklo_epi8(a, b), _mm_unpacklo_epi8(c, d)];
                let high = [_mm_unpackhi_epi8(a, b), _mm_unpackhi_epi8(c, d)];
                let fours = [
                    _mm_unpacklo_epi16(low[0], low[1]),
                    _mm_unpackhi_epi16(low[0], low[1]),
                    _mm_unpacklo_epi16(high[0], high[1]),
                    _mm_unpackhi_epi16(high[0], high[1]),
                ];
                for v in 0..4 {
                    let weights = job.weights.as_ptr().add((group * 4 + v) * 16);
                    let row = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.cast()));
                    let products = _mm256_madd_epi16(_mm256_cvtepu8_epi16(fours[v]), row);
                    sums[v] = _mm256_add_epi32(sums[v], products);
                }
            }
            let [a, b, c, d] = sums;
            let add = |a, b| _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0b11_01_10_00);
            let output = job.output.add(pixel * job.output_step);
            store_bytes(&job.epilogue, [add(a, b), add(c, d)], output);
        }
    }
}
