//! Arguments of the kernels.

use crate::epilogue::EpilogueBlock;

/// Arguments of a convolution kernel: one block of output channels, some output pixels.
pub(crate) struct ConvJob<'a> {
    /// Weights of the block.
    pub weights: &'a [u8],
    /// The epilogue of the block.
    pub epilogue: EpilogueBlock<'a>,
    /// Channels of the block: a multiple of [`Tensor::LANES`](crate::Tensor::LANES).
    pub lanes: usize,
    /// Rows of the window.
    pub kernel_rows: usize,
    /// Bytes from one row of the input to the next.
    pub row_step: usize,
    /// Groups of inputs in a row of the window: 4 bytes, 2 for SSE4.1, 16 for plain NEON.
    pub groups: usize,
    /// The whole input.
    pub input: *const u8,
    /// The output, at the first channel of the block.
    pub output: *mut u8,
    /// For each pixel the offsets of its window in the input and of its values in the output, bytes.
    pub pixels: &'a [[u32; 2]],
    /// Whether the output is `f32`.
    pub float: bool,
    #[cfg_attr(
        not(target_arch = "aarch64"),
        allow(dead_code, reason = "only kernels with signed inputs use it")
    )]
    /// Whether a weight is -128.
    pub has_min_weight: bool,
}

/// Arguments of a depthwise kernel: one block of channels, one row of the output, or two for the kernel of two rows.
#[cfg_attr(
    not(target_arch = "aarch64"),
    allow(dead_code, reason = "some arguments are only for the kernels of ARM")
)]
pub(crate) struct DepthwiseJob<'a> {
    /// Weights of the block.
    pub weights: &'a [u8],
    /// The epilogue of the block.
    pub epilogue: EpilogueBlock<'a>,
    /// Channels of the block: a multiple of [`Tensor::LANES`](crate::Tensor::LANES).
    pub lanes: usize,
    /// Offsets of the taps of the first pixel in the input, bytes. Their number is padded to a multiple of 4 by repeating
    /// the last one, with weights of 0.
    pub taps: &'a [u32],
    /// The input, at the first channel of the block.
    pub input: *const u8,
    /// The row of the output, at the first channel of the block.
    pub output: *mut u8,
    /// Number of output pixels.
    pub pixels: usize,
    /// Bytes from the window of one pixel to the next.
    pub input_step: usize,
    /// Bytes from one column of the input to the next.
    pub column_step: usize,
    /// Bytes from one row of the input to the next.
    pub row_step: usize,
    /// Bytes from one output pixel to the next.
    pub output_step: usize,
    /// Bytes from one row of the output to the next.
    pub output_row_step: usize,
    /// Whether the kernel has 3x3 taps.
    pub is_3x3: bool,
    /// Whether a weight is -128.
    pub has_min_weight: bool,
}
