//! The epilogue for SSE4.1: scale, bias, PReLU, requantization.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers")]

use std::arch::x86_64::*;

use crate::epilogue::Epilogue;

/// Applies the epilogue to `P` pixels of `V * 4` channels and writes them, as floats if `float`, otherwise as bytes.
///
/// # Safety
///
/// `epilogue` must have 4 values for each of `V * 4` channels, each of `outputs` must have room for their values.
#[inline]
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) unsafe fn store<const P: usize, const V: usize>(
    epilogue: &[f32],
    sums: &[[__m128i; V]; P],
    outputs: [*mut u8; P],
    float: bool,
) {
    for (sums, output) in sums.iter().zip(outputs) {
        for (v, sums) in sums.iter().enumerate() {
            let mut four = [0i32; 4];
            // SAFETY: the array has the size of the register.
            unsafe { _mm_storeu_si128(four.as_mut_ptr().cast(), *sums) };
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
}
