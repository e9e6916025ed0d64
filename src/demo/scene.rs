//! The stage: an empty hall, and a visitor in it at any distance.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use ostiary_capture::CaptureError;
use ostiary_core::{BBox, Frame};
use ostiary_pictures::PictureError;

use super::Portrait;
use super::trajectory::FacePosition;

/// Pixels of a frame.
pub const WIDTH: u32 = 640;
pub const HEIGHT: u32 = 480;

/// What is shown of a portrait around the face, in widths of the face: to either side of its middle, above its top,
/// and from top to bottom in all.
const SIDEWAYS: f32 = 1.5;
const ABOVE: f32 = 0.8;
const TALL: f32 = 3.4;

/// Draws frames, with the buffers that it takes.
pub struct Scene {
    hall: Vec<u8>,
    resizer: Resizer,
    /// The part of the photo that is in the frame, at its size there.
    scaled: Vec<u8>,
    /// For each column of that part how far out it is, see [`outness`].
    columns: Vec<f32>,
}

/// Somebody who comes.
pub struct Visitor {
    portrait: Portrait,
    photo: Frame,
    /// What is shown of the photo, its pixels.
    shown: BBox,
}

impl Visitor {
    /// Decodes the portrait.
    pub fn new(portrait: &Portrait) -> Result<Self, CaptureError> {
        let photo = portrait.picture()?;
        let face = portrait.face;
        let (left, top) = (face.center().x - SIDEWAYS * face.width, face.y - ABOVE * face.width);
        let (right, bottom) = (left + 2.0 * SIDEWAYS * face.width, top + TALL * face.width);
        let (x, y) = (left.max(0.0), top.max(0.0));
        let shown = BBox {
            x,
            y,
            width: right.min(photo.width() as f32) - x,
            height: bottom.min(photo.height() as f32) - y,
        };
        Ok(Self { portrait: *portrait, photo, shown })
    }

    /// Where what is shown lies when the face is at `place`, in the frame's pixels; may reach outside the frame.
    fn area(&self, place: FacePosition) -> BBox {
        let face = self.portrait.face;
        let scale = place.width / face.width;
        BBox {
            x: place.center.x - (face.center().x - self.shown.x) * scale,
            y: place.center.y - (face.center().y - self.shown.y) * scale,
            width: self.shown.width * scale,
            height: self.shown.height * scale,
        }
    }
}

impl Scene {
    /// An empty hall: a wall that is lighter toward the lamp above.
    pub fn new() -> Self {
        let wall = |index: u32| {
            let (across, down) =
                ((index % WIDTH) as f32 / WIDTH as f32 - 0.5, (index / WIDTH) as f32 / HEIGHT as f32);
            let light = 1.0 - 0.35 * down - 0.5 * across * across;
            [178.0, 172.0, 160.0].map(|level: f32| (level * light) as u8)
        };
        Self {
            hall: (0..WIDTH * HEIGHT).flat_map(wall).collect(),
            resizer: Resizer::new(),
            scaled: vec![0; (WIDTH * HEIGHT * 3) as usize],
            columns: Vec::with_capacity(WIDTH as usize),
        }
    }

    /// Makes the frame show nobody.
    pub fn clear(&self, frame: &mut Frame) {
        frame.reshape(WIDTH, HEIGHT);
        frame.rgb_mut().copy_from_slice(&self.hall);
    }

