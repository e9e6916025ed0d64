//! Drawing onto frames what was seen in them: for videos, demonstrations and whoever aims a camera.
//!
//! What comes in: a [`Frame`], a [`Detection`] in it, a label and a [`Mark`]. What goes out: the same frame with
//! the face's box, its landmarks and the label in the mark's color; [`save()`] writes it as a picture. Drawing
//! clips at the frame's edge and allocates nothing.

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

/// What is known of a face: it gives the color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Somebody of the facebank: green.
    Known,
    /// A stranger: red.
    Unknown,
    /// Not good enough to judge: amber.
    Poor,
}

impl Mark {
    /// The color of box, landmarks and label, and a color for text that is legible on it.
    fn colors(self) -> (Rgb888, Rgb888) {
        match self {
            Self::Known => (Rgb888::new(46, 184, 92), Rgb888::BLACK),
            Self::Unknown => (Rgb888::new(200, 40, 45), Rgb888::WHITE),
            Self::Poor => (Rgb888::new(240, 170, 0), Rgb888::BLACK),
        }
    }
}

/// Width of the box's lines and distance of the label's text from its edge, in the canvas's pixels.
const LINE: u32 = 2;
/// Diameter of a landmark, in the canvas's pixels.
const DOT: u32 = 5;

/// Draws one face: its box, its five landmarks, and the label on a filled ground above the box, or inside it
/// where there is no room above. An empty label is left out. Everything grows with the frame, so that it can
/// be read in large pictures too. What lies outside the frame, or is not a number, is not drawn.
pub fn draw(frame: &mut Frame, face: &Detection, label: &str, mark: Mark) {
    let mut canvas = Canvas::new(frame);
    let (color, ink) = mark.colors();
    for landmark in &face.landmarks {
        if let Some(middle) = canvas.place(landmark.x, landmark.y) {
            let dot = Circle::with_center(middle, DOT).into_styled(PrimitiveStyle::with_fill(color));
            drawn(dot.draw(&mut canvas));
        }
    }
    let Some(outline) = outline(&canvas, &face.bbox) else { return };
    drawn(outline.into_styled(PrimitiveStyle::with_stroke(color, LINE)).draw(&mut canvas));
    let is_in_view = !outline.intersection(&canvas.bounding_box()).is_zero_sized();
    if is_in_view && !label.is_empty() {
        let size = font::size(label) + Size::new_equal(2 * LINE);
        let ground = Rectangle::new(label_place(&canvas, &outline, size), size);
        drawn(canvas.fill_solid(&ground, color));
        drawn(font::write(&mut canvas, label, ground.top_left + Size::new_equal(LINE), ink));
    }
}

/// The face's box on the canvas; `None` where it is not finite or has no extent.
fn outline(canvas: &Canvas, bbox: &BBox) -> Option<Rectangle> {
    let from = canvas.place(bbox.x, bbox.y)?;
    let to = canvas.place(bbox.x + bbox.width, bbox.y + bbox.height)?;
    (from.x < to.x && from.y < to.y).then(|| Rectangle::with_corners(from, to))
}

/// The top-left corner of a label: above the box and flush with it, but inside the frame where it fits.
fn label_place(canvas: &Canvas, outline: &Rectangle, size: Size) -> Point {
    let room = canvas.size().saturating_sub(size);
    let above = outline.top_left.y - size.height as i32;
    let y = if above >= 0 { above } else { outline.top_left.y.clamp(0, room.height as i32) };
    Point::new(outline.top_left.x.clamp(0, room.width as i32), y)
}

