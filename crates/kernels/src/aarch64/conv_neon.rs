//! Convolution for NEON without the dot product instructions: products of signed bytes are added in pairs to 16 bits, then to 32
//! bits.
//!
//! The tiles are in assembly, because they need all 32 registers, and a compiler spills some of them or not depending on how it is
//! called. Macros repeat the instructions for each pixel of a tile, and name the registers; the compiler assigns them.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers, and tiles in assembly")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::epilogue;
use crate::job::ConvJob;

/// Number of output channels of a block. The weights are in the order: 16 inputs of a channel, channel.
pub(crate) const BLOCK: usize = 8;

/// Number of inputs of a channel that follow each other in the weights.
pub(crate) const GROUP: usize = 16;

/// Convolution of one block of 8 output channels, in tiles of 2 pixels.
///
/// # Safety
///
/// The windows of all pixels, padded to whole groups, must be inside the input, and all pixels with all lanes inside the output.
/// Weights and epilogue must have the lengths that lanes and window require.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn conv(job: &ConvJob) {
    let (pairs, rest) = job.pixels.as_chunks::<2>();
    // SAFETY: the caller guarantees it.
    unsafe {
        if job.has_min_weight {
            pairs.iter().for_each(|pixels| separate_2(job, pixels));
            rest.iter().for_each(|pixel| separate_1(job, &[*pixel]));
        } else {
            pairs.iter().for_each(|pixels| paired_2(job, pixels));
            rest.iter().for_each(|pixel| paired_1(job, &[*pixel]));
        }
    }
}

/// For each pixel the instruction `$op`, of 8 of its inputs and the weights of a channel: `$half` is 8b for the first 8 inputs, 16b
/// for the others.
macro_rules! multiply {
    ($op:literal $half:literal $weights:literal $([$products:ident $values:ident])+) => {
        concat!($(
            $op, " {", stringify!($products), ":v}.8h, {", stringify!($values), ":v}.", $half, ", {", $weights, ":v}.", $half, "\n",
        )+)
    };
}

/// For each pixel the instruction `$op`, which adds pairs of products to the sums of a channel.
macro_rules! add {
    ($op:literal $([$sums:ident $products:ident])+) => {
        concat!($($op, " {", stringify!($sums), ":v}.4s, {", stringify!($products), ":v}.8h\n",)+)
    };
}

/// The sums of neighboring lanes, of two registers.
macro_rules! sum_pairs {
    ($a:ident $b:ident) => {
        concat!("addp {", stringify!($a), ":v}.4s, {", stringify!($a), ":v}.4s, {", stringify!($b), ":v}.4s")
    };
}

/// The products of 16 inputs of each pixel with 8 channels. The products of an input and of the one 8 further are added in 16 bits.
/// That is exact except for `-128 * -128 + -128 * -128`.
///
/// In-order processors (Cortex-A53) wait for the result of the previous instruction. So two channels are computed side by side,
/// and their products are added to the sums while those of the next two channels are computed in other registers.
macro_rules! paired {
    ($add:literal $([$v:ident $t0:ident $t1:ident $u0:ident $u1:ident
       $s0:ident $s1:ident $s2:ident $s3:ident $s4:ident $s5:ident $s6:ident $s7:ident])+) => {
        concat!(
            "ldp {w0:q}, {w1:q}, [{weights}], #32\n",
            "ldp {w2:q}, {w3:q}, [{weights}], #32\n",
            multiply!("smull" "8b" "w0" $([$t0 $v])+),
            multiply!("smull" "8b" "w1" $([$t1 $v])+),
            "ldp {w4:q}, {w5:q}, [{weights}], #32\n",
            multiply!("smlal2" "16b" "w0" $([$t0 $v])+),
            multiply!("smlal2" "16b" "w1" $([$t1 $v])+),
            "ldp {w0:q}, {w1:q}, [{weights}], #32\n",
            multiply!("smull" "8b" "w2" $([$u0 $v])+),
            multiply!("smull" "8b" "w3" $([$u1 $v])+),
            add!($add $([$s0 $t0])+),
            add!($add $([$s1 $t1])+),
            multiply!("smlal2" "16b" "w2" $([$u0 $v])+),
            multiply!("smlal2" "16b" "w3" $([$u1 $v])+),
            multiply!("smull" "8b" "w4" $([$t0 $v])+),
            multiply!("smull" "8b" "w5" $([$t1 $v])+),
            add!($add $([$s2 $u0])+),
            add!($add $([$s3 $u1])+),
            multiply!("smlal2" "16b" "w4" $([$t0 $v])+),
            multiply!("smlal2" "16b" "w5" $([$t1 $v])+),
            multiply!("smull" "8b" "w0" $([$u0 $v])+),
            multiply!("smull" "8b" "w1" $([$u1 $v])+),
            add!($add $([$s4 $t0])+),
            add!($add $([$s5 $t1])+),
            multiply!("smlal2" "16b" "w0" $([$u0 $v])+),
            multiply!("smlal2" "16b" "w1" $([$u1 $v])+),
            add!($add $([$s6 $u0])+),
            add!($add $([$s7 $u1])+),
        )
    };
}

