//! The scene: an empty hall, and a visitor in it at any distance.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ImageBufferError, ResizeAlg, ResizeError, ResizeOptions, Resizer};
use ostiary_capture::CaptureError;
use ostiary_core::{BBox, Frame};
use ostiary_pictures::PictureError;
use ostiary_self_test::Portrait;

use super::trajectory::FacePosition;
use super::visit::DemoVisit;

/// The width of a frame, pixels.
pub const WIDTH: u32 = 640;
/// The height of a frame, pixels.
pub const HEIGHT: u32 = 480;

/// The visible part of a portrait, in widths of the face: to each side of the center of the face.
const CROP_HALF_WIDTH: f32 = 1.5;
/// Above the top of the face.
const CROP_ABOVE: f32 = 0.8;
/// From top to bottom.
const CROP_HEIGHT: f32 = 3.4;

/// The part of a portrait that is on a print, in widths of the face: to each side of the center of the face.
const PRINT_HALF_WIDTH: f32 = 0.8;
/// Above the top of the face.
const PRINT_ABOVE: f32 = 0.35;
/// From top to bottom.
const PRINT_HEIGHT: f32 = 2.1;
/// The width of the white edge of a print, in widths of the face.
const PRINT_EDGE: f32 = 0.1;
/// The gray level of its paper.
const PAPER: u8 = 236;

/// Width of the soft edge of a portrait, as a share of the distance of [`edge_distance`].
const SOFT_EDGE: f32 = 0.7;

/// Draws frames, with its buffers.
pub struct Scene {
    hall: Vec<u8>,
    resizer: Resizer,
    /// The part of the photo that is in the frame, scaled to its size in the frame.
    scaled: Vec<u8>,
    /// For each column of that part its distance from the center, see [`edge_distance`].
    columns: Vec<f32>,
}

/// A visitor.
pub struct Visitor {
    portrait: Portrait,
    photo: Frame,
    /// The visible part of the photo, pixels of the photo.
    crop: BBox,
    /// A print has hard edges.
    is_print: bool,
}

impl Visitor {
    /// Decodes the portrait.
    ///
    /// # Errors
    /// The portrait cannot be decoded.
    pub fn new(visit: &DemoVisit) -> Result<Self, CaptureError> {
        let (portrait, is_print, [half_width, above, height]) = match visit {
            DemoVisit::Person(portrait) => (portrait, false, [CROP_HALF_WIDTH, CROP_ABOVE, CROP_HEIGHT]),
            DemoVisit::Print(portrait) => (portrait, true, [PRINT_HALF_WIDTH, PRINT_ABOVE, PRINT_HEIGHT]),
        };
        let mut photo = portrait.picture()?;
        let face = portrait.face;
        let (left, top) = (face.center().x - half_width * face.width, face.y - above * face.width);
        let (right, bottom) = (left + 2.0 * half_width * face.width, top + height * face.width);
        let (x, y) = (left.max(0.0), top.max(0.0));
        let crop = BBox {
            x,
            y,
            width: right.min(photo.width() as f32) - x,
            height: bottom.min(photo.height() as f32) - y,
        };
        if is_print {
            draw_edge(&mut photo, &crop, PRINT_EDGE * face.width);
        }
        Ok(Self { portrait: *portrait, photo, crop, is_print })
    }

    /// The area of the visible part for this position of the face, pixels of the frame. It may reach outside the frame.
    fn area(&self, position: FacePosition) -> BBox {
        let face = self.portrait.face;
        let scale = position.width / face.width;
        BBox {
            x: position.center.x - (face.center().x - self.crop.x) * scale,
            y: position.center.y - (face.center().y - self.crop.y) * scale,
            width: self.crop.width * scale,
            height: self.crop.height * scale,
        }
    }
}

impl Scene {
    /// An empty hall: a wall that is brighter toward the lamp above.
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

    /// Draws the empty hall.
    pub fn clear(&self, frame: &mut Frame) {
        frame.reshape(WIDTH, HEIGHT);
        frame.rgb_mut().copy_from_slice(&self.hall);
    }

