//! Cutting a square out of a frame at the size that a network looks at.

use multiversion::multiversion;
use ostiary_core::{BBox, Frame};

/// Resamples squares to one size with a triangle filter that widens as the square shrinks, so that nothing
/// aliases. What lies outside the frame is black.
///
/// Down first: a line of the square is a sum of whole rows of the frame, which wide registers add fast.
pub struct SquareSampler {
    side: usize,
    across: Taps,
    down: Taps,
    /// One line of the square, as wide as the frame is there: red, green, blue of a pixel after those of the one before,
    /// and a number that nobody asks for.
    line: Vec<f32>,
}

/// For each output pixel, the first source pixel and the weights of it and those after.
#[derive(Default)]
struct Taps {
    firsts: Vec<i32>,
    weights: Vec<f32>,
    /// Weights an output pixel.
    width: usize,
}

impl Taps {
    /// `from` is where the square begins in the frame, `size` its extent, both in pixels.
    fn place(&mut self, from: f32, size: f32, outputs: usize) {
        let step = size / outputs as f32;
        let reach = step.max(1.0);
        self.width = (2.0 * reach).ceil() as usize;
        self.firsts.clear();
        self.weights.clear();
        for output in 0..outputs {
            let center = from + (output as f32 + 0.5) * step - 0.5;
            let first = (center - reach).ceil();
            self.firsts.push(first as i32);
            let begin = self.weights.len();
            self.weights.extend((0..self.width).map(|tap| {
                let distance = (first + tap as f32 - center).abs();
                (1.0 - distance / reach).max(0.0)
            }));
            let weights = &mut self.weights[begin..];
            let sum: f32 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
    }

    /// Of each output pixel: the first source pixel, the weights.
    fn iter(&self) -> impl Iterator<Item = (i32, &[f32])> {
        self.firsts.iter().copied().zip(self.weights.chunks_exact(self.width))
    }
}

impl SquareSampler {
    /// `side` in pixels.
    pub fn new(side: usize) -> Self {
        let (across, down) = Default::default();
        Self { side, across, down, line: Vec::new() }
    }

    /// Fills `pixels`, `side * side` of packed RGB.
    pub fn sample(&mut self, frame: &Frame, square: &BBox, pixels: &mut [u8]) {
        // A box of a broken network may be anywhere and of any size: beyond some frames' width it is all black.
        let limit = 4.0 * frame.width().max(frame.height()) as f32;
        let sane = [square.x, square.y, square.width, square.height].iter().all(|v| v.abs() < limit);
        if !sane || square.width < 1.0 || square.height < 1.0 {
            pixels.fill(0);
            return;
        }
        self.across.place(square.x, square.width, self.side);
        self.down.place(square.y, square.height, self.side);

        let (width, height) = (frame.width() as i32, frame.height() as i32);
        let left = self.across.firsts[0].clamp(0, width);
        let right = (self.across.firsts[self.side - 1] + self.across.width as i32).clamp(left, width);
        self.line.resize(3 * (right - left) as usize + 1, 0.0);
        for ((first, weights), pixels) in self.down.iter().zip(pixels.chunks_exact_mut(3 * self.side)) {
            let (top, weights) = inside(first, weights, 0, height);
            // Where nothing is inside there may be no such row either.
            let rows = frame.rgb().get(3 * (top * width + left) as usize..).unwrap_or_default();
            let Some((_, line)) = self.line.split_last_mut() else { continue };
            sum_rows(rows, 3 * width as usize, weights, line);
            for ((first, weights), pixel) in self.across.iter().zip(pixels.as_chunks_mut().0) {
                let (begin, weights) = inside(first, weights, left, right);
                let columns = self.line[3 * (begin - left) as usize..].windows(4).step_by(3);
                // Half a step more than nothing: cutting off the fraction below then rounds to the nearest.
                let [r, g, b, _] = columns.zip(weights).fold([0.5; 4], |sums: [f32; 4], (column, weight)| {
                    std::array::from_fn(|lane| sums[lane] + weight * column[lane])
                });
                *pixel = [r as u8, g as u8, b as u8];
            }
        }
    }
}

/// The part of some pixels from `first`, with a weight each, that lies in `from..to`: its first and its weights.
fn inside(first: i32, weights: &[f32], from: i32, to: i32) -> (i32, &[f32]) {
    let [begin, end] = [first, first + weights.len() as i32].map(|pixel| pixel.clamp(from, to));
    (begin, &weights[(begin - first).clamp(0, weights.len() as i32) as usize..][..(end - begin) as usize])
}

/// Fills `line` with the sum of rows, which begin `pitch` bytes one after the other, each with its weight.
#[multiversion(targets("x86_64+avx2"))]
fn sum_rows(rows: &[u8], pitch: usize, weights: &[f32], line: &mut [f32]) {
    /// Sums that stay in registers over all rows.
    const PART: usize = 32;
    let (parts, rest) = line.as_chunks_mut::<PART>();
    for (part, sums) in parts.iter_mut().enumerate() {
        *sums = [0.0; PART];
        for (row, weight) in weights.iter().enumerate() {
            let values = &rows[row * pitch + part * PART..][..PART];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * f32::from(*value);
            }
        }
    }
    rest.fill(0.0);
    for (row, weight) in weights.iter().enumerate() {
        let values = &rows[row * pitch + parts.len() * PART..][..rest.len()];
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
    fn at_its_own_size_a_square_is_the_frame() {
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
    fn a_shrunken_gradient_stays_a_gradient() {
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
        fn no_square_reads_outside_the_frame(
            x in -1e4f32..1e4, y in -1e4f32..1e4, size in -10f32..1e4, odd in proptest::option::of(0usize..3),
        ) {
            let frame = frame(40, 30, |x, y| [x as u8, y as u8, 255]);
            let mut square = BBox { x, y, width: size, height: size };
            match odd {
                Some(0) => square.x = f32::NAN,
                Some(1) => square.width = f32::INFINITY,
                _ => {}
            }
            let mut pixels = vec![77; 3 * 24 * 24];
            SquareSampler::new(24).sample(&frame, &square, &mut pixels);
            // No pixel of the frame has more red than this, and none is left as it was.
            prop_assert!(pixels.as_chunks::<3>().0.iter().all(|[red, ..]| *red < 40));
        }
    }
}
