//! Convolution over all input channels. It is computed as a product of matrices without building them (implicit im2col):
//! for each output pixel, every row of the window is a contiguous range of bytes of the input.

#![expect(unsafe_code, reason = "calls the kernels of the instruction sets")]

use std::ops::Range;

use crate::epilogue::FoldedEpilogue;
use crate::job::ConvJob;
use crate::{AlignedBytes, Epilogue, EpilogueError, Isa, Tensor, Window, scalar};

/// The shape of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Input channels.
    pub inputs: usize,
    /// Bytes from one input pixel to the next: at least `inputs`, a multiple of 4.
    pub pitch: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel, stride and padding.
    pub window: Window,
}

/// A convolution bound to an instruction set. A fully connected layer is a convolution whose kernel has the size of the
/// feature map.
#[derive(Debug, Clone)]
pub struct Conv {
    shape: ConvShape,
    isa: Isa,
    /// The weights in the order: block of output channels, row of the window, group of inputs, output channel, input
    /// ([`Packing`]).
    weights: AlignedBytes,
    epilogue: FoldedEpilogue,
    /// Whether a weight is -128. Then some kernels cannot add products in pairs.
    has_min_weight: bool,
}

/// The order of the weights of an instruction set.
#[derive(Debug, Clone, Copy)]
struct Packing {
    /// Number of output channels that a kernel computes together.
    block: usize,
    /// Number of inputs of the same output channel that follow each other. Each row of the window is padded to whole groups.
    group: usize,
}

impl Packing {
    fn new(isa: Isa) -> Self {
        match isa {
            Isa::Avx512Vnni => Self { block: 64, group: 4 },
            #[cfg(target_arch = "x86_64")]
            Isa::Sse41 => Self { block: crate::x86::sse41::BLOCK, group: crate::x86::sse41::GROUP },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => {
                Self { block: crate::aarch64::conv_neon::BLOCK, group: crate::aarch64::conv_neon::GROUP }
            }
            _ => Self { block: 16, group: 4 },
        }
    }
}

/// Number of output pixels that are computed for one block of weights before the next, so that the weights stay in the L1
/// cache: a multiple of the tile of every kernel.
const CHUNK: usize = 96;

impl Conv {
    /// Creates the layer. `weights` are in the order output, row, column, input.
    ///
    /// # Errors
    ///
    /// A parameter is not finite, or a sum can overflow.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit the shape, or this host does not support `isa`.
    pub fn new(
        shape: ConvShape,
        weights: &[i8],
        epilogue: &Epilogue,
        isa: Isa,
    ) -> Result<Self, EpilogueError> {
        let ConvShape { inputs, pitch, outputs, window: Window { kernel: [rows, columns], .. } } = shape;
        assert_eq!(
            weights.len(),
            outputs * rows * columns * inputs,
            "the number of weights must fit the shape"
        );
        assert!(
            pitch.is_multiple_of(4) && pitch >= inputs,
            "the pitch must be a multiple of 4 and hold all inputs"
        );
        assert!(inputs * rows * columns > 0, "the kernel must not be empty");
        assert!(isa.is_available(), "this host does not support {isa}");
        let weights_of =
            |output: usize| &weights[output * rows * columns * inputs..][..rows * columns * inputs];
        assert_eq!(epilogue.scale.len(), outputs, "the epilogue must have all channels");
        let Packing { block, group } = Packing::new(isa);
        let epilogue = epilogue.fold(isa, block, weights_of, |lane, _| lane)?;

        let padded = outputs.next_multiple_of(Tensor::LANES);
        let row_depth = (columns * pitch).next_multiple_of(group);
        let depth = rows * row_depth;
        let mut packed = AlignedBytes::new(padded * depth);
        for first in (0..padded).step_by(block) {
            let lanes = block.min(padded - first);
            let target = &mut packed[first * depth..][..lanes * depth];
            for output in first..(first + lanes).min(outputs) {
                for (position, weights) in weights_of(output).chunks_exact(inputs).enumerate() {
                    for (input, weight) in weights.iter().enumerate() {
                        let k = position / columns * row_depth + position % columns * pitch + input;
                        let lane = (k / group) * lanes + output - first;
                        target[lane * group + k % group] = weight.cast_unsigned();
                    }
                }
            }
        }
        Ok(Self { shape, isa, weights: packed, epilogue, has_min_weight: weights.contains(&i8::MIN) })
    }