/// As `paired`, but each product is added to 32 bits by itself: exact for all weights.
macro_rules! separate {
    ($add:literal $([$v:ident $t0:ident $t1:ident $u0:ident $u1:ident
       $s0:ident $s1:ident $s2:ident $s3:ident $s4:ident $s5:ident $s6:ident $s7:ident])+) => {
        concat!(
            separate!(@channels "w0" "w1" $add $([$v $t0 $t1 $u0 $u1 $s0 $s1])+),
            separate!(@channels "w2" "w3" $add $([$v $t0 $t1 $u0 $u1 $s2 $s3])+),
            separate!(@channels "w4" "w5" $add $([$v $t0 $t1 $u0 $u1 $s4 $s5])+),
            separate!(@channels "w0" "w1" $add $([$v $t0 $t1 $u0 $u1 $s6 $s7])+),
        )
    };
    (@channels $w0:literal $w1:literal $add:literal
     $([$v:ident $t0:ident $t1:ident $u0:ident $u1:ident $a:ident $b:ident])+) => {
        concat!(
            "ldp {", $w0, ":q}, {", $w1, ":q}, [{weights}], #32\n",
            multiply!("smull" "8b" $w0 $([$t0 $v])+),
            multiply!("smull" "8b" $w1 $([$t1 $v])+),
            multiply!("smull2" "16b" $w0 $([$u0 $v])+),
            multiply!("smull2" "16b" $w1 $([$u1 $v])+),
            add!($add $([$a $t0])+),
            add!($add $([$b $t1])+),
            add!("sadalp" $([$a $u0])+),
            add!("sadalp" $([$b $u1])+),
        )
    };
}

