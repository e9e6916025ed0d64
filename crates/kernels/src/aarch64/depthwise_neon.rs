//! Depthwise convolution for NEON, with tiles for the usual kernel of 3x3 taps, in assembly as those of `conv_neon`.

#![expect(unsafe_code, reason = "SIMD intrinsics on pointers, and tiles in assembly")]

use std::arch::aarch64::*;
use std::arch::asm;

use super::epilogue;
use crate::job::DepthwiseJob;

/// Computes a row with a kernel of 3x3 taps, in tiles of `P` pixels.
///
/// # Safety
///
/// As [`depthwise`].
macro_rules! row_3x3 {
    ($job:ident $pixels:literal $tile:ident) => {{
        // The weights of each tap are in a register of their own, from tile to tile.
        let [a, b, c]: [int8x16x4_t; 3] =
            std::array::from_fn(|group| vld4q_s8($job.weights.as_ptr().cast::<i8>().add(group * 64)));
        let weights = [a.0, a.1, a.2, a.3, b.0, b.1, b.2, b.3, c.0];
        let tiles = $job.pixels / $pixels;
        (0..tiles).for_each(|tile| $tile($job, &weights, tile * $pixels));
        (tiles * $pixels..$job.pixels).for_each(|pixel| single_3x3($job, &weights, pixel));
    }};
}

/// Depthwise convolution of one row of a block of 16 channels.
///
/// # Safety
///
/// All taps of all pixels with all lanes must be inside the input, and all pixels inside the output. Weights and epilogue
/// must have the lengths that lanes and taps require.
#[target_feature(enable = "neon")]
pub(crate) unsafe fn depthwise(job: &DepthwiseJob) {
    // SAFETY: the caller guarantees it.
    unsafe {
        match (job.is_3x3 && !job.has_min_weight, job.input_step / job.column_step) {
            (true, 1) => row_3x3!(job 2 pair_3x3),
            (true, 2) => row_3x3!(job 2 pair_3x3_stride_2),
            (true, _) => row_3x3!(job 1 single_3x3),
            (false, _) => (0..job.pixels).for_each(|pixel| any_kernel(job, pixel)),
        }
    }
}

/// The instructions that load the columns of a row: the first one, and others at distances.
macro_rules! load_columns {
    ($row:literal $first:ident $($step:ident $column:ident)+) => {
        concat!(
            "ldr {", stringify!($first), ":q}, [{", $row, "}]\n",
            $("ldr {", stringify!($column), ":q}, [{", $row, "}, {", stringify!($step), "}]\n",)+
        )
    };
}

/// The instructions that add the products of two taps of each pixel to its sums. The products are added in 16 bits, which is exact
/// if no weight is -128; three can be too large.
macro_rules! add_taps {
    ($wa:literal $wb:literal $([$va:ident $vb:ident: $l:ident $h:ident $a:ident $b:ident $c:ident $d:ident])+) => {
        concat!(
            $(tap!("smull" $l $va $wa "8b"), tap!("smull2" $h $va $wa "16b"),)+
            $(tap!("smlal" $l $vb $wb "8b"), tap!("smlal2" $h $vb $wb "16b"),)+
            $(widen!($l $h $a $b $c $d),)+
        )
    };
    ($wa:literal $([$va:ident: $l:ident $h:ident $a:ident $b:ident $c:ident $d:ident])+) => {
        concat!(
            $(tap!("smull" $l $va $wa "8b"), tap!("smull2" $h $va $wa "16b"),)+
            $(widen!($l $h $a $b $c $d),)+
        )
    };
}

/// One multiplication of 8 channels.
macro_rules! tap {
    ($op:literal $products:ident $values:ident $weights:literal $half:literal) => {
        concat!(
            $op,
            " {",
            stringify!($products),
            ":v}.8h, {",
            stringify!($values),
            ":v}.",
            $half,
            ", {",
            $weights,
            ":v}.",
            $half,
            "\n",
        )
    };
}

/// Adds products of 16 channels to their sums.
macro_rules! widen {
    ($l:ident $h:ident $a:ident $b:ident $c:ident $d:ident) => {
        concat!(
            "saddw {",
            stringify!($a),
            ":v}.4s, {",
            stringify!($a),
            ":v}.4s, {",
            stringify!($l),
            ":v}.4h\n",
            "saddw2 {",
            stringify!($b),
            ":v}.4s, {",
            stringify!($b),
            ":v}.4s, {",
            stringify!($l),
            ":v}.8h\n",
            "saddw {",
            stringify!($c),
            ":v}.4s, {",
            stringify!($c),
            ":v}.4s, {",
            stringify!($h),
            ":v}.4h\n",
            "saddw2 {",
            stringify!($d),
            ":v}.4s, {",
            stringify!($d),
            ":v}.4s, {",
            stringify!($h),
            ":v}.8h\n",
        )
    };
}

