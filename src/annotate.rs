//! Annotation of frames: boxes, landmarks and names, for videos, demonstrations and the alignment of a camera.
//!
//! Input: a [`Frame`], a [`Detection`] in it, a label and a [`FaceStatus`]. Output: the same frame with the face's box, its landmarks
//! and the label in the color of the status; [`save()`] writes it to a file. Drawing clips at the edge of the frame and allocates
//! nothing.

mod canvas;
mod font;
mod save;

use std::convert::Infallible;

use canvas::Canvas;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Circle, PrimitiveStyle, Rectangle};
use ostiary_core::{BBox, Detection, Frame};
pub use save::{SaveError, save};

/// The result for a face, which determines its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceStatus {
    /// An enrolled person: green.
    Known,
    /// A stranger: red.
    Unknown,
    /// A quality fault: amber.
    Poor,
}

impl FaceStatus {
    /// The color of box, landmarks and label, and the color of the text on it.
    fn colors(self) -> (Rgb888, Rgb888) {
        match self {
            Self::Known => (Rgb888::new(46, 184, 92), Rgb888::BLACK),
            Self::Unknown => (Rgb888::new(200, 40, 45), Rgb888::WHITE),
            Self::Poor => (Rgb888::new(240, 170, 0), Rgb888::BLACK),
        }
    }
}

/// Width of the lines of the box, and margin of the text in the label, pixels of the canvas.
const LINE_WIDTH: u32 = 2;
/// Diameter of a landmark, pixels of the canvas.
const LANDMARK_DIAMETER: u32 = 5;

/// Draws one face: its box, its five landmarks, and the label on a filled background above the box. If there is no space
/// above, the label is inside the box. An empty label is not drawn. Lines and text are larger on larger frames. Coordinates
/// outside the frame, or that are not finite, are not drawn.
pub fn draw(frame: &mut Frame, face: &Detection, label: &str, status: FaceStatus) {
    let mut canvas = Canvas::new(frame);
    let (color, text_color) = status.colors();
    for landmark in &face.landmarks {
        if let Some(center) = canvas.to_canvas(landmark.x, landmark.y) {
            let dot =
                Circle::with_center(center, LANDMARK_DIAMETER).into_styled(PrimitiveStyle::with_fill(color));
            infallible(dot.draw(&mut canvas));
        }
    }
    let Some(outline) = outline(&canvas, &face.bbox) else { return };
    infallible(outline.into_styled(PrimitiveStyle::with_stroke(color, LINE_WIDTH)).draw(&mut canvas));
    let is_in_view = !outline.intersection(&canvas.bounding_box()).is_zero_sized();
    if is_in_view && !label.is_empty() {
        let size = font::size(label) + Size::new_equal(2 * LINE_WIDTH);
        let background = Rectangle::new(label_position(&canvas, &outline, size), size);
        infallible(canvas.fill_solid(&background, color));
        infallible(font::write(
            &mut canvas,
            label,
            background.top_left + Size::new_equal(LINE_WIDTH),
            text_color,
        ));
    }
}

/// The face's box on the canvas; `None` if it is not finite or empty.
fn outline(canvas: &Canvas, bbox: &BBox) -> Option<Rectangle> {
    let from = canvas.to_canvas(bbox.x, bbox.y)?;
    let to = canvas.to_canvas(bbox.x + bbox.width, bbox.y + bbox.height)?;
    (from.x < to.x && from.y < to.y).then(|| Rectangle::with_corners(from, to))
}

/// The top-left corner of a label: above the box and aligned with its left side, moved into the frame if it fits there.
fn label_position(canvas: &Canvas, outline: &Rectangle, size: Size) -> Point {
    let free = canvas.size().saturating_sub(size);
    let above = outline.top_left.y - size.height as i32;
    let y = if above >= 0 { above } else { outline.top_left.y.clamp(0, free.height as i32) };
    Point::new(outline.top_left.x.clamp(0, free.width as i32), y)
}

