//! AVX-512 VNNI: 64 products for each instruction, up to 6 pixels by 64 channels in registers.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]
#![expect(clippy::needless_range_loop, reason = "an index selects the same register of several arrays")]

use std::arch::x86_64::*;

use crate::epilogue::{CUTOFF, ROUNDING_BITS};
use crate::job::{ConvJob, DepthwiseJob};

/// Convolution of one block of 16, 32, 48 or 64 output channels.
///
/// # Safety
///
/// The host must support AVX-512 F, BW and VNNI. The windows of all pixels must be inside the input, and all pixels with all
/// lanes inside the output. Weights and epilogue must have the lengths that lanes and window require.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    // SAFETY: the caller guarantees it.
    unsafe {
        match (job.lanes, job.float) {
            (64, false) => tiles::<6, 3, 4, false>(job),
            (48, false) => tiles::<6, 3, 3, false>(job),
            (32, false) => tiles::<12, 4, 2, false>(job),
            (_, false) => tiles::<12, 4, 1, false>(job),
            (64, true) => tiles::<6, 3, 4, true>(job),
            (48, true) => tiles::<6, 3, 3, true>(job),
            (32, true) => tiles::<12, 4, 2, true>(job),
            (_, true) => tiles::<12, 4, 1, true>(job),
        }
    }
}

/// Computes all pixels in tiles of `P`, then of `Q`, then one by one, with `V` registers of 16 channels each.
///
/// # Safety
///
/// As [`conv`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
unsafe fn tiles<const P: usize, const Q: usize, const V: usize, const FLOAT: bool>(job: &ConvJob) {
    let (whole, rest) = job.pixels.as_chunks::<P>();
    let (some, rest) = rest.as_chunks::<Q>();
    // SAFETY: the caller guarantees it.
    unsafe {
        whole.iter().for_each(|pixels| tile::<P, V, FLOAT>(job, pixels));
        some.iter().for_each(|pixels| tile::<Q, V, FLOAT>(job, pixels));
        rest.iter().for_each(|pixel| tile::<1, V, FLOAT>(job, &[*pixel]));
    }
}

/// Computes `P` pixels by `V * 16` channels in registers.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
unsafe fn tile<const P: usize, const V: usize, const FLOAT: bool>(job: &ConvJob, pixels: &[[u32; 2]; P]) {
    let mut weights = job.weights.as_ptr();
    // SAFETY: windows, weights and starts have the lengths that rows, groups and lanes require: guaranteed by the caller.
    unsafe {
        let start: [__m512i; V] =
            std::array::from_fn(|v| _mm512_loadu_si512(job.epilogue.start.as_ptr().add(v * 16).cast()));
        let mut sums = [start; P];
        for row in 0..job.kernel_rows {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + row * job.row_step));
            for group in 0..job.groups {
                let rows: [__m512i; V] =
                    std::array::from_fn(|v| _mm512_loadu_si512(weights.add(v * 64).cast()));
                weights = weights.add(V * 64);
                for p in 0..P {
                    let values = _mm512_set1_epi32(input[p].add(group * 4).cast::<i32>().read_unaligned());
                    for v in 0..V {
                        sums[p][v] = _mm512_dpbusd_epi32(sums[p][v], values, rows[v]);
                    }
                }
            }
        }
        for v in 0..V {
            let channel = job.epilogue.parameters.as_ptr().add(v * 16);
            let parameter = |index: usize| _mm512_loadu_ps(channel.add(index * V * 16));
            let (scale, negative_scale, offset) = (parameter(0), parameter(1), parameter(2));
            for p in 0..P {
                let y = scaled(sums[p][v], scale, negative_scale);
                let output = job.output.add(pixels[p][1] as usize);
                if FLOAT {
                    _mm512_storeu_ps(output.cast::<f32>().add(v * 16), y);
                } else {
                    let rounded = rounded(y, offset, job.epilogue.bounded);
                    let clamped = _mm512_max_epi32(rounded, _mm512_setzero_si512());
                    _mm_storeu_si128(output.add(v * 16).cast(), _mm512_cvtusepi32_epi8(clamped));
                }
            }
        }
    }
}

/// Applies the scales.
#[inline]
#[target_feature(enable = "avx512f")]
fn scaled(sums: __m512i, scale: __m512, negative_scale: __m512) -> __m512 {
    let values = _mm512_cvtepi32_ps(sums);
    let negative = _mm512_cmplt_epi32_mask(sums, _mm512_setzero_si512());
    _mm512_mask_mul_ps(_mm512_mul_ps(values, scale), negative, values, negative_scale)
}

