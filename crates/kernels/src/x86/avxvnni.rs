//! AVX-VNNI: 32 products for each instruction, up to 6 pixels by 16 channels in registers.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::x86_64::*;

use super::avx2::store;
use crate::job::ConvJob;

/// Convolution of one block of 16 output channels.
///
/// # Safety
///
/// The host must support AVX2, FMA and AVX-VNNI. The windows of all pixels must be inside the input, and all pixels with all
/// lanes inside the output. Weights and epilogue must have the lengths that lanes and window require.
#[target_feature(enable = "avx2,fma,avxvnni")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let (whole, rest) = job.pixels.as_chunks::<6>();
    let (some, rest) = rest.as_chunks::<2>();
    // SAFETY: the caller guarantees it.
    unsafe {
        whole.iter().for_each(|pixels| tile(job, pixels));
        some.iter().for_each(|pixels| tile(job, pixels));
        rest.iter().for_each(|pixel| tile(job, &[*pixel]));
    }
}

/// Computes `P` pixels by 16 channels in registers.
///
/// # Safety
///
/// As [`conv`].
#[inline]
#[target_feature(enable = "avx2,fma,avxvnni")]
unsafe fn tile<const P: usize>(job: &ConvJob, pixels: &[[u32; 2]; P]) {
    let mut sums = [[_mm256_setzero_si256(); 2]; P];
    let mut weights = job.weights.as_ptr();
    // SAFETY: windows and weights have the lengths that rows and groups require: guaranteed by the caller.
    unsafe {
        for row in 0..job.kernel_rows {
            let input: [*const u8; P] =
                std::array::from_fn(|p| job.input.add(pixels[p][0] as usize + row * job.row_step));
            for group in 0..job.groups {
                let rows: [__m256i; 2] =
                    std::array::from_fn(|v| _mm256_loadu_si256(weights.add(v * 32).cast()));
                weights = weights.add(64);
                for p in 0..P {
                    let values = _mm256_set1_epi32(input[p].add(group * 4).cast::<i32>().read_unaligned());
                    for v in 0..2 {
                        sums[p][v] = _mm256_dpbusd_avx_epi32(sums[p][v], values, rows[v]);
                    }
                }
            }
        }
        for p in 0..P {
            store(job, sums[p], pixels[p][1] as usize);
        }
    }
}
