//! Cutting a square out of a frame at the size that a network looks at.

use crate::capture::Frame;
use crate::vision::BBox;

/// Resamples squares to one size with a triangle filter that widens as the square shrinks, so that nothing
/// aliases. What lies outside the frame is black.
pub struct SquareSampler {
    side: usize,
    across: Taps,
    down: Taps,
    /// The pixels of some rows of the frame that the square reaches: `[column][row]`.
    pixels: Vec<[Lanes; ROWS]>,
    /// Rows of the square already resampled across: `[row][column]`.
    rows: Vec<Lanes>,
    /// One row of the result.
    sums: Vec<Lanes>,
}

/// Red, green, blue, and a number that nobody asks for: four fill a register.
type Lanes = [f32; 4];

/// Rows of the frame that are resampled together: while one's sum waits for its last addition, the others' go on.
const ROWS: usize = 4;

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
        self.width = 2 * reach.ceil() as usize + 1;
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
}

impl SquareSampler {
    /// `side` in pixels.
    pub fn new(side: usize) -> Self {
        let (across, down) = Default::default();
        Self { side, across, down, pixels: Vec::new(), rows: Vec::new(), sums: Vec::new() }
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
        let first_row = self.down.firsts[0];
        let last_row = self.down.firsts[self.side - 1] + self.down.width as i32;
        self.sample_rows(frame, first_row, last_row);

        let lines = self.down.firsts.iter().zip(self.down.weights.chunks_exact(self.down.width));
        for ((first, weights), pixels) in lines.zip(pixels.chunks_exact_mut(3 * self.side)) {
            self.sums.clear();
            // Half a step more than nothing: cutting off the fraction below then rounds to the nearest.
            self.sums.resize(self.side, [0.5; 4]);
            for (tap, weight) in weights.iter().enumerate() {
                let row = (first - first_row) as usize + tap;
                for (sum, value) in self.sums.iter_mut().zip(&self.rows[row * self.side..][..self.side]) {
                    *sum = plus(*sum, *weight, *value);
                }
            }
            for (pixel, [r, g, b, _]) in pixels.as_chunks_mut().0.iter_mut().zip(&self.sums) {
                *pixel = [*r as u8, *g as u8, *b as u8];
            }
        }
    }

    /// Resamples rows `from..to` of the frame across.
    fn sample_rows(&mut self, frame: &Frame, from: i32, to: i32) {
        self.rows.clear();
        self.rows.resize((to - from).max(0) as usize * self.side, [0.0; 4]);
        let (width, height) = (frame.width() as i32, frame.height() as i32);
        let taps = self.across.width as i32;
        let left = self.across.firsts[0].clamp(0, width);
        let right = (self.across.firsts[self.side - 1] + taps).clamp(left, width);
        let (from_row, to_row) = (from.max(0), to.min(height));
        for row in (from_row..to_row).step_by(ROWS) {
            let count = ROWS.min((to_row - row) as usize);
            self.pixels.resize((right - left) as usize, [[0.0; 4]; ROWS]);
            for lane in 0..count {
                let begin = ((row + lane as i32) * width + left) as usize * 3;
                let colours = &frame.rgb()[begin..][..self.pixels.len() * 3];
                for (pixel, &[r, g, b]) in self.pixels.iter_mut().zip(colours.as_chunks().0) {
                    pixel[lane] = [r, g, b, 0].map(f32::from);
                }
            }
            let target = &mut self.rows[(row - from) as usize * self.side..][..count * self.side];
            let outputs = self.across.firsts.iter().zip(self.across.weights.chunks_exact(self.across.width));
            for (column, (first, weights)) in outputs.enumerate() {
                let [begin, end] = [*first, first + taps].map(|column| column.clamp(left, right));
                let weights = &weights[(begin - first).clamp(0, taps) as usize..];
                let pixels = &self.pixels[(begin - left) as usize..(end - left) as usize];
                let sums = pixels.iter().zip(weights).fold([[0.0; 4]; ROWS], |sums, (pixel, weight)| {
                    std::array::from_fn(|lane| plus(sums[lane], *weight, pixel[lane]))
                });
                for (lane, sum) in sums[..count].iter().enumerate() {
                    target[lane * self.side + column] = *sum;
                }
            }
        }
    }
}

/// `sum + weight * value` in each lane.
fn plus(sum: Lanes, weight: f32, value: Lanes) -> Lanes {
    std::array::from_fn(|lane| sum[lane] + weight * value[lane])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
