//! The epilogue: scale, PReLU, requantization.
//!
//! Always inlined, so that the sums stay in registers. (Functions with `target_feature` cannot be; every aarch64 has NEON.)

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]
#![expect(clippy::needless_range_loop, reason = "an index selects the same register of several arrays")]

use std::arch::aarch64::*;

use crate::epilogue::{CUTOFF, EpilogueBlock, ROUNDING_BASE, ROUNDING_BITS};

/// Applies the epilogue to `P` pixels of `Q * 4` channels and writes them, as bytes minus 128. The parameters of four channels
/// are loaded once for all pixels. The sums contain their starts.
///
/// # Safety
///
/// `epilogue` must be that of `Q * 4` channels, each of `outputs` must have room for `Q * 4` bytes. `Q` must be 2 or 4.
#[inline(always)]
pub(super) unsafe fn store<const P: usize, const Q: usize>(
    epilogue: &EpilogueBlock,
    sums: &[[int32x4_t; Q]; P],
    outputs: [*mut u8; P],
) {
    let parameters = epilogue.parameters.as_ptr();
    // SAFETY: the caller guarantees it.
    unsafe {
        match (epilogue.bounded, epilogue.linear) {
            (true, true) => store_bytes::<P, Q, true, true>(parameters, sums, outputs),
            (true, false) => store_bytes::<P, Q, true, false>(parameters, sums, outputs),
            (false, _) => store_bytes::<P, Q, false, false>(parameters, sums, outputs),
        }
    }
}

/// As [`store`].
///
/// # Safety
///
/// As [`store`].
#[inline(always)]
unsafe fn store_bytes<const P: usize, const Q: usize, const BOUNDED: bool, const LINEAR: bool>(
    parameters: *const f32,
    sums: &[[int32x4_t; Q]; P],
    outputs: [*mut u8; P],
) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let mut words = [[vdupq_n_s16(0); Q]; P];
        for q in 0..Q {
            let [scale, negative_scale, offset] =
                std::array::from_fn(|index| vld1q_f32(parameters.add((index * Q + q) * 4)));
            for p in 0..P {
                let values = if BOUNDED {
                    vsubq_f32(vreinterpretq_f32_s32(sums[p][q]), vdupq_n_f32(ROUNDING_BASE))
                } else {
                    to_float(sums[p][q])
                };
                let y = vmulq_f32(values, if LINEAR { scale } else { select(values, scale, negative_scale) });
                let y = if BOUNDED {
                    y
                } else {
                    vmaxq_f32(vminq_f32(y, vdupq_n_f32(CUTOFF)), vdupq_n_f32(-CUTOFF))
                };
                // The lower half of each lane is the rounded value.
                words[p][q] = vreinterpretq_s16_f32(vaddq_f32(y, offset));
            }
        }
        for p in 0..P {
            let lower_halves = |q: usize| vuzp1q_s16(words[p][q], words[p][q + 1]);
            let low = vqmovn_s16(lower_halves(0));
            if Q == 2 {
                vst1_s8(outputs[p].cast(), low);
            } else {
                vst1q_s8(outputs[p].cast(), vqmovn_high_s16(low, lower_halves(2)));
            }
        }
    }
}

/// Applies the scales to `P` pixels of `Q * 4` channels and writes them as floats. The sums contain their starts.
///
/// # Safety
///
/// `epilogue` must be that of `Q * 4` channels, each of `outputs` must have room for `Q * 4` floats.
#[inline(always)]
pub(super) unsafe fn store_floats<const P: usize, const Q: usize>(
    epilogue: &EpilogueBlock,
    sums: &[[int32x4_t; Q]; P],
    outputs: [*mut u8; P],
) {
    // SAFETY: the caller guarantees it.
    unsafe {
        for q in 0..Q {
            let [scale, negative_scale] =
                std::array::from_fn(|index| vld1q_f32(epilogue.parameters.as_ptr().add((index * Q + q) * 4)));
            for p in 0..P {
                let values = to_float(sums[p][q]);
                let y = vmulq_f32(values, select(values, scale, negative_scale));
                vst1q_f32(outputs[p].cast::<f32>().add(q * 4), y);
            }
        }
    }
}

/// The sums as floats, also those that are too large for [`ROUNDING_BASE`].
#[inline(always)]
fn to_float(sums: int32x4_t) -> float32x4_t {
    // SAFETY: every aarch64 has NEON.
    unsafe { vcvtq_f32_s32(vsubq_s32(sums, vdupq_n_s32(ROUNDING_BITS))) }
}

/// The scale of each value, by its sign.
#[inline(always)]
fn select(values: float32x4_t, scale: float32x4_t, negative_scale: float32x4_t) -> float32x4_t {
    // SAFETY: every aarch64 has NEON.
    unsafe { vbslq_f32(vcltzq_f32(values), negative_scale, scale) }
}
