//! Following a face, measuring its turn and the challenge allocate nothing after their creation.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a failure of a test helper fails the test")]

#[path = "common/photo.rs"]
mod photo;

use std::time::Duration;

use ostiary_core::{Direction, Frame, Landmarks, PersonId, Point, TrackId};
use ostiary_liveness::{
    Challenge, LandmarkTracker, MatchedPerson, ObservedFace, Status, Steps, Tracking, TurnMeter, View,
    frontal_aspect,
};
use ostiary_testkit::{PORTRAITS, Photo, allocations};
use tracking_allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// Width and height of the frames, pixels.
const SIDE: u32 = 240;

/// The face of a portrait in the middle, shifted to the right, with its landmarks.
fn picture(photo: &Photo, shift: f32) -> (Frame, Landmarks) {
    let (middle, eyes) = photo.middle_and_scale();
    let (zoom, center) = (eyes / 70.0, SIDE as f32 / 2.0);
    let pixels = (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (column as f32, row as f32)));
    let gray = |(x, y): (f32, f32)| {
        [photo.gray(middle.x + zoom * (x - center - shift), middle.y + zoom * (y - center)) as u8; 3]
    };
    let landmarks = photo
        .landmarks
        .map(|p| Point { x: (p.x - middle.x) / zoom + center + shift, y: (p.y - middle.y) / zoom + center });
    (Frame::from_rgb(SIDE, SIDE, pixels.flat_map(gray).collect()).unwrap(), landmarks)
}

#[test]
fn a_challenge_does_not_allocate() {
    let photo = photo::load(PORTRAITS[2]);
    let frames = [0.0, 2.0, 4.0, 6.0, 8.0].map(|shift| picture(&photo, shift));
    let mut tracker = LandmarkTracker::new(SIDE, SIDE);
    let draw = |random| Steps::draw(&Direction::ALL, 3, random).unwrap();
    let mut challenge = Challenge::new(draw(1), draw(2), Duration::ZERO);
    let matched = Some(MatchedPerson { person: PersonId(1), enrolled_aspect: None });
    let face = ObservedFace { track: TrackId(1), matched, frontal_aspect: None, tracking: Tracking::Lost };
    let (mut statuses, mut turns) = ([Status::LookAtCamera; 5], 0);

    let (count, ()) = allocations(|| {
        let mut meter = None;
        for (number, (frame, landmarks)) in frames.iter().enumerate() {
            let time = Duration::from_millis(100 * number as u64);
            let turn = tracker
                .follow(frame)
                .zip(meter.as_mut())
                .and_then(|(now, meter)| TurnMeter::measure(meter, &now));
            turns += usize::from(turn.is_some());
            let tracking = turn.map_or(Tracking::Lost, Tracking::Followed);
            let view =
                View::OneFace(ObservedFace { frontal_aspect: frontal_aspect(landmarks), tracking, ..face });
            statuses[number] = challenge.observe(time, view);
            if matches!(statuses[number], Status::Turn { is_start: true, .. }) {
                tracker.start(frame, landmarks);
                meter = TurnMeter::new(landmarks);
            }
        }
    });

    assert!(statuses.iter().all(|status| matches!(status, Status::Turn { .. })), "{statuses:?}");
    assert_eq!(turns, 4, "the face was followed");
    assert_eq!(count, 0);
}
