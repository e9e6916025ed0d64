//! The optical flow on portraits, against known motions and against OpenCV.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

#[path = "common/photo.rs"]
mod photo;

use ostiary_core::{Frame, Landmarks, Point};
use ostiary_liveness::{GrayPyramid, LandmarkTracker, MAX_POINTS, TrackedPoint, track_points};
use ostiary_testkit::{PORTRAITS, Photo};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
/// Distance of the eyes in the first picture, pixels.
const EYE_DISTANCE: f32 = 70.0;

/// Motions: angle in degrees, scale, shift in pixels.
const MOTIONS: [(f32, f32, [f32; 2]); 5] = [
    (0.0, 1.0, [0.0, 0.0]),
    (0.0, 1.0, [2.4, -1.7]),
    (0.0, 1.0, [-14.3, 9.6]),
    (4.0, 1.0, [3.2, 1.1]),
    (-2.0, 1.06, [-5.5, -4.2]),
];

/// Where OpenCV finds the points: portrait, motion, point, x, y. Made once by opencv-python-headless 5.0.0 on the pictures
/// of [`picture`], written to files: `calcOpticalFlowPyrLK(first, second, points, None, winSize=(15, 15), maxLevel=3,
/// criteria=(3, 20, 0.02))`, all points found.
const OPENCV: &str = include_str!("optical_flow_opencv.csv");

/// The largest difference from OpenCV, pixels; 0.006 was measured, on 500 points. OpenCV rounds gray values to
/// 1/32.
const MAX_DIFFERENCE: f32 = 0.03;

/// A point of the first picture in the second one.
fn moved((degrees, scale, [x, y]): (f32, f32, [f32; 2]), p: Point) -> Point {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (dx, dy) = (p.x - WIDTH as f32 / 2.0, p.y - HEIGHT as f32 / 2.0);
    Point {
        x: WIDTH as f32 / 2.0 + scale * (cos * dx - sin * dy) + x,
        y: HEIGHT as f32 / 2.0 + scale * (sin * dx + cos * dy) + y,
    }
}

/// The face of a portrait in the middle, moved.
fn picture(photo: &Photo, (degrees, scale, [x, y]): (f32, f32, [f32; 2])) -> Frame {
    let (middle, eyes) = photo.middle_and_scale();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let zoom = eyes / EYE_DISTANCE;
    let gray =
        (0..HEIGHT).flat_map(|row| (0..WIDTH).map(move |column| (column, row))).flat_map(|(column, row)| {
            let (dx, dy) = (column as f32 - WIDTH as f32 / 2.0 - x, row as f32 - HEIGHT as f32 / 2.0 - y);
            let (dx, dy) = ((cos * dx + sin * dy) / scale, (cos * dy - sin * dx) / scale);
            [(photo.gray(middle.x + zoom * dx, middle.y + zoom * dy) + 0.5) as u8; 3]
        });
    Frame::from_rgb(WIDTH, HEIGHT, gray.collect()).unwrap()
}

fn pyramid(frame: &Frame) -> GrayPyramid {
    let mut pyramid = GrayPyramid::new(frame.width(), frame.height());
    pyramid.fill(frame);
    pyramid
}

/// Four points around each landmark in the first picture, whole pixels.
fn points(photo: &Photo) -> Vec<Point> {
    let (middle, eyes) = photo.middle_and_scale();
    let corners = [(-5.0, -5.0), (5.0, -5.0), (-5.0, 5.0), (5.0, 5.0)];
    let at = |landmark: &Point, (x, y): (f32, f32)| Point {
        x: ((landmark.x - middle.x) * EYE_DISTANCE / eyes + WIDTH as f32 / 2.0 + x).round(),
        y: ((landmark.y - middle.y) * EYE_DISTANCE / eyes + HEIGHT as f32 / 2.0 + y).round(),
    };
    photo.landmarks.iter().flat_map(|landmark| corners.map(|corner| at(landmark, corner))).collect()
}

fn track(first: &Frame, second: &Frame, points: &[Point]) -> Vec<Option<TrackedPoint>> {
    track_points(&pyramid(first), &pyramid(second), points).to_vec()
}