    /// Draws a visitor, who may be partly or wholly out of the picture, onto a cleared frame.
    pub fn show(
        &mut self,
        visitor: &Visitor,
        place: FacePosition,
        frame: &mut Frame,
    ) -> Result<(), CaptureError> {
        let area = visitor.area(place);
        // The whole pixels of the frame that the area covers.
        let (left, top) = (area.x.max(0.0).ceil() as u32, area.y.max(0.0).ceil() as u32);
        let right = (area.x + area.width).clamp(0.0, WIDTH as f32) as u32;
        let bottom = (area.y + area.height).clamp(0.0, HEIGHT as f32) as u32;
        if left >= right || top >= bottom {
            return Ok(());
        }
        let (width, height) = (right - left, bottom - top);
        self.scale(visitor, &area, [left, top, width, height])
            .map_err(|why| PictureError::Unreadable { path: visitor.portrait.file.into(), why })?;

        self.columns.clear();
        self.columns.extend((left..right).map(|x| outness(x, area.x, area.width)));
        let rows = frame.rgb_mut().chunks_exact_mut(WIDTH as usize * 3).skip(top as usize);
        let photo_rows = self.scaled.chunks_exact(width as usize * 3);
        for ((y, row), photo) in (top..bottom).zip(rows).zip(photo_rows) {
            let row_out = outness(y, area.y, area.height);
            let hall = row.as_chunks_mut::<3>().0.iter_mut().skip(left as usize);
            for ((hall, photo), column_out) in hall.zip(photo.as_chunks::<3>().0).zip(&self.columns) {
                let weight = weight(row_out + column_out);
                for (hall, photo) in hall.iter_mut().zip(photo) {
                    let (from, to) = (f32::from(*hall), f32::from(*photo));
                    *hall = (from + (to - from) * weight).round() as u8;
                }
            }
        }
        Ok(())
    }

    /// Scales into `scaled` the part of the photo that covers these pixels of the frame: left, top, width, height.
    fn scale(
        &mut self,
        visitor: &Visitor,
        area: &BBox,
        [left, top, width, height]: [u32; 4],
    ) -> Result<(), String> {
        let (photo, shown) = (&visitor.photo, &visitor.shown);
        let source = TypedImageRef::<U8x3>::from_buffer(photo.width(), photo.height(), photo.rgb())
            .map_err(|error| error.to_string())?;
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut self.scaled)
            .map_err(|error| error.to_string())?;
        // To fractions of the photo's pixels, so that the portrait glides rather than jumps.
        let scale = f64::from(shown.width) / f64::from(area.width);
        let x = (f64::from(shown.x) + (f64::from(left) - f64::from(area.x)) * scale).max(0.0);
        let y = (f64::from(shown.y) + (f64::from(top) - f64::from(area.y)) * scale).max(0.0);
        let part = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
            x,
            y,
            (f64::from(width) * scale).min(f64::from(photo.width()) - x),
            (f64::from(height) * scale).min(f64::from(photo.height()) - y),
        );
        self.resizer.resize_typed(&source, &mut target, &part).map_err(|error| error.to_string())
    }
}

/// How far out of an extent's middle a pixel is: 0 in the middle, 1 at the ends, to the fourth power.
fn outness(pixel: u32, from: f32, extent: f32) -> f32 {
    (2.0 * (pixel as f32 + 0.5 - from) / extent - 1.0).powi(4)
}

/// How much of the portrait is seen where row and column are so far out together: all of it inside, nothing outside
/// a rounded rectangle (a superellipse of the fourth degree), smoothly less between (smoothstep).
fn weight(out: f32) -> f32 {
    let t = ((1.0 - out) / 0.7).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use ostiary_core::Point;

    use super::*;
    use crate::demo::DEMO_VISITORS;

    fn shown(center: Point, width: f32) -> (Frame, Frame) {
        let mut scene = Scene::new();
        let (mut empty, mut frame) = (Frame::default(), Frame::default());
        scene.clear(&mut empty);
        scene.clear(&mut frame);
        scene
            .show(&Visitor::new(&DEMO_VISITORS[0]).unwrap(), FacePosition { center, width }, &mut frame)
            .unwrap();
        (empty, frame)
    }

    #[test]
    fn a_portrait_has_soft_edges() {
        let (empty, frame) = shown(Point { x: 320.0, y: 200.0 }, 80.0);
        let row = 200 * WIDTH as usize * 3..201 * WIDTH as usize * 3;
        let first = row.clone().find(|i| frame.rgb()[*i] != empty.rgb()[*i]).unwrap();
        assert!(first > row.start && frame.rgb()[first].abs_diff(empty.rgb()[first]) < 12);
    }

    #[test]
    fn a_visitor_may_be_anywhere_of_any_size() {
        for x in [-5000.0, -90.0, 0.0, 320.5, 700.0, 5000.0] {
            for y in [-400.0, 240.25, 700.0] {
                for width in [0.5, 3.0, 180.0, 279.7, 280.0, 2000.0] {
                    let (empty, frame) = shown(Point { x, y }, width);
                    assert!(x.abs() < 4000.0 || width == 2000.0 || frame == empty);
                }
            }
        }
    }
}
