//! The greatest value in a window.

use std::ops::Range;

use crate::{Tensor, Window};

/// A max pool. What the window reaches beyond the map does not count.
#[derive(Debug, Clone)]
pub struct MaxPool {
    window: Window,
}

impl MaxPool {
    pub fn new(window: Window) -> Self {
        Self { window }
    }

    /// Its window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Computes some rows of the output; see [`Conv::run`](crate::Conv::run). The input needs no border.
    ///
    /// # Panics
    ///
    /// If the tensors do not fit the window, or the memory not the tensors.
    pub fn run(&self, from: &Tensor, input: &[u8], to: &Tensor, rows: Range<usize>, output: &mut [u8]) {
        let Window { kernel, stride, padding } = self.window;
        assert_eq!([to.height, to.width], self.window.places(from.height, from.width), "the window's places");
        assert!(from.pitch == to.pitch && from.images == to.images, "the layer's channels");
        assert!(from.pitch.is_multiple_of(Tensor::LANES), "pitches of whole lanes");
        let begin = to.row_start(rows.start);
        // What lies inside the map of a window that begins so far into the padded map.
        let inside = |first: usize, axis: usize, size: usize| {
            let from = first.max(padding[axis]) - padding[axis];
            from..(first + kernel[axis]).saturating_sub(padding[axis]).min(size)
        };
        for row in rows {
            let (image, y) = (row / to.height, row % to.height);
            let lines = inside(y * stride[0], 0, from.height);
            for x in 0..to.width {
                let columns = inside(x * stride[1], 1, from.width);
                let output = &mut output[to.pixel(image, y, x) - begin..][..to.pitch];
                // Some channels at a time stay in a register over the whole window.
                for (part, output) in output.as_chunks_mut::<{ Tensor::LANES }>().0.iter_mut().enumerate() {
                    let mut greatest = [0; Tensor::LANES];
                    for line in lines.clone() {
                        let first = from.pixel(image, line, columns.start) + part * Tensor::LANES;
                        for column in 0..columns.len() {
                            let values = &input[first + column * from.pitch..][..Tensor::LANES];
                            for (greatest, value) in greatest.iter_mut().zip(values) {
                                *greatest = (*greatest).max(*value);
                            }
                        }
                    }
                    *output = greatest;
                }
            }
        }
    }
}
