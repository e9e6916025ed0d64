//! AVX2: bytes are widened to 16 bits before they are multiplied. `vpmaddubsw` would multiply twice as many, but
//! its sums of two products saturate.

use std::arch::x86_64::*;

use crate::job::{Job, RowJob};

/// # Safety
///
/// AVX2 and FMA must be there. Every window of the job's pixels must lie in the input, every pixel with all its
/// lanes in the output; weights and epilogue must be as long as lanes and window say.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn conv(job: &Job) {
    let (whole, rest) = job.pixels.as_chunks::<3>();
    // SAFETY: the caller's promises.
    unsafe {
        whole.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const P: usize>(job: &Job, pixels: &[[u32; 2]; P]) {
    // Each register has 4 channels: for each the products of even and of odd pairs of inputs.
    let mut sums = [[_mm256_setzero_si256(); 4]; P];
    let mut weights = job.weights.as_ptr();
    // SAFETY: windows and weights are as long as runs and groups say: the caller's promise.
    unsafe {
        for run in 0..job.runs {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + run * job.run_step));
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
            // Adding neighbors leaves channels 0 1 4 5 2 3 6 7: the middle two pairs change places.
            let add = |a, b| _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0b11_01_10_00);
            store(job, [add(a, b), add(c, d)], pixels[p][1] as usize);
        }
    }
}

/// The epilogue of 16 channels and their store at an offset in the output.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn store(job: &Job, sums: [__m256i; 2], offset: usize) {
    // SAFETY: the epilogue has 4 numbers for each of 16 lanes, and the pixel all of them: the caller's promise.
    unsafe {
        let output = job.output.add(offset);
        if job.float {
            for (v, sums) in sums.into_iter().enumerate() {
                let [z, _] = activated(job.epilogue.as_ptr(), v, sums);
                _mm256_storeu_ps(output.cast::<f32>().add(v * 8), z);
            }
        } else {
            store_bytes(job.epilogue.as_ptr(), sums, output);
        }
    }
}

/// # Safety
///
/// `epilogue` must have 4 numbers for each of 16 lanes, `output` room for 16 bytes.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_bytes(epilogue: *const f32, sums: [__m256i; 2], output: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        let rounded = |v: usize, sums| {
            let [z, zero_point] = activated(epilogue, v, sums);
            _mm256_cvtps_epi32(_mm256_add_ps(z, zero_point))
        };
        let words = _mm256_packs_epi32(rounded(0, sums[0]), rounded(1, sums[1]));
        let words = _mm256_permute4x64_epi64(words, 0b11_01_10_00);
        let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128(output.cast(), bytes);
    }
}

/// Scale, bias and PReLU of the `v`th 8 channels; and their zero points.
///
/// # Safety
///
/// `epilogue` must have 4 numbers for each of 16 lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn activated(epilogue: *const f32, v: usize, sums: __m256i) -> [__m256; 2] {
    // SAFETY: the caller's promise.
    let number = |index: usize| unsafe { _mm256_loadu_ps(epilogue.add(index * 16 + v * 8)) };
    let y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), number(0), number(1));
    let zero = _mm256_setzero_ps();
    let z = _mm256_fmadd_ps(_mm256_min_ps(y, zero), number(2), _mm256_max_ps(y, zero));
    [z, number(3)]
}

/// # Safety
///
/// AVX2 and FMA must be there. Every tap of every pixel with all its lanes must lie in the input, every pixel in
/// the output; weights and epilogue must be as long as lanes and taps say.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn depthwise(job: &RowJob) {
    // SAFETY: the caller's promises.
    unsafe {
        for pixel in 0..job.pixels {
            let input = job.input.add(pixel * job.step);
            // Each register has 4 channels: for each the products of two pairs of taps.
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
            store_bytes(job.epilogue.as_ptr(), [add(a, b), add(c, d)], output);
        }
    }
}