/// The value of a result that cannot be an error: drawing into memory does not fail.
fn infallible<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::{Landmarks, Point};
    use proptest::prelude::*;

    use super::*;

    const GREY: [u8; 3] = [90, 91, 92];

    fn frame(width: u32, height: u32) -> Frame {
        let rgb = GREY.repeat((width * height) as usize);
        Frame::from_rgb(width, height, rgb).unwrap()
    }

    fn face(bbox: [f32; 4]) -> Detection {
        let [x, y, width, height] = bbox;
        let at = |right: f32, down: f32| Point { x: x + right * width, y: y + down * height };
        let landmarks = [at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.35, 0.8), at(0.65, 0.8)];
        Detection { bbox: bbox.into(), score: 0.99, landmarks }
    }

    fn pixel(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
        let index = (y as usize * frame.width() as usize + x as usize) * 3;
        frame.rgb()[index..index + 3].try_into().unwrap()
    }

    fn color(status: FaceStatus) -> [u8; 3] {
        let color = status.colors().0;
        [color.r(), color.g(), color.b()]
    }

    fn changed(frame: &Frame) -> usize {
        frame.rgb().chunks_exact(3).filter(|pixel| **pixel != GREY).count()
    }

    #[test]
    fn box_landmarks_and_label_are_at_their_places() {
        for status in [FaceStatus::Known, FaceStatus::Unknown, FaceStatus::Poor] {
            let mut frame = frame(320, 240);
            draw(&mut frame, &face([100.0, 80.0, 100.0, 120.0]), "Anna 0.71", status);
            for (x, y) in [(150, 80), (150, 200), (100, 140), (200, 140)] {
                assert_eq!(pixel(&frame, x, y), color(status), "the box's side at {x},{y}");
            }
            for (x, y) in [(130, 128), (170, 128), (150, 152), (135, 176), (165, 176)] {
                assert_eq!(pixel(&frame, x, y), color(status), "the landmark at {x},{y}");
            }
            assert_eq!(pixel(&frame, 101, 57), color(status), "the background of the label");
            let text_color = status.colors().1;
            let label = (57..79).flat_map(|y| (100..194).map(move |x| (x, y)));
            let text_pixels = label
                .filter(|&(x, y)| pixel(&frame, x, y) == [text_color.r(), text_color.g(), text_color.b()])
                .count();
            assert!((200..1000).contains(&text_pixels), "{text_pixels} pixels of text");
            for (x, y) in [(110, 90), (190, 190), (98, 85), (98, 60), (300, 60), (150, 206)] {
                assert_eq!(pixel(&frame, x, y), GREY, "{x},{y} did not change");
            }
        }
    }

    #[test]
    fn a_label_without_space_above_is_inside_the_box_and_in_the_frame() {
        let mut frame = frame(200, 100);
        draw(&mut frame, &face([150.0, 5.0, 40.0, 80.0]), "Anna 0.71", FaceStatus::Known);
        // 9 characters of 10x20 and a margin of 2 around them end at the right edge.
        assert_eq!(pixel(&frame, 106, 6), color(FaceStatus::Known));
        assert_eq!(pixel(&frame, 199, 28), color(FaceStatus::Known));
        assert_eq!(pixel(&frame, 104, 6), GREY);
        assert_eq!(pixel(&frame, 120, 30), GREY);
    }

    #[test]
    fn a_box_partly_outside_shows_the_sides_that_are_inside() {
        let mut frame = frame(100, 100);
        draw(&mut frame, &face([-1e6, -50.0, 1e6 + 60.0, 100.0]), "", FaceStatus::Unknown);
        assert_eq!(pixel(&frame, 60, 20), color(FaceStatus::Unknown));
        assert_eq!(pixel(&frame, 5, 50), color(FaceStatus::Unknown));
        assert_eq!(pixel(&frame, 0, 20), GREY);
        assert_eq!(pixel(&frame, 80, 80), GREY);
    }

    #[test]
    fn coordinates_outside_or_not_finite_do_not_change_the_frame() {
        let boxes = [
            [200.0, 20.0, 50.0, 50.0],
            [-90.0, 20.0, 50.0, 50.0],
            [20.0, -400.0, 50.0, 50.0],
            [f32::NAN, 20.0, 50.0, 50.0],
            [20.0, 20.0, f32::INFINITY, 50.0],
            [20.0, 20.0, f32::MAX, f32::MAX],
        ];
        for bbox in boxes {
            let mut frame = frame(100, 100);
            let not_a_number = Point { x: f32::NAN, y: 0.0 };
            let face = Detection { landmarks: [not_a_number; 5], ..face(bbox) };
            draw(&mut frame, &face, "Anna", FaceStatus::Known);
            let is_huge = bbox[2] == f32::MAX; // Its left and upper sides are in view.
            assert_eq!(changed(&frame) > 0, is_huge, "{bbox:?}");
        }
    }

    #[test]
    fn lines_and_letters_are_larger_on_a_larger_frame() {
        let (mut small, mut large) = (frame(200, 200), frame(2160, 2160));
        draw(&mut small, &face([20.0, 50.0, 100.0, 100.0]), "Zoë", FaceStatus::Known);
        draw(&mut large, &face([60.0, 150.0, 300.0, 300.0]), "Zoë", FaceStatus::Known);
        // Three times the side means nine times the pixels, with small differences of rounding.
        let ratio = changed(&large) as f64 / changed(&small) as f64;
        assert!((8.5..9.5).contains(&ratio), "{ratio}");
    }

    proptest! {
        #[test]
        fn drawing_does_not_panic(
            (width, height) in prop_oneof![(0u32..40, 0u32..40), (700u32..900, 1u32..4)],
            bbox: [f32; 4], near in [-100f32..100.0, -100f32..100.0, -50f32..200.0, -50f32..200.0],
            points: [[f32; 2]; 5], label: String,
        ) {
            let mut frame = frame(width, height);
            let landmarks: Landmarks = points.map(Point::from);
            draw(&mut frame, &Detection { bbox: bbox.into(), score: 0.0, landmarks }, &label, FaceStatus::Poor);
            draw(&mut frame, &face(near), &label, FaceStatus::Known);
            prop_assert_eq!(frame.rgb().len(), (width * height * 3) as usize);
        }
    }
}
