//! The epilogue for SSE4.1: scale, PReLU, requantization.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::x86_64::*;

use crate::epilogue::{CUTOFF, EpilogueBlock, ROUNDING_BITS};

/// The starts of `V * 4` channels.
///
/// # Safety
///
/// `epilogue` must be that of `V * 4` channels.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) unsafe fn start<const V: usize>(epilogue: &EpilogueBlock) -> [__m128i; V] {
    // SAFETY: the caller guarantees it.
    std::array::from_fn(|v| unsafe { _mm_loadu_si128(epilogue.start.as_ptr().add(v * 4).cast()) })
}

/// Applies the epilogue to `P` pixels of `V * 4` channels and writes them, as floats if `float`, otherwise as bytes. The sums contain
/// their starts.
///
/// # Safety
///
/// `epilogue` must be that of `V * 4` channels, each of `outputs` must have room for their values. `V` must be 2 or 4.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) unsafe fn store<const P: usize, const V: usize>(
    epilogue: &EpilogueBlock,
    sums: &[[__m128i; V]; P],
    outputs: [*mut u8; P],
    float: bool,
) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let mut rounded = *sums;
        for v in 0..V {
            let [scale, negative_scale, offset] = std::array::from_fn(|index| {
                _mm_loadu_ps(epilogue.parameters.as_ptr().add((index * V + v) * 4))
            });
            for p in 0..P {
                // Selects by the sign of the sum.
                let scale = _mm_blendv_ps(scale, negative_scale, _mm_castsi128_ps(sums[p][v]));
                let y = _mm_mul_ps(_mm_cvtepi32_ps(sums[p][v]), scale);
                if float {
                    _mm_storeu_ps(outputs[p].cast::<f32>().add(v * 4), y);
                    continue;
                }
                let y = if epilogue.bounded {
                    y
                } else {
                    _mm_max_ps(_mm_min_ps(y, _mm_set1_ps(CUTOFF)), _mm_set1_ps(-CUTOFF))
                };
                let bits = _mm_castps_si128(_mm_add_ps(y, offset));
                rounded[p][v] = _mm_sub_epi32(bits, _mm_set1_epi32(ROUNDING_BITS));
            }
        }
        if float {
            return;
        }
        for p in 0..P {
            let words = |v: usize| _mm_packs_epi32(rounded[p][v], rounded[p][v + 1]);
            if V == 2 {
                _mm_storel_epi64(outputs[p].cast(), _mm_packus_epi16(words(0), words(0)));
            } else {
                _mm_storeu_si128(outputs[p].cast(), _mm_packus_epi16(words(0), words(2)));
            }
        }
    }
}
