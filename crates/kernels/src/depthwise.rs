//! Depthwise convolution: each channel with a kernel of its own.

use std::ops::Range;

use crate::job::RowJob;
use crate::{AlignedBytes, Epilogue, EpilogueError, Isa, Tensor, Window, scalar};

/// A depthwise convolution bound to an instruction set.
#[derive(Debug, Clone)]
pub struct Depthwise {
    channels: usize,
    window: Window,
    isa: Isa,
    /// Blocks of channels; in each, groups of 4 taps; in each, the 4 weights of every channel.
    weights: AlignedBytes,
    epilogue: Vec<f32>,
}

/// The most places of a kernel, rounded up: 11x11.
const MAX_TAPS: usize = 124;

impl Depthwise {
    /// `weights` in the order channel, row, column.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit, the kernel has more than 124 places, or this machine cannot run `isa`.
    pub fn new(
        channels: usize,
        window: Window,
        weights: &[i8],
        epilogue: &Epilogue,
        isa: Isa,
    ) -> Result<Self, EpilogueError> {
        let places = window.kernel[0] * window.kernel[1];
        assert_eq!(weights.len(), channels * places, "weights of the shape");
        assert!((1..=MAX_TAPS).contains(&places), "a kernel of a sane size");
        assert!(isa.runs_here(), "{isa} does not run here");
        epilogue.check(channels, |channel| {
            weights[channel * places..][..places].iter().map(|w| 255 * i64::from(w.unsigned_abs())).sum()
        })?;
        let padded = channels.next_multiple_of(Tensor::LANES);
        let taps = places.next_multiple_of(4);
        let mut packed = AlignedBytes::new(padded * taps);
        let block = Self::block(isa);
        for first in (0..padded).step_by(block) {
            let lanes = block.min(padded - first);
            let target = &mut packed[first * taps..][..lanes * taps];
            for channel in first..(first + lanes).min(channels) {
                for (tap, weight) in weights[channel * places..][..places].iter().enumerate() {
                    let lane = Self::place(isa, channel - first, lanes);
                    target[(tap / 4 * lanes + lane) * 4 + tap % 4] = weight.cast_unsigned();
                }
            }
        }
        let blocks = epilogue.blocks(block);
        let mut placed = blocks.clone();
        for (lanes, targets) in blocks.chunks(block * 4).zip(placed.chunks_mut(block * 4)) {
            let count = lanes.len() / 4;
            for number in 0..4 {
                for lane in 0..count {
                    targets[number * count + Self::place(isa, lane, count)] = lanes[number * count + lane];
                }
            }
        }
        Ok(Self { channels, window, isa, weights: packed, epilogue: placed })
    }

    /// Channels that a kernel computes together.
    fn block(isa: Isa) -> usize {
        match isa {
            Isa::Avx512Vnni => 64,
            _ => 16,
        }
    }

    /// Where a block's channel comes to lie when the kernel has interleaved the taps.
    fn place(isa: Isa, lane: usize, lanes: usize) -> usize {
        match isa {
            // Unpacking works within 16 bytes: the first register has the first four channels of each 16, the second
            // the next four, and so on.
            Isa::Avx512Vnni => (lane / 4 % 4) * lanes / 4 + lane / 16 * 4 + lane % 4,
            _ => lane,
        }
    }

    /// Its window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Its channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Multiplications and additions for one output pixel.
    pub fn macs(&self) -> usize {
        self.channels * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Computes some rows of the output, as [`Conv::run`](crate::Conv::run) does.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the layer, or the memory not the tensors.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        let padded = self.channels.next_multiple_of(Tensor::LANES);
        self.window.check(from, to);
        assert!(from.channels == self.channels && to.channels == self.channels, "the layer's channels");
        assert!(from.pitch == padded && to.pitch == padded, "pitches of whole lanes");
        assert!(rows.start <= rows.end && rows.end <= to.rows(), "rows of the output");
        assert!(input.len() >= from.len() && output.len() >= to.span(rows.clone()), "memory for the tensors");
        assert!(from.len() < u32::MAX as usize, "maps of a sane size");

        let Window { kernel: [kernel_rows, kernel_columns], stride, .. } = self.window;
        let places = kernel_rows * kernel_columns;
        let count = places.next_multiple_of(4);
        let begin = to.row_start(rows.start);
        let block = Self::block(self.isa);
        let mut taps = [0u32; MAX_TAPS];
        for row in rows {
            let (image, y) = (row / to.height, row % to.height);
            let corner = self.window.corner(from, image, y);
            for (tap, offset) in taps[..count].iter_mut().enumerate() {
                let place = tap.min(places - 1);
                let (down, across) = (place / kernel_columns, place % kernel_columns);
                *offset = (corner + down * from.row() + across * from.pitch) as u32;
            }
            let target = to.pixel(image, y, 0) - begin;
            for first in (0..padded).step_by(block) {
                let lanes = block.min(padded - first);
                let job = RowJob {
                    weights: &self.weights[first * count..][..lanes * count],
                    epilogue: &self.epilogue[first * 4..][..lanes * 4],
                    lanes,
                    taps: &taps[..count],
                    input: input[first..].as_ptr(),
                    output: output[target + first..].as_mut_ptr(),
                    pixels: to.width,
                    step: stride[1] * from.pitch,
                    output_step: to.pitch,
                };
                // SAFETY: the assertions above made sure that every tap of every pixel lies in the input and
                // every pixel in the output, with all lanes; `new` that this machine has the instructions.
                unsafe {
                    match self.isa {
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx512Vnni => crate::x86::avx512::depthwise(&job),
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx2 | Isa::AvxVnni => crate::x86::avx2::depthwise(&job),
                        #[cfg(target_arch = "aarch64")]
                        Isa::Neon | Isa::NeonDot => crate::aarch64::neon::depthwise(&job),
                        _ => scalar::depthwise(&job),
                    }
                }
            }
        }
    }
}
