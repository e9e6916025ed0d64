//! Finds faces that do not move: a picture on the wall is no person.

use std::time::Duration;

use ostiary_core::{Detection, Landmarks, MAX_FACES, Point};

/// How far the landmarks may be from their place, on average, as a share of the width of the face.
///
/// The landmarks of a picture that hangs still differ from frame to frame by the noise of the camera and of the detector, by
/// less than half of this (`docs/design/visits.md`). Of people who sit still before a webcam, the landmarks are outside in a
/// fifth of the frames at least.
const TOLERANCE: f32 = 0.025;
/// How many times faster a place loses its time while the face is outside: a face that is outside in more than a ninth of the
/// frames is never static.
const LOSS: u32 = 8;
/// The smallest overlap (IoU) of a face with a place that it may have left.
const MIN_OVERLAP: f32 = 0.3;
/// The number of frames whose mean is the place of a face.
const ANCHOR_FRAMES: u16 = 16;
/// The longest time between two frames that counts.
const MAX_FRAME_GAP: Duration = Duration::from_secs(1);
/// A face that was not found at its place for this time is forgotten, if it is not static yet.
const MAX_UNSEEN: Duration = Duration::from_secs(5);
/// A static face that was hidden for less than this time is still static.
const MAX_HIDDEN: Duration = Duration::from_secs(1800);
/// How long a face must be outside of a static face's place to be another face, in its front.
const MIN_OUTSIDE: Duration = Duration::from_secs(1);

/// Whether a face moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceMotion {
    /// The face moves, or is not in view for long enough.
    Moving,
    /// The face has just become static, for the first time at this place.
    BecameStatic,
    /// The face is static.
    Static,
}

/// Remembers where faces are, whatever their tracks, and for how long they have not moved.
///
/// A face is static if its landmarks were at the same place of the picture for `door.static_s` seconds of frames. People
/// sway more than the tolerance. A static face that is hidden, for example by a person in front of it, is static at once when
/// it is seen again within half an hour. Memory has a fixed size: at most [`MAX_FACES`] places.
#[derive(Debug, Clone)]
pub struct StaticFaces {
    places: heapless::Vec<Place, MAX_FACES>,
    /// The time after which a face is static.
    after: Duration,
    /// Frame time of the latest frame.
    now: Duration,
}

#[derive(Debug, Clone)]
struct Place {
    /// The first frame's box, with the mean landmarks of the first frames.
    anchor: Detection,
    /// The number of frames in that mean.
    frames: u16,
    /// For how long the face has not moved, less the times in which it was outside.
    still: Duration,
    /// Frame time of the last frame with a face here.
    last_seen: Duration,
    /// For how long another face has been at the place of a static one.
    outside: Duration,
    is_static: bool,
    /// Whether a face of the current frame belongs to this place.
    is_taken: bool,
}

impl StaticFaces {
    /// Without any faces. A face is static after `after`.
    pub fn new(after: Duration) -> Self {
        Self { places: heapless::Vec::new(), after, now: Duration::ZERO }
    }

    /// Sets the time after which a face becomes static, from the next frame on.
    pub fn set_after(&mut self, after: Duration) {
        self.after = after;
    }

