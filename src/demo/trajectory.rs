//! How a visitor moves before the door's camera.

use std::time::Duration;

use ostiary_core::Point;

/// From far away to the door.
const APPROACH: Duration = Duration::from_millis(2200);
/// Before the door, looking at it.
const STAND: Duration = Duration::from_millis(900);
/// From the door out of the picture.
const LEAVE: Duration = Duration::from_millis(800);

/// How many times as far away as the door a visitor is first seen.
const FAR: f32 = 3.6;
/// Width of the face at the door, pixels.
const NEAR_WIDTH: f32 = 180.0;
/// The middle of the face when first seen, at the door, and when gone, pixels of a 640x480 frame.
const FIRST: Point = Point { x: 170.0, y: 190.0 };
const DOOR: Point = Point { x: 330.0, y: 235.0 };
const GONE: Point = Point { x: 930.0, y: 235.0 };

/// How long a visit lasts.
pub const VISIT: Duration =
    Duration::from_millis(APPROACH.as_millis() as u64 + STAND.as_millis() as u64 + LEAVE.as_millis() as u64);

/// Where the face is, and how wide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacePosition {
    pub center: Point,
    pub width: f32,
}

/// Where a visitor's face is so long after the visit began; at the end of [`VISIT`] it is out of the picture.
pub fn place(since: Duration) -> FacePosition {
    // Who walks up to a door slows down before it, and is seen the larger the nearer.
    let left = 1.0 - since.div_duration_f32(APPROACH).min(1.0);
    let slowed = left * left;
    let width = NEAR_WIDTH / (1.0 + (FAR - 1.0) * slowed);
    let gone = since.saturating_sub(APPROACH + STAND).div_duration_f32(LEAVE).min(1.0);
    let center = between(between(DOOR, FIRST, slowed), GONE, gone);
    FacePosition { center, width }
}

fn between(from: Point, to: Point, share: f32) -> Point {
    Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}

#[cfg(test)]
mod tests {
    use ostiary_core::BBox;

    use super::*;

    #[test]
    fn a_visitor_comes_nearer_stands_and_leaves() {
        let at = |millis| place(Duration::from_millis(millis));
        assert_eq!((at(0).center, at(0).width), (FIRST, 50.0));
        assert_eq!((at(2200).center, at(2200).width), (DOOR, 180.0));
        assert_eq!(at(3100), at(2200));
        assert_eq!(place(VISIT).center, GONE);
        let widths: Vec<f32> = (0..=2200).map(|millis| at(millis).width).collect();
        assert!(widths.is_sorted());
    }

    #[test]
    fn from_frame_to_frame_the_face_overlaps_itself() {
        let face = |frame: u32| {
            let FacePosition { center, width } = place(frame * Duration::from_secs(1) / 15);
            BBox { x: center.x - width / 2.0, y: center.y - width / 2.0, width, height: width }
        };
        for frame in 1..VISIT.as_millis() as u32 * 15 / 1000 {
            assert!(face(frame - 1).iou(&face(frame)) > 0.5, "frame {frame}");
        }
    }
}
