//! Depthwise convolution: a separate kernel for each channel.

#![expect(unsafe_code, reason = "calls the kernels of the instruction sets")]

use std::ops::Range;

use crate::epilogue::FoldedEpilogue;
use crate::job::DepthwiseJob;
use crate::{AlignedBytes, Epilogue, EpilogueError, Isa, Tensor, Window, scalar};

/// A depthwise convolution bound to an instruction set.
#[derive(Debug, Clone)]
pub struct Depthwise {
    channels: usize,
    window: Window,
    isa: Isa,
    /// The weights in the order: block of channels, group of 4 taps, channel, tap.
    weights: AlignedBytes,
    /// The weights in the order of the kernel that computes two rows at once, if there is one ([`two_row_weights`]).
    two_row_weights: Option<AlignedBytes>,
    /// Whether a weight is -128. Then some kernels cannot add products in pairs.
    has_min_weight: bool,
    epilogue: FoldedEpilogue,
}

/// Maximum number of taps of a kernel: 11x11, rounded up to a multiple of 4.
const MAX_TAPS: usize = 124;

impl Depthwise {
    /// Creates the layer. `weights` are in the order channel, row, column.
    ///
    /// # Errors
    ///
    /// A parameter is not finite, or a sum can overflow.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit, the kernel has more than 124 taps, or this host does not support `isa`.
    pub fn new(
        channels: usize,
        window: Window,
        weights: &[i8],
        epilogue: &Epilogue,
        isa: Isa,
    ) -> Result<Self, EpilogueError> {
        let kernel_size = window.kernel[0] * window.kernel[1];
        assert_eq!(weights.len(), channels * kernel_size, "the number of weights must fit the shape");
        assert!((1..=MAX_TAPS).contains(&kernel_size), "the kernel must have 1 to 124 taps");
        assert!(isa.is_available(), "this host does not support {isa}");
        assert_eq!(epilogue.scale.len(), channels, "the epilogue must have all channels");
        let block = Self::block_size(isa);
        let weights_of = |channel: usize| &weights[channel * kernel_size..][..kernel_size];
        let epilogue =
            epilogue.fold(isa, block, weights_of, |lane, lanes| Self::lane_position(isa, lane, lanes))?;
        let padded = channels.next_multiple_of(Tensor::LANES);
        let taps = kernel_size.next_multiple_of(4);
        let mut packed = AlignedBytes::new(padded * taps);
        for first in (0..padded).step_by(block) {
            let lanes = block.min(padded - first);
            let target = &mut packed[first * taps..][..lanes * taps];
            for channel in first..(first + lanes).min(channels) {
                for (tap, weight) in weights_of(channel).iter().enumerate() {
                    let lane = Self::lane_position(isa, channel - first, lanes);
                    target[(tap / 4 * lanes + lane) * 4 + tap % 4] = weight.cast_unsigned();
                }
            }
        }
        let has_two_row_kernel = isa == Isa::NeonDot && window.kernel == [3, 3] && window.stride == [1, 1];
        Ok(Self {
            two_row_weights: has_two_row_kernel.then(|| two_row_weights(weights)),
            has_min_weight: weights.contains(&i8::MIN),
            channels,
            window,
            isa,
            weights: packed,
            epilogue,
        })
    }

    /// Number of channels that a kernel computes together.
    fn block_size(isa: Isa) -> usize {
        match isa {
            Isa::Avx512Vnni => 64,
            _ => 16,
        }
    }

    /// Position of a channel of a block after the kernel has interleaved the taps.
    fn lane_position(isa: Isa, lane: usize, lanes: usize) -> usize {
        match isa {
            // The unpack instructions work within 16 bytes: the first register has the first four channels of each 16,
            // the second one the next four, and so on.
            Isa::Avx512Vnni => (lane / 4 % 4) * lanes / 4 + lane / 16 * 4 + lane % 4,
            _ => lane,
        }
    }

    /// Kernel, stride and padding.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Whether its sums and values are small enough for the faster rounding. Else the layer gives the same bytes more slowly.
    pub fn is_bounded(&self) -> bool {
        self.epilogue.is_bounded()
    }

