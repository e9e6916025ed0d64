//! Convolution over all channels, as a product of matrices that are never built: for each output pixel the
//! kernel's rows are runs of bytes in the input.

use std::ops::Range;

use crate::job::Job;
use crate::{AlignedBytes, Epilogue, EpilogueError, Isa, Tensor, Window, scalar};

/// What a convolution looks at and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    pub inputs: usize,
    /// Bytes of an input pixel, a multiple of 4.
    pub pitch: usize,
    pub outputs: usize,
    pub window: Window,
}

/// A convolution bound to an instruction set. A dense layer is one whose kernel is the whole map.
#[derive(Debug, Clone)]
pub struct Conv {
    shape: ConvShape,
    isa: Isa,
    /// Blocks of output channels; in each, groups of 4 inputs; in each, the 4 weights of every channel.
    weights: AlignedBytes,
    /// For each output channel, rounded up: the sum of its weights.
    sums: Vec<i32>,
    epilogue: Vec<f32>,
    /// Whether a weight is -128, which some kernels must treat with more care.
    extreme: bool,
}

/// Output pixels that are looked at together, so that a block's weights stay in the fastest cache: a multiple of
/// every kernel's tile.
const CHUNK: usize = 96;

impl Conv {
    /// `weights` in the order output, row, column, input.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit the shape, or this machine cannot run `isa`.
    pub fn new(
        shape: ConvShape,
        weights: &[i8],
        epilogue: &Epilogue,
        isa: Isa,
    ) -> Result<Self, EpilogueError> {
        let ConvShape { inputs, pitch, outputs, window: Window { kernel: [rows, columns], .. } } = shape;
        assert_eq!(weights.len(), outputs * rows * columns * inputs, "weights of the shape");
        assert!(pitch.is_multiple_of(4) && pitch >= inputs, "a pitch of whole groups");
        assert!(isa.runs_here(), "{isa} does not run here");
        let of = |output: usize| &weights[output * rows * columns * inputs..][..rows * columns * inputs];
        epilogue
            .check(outputs, |output| of(output).iter().map(|w| 255 * i64::from(w.unsigned_abs())).sum())?;

        let padded = outputs.next_multiple_of(Tensor::LANES);
        let depth = rows * columns * pitch;
        let mut packed = AlignedBytes::new(padded * depth);
        let block = Self::block(isa);
        for first in (0..padded).step_by(block) {
            let lanes = block.min(padded - first);
            let target = &mut packed[first * depth..][..lanes * depth];
            for output in first..(first + lanes).min(outputs) {
                for (place, weights) in of(output).chunks_exact(inputs).enumerate() {
                    for (input, weight) in weights.iter().enumerate() {
                        let k = place * pitch + input;
                        target[(k / 4) * lanes * 4 + (output - first) * 4 + k % 4] = weight.cast_unsigned();
                    }
                }
            }
        }
        let sums = (0..padded)
            .map(|output| if output < outputs { of(output).iter().map(|w| i32::from(*w)).sum() } else { 0 })
            .collect();
        Ok(Self {
            shape,
            isa,
            weights: packed,
            sums,
            epilogue: epilogue.blocks(block),
            extreme: weights.contains(&i8::MIN),
        })
    }

    /// Output channels that a kernel computes together.
    fn block(isa: Isa) -> usize {
        match isa {
            Isa::Avx512Vnni => 64,
            _ => 16,
        }
    }

    /// What it looks at and gives.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Multiplications and additions for one output pixel.
    pub fn macs(&self) -> usize {
        let [rows, columns] = self.shape.window.kernel;
        self.shape.outputs * self.shape.inputs * rows * columns
    }