    /// Draws a visitor onto a cleared frame. The visitor may be partly or completely outside the frame.
    ///
    /// # Errors
    /// The portrait cannot be scaled.
    pub fn draw_visitor(
        &mut self,
        visitor: &Visitor,
        position: FacePosition,
        frame: &mut Frame,
    ) -> Result<(), CaptureError> {
        let area = visitor.area(position);
        // The whole pixels of the frame that the area covers.
        let (left, top) = (area.x.max(0.0).ceil() as u32, area.y.max(0.0).ceil() as u32);
        let right = (area.x + area.width).clamp(0.0, WIDTH as f32) as u32;
        let bottom = (area.y + area.height).clamp(0.0, HEIGHT as f32) as u32;
        if left >= right || top >= bottom {
            return Ok(());
        }
        let (width, height) = (right - left, bottom - top);
        self.scale(visitor, &area, [left, top, width, height]).map_err(|error| PictureError::Unreadable {
            path: visitor.portrait.file.into(),
            why: error.to_string(),
        })?;

        self.columns.clear();
        self.columns.extend((left..right).map(|x| edge_distance(x, area.x, area.width)));
        let rows = frame.rgb_mut().chunks_exact_mut(WIDTH as usize * 3).skip(top as usize);
        let photo_rows = self.scaled.chunks_exact(width as usize * 3);
        for ((y, row), photo) in (top..bottom).zip(rows).zip(photo_rows) {
            let row_distance = edge_distance(y, area.y, area.height);
            let hall = row.as_chunks_mut::<3>().0.iter_mut().skip(left as usize);
            for ((hall, photo), column_distance) in hall.zip(photo.as_chunks::<3>().0).zip(&self.columns) {
                let weight = if visitor.is_print { 1.0 } else { weight(row_distance + column_distance) };
                for (hall, photo) in hall.iter_mut().zip(photo) {
                    let (from, to) = (f32::from(*hall), f32::from(*photo));
                    *hall = (from + (to - from) * weight).round() as u8;
                }
            }
        }
        Ok(())
    }

    /// Scales the part of the photo for these pixels of the frame (left, top, width, height) into `scaled`.
    fn scale(
        &mut self,
        visitor: &Visitor,
        area: &BBox,
        [left, top, width, height]: [u32; 4],
    ) -> Result<(), ScaleError> {
        let (photo, crop) = (&visitor.photo, &visitor.crop);
        let source = TypedImageRef::<U8x3>::from_buffer(photo.width(), photo.height(), photo.rgb())?;
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, &mut self.scaled)?;
        // With fractions of a pixel of the photo, so that the portrait moves smoothly.
        let scale = f64::from(crop.width) / f64::from(area.width);
        let x = (f64::from(crop.x) + (f64::from(left) - f64::from(area.x)) * scale).max(0.0);
        let y = (f64::from(crop.y) + (f64::from(top) - f64::from(area.y)) * scale).max(0.0);
        let part = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
            x,
            y,
            (f64::from(width) * scale).min(f64::from(photo.width()) - x),
            (f64::from(height) * scale).min(f64::from(photo.height()) - y),
        );
        self.resizer.resize_typed(&source, &mut target, &part)?;
        Ok(())
    }
}

/// Draws the paper's white edge of this width, pixels, inside a part of a photo.
fn draw_edge(photo: &mut Frame, part: &BBox, edge: f32) {
    let width = photo.width() as usize;
    let (left, right) = (part.x + edge, part.x + part.width - edge);
    let (top, bottom) = (part.y + edge, part.y + part.height - edge);
    for (row, line) in photo.rgb_mut().chunks_exact_mut(width * 3).enumerate() {
        for (column, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = (column as f32, row as f32);
            if !(left..right).contains(&x) || !(top..bottom).contains(&y) {
                *pixel = [PAPER; 3];
            }
        }
    }
}

/// Why a portrait could not be scaled.
#[derive(Debug, thiserror::Error)]
enum ScaleError {
    #[error(transparent)]
    Buffer(#[from] ImageBufferError),
    #[error(transparent)]
    Resize(#[from] ResizeError),
}

/// The distance of a pixel from the center of an extent, to the fourth power: 0 at the center, 1 at the ends.
fn edge_distance(pixel: u32, from: f32, extent: f32) -> f32 {
    (2.0 * (pixel as f32 + 0.5 - from) / extent - 1.0).powi(4)
}

/// The opacity of the portrait, 0 to 1, for the sum of the distances of row and column: 1 inside a rounded rectangle (a
/// superellipse of degree 4), 0 outside, with a smooth transition (smoothstep).
fn weight(distance: f32) -> f32 {
    let t = ((1.0 - distance) / SOFT_EDGE).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use ostiary_core::Point;

    use super::*;

    fn shown(center: Point, width: f32) -> (Frame, Frame) {
        let mut scene = Scene::new();
        let (mut empty, mut frame) = (Frame::default(), Frame::default());
        scene.clear(&mut empty);
        scene.clear(&mut frame);
        scene
            .draw_visitor(
                &Visitor::new(&DemoVisit::ALL[0]).unwrap(),
                FacePosition { center, width },
                &mut frame,
            )
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
    fn a_visitor_can_have_any_position_and_size() {
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
