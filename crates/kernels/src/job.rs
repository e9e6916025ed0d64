//! What is handed to the kernels of every instruction set.

/// What a kernel needs for one block of output channels and some output pixels.
pub(crate) struct Job<'a> {
    /// The first weight of the block.
    pub weights: &'a [u8],
    /// Sums of the weights of the block's channels.
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "for kernels of signed inputs"))]
    pub sums: &'a [i32],
    /// Scales, biases, slopes and zero points of the block.
    pub epilogue: &'a [f32],
    /// Channels of the block: a multiple of [`Tensor::LANES`](crate::Tensor::LANES).
    pub lanes: usize,
    /// Rows of the kernel, the bytes between them, and groups of 4 bytes in each.
    pub runs: usize,
    pub run_step: usize,
    pub groups: usize,
    pub input: *const u8,
    /// Of the block's first channel.
    pub output: *mut u8,
    /// Where each pixel's window begins in the input and its values in the output, bytes.
    pub pixels: &'a [[u32; 2]],
    /// Whether the output is `f32`.
    pub float: bool,
    #[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "for kernels of signed inputs"))]
    pub extreme: bool,
}

/// What a kernel needs for one block of channels and one row of the output.
pub(crate) struct RowJob<'a> {
    pub weights: &'a [u8],
    /// Scales, biases, slopes and zero points of the block.
    pub epilogue: &'a [f32],
    /// Channels of the block: a multiple of [`Tensor::LANES`](crate::Tensor::LANES).
    pub lanes: usize,
    /// Where each tap of the first pixel lies in the input, bytes. A multiple of 4 of them: those beyond the
    /// kernel repeat the last one, with weights of 0.
    pub taps: &'a [u32],
    /// Of the block's first channel.
    pub input: *const u8,
    pub output: *mut u8,
    /// How many, and the bytes from one to the next, in the input and in the output.
    pub pixels: usize,
    pub step: usize,
    pub output_step: usize,
}