    /// Processes the faces of one frame. Returns for each whether it moves; faces beyond [`MAX_FACES`] are left out.
    pub fn observe<'a>(
        &mut self,
        now: Duration,
        faces: impl Iterator<Item = &'a Detection> + Clone,
    ) -> heapless::Vec<FaceMotion, MAX_FACES> {
        let step = now.saturating_sub(self.now).min(MAX_FRAME_GAP);
        self.now = now;
        self.places.retain(|place| now.saturating_sub(place.last_seen) <= place.max_unseen());
        self.places.iter_mut().for_each(|place| place.is_taken = false);
        // Faces at their place first, so that a face beside them is not taken for one of them.
        let mut motions: heapless::Vec<Option<FaceMotion>, MAX_FACES> =
            faces.clone().take(MAX_FACES).map(|face| self.at_place(now, step, face)).collect();
        for (face, motion) in faces.zip(&mut motions) {
            motion.get_or_insert_with(|| self.elsewhere(now, step, face));
        }
        motions.into_iter().map(|motion| motion.unwrap_or(FaceMotion::Moving)).collect()
    }

    /// The motion of a face that is at a known place; `None` if it is at none.
    fn at_place(&mut self, now: Duration, step: Duration, face: &Detection) -> Option<FaceMotion> {
        let free = self.places.iter_mut().filter(|place| !place.is_taken);
        let near = free.map(|place| (displacement(&place.anchor, face), place));
        let (distance, place) = near.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        if !(0.0..=TOLERANCE).contains(&distance) {
            return None;
        }
        place.is_taken = true;
        place.last_seen = now;
        place.outside = Duration::ZERO;
        place.still = place.still.saturating_add(step);
        place.add_to_mean(&face.landmarks);
        Some(if place.is_static {
            FaceMotion::Static
        } else if place.still >= self.after {
            place.is_static = true;
            FaceMotion::BecameStatic
        } else {
            FaceMotion::Moving
        })
    }

    /// The motion of a face that is at no known place: it has moved, is in front of a static face, or is new.
    fn elsewhere(&mut self, now: Duration, step: Duration, face: &Detection) -> FaceMotion {
        let overlapping =
            |place: &&mut Place| !place.is_taken && place.anchor.bbox.iou(&face.bbox) >= MIN_OVERLAP;
        let mut free = self.places.iter_mut().filter(overlapping);
        // A face in front of a static one has a place of its own after a while.
        let mut in_front_of = None;
        let left = free.find_map(|place| {
            if place.is_static {
                in_front_of = in_front_of.take().or(Some(place));
                None
            } else {
                Some(place)
            }
        });
        if let Some(place) = left {
            place.is_taken = true;
            place.last_seen = now;
            place.still = place.still.saturating_sub(step.saturating_mul(LOSS));
            if place.still.is_zero() {
                *place = Place::new(now, face);
            }
            return FaceMotion::Moving;
        }
        if let Some(place) = in_front_of {
            place.is_taken = true;
            place.outside = place.outside.saturating_add(step);
            if place.outside < MIN_OUTSIDE {
                return FaceMotion::Static;
            }
        }
        if self.places.is_full() {
            let oldest =
                self.places.iter().enumerate().min_by_key(|(_, place)| (place.is_static, place.last_seen));
            if let Some((index, _)) = oldest {
                self.places.swap_remove(index);
            }
        }
        // There is room: one was removed if there was none.
        let _ = self.places.push(Place::new(now, face));
        FaceMotion::Moving
    }
}

impl Place {
    fn new(now: Duration, face: &Detection) -> Self {
        Self {
            anchor: *face,
            frames: 1,
            still: Duration::ZERO,
            last_seen: now,
            outside: Duration::ZERO,
            is_static: false,
            is_taken: true,
        }
    }

    fn max_unseen(&self) -> Duration {
        if self.is_static { MAX_HIDDEN } else { MAX_UNSEEN }
    }

    /// Adds the landmarks of a frame to the mean, if it is one of the first.
    fn add_to_mean(&mut self, landmarks: &Landmarks) {
        if self.frames >= ANCHOR_FRAMES {
            return;
        }
        self.frames += 1;
        let share = 1.0 / f32::from(self.frames);
        for (mean, point) in self.anchor.landmarks.iter_mut().zip(landmarks) {
            mean.x += (point.x - mean.x) * share;
            mean.y += (point.y - mean.y) * share;
        }
    }
}

/// The mean distance of the landmarks of a face from those of a place, as a share of the width of the face there.
fn displacement(place: &Detection, face: &Detection) -> f32 {
    let pairs = place.landmarks.iter().zip(&face.landmarks);
    let sum: f32 = pairs.map(|(a, b)| Point::distance(*a, *b)).sum();
    sum / place.landmarks.len() as f32 / place.bbox.width
}

#[cfg(test)]
mod tests {
    use ostiary_core::BBox;

    use super::*;

    const AFTER: Duration = Duration::from_secs(120);
    /// Width of the faces, pixels.
    const WIDTH: f32 = 100.0;

    /// A face whose box begins at this point.
    fn face(x: f32, y: f32) -> Detection {
        let at = |dx: f32, dy: f32| Point { x: x + dx * WIDTH, y: y + dy * WIDTH };
        Detection {
            bbox: BBox { x, y, width: WIDTH, height: 1.3 * WIDTH },
            score: 1.0,
            landmarks: [at(0.3, 0.5), at(0.7, 0.5), at(0.5, 0.7), at(0.35, 1.0), at(0.65, 1.0)],
        }
    }

    /// Ten frames a second.
    struct Camera {
        faces: StaticFaces,
        frame: u32,
    }

    impl Camera {
        fn new() -> Self {
            Self { faces: StaticFaces::new(AFTER), frame: 0 }
        }

        fn frame(&mut self, faces: &[Detection]) -> Vec<FaceMotion> {
            self.frame += 1;
            self.faces.observe(Duration::from_millis(100) * self.frame, faces.iter()).to_vec()
        }

        /// Shows faces for some seconds, and returns the motion of the first one in each frame.
        fn show(&mut self, seconds: u32, faces: impl Fn(u32) -> Vec<Detection>) -> Vec<FaceMotion> {
            (0..10 * seconds).filter_map(|n| self.frame(&faces(n)).first().copied()).collect()
        }
    }

