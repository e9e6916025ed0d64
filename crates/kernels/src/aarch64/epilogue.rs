//! The epilogue: scale, bias, PReLU, requantization.
//!
//! Always inlined, so that the sums stay in registers. (Functions with `target_feature` cannot be; every aarch64 has NEON.)

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]
#![expect(clippy::needless_range_loop, reason = "an index selects the same register of several arrays")]

use std::arch::aarch64::*;

/// Applies the epilogue to `P` pixels of `Q * 4` channels and writes them, as bytes minus 128. The parameters of four channels
/// are loaded once for all pixels. `linear`: all slopes are 1.
///
/// # Safety
///
/// `epilogue` must have 4 values for each of `Q * 4` channels, each of `outputs` must have room for `Q * 4` bytes. `Q` must be 2
/// or 4.
#[inline(always)]
pub(super) unsafe fn store<const P: usize, const Q: usize>(
    epilogue: *const f32,
    linear: bool,
    sums: &[[int32x4_t; Q]; P],
    outputs: [*mut u8; P],
) {
    // SAFETY: the caller guarantees it.
    unsafe {
        if linear {
            store_bytes::<P, Q, true>(epilogue, sums, outputs);
        } else {
            store_bytes::<P, Q, false>(epilogue, sums, outputs);
        }
    }
}

/// As [`store`].
///
/// # Safety
///
/// As [`store`].
#[inline(always)]
unsafe fn store_bytes<const P: usize, const Q: usize, const LINEAR: bool>(
    epilogue: *const f32,
    sums: &[[int32x4_t; Q]; P],
    outputs: [*mut u8; P],
) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let mut words = *sums;
        for q in 0..Q {
            let [scale, bias, slope, zero_point] =
                std::array::from_fn(|index| vld1q_f32(epilogue.add((index * Q + q) * 4)));
            for p in 0..P {
                let y = vfmaq_f32(bias, vcvtq_f32_s32(sums[p][q]), scale);
                let z = if LINEAR { y } else { prelu(y, slope) };
                words[p][q] = vcvtnq_s32_f32(vaddq_f32(z, zero_point));
            }
        }
        for p in 0..P {
            let halves = |q: usize| vqmovn_high_s32(vqmovn_s32(words[p][q]), words[p][q + 1]);
            let low = vqmovun_s16(halves(0));
            if Q == 2 {
                vst1_u8(outputs[p], veor_u8(low, vdup_n_u8(0x80)));
            } else {
                vst1q_u8(outputs[p], veorq_u8(vqmovun_high_s16(low, halves(2)), vdupq_n_u8(0x80)));
            }
        }
    }
}

/// Applies scale, bias and PReLU to `P` pixels of `Q * 4` channels and writes them as floats.
///
/// # Safety
///
/// `epilogue` must have 4 values for each of `Q * 4` channels, each of `outputs` must have room for `Q * 4` floats.
#[inline(always)]
pub(super) unsafe fn store_floats<const P: usize, const Q: usize>(
    epilogue: *const f32,
    sums: &[[int32x4_t; Q]; P],
    outputs: [*mut u8; P],
) {
    // SAFETY: the caller guarantees it.
    unsafe {
        for q in 0..Q {
            let [scale, bias, slope] =
                std::array::from_fn(|index| vld1q_f32(epilogue.add((index * Q + q) * 4)));
            for p in 0..P {
                let y = vfmaq_f32(bias, vcvtq_f32_s32(sums[p][q]), scale);
                vst1q_f32(outputs[p].cast::<f32>().add(q * 4), prelu(y, slope));
            }
        }
    }
}

/// `max(y, 0) + slope * min(y, 0)`, with one rounding.
#[inline(always)]
fn prelu(y: float32x4_t, slope: float32x4_t) -> float32x4_t {
    // SAFETY: every aarch64 has NEON.
    unsafe {
        let zero = vdupq_n_f32(0.0);
        vfmaq_f32(vmaxq_f32(y, zero), vminq_f32(y, zero), slope)
    }
}
