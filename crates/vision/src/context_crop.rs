//! Cuts a face with its surroundings out of a frame: the input of presentation attack detection.

use ostiary_core::{BBox, Frame};

/// Bits of the fraction of the interpolation weights.
const WEIGHT_BITS: u32 = 11;
/// The whole of two weights.
const WHOLE: f64 = (1 << WEIGHT_BITS) as f64;

/// Cuts faces with their surroundings out of frames, and resizes them to a square by bilinear interpolation in integers, so
/// that the pixels are equal on every processor. It does not allocate.
pub struct ContextCropper {
    /// Side of the output, pixels.
    side: usize,
    /// How many times the face's box is enlarged.
    scale: f32,
    columns: Vec<Taps>,
}

/// Two neighboring source pixels of an output pixel along one axis, and the weight of the second one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taps {
    first: usize,
    second: usize,
    weight: i32,
}

/// The part of a frame that is cut out, pixels: left and top are the first ones in it, right and bottom the last ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    /// How many times the face's box is enlarged.
    scale: f32,
}

impl ContextCropper {
    /// `side` is the side of the output, pixels; `scale` says how many times the face's box is enlarged about its center.
    pub fn new(side: usize, scale: f32) -> Self {
        Self { side, scale, columns: vec![Taps::default(); side] }
    }

    /// Fills `pixels` (packed RGB, `side * side * 3` bytes) with a face and its surroundings. Where the enlarged box reaches
    /// beyond the frame, it is shifted into it, as far as it fits; a larger one is enlarged less. Returns how many times the
    /// box was enlarged, or `None` if the box is not finite or smaller than a pixel, or the frame is.
    pub fn crop(&mut self, frame: &Frame, face: &BBox, pixels: &mut [u8]) -> Option<f32> {
        let area = area(frame, face, self.scale)?;
        resize(frame, &area, &mut self.columns, self.side, pixels)?;
        Some(area.scale)
    }
}

/// Resizes a part of a frame to a square of this side, into `pixels`. `columns` is for the taps of a row. `None` if the area
/// reaches beyond the frame.
pub(super) fn resize(
    frame: &Frame,
    area: &Area,
    columns: &mut [Taps],
    side: usize,
    pixels: &mut [u8],
) -> Option<()> {
    let (width, height) = (area.width(), area.height());
    for (column, taps) in columns.iter_mut().enumerate() {
        *taps = taps_of(column, side, width);
    }
    let source = frame.rgb().as_chunks::<3>().0;
    let pitch = frame.width() as usize;
    let line = |row: usize| source.get((area.top + row) * pitch + area.left..)?.get(..width);
    for (row, pixels) in pixels.chunks_exact_mut(side * 3).enumerate() {
        let taps = taps_of(row, side, height);
        let (above, below) = (line(taps.first)?, line(taps.second)?);
        for (column, pixel) in columns.iter().zip(pixels.as_chunks_mut::<3>().0) {
            let corners =
                [above, below].map(|line| Some([*line.get(column.first)?, *line.get(column.second)?]));
            let [Some([a, b]), Some([c, d])] = corners else { return None };
            *pixel = interpolate([a, b, c, d], column.weight, taps.weight);
        }
    }
    Some(())
}

impl Area {
    pub(super) fn width(&self) -> usize {
        self.right - self.left + 1
    }

    pub(super) fn height(&self) -> usize {
        self.bottom - self.top + 1
    }
}

/// The part of the frame around a face.
pub(super) fn area(frame: &Frame, face: &BBox, scale: f32) -> Option<Area> {
    let [x, y, width, height] = <[f32; 4]>::from(*face).map(f64::from);
    let is_usable =
        [x, y, width, height].iter().all(|value| value.is_finite()) && width >= 1.0 && height >= 1.0;
    if !is_usable || frame.width() < 2 || frame.height() < 2 {
        return None;
    }
    // The last column and the last row.
    let (right_end, bottom_end) = (f64::from(frame.width() - 1), f64::from(frame.height() - 1));
    let scale = f64::from(scale).min(right_end / width).min(bottom_end / height);
    let along = |start: f64, size: f64, end: f64| {
        let enlarged = size * scale;
        let first = (start + size / 2.0 - enlarged / 2.0).min(end - enlarged).max(0.0);
        // The size can exceed the frame by a rounding error.
        (first as usize, (first + enlarged).min(end) as usize)
    };
    let ((left, right), (top, bottom)) = (along(x, width, right_end), along(y, height, bottom_end));
    Some(Area { left, top, right, bottom, scale: scale as f32 })
}

/// The source pixels of an output pixel: pixel centers are mapped to pixel centers.
fn taps_of(output: usize, outputs: usize, sources: usize) -> Taps {
    let last = sources.saturating_sub(1);
    let position = ((output as f64 + 0.5) * sources as f64 / outputs as f64 - 0.5).clamp(0.0, last as f64);
    let first = position as usize;
    let weight = ((position - first as f64) * WHOLE).round_ties_even() as i32;
    Taps { first, second: (first + 1).min(last), weight }
}

