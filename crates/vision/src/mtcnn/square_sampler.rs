//! Resamples a square part of a frame to the input size of a network.

use multiversion::multiversion;
use ostiary_core::{BBox, Frame};

/// Squares that are further from the frame, or larger, than this multiple of its longer side are treated as empty.
const MAX_FRAME_WIDTHS: f32 = 4.0;

/// Resamples squares to one size with a triangle filter whose width grows with the reduction, which avoids aliasing. Pixels
/// outside the frame are black.
///
/// The filter is separable and runs vertically first: a line of the square is then a weighted sum of whole rows of the
/// frame, which vector instructions compute fast.
pub struct SquareSampler {
    /// Side of the output, pixels.
    side: usize,
    horizontal: FilterTaps,
    vertical: FilterTaps,
    /// One line of the square before the horizontal filter: packed RGB of the columns inside the frame, and one value of
    /// padding.
    line: Vec<f32>,
}

/// The filter along one axis: for each output pixel the first source pixel, and the weights of it and the next ones.
#[derive(Default)]
struct FilterTaps {
    first_pixels: Vec<i32>,
    weights: Vec<f32>,
    /// Number of weights of an output pixel.
    width: usize,
}

impl FilterTaps {
    /// Computes the filter for a square that begins at `start` and is `size` long, both in pixels of the frame.
    fn compute(&mut self, start: f32, size: f32, outputs: usize) {
        let step = size / outputs as f32;
        let radius = step.max(1.0);
        self.width = (2.0 * radius).ceil() as usize;
        self.first_pixels.clear();
        self.weights.clear();
        for output in 0..outputs {
            let center = start + (output as f32 + 0.5) * step - 0.5;
            let first = (center - radius).ceil();
            self.first_pixels.push(first as i32);
            let begin = self.weights.len();
            self.weights.extend((0..self.width).map(|tap| {
                let distance = (first + tap as f32 - center).abs();
                (1.0 - distance / radius).max(0.0)
            }));
            let weights = &mut self.weights[begin..];
            let sum: f32 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
    }

    /// The first source pixel and the weights of each output pixel.
    fn iter(&self) -> impl Iterator<Item = (i32, &[f32])> {
        self.first_pixels.iter().copied().zip(self.weights.chunks_exact(self.width))
    }
}

impl SquareSampler {
    /// `side` is the side of the output, pixels.
    pub fn new(side: usize) -> Self {
        Self { side, horizontal: FilterTaps::default(), vertical: FilterTaps::default(), line: Vec::new() }
    }

