//! The epilogue for 16 channels: scale, bias, PReLU, requantization.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::aarch64::*;

/// Applies the epilogue to 16 channels and writes them.
///
/// # Safety
///
/// `epilogue` must have 4 values for each of 16 lanes, `output` must have room for 16 values: `f32` if `float`.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn store(epilogue: *const f32, sums: [int32x4_t; 4], output: *mut u8, float: bool) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let mut words = [vdupq_n_s32(0); 4];
        for v in 0..4 {
            let parameter = |index: usize| vld1q_f32(epilogue.add(index * 16 + v * 4));
            let y = vfmaq_f32(parameter(1), vcvtq_f32_s32(sums[v]), parameter(0));
            let zero = vdupq_n_f32(0.0);
            let z = vfmaq_f32(vmaxq_f32(y, zero), vminq_f32(y, zero), parameter(2));
            if float {
                vst1q_f32(output.cast::<f32>().add(v * 4), z);
            } else {
                words[v] = vcvtnq_s32_f32(vaddq_f32(z, parameter(3)));
            }
        }
        if !float {
            let halves = [
                vcombine_s16(vqmovn_s32(words[0]), vqmovn_s32(words[1])),
                vcombine_s16(vqmovn_s32(words[2]), vqmovn_s32(words[3])),
            ];
            vst1q_u8(output, vcombine_u8(vqmovun_s16(halves[0]), vqmovun_s16(halves[1])));
        }
    }
}