/// Defines a function that computes a tile, `$pixels` pixels by 8 channels in registers, with the products of the macro
/// `$products`. For each pixel there are its number and the names of the registers of its pointer, of its inputs, of four vectors
/// of products, and of the sums of each channel. The sums of a channel are in four lanes and are added at the end.
macro_rules! tile {
    ($name:ident $pixels:literal $products:ident
     $([$index:tt $pointer:ident $values:ident $t0:ident $t1:ident $u0:ident $u1:ident
        $s0:ident $s1:ident $s2:ident $s3:ident $s4:ident $s5:ident $s6:ident $s7:ident])+) => {
        /// # Safety
        ///
        /// As [`conv`].
        #[inline(always)]
        unsafe fn $name(job: &ConvJob, pixels: &[[u32; 2]; $pixels]) {
            // SAFETY: windows and weights have the lengths that rows and groups require: guaranteed by the caller. There is at
            // least one row and one group. The assembly reads nothing else, and writes only the registers that are its operands.
            unsafe {
                let mut sums = [[vdupq_n_s32(0); 2]; $pixels];
                asm!(
                    // The first 16 inputs begin the sums, all others are added to them.
                    "mov {count}, {groups}",
                    $(concat!("ldr {", stringify!($values), ":q}, [{", stringify!($pointer), "}], #16"),)+
                    $products!("saddlp" $([$values $t0 $t1 $u0 $u1 $s0 $s1 $s2 $s3 $s4 $s5 $s6 $s7])+),
                    "b 3f",
                    "2:",
                    $(concat!("ldr {", stringify!($values), ":q}, [{", stringify!($pointer), "}], #16"),)+
                    $products!("sadalp" $([$values $t0 $t1 $u0 $u1 $s0 $s1 $s2 $s3 $s4 $s5 $s6 $s7])+),
                    "3:",
                    "subs {count}, {count}, #1",
                    "b.ne 2b",
                    // The next row of the window.
                    $(concat!("add {", stringify!($pointer), "}, {", stringify!($pointer), "}, {advance}"),)+
                    "mov {count}, {groups}",
                    "subs {rows}, {rows}, #1",
                    "b.ne 2b",
                    // The sum of the four lanes of each channel.
                    $(
                        sum_pairs!($s0 $s1),
                        sum_pairs!($s2 $s3),
                        sum_pairs!($s4 $s5),
                        sum_pairs!($s6 $s7),
                        sum_pairs!($s0 $s2),
                        sum_pairs!($s4 $s6),
                    )+
                    weights = inout(reg) job.weights.as_ptr() => _,
                    rows = inout(reg) job.kernel_rows => _,
                    groups = in(reg) job.groups,
                    advance = in(reg) job.row_step.wrapping_sub(job.groups * GROUP),
                    count = out(reg) _,
                    w0 = out(vreg) _,
                    w1 = out(vreg) _,
                    w2 = out(vreg) _,
                    w3 = out(vreg) _,
                    w4 = out(vreg) _,
                    w5 = out(vreg) _,
                    $(
                        $pointer = inout(reg) job.input.add(pixels[$index][0] as usize) => _,
                        $values = out(vreg) _,
                        $t0 = out(vreg) _,
                        $t1 = out(vreg) _,
                        $u0 = out(vreg) _,
                        $u1 = out(vreg) _,
                        $s0 = out(vreg) sums[$index][0],
                        $s4 = out(vreg) sums[$index][1],
                        $s1 = out(vreg) _,
                        $s2 = out(vreg) _,
                        $s3 = out(vreg) _,
                        $s5 = out(vreg) _,
                        $s6 = out(vreg) _,
                        $s7 = out(vreg) _,
                    )+
                    options(pure, readonly, nostack),
                );
                finish(job, &sums, pixels);
            }
        }
    };
}

tile! {
    paired_2 2 paired
    [0 p0 x0 ta0 tb0 ua0 ub0 a0 b0 c0 d0 e0 f0 g0 h0]
    [1 p1 x1 ta1 tb1 ua1 ub1 a1 b1 c1 d1 e1 f1 g1 h1]
}
tile! { paired_1 1 paired [0 p0 x0 ta0 tb0 ua0 ub0 a0 b0 c0 d0 e0 f0 g0 h0] }
tile! {
    separate_2 2 separate
    [0 p0 x0 ta0 tb0 ua0 ub0 a0 b0 c0 d0 e0 f0 g0 h0]
    [1 p1 x1 ta1 tb1 ua1 ub1 a1 b1 c1 d1 e1 f1 g1 h1]
}
tile! { separate_1 1 separate [0 p0 x0 ta0 tb0 ua0 ub0 a0 b0 c0 d0 e0 f0 g0 h0] }

/// Adds the starts, applies the epilogue and writes the pixels.
///
/// # Safety
///
/// As [`conv`].
#[inline(always)]
unsafe fn finish<const P: usize>(job: &ConvJob, sums: &[[int32x4_t; 2]; P], pixels: &[[u32; 2]; P]) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let mut totals = *sums;
        for q in 0..2 {
            let start = vld1q_s32(job.epilogue.start.as_ptr().add(q * 4));
            for p in 0..P {
                totals[p][q] = vaddq_s32(sums[p][q], start);
            }
        }
        let outputs = pixels.map(|[_, output]| job.output.add(output as usize));
        if job.float {
            epilogue::store_floats(&job.epilogue, &totals, outputs);
        } else {
            epilogue::store(&job.epilogue, &totals, outputs);
        }
    }
}
