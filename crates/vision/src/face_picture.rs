//! Cuts the picture of one face out of a frame, for people who look at it and for enrollment.

use ostiary_core::{BBox, Frame};

use super::context_crop::{Taps, area, resize};

/// The longest side of such a picture, pixels.
pub const FACE_PICTURE_SIDE: usize = 360;
/// How many times the face's box is enlarged: as much as detection and alignment need to find the face again, and no more.
const SCALE: f32 = 2.0;

/// Fills `picture` with the square around a face, which has twice the side of the face's box, resized to
/// [`FACE_PICTURE_SIDE`] if it is larger. Near the edge of the frame the square is shifted into it. False, and the pixels are
/// unspecified, if the box is not finite or smaller than a pixel, or the frame is. Allocates only if `picture` becomes larger
/// than ever before.
pub fn crop_face(frame: &Frame, face: &BBox, picture: &mut Frame) -> bool {
    let Some(area) = area(frame, &face.squared(), SCALE) else { return false };
    let side = area.width().max(area.height()).min(FACE_PICTURE_SIDE);
    let mut columns = [Taps::default(); FACE_PICTURE_SIDE];
    let Some(columns) = columns.get_mut(..side) else { return false };
    // At most FACE_PICTURE_SIDE.
    picture.reshape(side as u32, side as u32);
    resize(frame, &area, columns, side, picture.rgb_mut()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32) -> Frame {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| [(x / 4) as u8, (y / 4) as u8, 7]));
        Frame::from_rgb(width, height, pixels.flatten().collect()).unwrap()
    }

    fn crop(frame: &Frame, face: [f32; 4]) -> Option<Frame> {
        let mut picture = Frame::default();
        crop_face(frame, &face.into(), &mut picture).then_some(picture)
    }

    #[test]
    fn the_face_is_in_the_middle_of_a_square_with_its_own_pixels() {
        let picture = crop(&frame(640, 480), [200.0, 150.0, 80.0, 100.0]).unwrap();
        assert_eq!((picture.width(), picture.height()), (201, 201));
        // The square begins at 240 - 100, 200 - 100.
        assert_eq!(picture.rgb()[..3], [140 / 4, 100 / 4, 7]);
        assert_eq!(picture.rgb()[3 * 200..][..3], [340_u16 / 4, 100 / 4, 7].map(|value| value as u8));
    }

    #[test]
    fn a_large_face_is_resized_and_one_at_the_edge_is_whole() {
        let large = crop(&frame(1920, 1080), [600.0, 200.0, 400.0, 500.0]).unwrap();
        assert_eq!(large.width() as usize, FACE_PICTURE_SIDE);
        let corner = crop(&frame(640, 480), [-20.0, 400.0, 100.0, 100.0]).unwrap();
        assert_eq!((corner.width(), corner.rgb()[0], corner.rgb()[1]), (201, 0, 69));
        assert!(crop(&frame(640, 480), [f32::NAN, 0.0, 100.0, 100.0]).is_none());
        let whole = crop(&frame(60, 40), [0.0, 0.0, 50.0, 60.0]).unwrap();
        assert_eq!((whole.width(), whole.height()), (40, 40), "no larger than the frame");
    }
}