    /// A picture on the wall, with noise of 1 % of the width.
    fn picture(frame: u32) -> Detection {
        let noise = |seed: u32| (frame.wrapping_mul(seed).wrapping_add(seed) % 97) as f32 / 96.0 - 0.5;
        face(200.0 + 2.0 * noise(7919), 100.0 + 2.0 * noise(104_729))
    }

    /// A person who stands still, and sways by 4 % of the width of the face: half a centimeter.
    fn person(frame: u32) -> Detection {
        let phase = frame as f32 / 10.0;
        face(200.0 + 4.0 * (0.9 * phase).sin(), 100.0 + 3.0 * (0.5 * phase).sin())
    }

    fn count(motions: &[FaceMotion], motion: FaceMotion) -> usize {
        motions.iter().filter(|found| **found == motion).count()
    }

    #[test]
    fn a_picture_becomes_static_once_and_stays_so() {
        let mut camera = Camera::new();
        let before = camera.show(119, |n| vec![picture(n)]);
        assert_eq!(count(&before, FaceMotion::Moving), before.len());
        let after = camera.show(600, |n| vec![picture(n)]);
        assert_eq!(count(&after, FaceMotion::BecameStatic), 1);
        assert!(count(&after, FaceMotion::Moving) <= 15);
    }

    #[test]
    fn a_person_who_stands_still_is_not_static() {
        let mut camera = Camera::new();
        let motions = camera.show(1800, |n| vec![person(n)]);
        assert_eq!(count(&motions, FaceMotion::Moving), motions.len());
    }

    #[test]
    fn a_frame_that_is_off_changes_nothing() {
        let mut camera = Camera::new();
        camera.show(60, |n| vec![picture(n)]);
        camera.frame(&[face(210.0, 100.0)]);
        let motions = camera.show(65, |n| vec![picture(n)]);
        assert_eq!(count(&motions, FaceMotion::BecameStatic), 1);
        // While it is static, a frame that is off gives no chance.
        assert_eq!(camera.frame(&[face(210.0, 100.0)]), [FaceMotion::Static]);
    }

    #[test]
    fn a_person_before_a_static_face_is_seen_and_the_static_face_stays_static() {
        let mut camera = Camera::new();
        camera.show(130, |n| vec![picture(n)]);
        let before = |n: u32| vec![face(215.0 + 4.0 * (n as f32 / 5.0).sin(), 110.0)];
        let motions = camera.show(10, before);
        assert_eq!(count(&motions[..8], FaceMotion::Static), 8);
        assert_eq!(count(&motions[10..], FaceMotion::Moving), 90, "after a second");
        let motions = camera.show(10, |n| vec![picture(n)]);
        assert_eq!(count(&motions, FaceMotion::Static), motions.len());
    }

    #[test]
    fn a_person_beside_a_static_face_is_not_static() {
        let mut camera = Camera::new();
        camera.show(130, |n| vec![picture(n)]);
        for n in 0..100 {
            let beside = face(250.0 + n as f32, 100.0);
            assert_eq!(camera.frame(&[beside, picture(n)]), [FaceMotion::Moving, FaceMotion::Static]);
        }
    }

    #[test]
    fn a_hidden_picture_is_static_again_and_a_picture_that_was_moved_is_not() {
        let mut camera = Camera::new();
        camera.show(130, |n| vec![picture(n)]);
        camera.show(600, |_| vec![]);
        assert_eq!(camera.frame(&[picture(0)]), [FaceMotion::Static]);
        let moved = camera.show(100, |_| vec![face(400.0, 100.0)]);
        assert_eq!(count(&moved, FaceMotion::Moving), moved.len());
    }

    #[test]
    fn visits_at_the_same_place_do_not_add_up() {
        let mut camera = Camera::new();
        for _ in 0..60 {
            let motions = camera.show(20, |n| vec![picture(n)]);
            assert_eq!(count(&motions, FaceMotion::Moving), motions.len());
            camera.show(6, |_| vec![]);
        }
    }

    #[test]
    fn a_time_without_frames_does_not_count() {
        let mut camera = Camera::new();
        camera.show(60, |n| vec![picture(n)]);
        camera.frame += 30;
        let motions = camera.show(50, |n| vec![picture(n)]);
        assert_eq!(count(&motions, FaceMotion::Moving), motions.len());
    }

    #[test]
    fn numbers_that_are_not_finite_and_many_faces_are_no_static_faces() {
        let mut camera = Camera::new();
        let motions = camera.show(200, |_| vec![face(f32::NAN, 0.0)]);
        assert_eq!(count(&motions, FaceMotion::Moving), motions.len());
        let many: Vec<Detection> = (0..100).map(|n| face(200.0 * n as f32, 0.0)).collect();
        assert_eq!(camera.frame(&many).len(), MAX_FACES);
    }
}
