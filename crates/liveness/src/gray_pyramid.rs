//! A frame in gray, in several sizes: the input of the optical flow.

use std::array;

use ostiary_core::Frame;

/// Number of sizes; each has half the width and height of the one before.
///
/// The flow finds motions up to about a window's half at the smallest size: 7 pixels there, 56 in the frame.
pub(crate) const LEVELS: usize = 4;

/// Weights of red, green and blue in 1/256: those of `ostiary_vision` (ITU-R BT.601), rounded so that white stays 255.
const LUMA_WEIGHTS: [u32; 3] = [77, 150, 29];

/// The luma of a frame in four sizes. Keeps its memory: filling it allocates only if the frame is larger than any
/// before, and never if it has the size that was given to [`GrayPyramid::new`].
#[derive(Debug, Clone)]
pub struct GrayPyramid {
    levels: [GrayPlane; LEVELS],
    /// Sums of the columns of five rows, in 1/16: a row of scratch memory.
    column_sums: Vec<u16>,
}

/// One picture of 8-bit luma.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrayPlane {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl GrayPyramid {
    /// Makes an empty pyramid with memory for frames of this size, pixels.
    pub fn new(width: u32, height: u32) -> Self {
        let (mut width, mut height) = (width as usize, height as usize);
        let column_sums = Vec::with_capacity(width);
        let levels = array::from_fn(|_| {
            let plane =
                GrayPlane { width: 0, height: 0, pixels: Vec::with_capacity(width.saturating_mul(height)) };
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
            plane
        });
        Self { levels, column_sums }
    }

    /// Replaces the picture by the luma of a frame.
    pub fn fill(&mut self, frame: &Frame) {
        let [first, smaller @ ..] = &mut self.levels;
        first.reshape(frame.width() as usize, frame.height() as usize);
        for (gray, pixel) in first.pixels.iter_mut().zip(frame.rgb().as_chunks::<3>().0) {
            let [red, green, blue] = pixel.map(u32::from);
            let [r, g, b] = LUMA_WEIGHTS;
            *gray = ((r * red + g * green + b * blue + 128) >> 8) as u8;
        }
        let mut larger = first;
        for level in smaller {
            level.halve(larger, &mut self.column_sums);
            larger = level;
        }
    }

    pub(crate) fn levels(&self) -> &[GrayPlane; LEVELS] {
        &self.levels
    }

    /// Whether both pyramids hold pictures of one size, and not empty ones.
    pub(crate) fn has_size_of(&self, other: &Self) -> bool {
        let [a, ..] = &self.levels;
        let [b, ..] = &other.levels;
        (a.width, a.height) == (b.width, b.height) && !a.pixels.is_empty()
    }
}

impl GrayPlane {
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// `count` pixels of a row; `None` unless all of them are inside.
    pub(crate) fn run(&self, row: usize, left: usize, count: usize) -> Option<&[u8]> {
        let pixels = self.pixels.get(row.checked_mul(self.width)?..)?.get(..self.width)?;
        pixels.get(left..left.checked_add(count)?)
    }

    fn row(&self, row: usize) -> &[u8] {
        self.run(row, 0, self.width).unwrap_or_default()
    }

    fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(width * height, 0);
    }

    /// Becomes `larger` at half its size: smoothed by the binomial filter 1 4 6 4 1 in both directions, then every second
    /// pixel (Burt & Adelson, "The Laplacian pyramid as a compact image code", 1983). The border mirrors the picture
    /// without repeating its last pixel. OpenCV's `pyrDown` is the same.
    fn halve(&mut self, larger: &Self, column_sums: &mut Vec<u16>) {
        self.reshape(larger.width.div_ceil(2), larger.height.div_ceil(2));
        if self.pixels.is_empty() {
            return;
        }
        column_sums.resize(larger.width, 0);
        for (index, smaller_row) in self.pixels.chunks_exact_mut(self.width).enumerate() {
            let row = |offset: isize| larger.row(mirrored(2 * index as isize + offset, larger.height));
            let (above, middle, below) = ((row(-2), row(-1)), row(0), (row(1), row(2)));
            let rows = above.0.iter().zip(above.1).zip(middle).zip(below.0).zip(below.1);
            for (sum, ((((a, b), c), d), e)) in column_sums.iter_mut().zip(rows) {
                let [a, b, c, d, e] = [*a, *b, *c, *d, *e].map(u16::from);
                *sum = a + e + 4 * (b + d) + 6 * c;
            }
            let at = |x: isize| column_sums.get(mirrored(x, larger.width)).copied().map_or(0, u32::from);
            let smooth =
                |a: u32, b: u32, c: u32, d: u32, e: u32| ((a + e + 4 * (b + d) + 6 * c + 128) >> 8) as u8;
            let near_border = |x: isize| smooth(at(x - 2), at(x - 1), at(x), at(x + 1), at(x + 2));
            // Away from the border, as windows that the compiler can vectorize.
            let (pairs, _) = column_sums.as_chunks::<2>();
            let inner = smaller_row.iter_mut().skip(1);
            for (pixel, [[a, b], [c, d], [e, _]]) in inner.zip(pairs.array_windows()) {
                let [a, b, c, d, e] = [*a, *b, *c, *d, *e].map(u32::from);
                *pixel = smooth(a, b, c, d, e);
            }
            let last = smaller_row.len() - 1;
            for x in [0, last.saturating_sub(1), last] {
                if let Some(pixel) = smaller_row.get_mut(x) {
                    *pixel = near_border(2 * x as isize);
                }
            }
        }
    }
}

/// The index that a mirrored border shows at `index`, which may be outside by less than the length.
fn mirrored(index: isize, length: usize) -> usize {
    let last = length.saturating_sub(1) as isize;
    let index = index.abs();
    (if index > last { 2 * last - index } else { index }).clamp(0, last) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, gray: impl Fn(u32, u32) -> u8) -> Frame {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Frame::from_rgb(width, height, pixels.flat_map(|(x, y)| [gray(x, y); 3]).collect()).unwrap()
    }

    #[test]
    fn luma_has_the_weights_of_bt_601() {
        let frame =
            Frame::from_rgb(5, 1, [[255; 3], [255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]].concat());
        let mut pyramid = GrayPyramid::new(5, 1);
        pyramid.fill(&frame.unwrap());
        assert_eq!(pyramid.levels[0].pixels, [255, 77, 149, 29, 18]);
    }

    #[test]
    fn sizes_halve_and_a_plain_picture_stays_plain() {
        for (width, height) in [(640, 480), (7, 5), (1, 1), (2, 3)] {
            let mut pyramid = GrayPyramid::new(width, height);
            pyramid.fill(&frame(width, height, |_, _| 77));
            let (mut width, mut height) = (width as usize, height as usize);
            for level in pyramid.levels() {
                assert_eq!((level.width, level.height), (width, height));
                assert!(level.pixels.iter().all(|gray| *gray == 77), "{width}x{height}");
                (width, height) = (width.div_ceil(2), height.div_ceil(2));
            }
        }
    }

    /// The sum of the 5x5 filter, written as its definition.
    #[test]
    fn every_pixel_is_the_filtered_one() {
        for (width, height) in [(16u32, 13u32), (17, 12), (9, 9), (4, 4), (3, 5)] {
            let gray = |x: u32, y: u32| (x * 37 + y * 91 + x * y * 13) as u8;
            let mut pyramid = GrayPyramid::new(width, height);
            pyramid.fill(&frame(width, height, gray));
            let [_, half, ..] = pyramid.levels();
            for y in 0..half.height as isize {
                for x in 0..half.width as isize {
                    let mut sum = 128;
                    for (dy, wy) in (-2..).zip([1, 4, 6, 4, 1]) {
                        for (dx, wx) in (-2..).zip([1, 4, 6, 4, 1]) {
                            let (column, row) =
                                (mirrored(2 * x + dx, width as usize), mirrored(2 * y + dy, height as usize));
                            sum += wx * wy * u32::from(gray(column as u32, row as u32));
                        }
                    }
                    assert_eq!(
                        u32::from(half.row(y as usize)[x as usize]),
                        sum >> 8,
                        "{width}x{height} {x} {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn filling_it_again_keeps_its_memory() {
        let mut pyramid = GrayPyramid::new(64, 48);
        let address = |pyramid: &GrayPyramid| pyramid.levels.each_ref().map(|level| level.pixels.as_ptr());
        let before = address(&pyramid);
        for (width, height) in [(64, 48), (10, 10), (64, 48)] {
            pyramid.fill(&frame(width, height, |x, _| x as u8));
            assert_eq!(address(&pyramid), before);
        }
    }
}
