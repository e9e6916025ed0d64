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