#[test]
fn it_finds_what_opencv_finds() {
    let mut lines = OPENCV.lines();
    let mut largest = 0f32;
    for portrait in PORTRAITS {
        let photo = photo::load(portrait);
        let points = points(&photo);
        let first = picture(&photo, MOTIONS[0]);
        for (number, motion) in MOTIONS.into_iter().enumerate() {
            for (index, found) in track(&first, &picture(&photo, motion), &points).into_iter().enumerate() {
                let line: Vec<&str> = lines.next().unwrap().split(',').collect();
                assert_eq!(line[..3], [portrait.0, &number.to_string(), &index.to_string()]);
                let wanted = Point { x: line[3].parse().unwrap(), y: line[4].parse().unwrap() };
                let found = found.unwrap_or_else(|| panic!("lost: {line:?}"));
                largest = largest.max(Point::distance(found.position, wanted));
            }
        }
    }
    assert_eq!(lines.next(), None);
    assert!(largest < MAX_DIFFERENCE, "{largest}");
}

/// Under a shift a window does not change. Under the rotations and changes of size, the largest distance is 0.65 pixels:
/// the window of a turned picture is compared without turning it, by OpenCV too.
#[test]
fn it_finds_shifts_within_a_third_of_a_pixel() {
    for portrait in PORTRAITS {
        let photo = photo::load(portrait);
        let points = points(&photo);
        let first = picture(&photo, MOTIONS[0]);
        for motion in &MOTIONS[..3] {
            let tracked = track(&first, &picture(&photo, *motion), &points);
            for (found, point) in tracked.iter().zip(&points) {
                let found = found.unwrap();
                let distance = Point::distance(found.position, moved(*motion, *point));
                assert!(distance < 0.33, "{} {motion:?} {point:?}: {distance}", portrait.0);
                assert!(found.round_trip < 0.7 && found.error < 10.0, "{found:?}");
            }
        }
    }
}

#[test]
fn points_without_a_counterpart_are_lost() {
    let photo = photo::load(PORTRAITS[2]);
    let points = points(&photo);
    let first = picture(&photo, MOTIONS[0]);
    let is_lost =
        |second: &Frame, points: &[Point]| track(&first, second, points).iter().all(Option::is_none);
    let plain = Frame::from_rgb(WIDTH, HEIGHT, vec![128; (WIDTH * HEIGHT * 3) as usize]).unwrap();
    assert!(is_lost(&plain, &points), "nothing there");
    assert!(is_lost(&Frame::from_rgb(8, 8, vec![128; 192]).unwrap(), &points), "another size");
    assert!(is_lost(&Frame::default(), &points), "an empty frame");
    let outside =
        [[0.0, 0.0], [-5.0, 100.0], [319.0, 100.0], [f32::NAN, 100.0], [100.0, f32::INFINITY], [1e9, 1e9]];
    assert!(is_lost(&first, &outside.map(Point::from)), "at the border or outside");
    let negative =
        Frame::from_rgb(WIDTH, HEIGHT, first.rgb().iter().map(|gray| 255 - gray).collect()).unwrap();
    let found = track(&first, &negative, &points).iter().flatten().count();
    assert!(found <= 4, "{found} points of a negative");
}

#[test]
fn points_beyond_the_limit_are_left_out() {
    let first = picture(&photo::load(PORTRAITS[2]), MOTIONS[0]);
    assert_eq!(track(&first, &first, &[Point { x: 160.0, y: 120.0 }; 30]).len(), MAX_POINTS);
}

#[test]
fn landmarks_follow_the_face_until_it_is_hidden() {
    let photo = photo::load(PORTRAITS[2]);
    let landmarks: Vec<Point> = points(&photo).chunks(4).map(|corners| corners[0]).collect();
    let start: Landmarks = landmarks.try_into().unwrap();
    let mut tracker = LandmarkTracker::new(WIDTH, HEIGHT);
    let at = |n: u16| (0.3 * f32::from(n), 1.0, [3.0 * f32::from(n), -2.0 * f32::from(n)]);
    assert_eq!(tracker.follow(&picture(&photo, at(0))), None, "before the start");
    tracker.start(&picture(&photo, at(0)), &start);
    for n in 1..=8 {
        let found = tracker.follow(&picture(&photo, at(n))).unwrap();
        for (found, landmark) in found.iter().zip(&start) {
            let distance = Point::distance(*found, moved(at(n), *landmark));
            assert!(distance < 0.7, "frame {n}: {distance}");
        }
    }
    // A hand before the mouth.
    let mut covered = picture(&photo, at(8));
    let lower_half = (WIDTH * HEIGHT / 2 * 3) as usize;
    covered.rgb_mut()[lower_half..].fill(90);
    assert_eq!(tracker.follow(&covered), None);
    assert_eq!(tracker.follow(&picture(&photo, at(8))), None, "lost until the next start");
    tracker.start(&picture(&photo, at(0)), &start);
    assert!(tracker.follow(&picture(&photo, at(1))).is_some());
}
