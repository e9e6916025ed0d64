//! The movement of a visitor in front of the camera.

use std::time::Duration;

use ostiary_core::Point;

/// The time of the approach to the door.
const APPROACH: Duration = Duration::from_millis(2200);
/// The time in front of the door, facing it.
const STAND: Duration = Duration::from_millis(900);
/// The time from the door out of the frame.
const LEAVE: Duration = Duration::from_millis(800);

/// The distance at the begin of a visit, as a multiple of the distance at the door.
const START_DISTANCE: f32 = 3.0;
/// Width of the face at the door, pixels. Its box fits twice into the frame, as the network for liveness needs.
const WIDTH_AT_DOOR: f32 = 150.0;
/// The center of the face at the begin of a visit, pixels of a 640x480 frame.
const START: Point = Point { x: 170.0, y: 190.0 };
/// The center of the face at the door.
const DOOR: Point = Point { x: 330.0, y: 235.0 };
/// The center of the face at the end of a visit, outside the frame.
const END: Point = Point { x: 880.0, y: 235.0 };

/// The length of a visit.
pub const VISIT: Duration =
    Duration::from_millis(APPROACH.as_millis() as u64 + STAND.as_millis() as u64 + LEAVE.as_millis() as u64);

/// The position and the width of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacePosition {
    /// Pixels of the frame.
    pub center: Point,
    /// Pixels of the frame.
    pub width: f32,
}

/// The position of a visitor's face at this time since the begin of the visit. At the end of [`VISIT`] it is outside the frame.
pub fn face_position(since: Duration) -> FacePosition {
    // A person slows down before the door. The width of the face is inversely proportional to the distance.
    let approach = 1.0 - since.div_duration_f32(APPROACH).min(1.0);
    let remaining = approach * approach;
    let width = WIDTH_AT_DOOR / (1.0 + (START_DISTANCE - 1.0) * remaining);
    let departure = since.saturating_sub(APPROACH + STAND).div_duration_f32(LEAVE).min(1.0);
    let center = interpolate(interpolate(DOOR, START, remaining), END, departure);
    FacePosition { center, width }
}

fn interpolate(from: Point, to: Point, share: f32) -> Point {
    Point { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}

#[cfg(test)]
mod tests {
    use ostiary_core::BBox;

    use super::*;

    #[test]
    fn a_visitor_approaches_stands_and_leaves() {
        let at = |millis| face_position(Duration::from_millis(millis));
        assert_eq!((at(0).center, at(0).width), (START, 50.0));
        assert_eq!((at(2200).center, at(2200).width), (DOOR, 150.0));
        assert_eq!(at(3100), at(2200));
        assert_eq!(face_position(VISIT).center, END);
        let widths: Vec<f32> = (0..=2200).map(|millis| at(millis).width).collect();
        assert!(widths.is_sorted());
    }

    #[test]
    fn faces_of_consecutive_frames_overlap() {
        let face = |frame: u32| {
            let FacePosition { center, width } = face_position(frame * Duration::from_secs(1) / 15);
            BBox { x: center.x - width / 2.0, y: center.y - width / 2.0, width, height: width }
        };
        for frame in 1..VISIT.as_millis() as u32 * 15 / 1000 {
            assert!(face(frame - 1).iou(&face(frame)) > 0.5, "frame {frame}");
        }
    }
}
