//! Depthwise convolution for NEON with the dot product instructions: the taps of a row are one product of four bytes.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers, and tiles in assembly")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::epilogue;
use crate::job::DepthwiseJob;

/// Depthwise convolution of two rows of a block of 16 channels, with a kernel of 3x3 taps and a stride of 1, in tiles of 2x2
/// pixels.
///
/// # Safety
///
/// The processor must support the dot product instructions. There must be at least two pixels in a row. All taps of all pixels
/// with all lanes must be inside the input, and all pixels inside the output. Weights and epilogue must have the lengths that
/// lanes and taps require, the weights in the order of `two_row_weights`.
#[target_feature(enable = "neon,dotprod")]
pub(crate) unsafe fn depthwise_two_rows(job: &DepthwiseJob) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let mut pixel = 0;
        while pixel < job.pixels {
            // The last tile of an odd number of pixels computes one of them again.
            pixel = pixel.min(job.pixels - 2);
            depthwise_tile(job, pixel);
            pixel += 2;
        }
    }
}

/// The instructions that load four columns of a row and interleave them: `x0` to `x3` have the four columns of four channels each.
macro_rules! load_row {
    ($row:literal) => {
        concat!(
            "ldr {x0:q}, [{",
            $row,
            "}]\n",
            "ldr {x1:q}, [{",
            $row,
            "}, {step1}]\n",
            "ldr {x2:q}, [{",
            $row,
            "}, {step2}]\n",
            "ldr {x3:q}, [{",
            $row,
            "}, {step3}]\n",
            "zip1 {y0:v}.16b, {x0:v}.16b, {x1:v}.16b\n",
            "zip2 {y1:v}.16b, {x0:v}.16b, {x1:v}.16b\n",
            "zip1 {y2:v}.16b, {x2:v}.16b, {x3:v}.16b\n",
            "zip2 {y3:v}.16b, {x2:v}.16b, {x3:v}.16b\n",
            "zip1 {x0:v}.8h, {y0:v}.8h, {y2:v}.8h\n",
            "zip2 {x1:v}.8h, {y0:v}.8h, {y2:v}.8h\n",
            "zip1 {x2:v}.8h, {y1:v}.8h, {y3:v}.8h\n",
            "zip2 {x3:v}.8h, {y1:v}.8h, {y3:v}.8h\n",
        )
    };
}

/// The instructions that multiply the columns by the weights of a row of taps, at an offset in bytes, for the two pixels of an
/// output row.
macro_rules! multiply_row {
    ($o0:literal $o1:literal $o2:literal $o3:literal, $a:literal $b:literal) => {
        concat!(
            multiply_row!(@channels "x0" $o0 $a "0" $b "0"),
            multiply_row!(@channels "x1" $o1 $a "1" $b "1"),
            multiply_row!(@channels "x2" $o2 $a "2" $b "2"),
            multiply_row!(@channels "x3" $o3 $a "3" $b "3"),
        )
    };
    (@channels $x:literal $offset:literal $a:literal $qa:literal $b:literal $qb:literal) => {
        concat!(
            "ldp {w0:q}, {w1:q}, [{weights}, #", $offset, "]\n",
            "sdot {", $a, $qa, ":v}.4s, {", $x, ":v}.16b, {w0:v}.16b\n",
            "sdot {", $b, $qb, ":v}.4s, {", $x, ":v}.16b, {w1:v}.16b\n",
        )
    };
}

/// Computes the pixels `pixel` and `pixel + 1` of two rows.
///
/// # Safety
///
/// As [`depthwise_two_rows`].
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn depthwise_tile(job: &DepthwiseJob, pixel: usize) {
    let mut sums = [[vdupq_n_s32(0); 4]; 4];
    // SAFETY: the caller guarantees that the four columns of four rows are inside the input, and the lengths of weights and starts.
    // The assembly reads nothing else, and writes only the registers that are its operands.
    unsafe {
        let first = job.input.add(job.taps[0] as usize + pixel * job.input_step);
        asm!(
            "ldp {a0:q}, {a1:q}, [{start}]",
            "ldp {a2:q}, {a3:q}, [{start}, #32]",
            "ldp {b0:q}, {b1:q}, [{start}]",
            "ldp {b2:q}, {b3:q}, [{start}, #32]",
            "ldp {c0:q}, {c1:q}, [{start}]",
            "ldp {c2:q}, {c3:q}, [{start}, #32]",
            "ldp {d0:q}, {d1:q}, [{start}]",
            "ldp {d2:q}, {d3:q}, [{start}, #32]",
            load_row!("row0"),
            multiply_row!(0 32 64 96, "a" "b"),
            load_row!("row1"),
            multiply_row!(128 160 192 224, "a" "b"),
            multiply_row!(0 32 64 96, "c" "d"),
            load_row!("row2"),
            multiply_row!(256 288 320 352, "a" "b"),
            multiply_row!(128 160 192 224, "c" "d"),
            load_row!("row3"),
            multiply_row!(256 288 320 352, "c" "d"),
            weights = in(reg) job.weights.as_ptr(),
            start = in(reg) job.epilogue.start.as_ptr(),
            row0 = in(reg) first,
            row1 = in(reg) first.add(job.row_step),
            row2 = in(reg) first.add(job.row_step * 2),
            row3 = in(reg) first.add(job.row_step * 3),
            step1 = in(reg) job.column_step,
            step2 = in(reg) job.column_step * 2,
            step3 = in(reg) job.column_step * 3,
            x0 = out(vreg) _,
            x1 = out(vreg) _,
            x2 = out(vreg) _,
            x3 = out(vreg) _,
            y0 = out(vreg) _,
            y1 = out(vreg) _,
            y2 = out(vreg) _,
            y3 = out(vreg) _,
            w0 = out(vreg) _,
            w1 = out(vreg) _,
            a0 = out(vreg) sums[0][0],
            a1 = out(vreg) sums[0][1],
            a2 = out(vreg) sums[0][2],
            a3 = out(vreg) sums[0][3],
            b0 = out(vreg) sums[1][0],
            b1 = out(vreg) sums[1][1],
            b2 = out(vreg) sums[1][2],
            b3 = out(vreg) sums[1][3],
            c0 = out(vreg) sums[2][0],
            c1 = out(vreg) sums[2][1],
            c2 = out(vreg) sums[2][2],
            c3 = out(vreg) sums[2][3],
            d0 = out(vreg) sums[3][0],
            d1 = out(vreg) sums[3][1],
            d2 = out(vreg) sums[3][2],
            d3 = out(vreg) sums[3][3],
            options(pure, readonly, nostack, preserves_flags),
        );
        let output = job.output.add(pixel * job.output_step);
        let below = output.add(job.output_row_step);
        let outputs = [output, output.add(job.output_step), below, below.add(job.output_step)];
        epilogue::store(&job.epilogue, &sums, outputs);
    }
}