    /// The shape of the convolution.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Whether its sums and values are small enough for the faster rounding. Else the layer gives the same bytes more slowly.
    pub fn is_bounded(&self) -> bool {
        self.epilogue.is_bounded()
    }

    /// Number of multiply-accumulate operations for one output pixel.
    pub fn macs(&self) -> usize {
        let [rows, columns] = self.shape.window.kernel;
        self.shape.outputs * self.shape.inputs * rows * columns
    }

    /// Computes the rows `rows` of the output, counted over all images. `input` is the whole input; `output` begins at the
    /// first of the rows ([`Tensor::row_start`]). Borders are not written.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the layer, or a slice is too short for its tensor.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        self.check(from, input.len(), to, &rows, output.len());
        self.run_rows(from, input, to, rows, output.as_mut_ptr(), false);
    }

    /// As [`Conv::run`], with `f32` outputs that are not requantized.
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
        self.run_rows(from, input, to, rows, output.as_mut_ptr().cast(), true);
    }

    /// Asserts that tensors and slices fit the layer: the kernels rely on it.
    fn check(&self, from: &Tensor, input: usize, to: &Tensor, rows: &Range<usize>, output: usize) {
        let ConvShape { inputs, pitch, outputs, window } = self.shape;
        assert_eq!(
            (from.channels, from.pitch, from.images),
            (inputs, pitch, to.images),
            "the input must fit the layer"
        );
        window.check(from, to);
        assert!(
            to.channels == outputs && to.pitch == outputs.next_multiple_of(Tensor::LANES),
            "the output must fit the layer"
        );
        assert!(rows.start <= rows.end && rows.end <= to.total_rows(), "the rows must be in the output");
        assert!(
            input >= from.buffer_len() && output >= to.span(rows.clone()),
            "the slices must hold the tensors"
        );
        assert!(
            from.len() < u32::MAX as usize && to.len() < u32::MAX as usize / 4,
            "offsets must fit 32 bits"
        );
    }

    /// Collects the output pixels of the rows in chunks.
    fn run_rows(
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
            let mut target = (to.pixel_offset(image, y, 0) - begin) * size;
            for _ in 0..to.width {
                chunk[filled] = [source as u32, target as u32];
                source += window.stride[1] * pitch;
                target += to.pitch * size;
                filled += 1;
                if filled == CHUNK {
                    self.run_chunk(from, input, output, &chunk, float);
                    filled = 0;
                }
            }
        }
        if filled > 0 {
            self.run_chunk(from, input, output, &chunk[..filled], float);
        }
    }

    /// Runs the kernel on some output pixels, block by block of output channels.
    fn run_chunk(&self, from: &Tensor, input: &[u8], output: *mut u8, pixels: &[[u32; 2]], float: bool) {
        let ConvShape { pitch, outputs, window: Window { kernel: [kernel_rows, columns], .. }, .. } =
            self.shape;
        let Packing { block, group } = Packing::new(self.isa);
        let groups = (columns * pitch).div_ceil(group);
        let (padded, depth) = (outputs.next_multiple_of(Tensor::LANES), kernel_rows * groups * group);
        // A block without any of the outputs is not computed.
        for first in (0..outputs).step_by(block) {
            let lanes = block.min(padded - first);
            let job = ConvJob {
                weights: &self.weights[first * depth..][..lanes * depth],
                epilogue: self.epilogue.block(first, lanes),
                lanes,
                kernel_rows,
                row_step: from.row_len(),
                groups,
                input: input.as_ptr(),
                output: output.wrapping_add(first * if float { 4 } else { 1 }),
                pixels,
                float,
                has_min_weight: self.has_min_weight,
            };
            // SAFETY: `check` has asserted that the windows of all output pixels are inside the input, and all output
            // pixels with all lanes inside the output; `new`, that this host supports the instructions.
            unsafe {
                match self.isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512Vnni => crate::x86::avx512::conv(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::AvxVnni => crate::x86::avxvnni::conv(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => crate::x86::avx2::conv(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Sse41 => crate::x86::sse41::conv(&job),
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon => crate::aarch64::conv_neon::conv(&job),
                    #[cfg(target_arch = "aarch64")]
                    Isa::NeonDot => crate::aarch64::conv_dotprod::conv(&job),
                    _ => scalar::conv(&job),
                }
            }
        }
    }
}