    /// Number of multiply-accumulate operations for one output pixel.
    pub fn macs(&self) -> usize {
        self.channels * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Computes the rows `rows` of the output, as [`Conv::run`](crate::Conv::run) does.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the layer, or a slice is too short for its tensor.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        let padded = self.channels.next_multiple_of(Tensor::LANES);
        self.window.check(from, to);
        assert!(
            from.channels == self.channels && to.channels == self.channels,
            "the tensors must have the channels of the layer"
        );
        assert!(from.pitch == padded && to.pitch == padded, "the pitches must be whole lanes");
        assert!(rows.start <= rows.end && rows.end <= to.total_rows(), "the rows must be in the output");
        assert!(
            input.len() >= from.len() && output.len() >= to.span(rows.clone()),
            "the slices must hold the tensors"
        );
        assert!(from.len() < u32::MAX as usize, "offsets must fit 32 bits");

        let begin = to.row_start(rows.start);
        let two_rows = self.two_row_weights.as_ref().filter(|_| to.width >= 2);
        let mut row = rows.start;
        while row < rows.end {
            let y = row % to.height;
            let pair = match two_rows {
                Some(_) if row + 1 < rows.end && y + 1 < to.height => Some(row),
                // The last row of an odd number: the one above is computed again, if it is one of `rows`.
                Some(_) if row > rows.start && y > 0 => Some(row - 1),
                _ => None,
            };
            let first = pair.unwrap_or(row);
            let output = &mut output[to.row_start(first) - begin..];
            self.run_rows(from, input, to, first, output, two_rows.filter(|_| pair.is_some()));
            row = first + if pair.is_some() { 2 } else { 1 };
        }
    }

    /// Computes a row of the output, or two if `two_rows` has the weights for it. `output` begins at the row.
    fn run_rows(
        &self,
        from: &Tensor,
        input: &[u8],
        to: &Tensor,
        row: usize,
        output: &mut [u8],
        two_rows: Option<&AlignedBytes>,
    ) {
        let Window { kernel: [kernel_rows, kernel_columns], stride, .. } = self.window;
        let kernel_size = kernel_rows * kernel_columns;
        let count = kernel_size.next_multiple_of(4);
        let (image, y) = (row / to.height, row % to.height);
        let corner = self.window.corner(from, image, y);
        let mut taps = [0u32; MAX_TAPS];
        for (tap, offset) in taps[..count].iter_mut().enumerate() {
            let tap = tap.min(kernel_size - 1);
            let (row, column) = (tap / kernel_columns, tap % kernel_columns);
            *offset = (corner + row * from.row_len() + column * from.pitch) as u32;
        }
        let target = to.border[1] * to.pitch;
        let block = Self::block_size(self.isa);
        for first in (0..to.pitch).step_by(block) {
            let lanes = block.min(to.pitch - first);
            let weights = match two_rows {
                Some(weights) => &weights[first * TWO_ROW_TAPS..][..lanes * TWO_ROW_TAPS],
                None => &self.weights[first * count..][..lanes * count],
            };
            let job = DepthwiseJob {
                weights,
                epilogue: self.epilogue.block(first, lanes),
                lanes,
                taps: &taps[..count],
                input: input[first..].as_ptr(),
                output: output[target + first..].as_mut_ptr(),
                pixels: to.width,
                input_step: stride[1] * from.pitch,
                column_step: from.pitch,
                row_step: from.row_len(),
                output_step: to.pitch,
                output_row_step: to.row_len(),
                is_3x3: self.window.kernel == [3, 3],
                has_min_weight: self.has_min_weight,
            };
            // SAFETY: the assertions of `run` ensure that all taps of all pixels are inside the input, and all pixels with
            // all lanes inside the output; `new` has checked that this host supports the instructions.
            unsafe {
                match self.isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512Vnni => crate::x86::avx512::depthwise(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 | Isa::AvxVnni => crate::x86::avx2::depthwise(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Sse41 => crate::x86::sse41::depthwise(&job),
                    #[cfg(target_arch = "aarch64")]
                    Isa::NeonDot if two_rows.is_some() => {
                        crate::aarch64::depthwise_dotprod::depthwise_two_rows(&job)
                    }
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon | Isa::NeonDot => crate::aarch64::depthwise_neon::depthwise(&job),
                    _ => scalar::depthwise(&job),
                }
            }
        }
    }
}

/// Weights of a channel in the order of [`two_row_weights`].
const TWO_ROW_TAPS: usize = 24;

/// The weights of 3x3 taps in the order of the kernel that computes two rows of two pixels at once. For each block of 16 channels,
/// row of taps, and four channels: first the taps of each channel and a 0, then a 0 and the taps. So a product with the same four
/// columns is that of a pixel and of the next one. `weights` are in the order channel, tap.
fn two_row_weights(weights: &[i8]) -> AlignedBytes {
    let channels = weights.as_chunks::<9>().0;
    let mut ordered = AlignedBytes::new(channels.len().next_multiple_of(Tensor::LANES) * TWO_ROW_TAPS);
    for (channel, taps) in channels.iter().enumerate() {
        let (block, lane) = (channel / Tensor::LANES, channel % Tensor::LANES);
        for (tap, weight) in taps.iter().enumerate() {
            let fours = (block * 3 + tap / 3) * 4 + lane / 4;
            let first = fours * 32 + lane % 4 * 4 + tap % 3;
            ordered[first] = weight.cast_unsigned();
            ordered[first + 16 + 1] = weight.cast_unsigned();
        }
    }
    ordered
}
