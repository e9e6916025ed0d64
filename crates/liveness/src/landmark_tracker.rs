//! Follows the landmarks of a face from frame to frame by optical flow.

use std::mem;

use heapless::Vec;
use ostiary_core::{Frame, Landmarks, Point};

use super::gray_pyramid::GrayPyramid;
use super::optical_flow::{MAX_POINTS, track_points};

/// Points that are tracked for each landmark: a square around it.
const POINTS: usize = 4;
const CORNERS: [(f32, f32); POINTS] = [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)];
/// Distance of these points from the landmark in each direction, in distances between the eyes.
const SPREAD: f32 = 0.07;
/// The landmark is lost if fewer of its points are left.
const MIN_POINTS: usize = 2;

const _: () = assert!(POINTS * 5 <= MAX_POINTS);

/// Follows the landmarks of one face. Makes no allocation after its creation, for frames that are not larger than the size
/// given then.
#[derive(Debug)]
pub struct LandmarkTracker {
    previous: GrayPyramid,
    next: GrayPyramid,
    /// `None` before the start, and after the face was lost.
    face: Option<[FollowedLandmark; 5]>,
}

#[derive(Debug, Clone, Copy)]
struct FollowedLandmark {
    position: Point,
    /// The points around it that were not lost since the start.
    points: [Option<Point>; POINTS],
}

impl LandmarkTracker {
    /// Makes a tracker with memory for frames of this size, pixels.
    pub fn new(width: u32, height: u32) -> Self {
        Self { previous: GrayPyramid::new(width, height), next: GrayPyramid::new(width, height), face: None }
    }

    /// Starts at the landmarks of a face in this frame, pixels.
    pub fn start(&mut self, frame: &Frame, landmarks: &Landmarks) {
        let [left_eye, right_eye, ..] = landmarks;
        let spread = SPREAD * Point::distance(*left_eye, *right_eye);
        self.previous.fill(frame);
        self.face = Some(landmarks.map(|position| {
            let corner =
                |(x, y): (f32, f32)| Point { x: position.x + x * spread, y: position.y + y * spread };
            FollowedLandmark { position, points: CORNERS.map(|offset| Some(corner(offset))) }
        }));
    }

    /// The landmarks in the frame that follows the last one, pixels; `None` if one of them is lost. It stays lost until the
    /// next [`start`](Self::start).
    pub fn follow(&mut self, frame: &Frame) -> Option<Landmarks> {
        let mut face = self.face.take()?;
        self.next.fill(frame);
        let points: Vec<Point, MAX_POINTS> =
            face.iter().flat_map(|landmark| landmark.points).flatten().collect();
        let mut found = track_points(&self.previous, &self.next, &points).into_iter();
        for landmark in &mut face {
            landmark.follow(&mut found)?;
        }
        mem::swap(&mut self.previous, &mut self.next);
        self.face = Some(face);
        Some(face.map(|landmark| landmark.position))
    }
}

impl FollowedLandmark {
    /// Moves by the median motion of its points. `None` if too few of them are left.
    fn follow(
        &mut self,
        found: &mut impl Iterator<Item = Option<super::optical_flow::TrackedPoint>>,
    ) -> Option<()> {
        let (mut x, mut y): (Vec<f32, POINTS>, Vec<f32, POINTS>) = (Vec::new(), Vec::new());
        for point in &mut self.points {
            let Some(before) = *point else { continue };
            *point = found.next().flatten().map(|tracked| tracked.position);
            if let Some(now) = point {
                // There is room for all points.
                let _ = x.push(now.x - before.x);
                let _ = y.push(now.y - before.y);
            }
        }
        if x.len() < MIN_POINTS {
            return None;
        }
        self.position.x += median(&mut x)?;
        self.position.y += median(&mut y)?;
        Some(())
    }
}

/// The median; of an even number of values the mean of the two in the middle. `None` without values.
fn median(values: &mut [f32]) -> Option<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().checked_sub(1)? / 2;
    Some((values.get(lower)? + values.get(upper)?) / 2.0)
}
