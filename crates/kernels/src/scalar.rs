//! The reference: what every other kernel must give, to the bit.

use crate::epilogue::Epilogue;
use crate::job::{Job, RowJob};

/// # Safety
///
/// Every window of the job's pixels must lie in the input, every pixel with all its lanes in the output.
pub(crate) unsafe fn conv(job: &Job) {
    let lanes = job.lanes;
    for &[source, target] in job.pixels {
        for lane in 0..lanes {
            let mut sum = 0i32;
            for run in 0..job.runs {
                for group in 0..job.groups {
                    let weights = &job.weights[((run * job.groups + group) * lanes + lane) * 4..][..4];
                    for (k, weight) in weights.iter().enumerate() {
                        let at = source as usize + run * job.run_step + group * 4 + k;
                        // SAFETY: within the window, which lies in the input.
                        let value = unsafe { *job.input.add(at) };
                        sum += i32::from(value) * i32::from(weight.cast_signed());
                    }
                }
            }
            // SAFETY: a lane of one of the job's pixels.
            unsafe { store(job.epilogue, lanes, lane, sum, job.output.add(target as usize), job.float) };
        }
    }
}

/// # Safety
///
/// Every tap of every pixel with all its lanes must lie in the input, every pixel in the output.
pub(crate) unsafe fn depthwise(job: &RowJob) {
    for pixel in 0..job.pixels {
        for lane in 0..job.lanes {
            let mut sum = 0i32;
            for (tap, offset) in job.taps.iter().enumerate() {
                // SAFETY: a tap of one of the job's pixels.
                let value = unsafe { *job.input.add(*offset as usize + pixel * job.step + lane) };
                let weight = job.weights[(tap / 4 * job.lanes + lane) * 4 + tap % 4];
                sum += i32::from(value) * i32::from(weight.cast_signed());
            }
            // SAFETY: a lane of one of the job's pixels.
            unsafe {
                store(job.epilogue, job.lanes, lane, sum, job.output.add(pixel * job.output_step), false);
            }
        }
    }
}

/// # Safety
///
/// `pixel` must have room for `lanes` values.
unsafe fn store(epilogue: &[f32], lanes: usize, lane: usize, sum: i32, pixel: *mut u8, float: bool) {
    let channel = std::array::from_fn(|number| epilogue[number * lanes + lane]);
    // SAFETY: the caller's promise. `f32` outputs are aligned: they come from a slice of `f32`.
    unsafe {
        if float {
            pixel.cast::<f32>().add(lane).write(Epilogue::float(channel, sum));
        } else {
            pixel.add(lane).write(Epilogue::quantized(channel, sum));
        }
    }
}
