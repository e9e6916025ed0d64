//! Max pooling.

use std::ops::Range;

use crate::{Isa, Tensor, Window};

/// A max pool. Values outside the feature map do not count.
#[derive(Debug, Clone)]
pub struct MaxPool {
    window: Window,
    isa: Isa,
}

impl MaxPool {
    /// Creates the layer.
    ///
    /// # Panics
    ///
    /// If this host does not support `isa`.
    pub fn new(window: Window, isa: Isa) -> Self {
        assert!(isa.is_available(), "this host does not support {isa}");
        Self { window, isa }
    }

    /// Kernel, stride and padding.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Computes the rows `rows` of the output; see [`Conv::run`](crate::Conv::run). The input needs no border.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the window, or a slice is too short for its tensor.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        assert_eq!(
            [to.height, to.width],
            self.window.output_size(from.height, from.width),
            "the output must have one pixel for each position of the window"
        );
        assert!(
            from.pitch == to.pitch && from.images == to.images,
            "the tensors must have the same channels and images"
        );
        assert!(from.pitch.is_multiple_of(Tensor::LANES), "the pitches must be whole lanes");
        match self.isa.storage_mask() {
            0 => self.run_rows(from, input, to, rows, output, 0, u8::max),
            // Bytes minus 128 are compared as signed ones.
            lowest => self.run_rows(from, input, to, rows, output, lowest, |a, b| {
                a.cast_signed().max(b.cast_signed()).cast_unsigned()
            }),
        }
    }

    /// `lowest` is the lowest byte in the order of `max`.
    #[expect(clippy::too_many_arguments, reason = "those of `run`, and the order of the bytes")]
    #[inline(always)]
    fn run_rows(
        &self,
        from: &Tensor,
        input: &[u8],
        to: &Tensor,
        rows: Range<usize>,
        output: &mut [u8],
        lowest: u8,
        max: impl Fn(u8, u8) -> u8,
    ) {
        let Window { kernel, stride, padding } = self.window;
        let begin = to.row_start(rows.start);
        // The part of the map that is in a window which begins at `first` of the padded map.
        let clip = |first: usize, axis: usize, size: usize| {
            let from = first.max(padding[axis]) - padding[axis];
            from..(first + kernel[axis]).saturating_sub(padding[axis]).min(size)
        };
        for row in rows {
            let (image, y) = (row / to.height, row % to.height);
            let lines = clip(y * stride[0], 0, from.height);
            for x in 0..to.width {
                let columns = clip(x * stride[1], 1, from.width);
                let output = &mut output[to.pixel_offset(image, y, x) - begin..][..to.pitch];
                // The maxima of some channels stay in a register for the whole window.
                for (block, output) in output.as_chunks_mut::<{ Tensor::LANES }>().0.iter_mut().enumerate() {
                    let mut maxima = [lowest; Tensor::LANES];
                    for line in lines.clone() {
                        let first = from.pixel_offset(image, line, columns.start) + block * Tensor::LANES;
                        for column in 0..columns.len() {
                            let values = &input[first + column * from.pitch..][..Tensor::LANES];
                            for (maximum, value) in maxima.iter_mut().zip(values) {
                                *maximum = max(*maximum, *value);
                            }
                        }
                    }
                    *output = maxima;
                }
            }
        }
    }
}
