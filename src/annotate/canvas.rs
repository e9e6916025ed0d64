//! A frame as something that `embedded-graphics` draws on.

use std::convert::Infallible;

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::Rectangle;
use ostiary_core::Frame;

/// The shorter side of a frame for which lines and letters have their own size; twice that doubles them.
const PLAIN_SIDE: u32 = 720;
/// How far outside the canvas a place may be: far enough that nothing that reaches from there is seen wrongly.
const MARGIN: f32 = 64.0;

/// A frame's pixels in squares: one pixel of the canvas is `scale` pixels of the frame each way, so that
/// everything is drawn larger on a larger frame. Drawing clips at the edge.
pub struct Canvas<'a> {
    rgb: &'a mut [u8],
    /// Pixels of the frame.
    width: usize,
    height: usize,
    scale: usize,
}

impl<'a> Canvas<'a> {
    pub fn new(frame: &'a mut Frame) -> Self {
        let (width, height) = (frame.width(), frame.height());
        let scale = ((width.min(height) + PLAIN_SIDE / 2) / PLAIN_SIDE).max(1);
        Self { width: width as usize, height: height as usize, scale: scale as usize, rgb: frame.rgb_mut() }
    }

    /// Where a place in the frame is on the canvas. What is far outside comes nearer, still outside, so that
    /// no arithmetic overflows; `None` for what is not finite.
    pub fn place(&self, x: f32, y: f32) -> Option<Point> {
        let Size { width, height } = self.size();
        let scale = self.scale as f32;
        let on = |place: f32, length: u32| (place / scale).round().clamp(-MARGIN, length as f32 + MARGIN);
        (x.is_finite() && y.is_finite()).then(|| Point::new(on(x, width) as i32, on(y, height) as i32))
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