/// Defines a function that computes `$pixels` pixels by 16 channels with a kernel of 3x3 taps. First the columns with the register
/// of the first and of the third row, and that of the second row; then for each pixel its number, its columns, and the registers of
/// products and sums.
macro_rules! tile_3x3 {
    ($name:ident $pixels:literal
     columns [$x0:ident $y0:ident] $([$step:ident $number:literal $x:ident $y:ident])+
     pixels $([$index:tt $xa:ident $xb:ident $xc:ident $ya:ident $yb:ident $yc:ident:
               $l:ident $h:ident $a:ident $b:ident $c:ident $d:ident])+) => {
        /// # Safety
        ///
        /// As [`depthwise`].
        #[inline(always)]
        unsafe fn $name(job: &DepthwiseJob, weights: &[int8x16_t; 9], pixel: usize) {
            // SAFETY: the caller guarantees that the columns are inside the input, and the length of the starts. The assembly reads
            // nothing else, and writes only the registers that are its operands.
            unsafe {
                let row = |tap: usize| job.input.add(job.taps[tap] as usize + pixel * job.input_step);
                let mut sums = [[vdupq_n_s32(0); 4]; $pixels];
                asm!(
                    $(
                        concat!("ldp {", stringify!($a), ":q}, {", stringify!($b), ":q}, [{start}]"),
                        concat!("ldp {", stringify!($c), ":q}, {", stringify!($d), ":q}, [{start}, #32]"),
                    )+
                    load_columns!("row0" $x0 $($step $x)+),
                    load_columns!("row1" $y0 $($step $y)+),
                    add_taps!("w0" "w1" $([$xa $xb: $l $h $a $b $c $d])+),
                    add_taps!("w3" "w4" $([$ya $yb: $l $h $a $b $c $d])+),
                    add_taps!("w2" "w5" $([$xc $yc: $l $h $a $b $c $d])+),
                    load_columns!("row2" $x0 $($step $x)+),
                    add_taps!("w6" "w7" $([$xa $xb: $l $h $a $b $c $d])+),
                    add_taps!("w8" $([$xc: $l $h $a $b $c $d])+),
                    start = in(reg) job.epilogue.start.as_ptr(),
                    row0 = in(reg) row(0),
                    row1 = in(reg) row(3),
                    row2 = in(reg) row(6),
                    w0 = in(vreg) weights[0],
                    w1 = in(vreg) weights[1],
                    w2 = in(vreg) weights[2],
                    w3 = in(vreg) weights[3],
                    w4 = in(vreg) weights[4],
                    w5 = in(vreg) weights[5],
                    w6 = in(vreg) weights[6],
                    w7 = in(vreg) weights[7],
                    w8 = in(vreg) weights[8],
                    $x0 = out(vreg) _,
                    $y0 = out(vreg) _,
                    $(
                        $step = in(reg) job.column_step * $number,
                        $x = out(vreg) _,
                        $y = out(vreg) _,
                    )+
                    $(
                        $l = out(vreg) _,
                        $h = out(vreg) _,
                        $a = out(vreg) sums[$index][0],
                        $b = out(vreg) sums[$index][1],
                        $c = out(vreg) sums[$index][2],
                        $d = out(vreg) sums[$index][3],
                    )+
                    options(pure, readonly, nostack, preserves_flags),
                );
                let outputs = [$(job.output.add((pixel + $index) * job.output_step)),+];
                epilogue::store(&job.epilogue, &sums, outputs);
            }
        }
    };
}

// Two pixels with a stride of 1 have two columns in common, with a stride of 2 one.
tile_3x3! {
    pair_3x3 2
    columns [x0 y0] [step1 1 x1 y1] [step2 2 x2 y2] [step3 3 x3 y3]
    pixels [0 x0 x1 x2 y0 y1 y2: l0 h0 a0 b0 c0 d0] [1 x1 x2 x3 y1 y2 y3: l1 h1 a1 b1 c1 d1]
}
tile_3x3! {
    pair_3x3_stride_2 2
    columns [x0 y0] [step1 1 x1 y1] [step2 2 x2 y2] [step3 3 x3 y3] [step4 4 x4 y4]
    pixels [0 x0 x1 x2 y0 y1 y2: l0 h0 a0 b0 c0 d0] [1 x2 x3 x4 y2 y3 y4: l1 h1 a1 b1 c1 d1]
}
tile_3x3! {
    single_3x3 1
    columns [x0 y0] [step1 1 x1 y1] [step2 2 x2 y2]
    pixels [0 x0 x1 x2 y0 y1 y2: l0 h0 a0 b0 c0 d0]
}

/// Computes a pixel with a kernel of any size, exactly for all weights.
///
/// # Safety
///
/// As [`depthwise`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn any_kernel(job: &DepthwiseJob, pixel: usize) {
    // SAFETY: the caller guarantees it.
    unsafe {
        let input = job.input.add(pixel * job.input_step);
        let mut sums: [int32x4_t; 4] =
            std::array::from_fn(|q| vld1q_s32(job.epilogue.start.as_ptr().add(q * 4)));
        for (group, taps) in job.taps.as_chunks::<4>().0.iter().enumerate() {
            // Loads four taps of 16 channels: one register for each tap.
            let weights = vld4q_s8(job.weights.as_ptr().cast::<i8>().add(group * 64));
            let weights = [weights.0, weights.1, weights.2, weights.3];
            for (tap, row) in taps.iter().zip(weights) {
                let values = vld1q_s8(input.add(*tap as usize).cast());
                let (low, high) = (vmovl_s8(vget_low_s8(values)), vmovl_high_s8(values));
                let (low_row, high_row) = (vmovl_s8(vget_low_s8(row)), vmovl_high_s8(row));
                sums[0] = vmlal_s16(sums[0], vget_low_s16(low), vget_low_s16(low_row));
                sums[1] = vmlal_high_s16(sums[1], low, low_row);
                sums[2] = vmlal_s16(sums[2], vget_low_s16(high), vget_low_s16(high_row));
                sums[3] = vmlal_high_s16(sums[3], high, high_row);
            }
        }
        let output = job.output.add(pixel * job.output_step);
        epilogue::store(&job.epilogue, &[sums], [output]);
    }
}
