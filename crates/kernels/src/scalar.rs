//! The reference kernels: all other kernels give the same result, bit for bit.

#![expect(
    unsafe_code,
    reason = "has the same interface as the kernels of the instruction sets, which take pointers"
)]

use crate::epilogue::{Epilogue, EpilogueBlock};
use crate::job::{ConvJob, DepthwiseJob};

/// Convolution of one block of output channels.
///
/// # Safety
///
/// The windows of all pixels must be inside the input, and all pixels with all lanes inside the output.
pub(crate) unsafe fn conv(job: &ConvJob) {
    let lanes = job.lanes;
    for &[source, target] in job.pixels {
        for lane in 0..lanes {
            let mut sum = job.epilogue.start[lane];
            for row in 0..job.kernel_rows {
                for group in 0..job.groups {
                    let weights = &job.weights[((row * job.groups + group) * lanes + lane) * 4..][..4];
                    for (k, weight) in weights.iter().enumerate() {
                        let offset = source as usize + row * job.row_step + group * 4 + k;
                        // SAFETY: the offset is in the window, which is inside the input.
                        let value = unsafe { *job.input.add(offset) };
                        sum += i32::from(value) * i32::from(weight.cast_signed());
                    }
                }
            }
            // SAFETY: a lane of one of the job's pixels.
            unsafe { store(&job.epilogue, lane, sum, job.output.add(target as usize), job.float) };
        }
    }
}

/// Depthwise convolution of one block of channels.
///
/// # Safety
///
/// All taps of all pixels with all lanes must be inside the input, and all pixels inside the output.
pub(crate) unsafe fn depthwise(job: &DepthwiseJob) {
    for pixel in 0..job.pixels {
        for lane in 0..job.lanes {
            let mut sum = job.epilogue.start[lane];
            for (tap, offset) in job.taps.iter().enumerate() {
                // SAFETY: a tap of one of the job's pixels.
                let value = unsafe { *job.input.add(*offset as usize + pixel * job.input_step + lane) };
                let weight = job.weights[(tap / 4 * job.lanes + lane) * 4 + tap % 4];
                sum += i32::from(value) * i32::from(weight.cast_signed());
            }
            // SAFETY: a lane of one of the job's pixels.
            unsafe {
                store(&job.epilogue, lane, sum, job.output.add(pixel * job.output_step), false);
            }
        }
    }
}

/// The usual number of bits after the point in [`add`]: the most with which a scale below 2 fits 16 bits.
pub(crate) const ADD_FRACTION: u32 = 14;

/// The sum of two rows of pixels: `(a * scales[0] + b * scales[1] + offset) >> fraction` for each channel, clamped to 0..=255.
///
/// # Safety
///
/// The inputs and the output must have the same whole number of pixels.
pub(crate) unsafe fn add(
    [a_scales, b_scales]: [&[i16]; 2],
    offset: &[i32],
    fraction: u32,
    [a, b]: [&[u8]; 2],
    output: &mut [u8],
) {
    for (index, output) in output.iter_mut().enumerate() {
        let channel = index % offset.len();
        let a = i32::from(a[index]) * i32::from(a_scales[channel]);
        let b = i32::from(b[index]) * i32::from(b_scales[channel]);
        *output = ((a + b + offset[channel]) >> fraction).clamp(0, 255) as u8;
    }
}

/// Applies the epilogue to the sum of one channel and writes it.
///
/// # Safety
///
/// `pixel` must have room for the values of all lanes.
unsafe fn store(epilogue: &EpilogueBlock, lane: usize, sum: i32, pixel: *mut u8, float: bool) {
    let channel = epilogue.channel(lane);
    // SAFETY: the caller guarantees the room. `f32` outputs are aligned, because they come from a slice of `f32`.
    unsafe {
        if float {
            pixel.cast::<f32>().add(lane).write(Epilogue::float(channel, sum));
        } else {
            pixel.add(lane).write(Epilogue::quantized(channel, sum));
        }
    }
}