    /// Computes some rows of the output, counted over all images. `output` begins where the first of them does
    /// ([`Tensor::row_start`]); the borders are left as they are.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the layer, or the memory not the tensors.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        self.check(from, input.len(), to, &rows, output.len());
        self.pixels(from, input, to, rows, output.as_mut_ptr(), false);
    }

    /// The same with outputs that stay `f32`.
    ///
    /// # Panics
    ///
    /// As [`Conv::run`].
    pub fn run_float(
        &self,
        from: &Tensor,
        input: &[u8],
        to: &Tensor,
        rows: Range<usize>,
        output: &mut [f32],
    ) {
        self.check(from, input.len(), to, &rows, output.len());
        self.pixels(from, input, to, rows, output.as_mut_ptr().cast(), true);
    }

    fn check(&self, from: &Tensor, input: usize, to: &Tensor, rows: &Range<usize>, output: usize) {
        let ConvShape { inputs, pitch, outputs, window } = self.shape;
        assert_eq!((from.channels, from.pitch, from.images), (inputs, pitch, to.images), "the layer's input");
        window.check(from, to);
        assert!(to.channels == outputs && to.pitch == outputs.next_multiple_of(Tensor::LANES));
        assert!(rows.start <= rows.end && rows.end <= to.rows(), "rows of the output");
        assert!(input >= from.len() && output >= to.span(rows.clone()), "memory for the tensors");
        assert!(from.len() < u32::MAX as usize && to.len() < u32::MAX as usize / 4, "maps of a sane size");
    }

    fn pixels(
        &self,
        from: &Tensor,
        input: &[u8],
        to: &Tensor,
        rows: Range<usize>,
        output: *mut u8,
        float: bool,
    ) {
        let ConvShape { pitch, window, .. } = self.shape;
        let size = if float { 4 } else { 1 };
        let begin = to.row_start(rows.start);
        let mut chunk = [[0u32; 2]; CHUNK];
        let mut filled = 0;
        for row in rows {
            let (image, y) = (row / to.height, row % to.height);
            let mut source = window.corner(from, image, y);
            let mut target = (to.pixel(image, y, 0) - begin) * size;
            for _ in 0..to.width {
                chunk[filled] = [source as u32, target as u32];
                source += window.stride[1] * pitch;
                target += to.pitch * size;
                filled += 1;
                if filled == CHUNK {
                    self.chunk(from, input, output, &chunk, float);
                    filled = 0;
                }
            }
        }
        if filled > 0 {
            self.chunk(from, input, output, &chunk[..filled], float);
        }
    }

    fn chunk(&self, from: &Tensor, input: &[u8], output: *mut u8, pixels: &[[u32; 2]], float: bool) {
        let ConvShape { pitch, outputs, window: Window { kernel: [runs, columns], .. }, .. } = self.shape;
        let (padded, depth) = (outputs.next_multiple_of(Tensor::LANES), runs * columns * pitch);
        let block = Self::block(self.isa);
        for first in (0..padded).step_by(block) {
            let lanes = block.min(padded - first);
            let job = Job {
                weights: &self.weights[first * depth..][..lanes * depth],
                sums: &self.sums[first..first + lanes],
                epilogue: &self.epilogue[first * 4..][..lanes * 4],
                lanes,
                runs,
                run_step: from.row(),
                groups: columns * pitch / 4,
                input: input.as_ptr(),
                output: output.wrapping_add(first * if float { 4 } else { 1 }),
                pixels,
                float,
                extreme: self.extreme,
            };
            // SAFETY: `check` made sure that every window of the output's pixels lies in the input and every
            // pixel with all its lanes in the output; `new` that this machine has the instructions.
            unsafe {
                match self.isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512Vnni => crate::x86::avx512::conv(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::AvxVnni => crate::x86::avxvnni::conv(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => crate::x86::avx2::conv(&job),
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon => crate::aarch64::neon::conv(&job),
                    #[cfg(target_arch = "aarch64")]
                    Isa::NeonDot => crate::aarch64::dot::conv(&job),
                    _ => scalar::conv(&job),
                }
            }
        }
    }
}
