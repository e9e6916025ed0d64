//! The epilogue for SSE4.1: scale, bias, PReLU, requantization.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::x86_64::*;

use crate::epilogue::Epilogue;

/// Applies the epilogue to `V * 4` channels of a pixel and writes them, as floats if `float`, otherwise as bytes.
///
/// # Safety
///
/// The host must support SSE4.1. `epilogue` must have 4 values for each of `V * 4` channels, `output` must have room for them.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) unsafe fn store<const V: usize>(
    epilogue: &[f32],
    sums: [__m128i; V],
    output: *mut u8,
    float: bool,
) {
    for (v, sums) in sums.into_iter().enumerate() {
        let mut four = [0i32; 4];
        // SAFETY: the array has the size of the register.
        unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), sums) };
        for (lane, sum) in (v * 4..).zip(four) {
            let channel = std::array::from_fn(|parameter| epilogue[parameter * V * 4 + lane]);
            // SAFETY: a lane of the pixel. Outputs of floats are aligned, because they come from a slice of `f32`.
            unsafe {
                if float {
                    output.cast::<f32>().add(lane).write(Epilogue::float(channel, sum));
                } else {
                    output.add(lane).write(Epilogue::quantized(channel, sum));
                }
            }
        }
    }
}