/// Adds the zero point and rounds to an integer, by the addition of [`ROUNDING_BASE`](crate::epilogue::ROUNDING_BASE).
#[inline]
#[target_feature(enable = "avx512f")]
fn rounded(values: __m512, offset: __m512, bounded: bool) -> __m512i {
    let values = if bounded {
        values
    } else {
        _mm512_max_ps(_mm512_min_ps(values, _mm512_set1_ps(CUTOFF)), _mm512_set1_ps(-CUTOFF))
    };
    _mm512_sub_epi32(_mm512_castps_si512(_mm512_add_ps(values, offset)), _mm512_set1_epi32(ROUNDING_BITS))
}

/// Depthwise convolution of one block of 16, 32, 48 or 64 channels.
///
/// # Safety
///
/// The host must support AVX-512 F, BW and VNNI. All taps of all pixels with all lanes must be inside the input, and all
/// pixels inside the output. Weights and epilogue must have the lengths that lanes and taps require.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
pub(crate) unsafe fn depthwise(job: &DepthwiseJob) {
    // SAFETY: the caller guarantees it.
    unsafe {
        match (job.lanes, job.taps.len()) {
            // The usual 3x3 kernel: its weights stay in registers from pixel to pixel.
            (64, 12) => row::<4, 3>(job, 3),
            (64, taps) => row::<4, 0>(job, taps / 4),
            (48, taps) => row::<3, 0>(job, taps / 4),
            (32, taps) => row::<2, 0>(job, taps / 4),
            (_, taps) => row::<1, 0>(job, taps / 4),
        }
    }
}

/// Computes a row of `V * 16` channels with `G` groups of 4 taps, or with `groups` if `G` is 0.
///
/// # Safety
///
/// As [`depthwise`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
unsafe fn row<const V: usize, const G: usize>(job: &DepthwiseJob, groups: usize) {
    let groups = if G > 0 { G } else { groups };
    let bytes = u64::MAX >> (64 - 16 * V);
    let floats = u16::MAX >> (16 - 4 * V);
    // SAFETY: the caller guarantees the lengths of taps, pixels, weights and epilogue; loads and stores are masked to the
    // lanes of the block.
    unsafe {
        let taps = job.taps.as_ptr();
        let parameter = |index: usize, register: usize| {
            let channel = job.epilogue.parameters.as_ptr().add((index * 4 + register) * 4 * V);
            _mm512_maskz_loadu_ps(floats, channel)
        };
        for pixel in 0..job.pixels {
            let input = job.input.add(pixel * job.input_step);
            let tap = |index: usize| {
                let offset = *taps.add(index) as usize;
                _mm512_maskz_loadu_epi8(bytes, input.add(offset).cast())
            };
            let mut sums: [__m512i; 4] = std::array::from_fn(|register| {
                _mm512_maskz_loadu_epi32(floats, job.epilogue.start.as_ptr().add(register * 4 * V))
            });
            for group in 0..groups {
                let values: [__m512i; 4] = std::array::from_fn(|index| tap(group * 4 + index));
                let low =
                    [_mm512_unpacklo_epi8(values[0], values[1]), _mm512_unpacklo_epi8(values[2], values[3])];
                let high =
                    [_mm512_unpackhi_epi8(values[0], values[1]), _mm512_unpackhi_epi8(values[2], values[3])];
                let fours = [
                    _mm512_unpacklo_epi16(low[0], low[1]),
                    _mm512_unpackhi_epi16(low[0], low[1]),
                    _mm512_unpacklo_epi16(high[0], high[1]),
                    _mm512_unpackhi_epi16(high[0], high[1]),
                ];
                for register in 0..4 {
                    let weights = job.weights.as_ptr().add((group * 4 + register) * 16 * V);
                    let weights = _mm512_maskz_loadu_epi8(bytes, weights.cast());
                    sums[register] = _mm512_dpbusd_epi32(sums[register], fours[register], weights);
                }
            }
            let rounded: [__m512i; 4] = std::array::from_fn(|register| {
                let y = scaled(sums[register], parameter(0, register), parameter(1, register));
                rounded(y, parameter(2, register), job.epilogue.bounded)
            });
            // The pack instructions work within 16 bytes as the unpack instructions do, and so restore the order.
            let words =
                [_mm512_packs_epi32(rounded[0], rounded[1]), _mm512_packs_epi32(rounded[2], rounded[3])];
            let packed = _mm512_packus_epi16(words[0], words[1]);
            _mm512_mask_storeu_epi8(job.output.add(pixel * job.output_step).cast(), bytes, packed);
        }
    }
}
