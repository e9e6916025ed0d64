//! Convolution for NEON with the dot product instructions: four products of signed bytes are added to 32 bits at once.
//!
//! The tiles are in assembly: the intrinsic of `sdot` is not stable, and a tile needs all 32 registers. Macros repeat the
//! instructions for each pixel of a tile, and name the registers; the compiler assigns them.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers, and tiles in assembly")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::epilogue;
use crate::job::ConvJob;

/// Convolution of one block of 16 output channels, in tiles of 6 pixels and at the end of fewer.
///
/// # Safety
///
/// The processor must support the dot product instructions. The windows of all pixels must be inside the input, and all
/// pixels with all lanes inside the output. Weights and epilogue must have the lengths that lanes and window require.
#[target_feature(enable = "neon,dotprod")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let mut pixels = job.pixels;
    while !pixels.is_empty() {
        let count = match pixels.len() {
            count @ 1..=6 => count,
            // Two tiles of about the same size: a tile of one pixel loads as many weights as one of six.
            7 | 8 => 4,
            9 | 10 => 5,
            _ => 6,
        };
        let (tile, rest) = pixels.split_at(count);
        // SAFETY: the caller guarantees it.
        unsafe { run_tile(job, tile) };
        pixels = rest;
    }
}

/// The instructions that multiply four inputs of each pixel (number `$lane` of a register) by their weights for 16 channels.
macro_rules! multiply {
    ($lane:literal $([$values:ident $a:ident $b:ident $c:ident $d:ident])+) => {
        concat!(
            "ldp {w0:q}, {w1:q}, [{weights}], #32\n",
            $("sdot {", stringify!($a), ":v}.4s, {w0:v}.16b, {", stringify!($values), ":v}.4b[", $lane, "]\n",)+
            $("sdot {", stringify!($b), ":v}.4s, {w1:v}.16b, {", stringify!($values), ":v}.4b[", $lane, "]\n",)+
            "ldp {w0:q}, {w1:q}, [{weights}], #32\n",
            $("sdot {", stringify!($c), ":v}.4s, {w0:v}.16b, {", stringify!($values), ":v}.4b[", $lane, "]\n",)+
            $("sdot {", stringify!($d), ":v}.4s, {w1:v}.16b, {", stringify!($values), ":v}.4b[", $lane, "]\n",)+
        )
    };
}

/// Defines a function that computes a tile: `$pixels` pixels by 16 channels in registers. For each pixel there are its number
/// and the names of the registers of its pointer, of its inputs, and of the sums of four channels each.
macro_rules! tile {
    ($name:ident $pixels:literal
     $([$index:tt $pointer:ident $values:ident $a:ident $b:ident $c:ident $d:ident])+) => {
        /// # Safety
        ///
        /// As [`conv`].
        #[inline]
        #[target_feature(enable = "neon,dotprod")]
        unsafe fn $name(job: &ConvJob, pixels: &[[u32; 2]; $pixels]) {
            let (sixteens, fours) = (job.groups / 4, job.groups % 4);
            let mut sums = [[vdupq_n_s32(0); 4]; $pixels];
            // SAFETY: windows, weights and starts have the lengths that rows and groups require: guaranteed by the caller.
            // The assembly reads nothing else, and writes only the registers that are its operands.
            unsafe {
                asm!(
                    $(
                        concat!("ldp {", stringify!($a), ":q}, {", stringify!($b), ":q}, [{start}]"),
                        concat!("ldp {", stringify!($c), ":q}, {", stringify!($d), ":q}, [{start}, #32]"),
                    )+
                    // A row of the window.
                    "2:",
                    "mov {count}, {sixteens}",
                    "cbz {count}, 4f",
                    // 16 inputs of each pixel.
                    "3:",
                    $(concat!("ldr {", stringify!($values), ":q}, [{", stringify!($pointer), "}], #16"),)+
                    multiply!(0 $([$values $a $b $c $d])+),
                    multiply!(1 $([$values $a $b $c $d])+),
                    multiply!(2 $([$values $a $b $c $d])+),
                    multiply!(3 $([$values $a $b $c $d])+),
                    "subs {count}, {count}, #1",
                    "b.ne 3b",
                    "4:",
                    "mov {count}, {fours}",
                    "cbz {count}, 6f",
                    // Four of the last inputs of the row.
                    "5:",
                    $(concat!("ldr {", stringify!($values), ":s}, [{", stringify!($pointer), "}], #4"),)+
                    multiply!(0 $([$values $a $b $c $d])+),
                    "subs {count}, {count}, #1",
                    "b.ne 5b",
                    "6:",
                    $(concat!("add {", stringify!($pointer), "}, {", stringify!($pointer), "}, {advance}"),)+
                    "subs {rows}, {rows}, #1",
                    "b.ne 2b",
                    weights = inout(reg) job.weights.as_ptr() => _,
                    start = in(reg) job.epilogue.start.as_ptr(),
                    rows = inout(reg) job.kernel_rows => _,
                    sixteens = in(reg) sixteens,
                    fours = in(reg) fours,
                    advance = in(reg) job.row_step.wrapping_sub(job.groups * 4),
                    count = out(reg) _,
                    w0 = out(vreg) _,
                    w1 = out(vreg) _,
                    $(
                        $pointer = inout(reg) job.input.add(pixels[$index][0] as usize) => _,
                        $values = out(vreg) _,
                        $a = out(vreg) sums[$index][0],
                        $b = out(vreg) sums[$index][1],
                        $c = out(vreg) sums[$index][2],
                        $d = out(vreg) sums[$index][3],
                    )+
                    options(pure, readonly, nostack),
                );
                let outputs = pixels.map(|[_, output]| job.output.add(output as usize));
                if job.float {
                    epilogue::store_floats(&job.epilogue, &sums, outputs);
                } else {
                    epilogue::store(&job.epilogue, &sums, outputs);
                }
            }
        }
    };
}

/// Defines a tile for each line, of all pixels up to that line, and `run_tile`, which selects one by the number of pixels.
macro_rules! tiles {
    ($($name:ident $pixels:literal $pixel:tt)+) => {
        tiles!(@define [] $($name $pixels $pixel)+);

        /// Computes a tile.
        ///
        /// # Safety
        ///
        /// As [`conv`].
        #[inline]
        #[target_feature(enable = "neon,dotprod")]
        unsafe fn run_tile(job: &ConvJob, pixels: &[[u32; 2]]) {
            $(
                if let Ok(pixels) = pixels.try_into() {
                    // SAFETY: the caller guarantees it.
                    return unsafe { $name(job, pixels) };
                }
            )+
        }
    };
    (@define [$($before:tt)*]) => {};
    (@define [$($before:tt)*] $name:ident $pixels:literal $pixel:tt $($rest:tt)*) => {
        tile!($name $pixels $($before)* $pixel);
        tiles!(@define [$($before)* $pixel] $($rest)*);
    };
}

tiles! {
    tile_1 1 [0 p0 x0 a0 b0 c0 d0]
    tile_2 2 [1 p1 x1 a1 b1 c1 d1]
    tile_3 3 [2 p2 x2 a2 b2 c2 d2]
    tile_4 4 [3 p3 x3 a3 b3 c3 d3]
    tile_5 5 [4 p4 x4 a4 b4 c4 d4]
    tile_6 6 [5 p5 x5 a5 b5 c5 d5]
}