    /// Resamples `square`, in pixels of the frame, into `pixels`: packed RGB, `side * side * 3` bytes.
    pub fn sample(&mut self, frame: &Frame, square: &BBox, pixels: &mut [u8]) {
        // A broken network can give boxes of any size at any place. Far outside the frame they are black.
        let limit = MAX_FRAME_WIDTHS * frame.width().max(frame.height()) as f32;
        let is_near = [square.x, square.y, square.width, square.height].iter().all(|v| v.abs() < limit);
        if !is_near || square.width < 1.0 || square.height < 1.0 {
            pixels.fill(0);
            return;
        }
        self.horizontal.compute(square.x, square.width, self.side);
        self.vertical.compute(square.y, square.height, self.side);

        let (width, height) = (frame.width() as i32, frame.height() as i32);
        let left = self.horizontal.first_pixels[0].clamp(0, width);
        let right =
            (self.horizontal.first_pixels[self.side - 1] + self.horizontal.width as i32).clamp(left, width);
        self.line.resize(3 * (right - left) as usize + 1, 0.0);
        for ((first, weights), pixels) in self.vertical.iter().zip(pixels.chunks_exact_mut(3 * self.side)) {
            let (top, weights) = clip(first, weights, 0, height);
            // If no row is inside the frame, the offset can be beyond its end.
            let rows = frame.rgb().get(3 * (top * width + left) as usize..).unwrap_or_default();
            let Some((_, line)) = self.line.split_last_mut() else { continue };
            sum_rows(rows, 3 * width as usize, weights, line);
            for ((first, weights), pixel) in self.horizontal.iter().zip(pixels.as_chunks_mut().0) {
                let (begin, weights) = clip(first, weights, left, right);
                let columns = self.line[3 * (begin - left) as usize..].windows(4).step_by(3);
                // 0.5, so that the conversion to bytes rounds to the nearest.
                let [r, g, b, _] = columns.zip(weights).fold([0.5; 4], |sums: [f32; 4], (column, weight)| {
                    std::array::from_fn(|lane| sums[lane] + weight * column[lane])
                });
                *pixel = [r as u8, g as u8, b as u8];
            }
        }
    }
}

/// Clips pixels, which begin at `first` and have one weight each, to the range `from..to`. Returns the first remaining pixel
/// and the remaining weights.
fn clip(first: i32, weights: &[f32], from: i32, to: i32) -> (i32, &[f32]) {
    let [begin, end] = [first, first + weights.len() as i32].map(|pixel| pixel.clamp(from, to));
    (begin, &weights[(begin - first).clamp(0, weights.len() as i32) as usize..][..(end - begin) as usize])
}

/// Fills `line` with the weighted sum of rows. Each row begins `pitch` bytes after the previous one.
#[multiversion(targets("x86_64+avx2"))]
fn sum_rows(rows: &[u8], pitch: usize, weights: &[f32], line: &mut [f32]) {
    /// Number of sums that are kept in registers.
    const CHUNK: usize = 32;
    let (chunks, rest) = line.as_chunks_mut::<CHUNK>();
    for (chunk, sums) in chunks.iter_mut().enumerate() {
        *sums = [0.0; CHUNK];
        for (row, weight) in weights.iter().enumerate() {
            let values = &rows[row * pitch + chunk * CHUNK..][..CHUNK];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * f32::from(*value);
            }
        }
    }
    rest.fill(0.0);
    for (row, weight) in weights.iter().enumerate() {
        let values = &rows[row * pitch + chunks.len() * CHUNK..][..rest.len()];
        for (sum, value) in rest.iter_mut().zip(values) {
            *sum += weight * f32::from(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
        let rgb = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect();
        Frame::from_rgb(width, height, rgb).unwrap()
    }

    #[test]
    fn at_scale_1_pixels_are_copied() {
        let frame = frame(8, 6, |x, y| [x as u8, y as u8, 100]);
        let mut pixels = vec![0; 3 * 16];
        SquareSampler::new(4).sample(&frame, &[2.0, 1.0, 4.0, 4.0].into(), &mut pixels);
        for y in 0..4 {
            for x in 0..4 {
                assert_eq!(pixels[(y * 4 + x) * 3..][..3], [2 + x as u8, 1 + y as u8, 100]);
            }
        }
    }

    #[test]
    fn a_shrunken_gradient_remains_a_gradient() {
        let frame = frame(64, 64, |x, _| [4 * x as u8, 0, 0]);
        let mut pixels = vec![0; 3 * 64];
        SquareSampler::new(8).sample(&frame, &[16.0, 16.0, 32.0, 32.0].into(), &mut pixels);
        for (x, [value, ..]) in pixels.as_chunks::<3>().0[..8].iter().enumerate() {
            let expected = 4.0 * (16.0 + 4.0 * (x as f32 + 0.5) - 0.5);
            assert!((f32::from(*value) - expected).abs() < 0.51, "{value} is not {expected}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_squares_read_only_the_frame(
            x in -1e4f32..1e4, y in -1e4f32..1e4, size in -10f32..1e4, invalid in proptest::option::of(0usize..3),
        ) {
            let frame = frame(40, 30, |x, y| [x as u8, y as u8, 255]);
            let mut square = BBox { x, y, width: size, height: size };
            match invalid {
                Some(0) => square.x = f32::NAN,
                Some(1) => square.width = f32::INFINITY,
                _ => {}
            }
            let mut pixels = vec![77; 3 * 24 * 24];
            SquareSampler::new(24).sample(&frame, &square, &mut pixels);
            // The frame has no red above 39, and the initial value 77 must not remain.
            prop_assert!(pixels.as_chunks::<3>().0.iter().all(|[red, ..]| *red < 40));
        }
    }
}