/// Takes the result of drawing onto memory, which cannot fail.
fn drawn<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(drawn) => drawn,
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

    fn color(mark: Mark) -> [u8; 3] {
        let color = mark.colors().0;
        [color.r(), color.g(), color.b()]
    }

    fn changed(frame: &Frame) -> usize {
        frame.rgb().chunks_exact(3).filter(|pixel| **pixel != GREY).count()
    }

    #[test]
    fn box_landmarks_and_label_stand_where_they_belong() {
        for mark in [Mark::Known, Mark::Unknown, Mark::Poor] {
            let mut frame = frame(320, 240);
            draw(&mut frame, &face([100.0, 80.0, 100.0, 120.0]), "Anna 0.71", mark);
            for (x, y) in [(150, 80), (150, 200), (100, 140), (200, 140)] {
                assert_eq!(pixel(&frame, x, y), color(mark), "the box's side at {x},{y}");
            }
            for (x, y) in [(130, 128), (170, 128), (150, 152), (135, 176), (165, 176)] {
                assert_eq!(pixel(&frame, x, y), color(mark), "the landmark at {x},{y}");
            }
            assert_eq!(pixel(&frame, 101, 57), color(mark), "the label's ground");
            let ink = mark.colors().1;
            let label = (57..79).flat_map(|y| (100..194).map(move |x| (x, y)));
            let inked = label.filter(|&(x, y)| pixel(&frame, x, y) == [ink.r(), ink.g(), ink.b()]).count();
            assert!((200..1000).contains(&inked), "{inked} pixels of text");
            for (x, y) in [(110, 90), (190, 190), (98, 85), (98, 60), (300, 60), (150, 206)] {
                assert_eq!(pixel(&frame, x, y), GREY, "{x},{y} is untouched");
            }
        }
    }

    #[test]
    fn a_label_without_room_above_goes_inside_and_stays_in_the_frame() {
        let mut frame = frame(200, 100);
        draw(&mut frame, &face([150.0, 5.0, 40.0, 80.0]), "Anna 0.71", Mark::Known);
        // 9 characters of 10x20 and a margin of 2 around them end at the right edge.
        assert_eq!(pixel(&frame, 106, 6), color(Mark::Known));
        assert_eq!(pixel(&frame, 199, 28), color(Mark::Known));
        assert_eq!(pixel(&frame, 104, 6), GREY);
        assert_eq!(pixel(&frame, 120, 30), GREY);
    }

    #[test]
    fn a_box_partly_outside_shows_the_sides_that_are_inside() {
        let mut frame = frame(100, 100);
        draw(&mut frame, &face([-1e6, -50.0, 1e6 + 60.0, 100.0]), "", Mark::Unknown);
        assert_eq!(pixel(&frame, 60, 20), color(Mark::Unknown));
        assert_eq!(pixel(&frame, 5, 50), color(Mark::Unknown));
        assert_eq!(pixel(&frame, 0, 20), GREY);
        assert_eq!(pixel(&frame, 80, 80), GREY);
    }

    #[test]
    fn what_is_outside_or_no_number_leaves_the_frame_as_it_was() {
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
            let nowhere = Point { x: f32::NAN, y: 0.0 };
            let face = Detection { landmarks: [nowhere; 5], ..face(bbox) };
            draw(&mut frame, &face, "Anna", Mark::Known);
            let is_huge = bbox[2] == f32::MAX; // Its left and upper sides are in view.
            assert_eq!(changed(&frame) > 0, is_huge, "{bbox:?}");
        }
    }

    #[test]
    fn lines_and_letters_grow_with_the_frame() {
        let (mut small, mut large) = (frame(200, 200), frame(2160, 2160));
        draw(&mut small, &face([20.0, 50.0, 100.0, 100.0]), "Zoë", Mark::Known);
        draw(&mut large, &face([60.0, 150.0, 300.0, 300.0]), "Zoë", Mark::Known);
        // Three times the side, so nine times the pixels; the dots' rounding differs a little.
        let ratio = changed(&large) as f64 / changed(&small) as f64;
        assert!((8.5..9.5).contains(&ratio), "{ratio}");
    }

    proptest! {
        #[test]
        fn nothing_makes_drawing_panic(
            (width, height) in prop_oneof![(0u32..40, 0u32..40), (700u32..900, 1u32..4)],
            bbox: [f32; 4], near in [-100f32..100.0, -100f32..100.0, -50f32..200.0, -50f32..200.0],
            points: [[f32; 2]; 5], label: String,
        ) {
            let mut frame = frame(width, height);
            let landmarks: Landmarks = points.map(Point::from);
            draw(&mut frame, &Detection { bbox: bbox.into(), score: 0.0, landmarks }, &label, Mark::Poor);
            draw(&mut frame, &face(near), &label, Mark::Known);
            prop_assert_eq!(frame.rgb().len(), (width * height * 3) as usize);
        }
    }
}
