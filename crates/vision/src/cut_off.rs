//! Whether the frame's edge cuts a face off.

/// The largest share of the aligned crop outside the frame. The crop has some background beside the face and below the mouth, so a
/// face whose crop is outside by less is complete.
const MAX_SHARE_OUTSIDE: f32 = 0.1;

/// Whether a face is cut off, by the share of its aligned crop that lies outside the frame ([`align()`](crate::align())): more than a
/// tenth. That part is black in the crop, and landmarks there are guesses of the detector.
pub fn is_cut_off(share_outside: f32) -> bool {
    share_outside > MAX_SHARE_OUTSIDE
}

#[cfg(test)]
mod tests {
    use ostiary_core::{Crop, Frame, Point};

    use super::*;
    use crate::{ARCFACE_TEMPLATE, align};

    #[test]
    fn a_face_is_cut_off_if_too_much_of_its_crop_is_outside() {
        let frame = Frame::from_rgb(300, 200, vec![0; 300 * 200 * 3]).unwrap();
        let share = |x: f32, y: f32| {
            let landmarks = ARCFACE_TEMPLATE.map(|p| Point { x: p.x + x, y: p.y + y });
            align(&frame, &landmarks, &mut Crop::default()).unwrap()
        };
        for (x, y, expected) in [
            (0.0, 0.0, false),
            (100.0, 50.0, false),
            (-8.0, 0.0, false),
            (-20.0, 0.0, true),
            (208.0, 0.0, true),
            (0.0, -20.0, true),
            (0.0, 110.0, true),
            (-500.0, 0.0, true),
        ] {
            assert_eq!(is_cut_off(share(x, y)), expected, "{x}, {y}");
        }
        let share = share(-56.0, 0.0);
        assert!((share - 0.5).abs() < 0.05, "{share}");
    }
}