/// Interpolates between four pixels: two above, two below. `across` and `down` are the weights of the right and lower ones.
fn interpolate([a, b, c, d]: [[u8; 3]; 4], across: i32, down: i32) -> [u8; 3] {
    const ONE: i32 = 1 << WEIGHT_BITS;
    const HALF: i32 = 1 << (2 * WEIGHT_BITS - 1);
    let [r, g, blue] = [0, 1, 2];
    let channel = |index: usize| {
        let value = |pixel: [u8; 3]| pixel.get(index).copied().map_or(0, i32::from);
        let above = value(a) * (ONE - across) + value(b) * across;
        let below = value(c) * (ONE - across) + value(d) * across;
        // The sum of the weights is 2^22, so the result is at most 255.
        ((above * (ONE - down) + below * down + HALF) >> (2 * WEIGHT_BITS)) as u8
    };
    [channel(r), channel(g), channel(blue)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(width: u32, height: u32) -> Frame {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgb = pixels.flat_map(|(x, y)| [(x * 3) as u8, (y * 5) as u8, (x + y) as u8]).collect();
        Frame::from_rgb(width, height, rgb).unwrap()
    }

    fn area_of(face: [f32; 4], scale: f32) -> [f32; 5] {
        let Area { left, top, right, bottom, scale } = area(&frame(80, 50), &face.into(), scale).unwrap();
        [left as f32, top as f32, right as f32, bottom as f32, scale]
    }

    #[test]
    fn the_box_is_enlarged_about_its_center_and_shifted_into_the_frame() {
        assert_eq!(area_of([30.0, 20.0, 10.0, 10.0], 2.0), [25.0, 15.0, 45.0, 35.0, 2.0]);
        assert_eq!(area_of([0.0, 0.0, 10.0, 10.0], 2.0), [0.0, 0.0, 20.0, 20.0, 2.0], "the corner");
        assert_eq!(area_of([72.0, 43.0, 10.0, 10.0], 2.0), [59.0, 29.0, 79.0, 49.0, 2.0], "the other corner");
        assert_eq!(area_of([-4.0, 20.0, 10.0, 10.0], 2.0), [0.0, 15.0, 20.0, 35.0, 2.0], "partly outside");
        assert_eq!(
            area_of([30.0, 10.0, 10.0, 35.0], 2.0),
            [28.0, 0.0, 42.0, 49.0, 1.4],
            "as high as the frame"
        );
    }

    #[test]
    fn at_scale_1_pixels_are_copied() {
        let frame = frame(80, 50);
        let mut pixels = vec![0; 3 * 11 * 11];
        // The last pixel is a part of the area.
        ContextCropper::new(11, 2.0).crop(&frame, &[35.0, 25.0, 5.0, 5.0].into(), &mut pixels).unwrap();
        for (index, pixel) in pixels.as_chunks::<3>().0.iter().enumerate() {
            let (x, y) = (32 + index % 11, 22 + index / 11);
            assert_eq!(*pixel, [(x * 3) as u8, (y * 5) as u8, (x + y) as u8]);
        }
    }

    #[test]
    fn an_enlarged_gradient_remains_a_gradient() {
        let frame = frame(80, 50);
        let mut pixels = vec![0; 3 * 64 * 64];
        let scale = ContextCropper::new(64, 1.0).crop(&frame, &[10.0, 10.0, 31.0, 31.0].into(), &mut pixels);
        assert_eq!(scale, Some(1.0));
        for (index, [red, green, _]) in pixels.as_chunks::<3>().0.iter().enumerate() {
            let along = |index: usize| ((index as f32 + 0.5) / 2.0 - 0.5).clamp(0.0, 31.0) + 10.0;
            let (x, y) = (along(index % 64), along(index / 64));
            assert!((f32::from(*red) - 3.0 * x).abs() <= 0.51, "{red} at {x}");
            assert!((f32::from(*green) - 5.0 * y).abs() <= 0.51, "{green} at {y}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_boxes_read_only_the_frame(
            x in -1e4f32..1e4, y in -1e4f32..1e4, width in -10f32..1e4, height in -10f32..1e4, scale in 1f32..8.0,
            size in (1u32..60, 1u32..40), invalid in proptest::option::of(0usize..4),
        ) {
            let mut face = [x, y, width, height];
            if let Some(index) = invalid {
                face[index] = if index % 2 == 0 { f32::NAN } else { f32::INFINITY };
            }
            let mut pixels = vec![0; 3 * 16 * 16];
            let used = ContextCropper::new(16, scale).crop(&frame(size.0, size.1), &face.into(), &mut pixels);
            let is_usable = invalid.is_none() && width >= 1.0 && height >= 1.0 && size.0 > 1 && size.1 > 1;
            prop_assert_eq!(used.is_some(), is_usable);
            prop_assert!(used.is_none_or(|used| used > 0.0 && used <= scale));
        }
    }
}
