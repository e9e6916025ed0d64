//! A frame as a draw target of `embedded-graphics`.

use std::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use ostiary_core::Frame;

/// The shorter side of a frame with scale 1, pixels. With twice this side, lines and letters are twice as large.
const UNSCALED_SIDE: u32 = 720;
/// Coordinates are clamped to this distance from the canvas, in its pixels. It is larger than anything that is drawn around a
/// point.
const CLAMP_MARGIN: f32 = 64.0;

/// A frame with scaled pixels: one pixel of the canvas is a square of `scale` x `scale` pixels of the frame, so that drawings
/// are larger on a larger frame. Drawing clips at the edge.
pub struct Canvas<'a> {
    rgb: &'a mut [u8],
    /// Pixels of the frame.
    width: usize,
    /// Pixels of the frame.
    height: usize,
    scale: usize,
}

impl<'a> Canvas<'a> {
    /// A canvas on this frame.
    pub fn new(frame: &'a mut Frame) -> Self {
        let (width, height) = (frame.width(), frame.height());
        let scale = ((width.min(height) + UNSCALED_SIDE / 2) / UNSCALED_SIDE).max(1);
        Self { width: width as usize, height: height as usize, scale: scale as usize, rgb: frame.rgb_mut() }
    }

    /// Converts coordinates of the frame to those of the canvas; `None` if they are not finite. Points far outside are moved
    /// nearer, still outside, so that the arithmetic does not overflow.
    pub fn to_canvas(&self, x: f32, y: f32) -> Option<Point> {
        let Size { width, height } = self.size();
        let scale = self.scale as f32;
        let convert = |position: f32, length: u32| {
            (position / scale).round().clamp(-CLAMP_MARGIN, length as f32 + CLAMP_MARGIN)
        };
        (x.is_finite() && y.is_finite())
            .then(|| Point::new(convert(x, width) as i32, convert(y, height) as i32))
    }
}

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(self.width.div_ceil(self.scale) as u32, self.height.div_ceil(self.scale) as u32)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        pixels
            .into_iter()
            .try_for_each(|Pixel(at, color)| self.fill_solid(&Rectangle::new(at, Size::new_equal(1)), color))
    }

    fn fill_solid(&mut self, area: &Rectangle, color: Rgb888) -> Result<(), Infallible> {
        let area = area.intersection(&self.bounding_box());
        // An intersection with the canvas has no negative corner.
        let (left, top) = (area.top_left.x as usize * self.scale, area.top_left.y as usize * self.scale);
        let right = (left + area.size.width as usize * self.scale).min(self.width);
        let bottom = (top + area.size.height as usize * self.scale).min(self.height);
        let color = [color.r(), color.g(), color.b()];
        for y in top..bottom {
            let row = (y * self.width + left) * 3..(y * self.width + right) * 3;
            for pixel in self.rgb.get_mut(row).into_iter().flat_map(|row| row.chunks_exact_mut(3)) {
                pixel.copy_from_slice(&color);
            }
        }
        Ok(())
    }
}
