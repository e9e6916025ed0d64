//! Tracks faces from frame to frame.
//!
//! A full detection is slow, and O-Net at a known position is fast. So between two detections each face is searched at its
//! predicted position, and while nobody is there, only a picture that has changed is searched ([`ChangeDetector`]). A track must never pass from one person to another: if its box jumps, or if the caller finds another person's
//! face ([`Tracker::restart`]), the track ends, and the face gets a new one.

#![expect(
    clippy::indexing_slicing,
    reason = "indices come from enumerating the lists of tracks and detections, which have at most MAX_FACES entries"
)]

use std::time::Duration;

use ostiary_core::{BBox, Detection, Detections, Frame, MAX_FACES, Point, TrackId};

use super::change_detector::ChangeDetector;
use super::{Detector, VisionError};

/// Smallest overlap (IoU) of a detection with the predicted box of its track.
const MIN_TRACK_IOU: f32 = 0.3;
/// Two tracks whose boxes overlap by more than this (IoU) follow the same face.
const DUPLICATE_IOU: f32 = 0.5;
/// Maximum number of consecutive frames in which the face of a track may be missing.
const MAX_MISSED_FRAMES: u32 = 3;

/// One face in consecutive frames.
#[derive(Debug, Clone)]
pub struct Track {
    /// Number of the track.
    pub id: TrackId,
    /// Time of its first frame.
    pub first_seen: Duration,
    /// The latest detection of the face.
    pub detection: Detection,
    /// Motion of the center of the box in the last frame, pixels.
    motion: Point,
    /// Number of frames since the latest detection.
    missed_frames: u32,
}

impl Track {
    /// Whether the face was found in the latest frame.
    pub fn is_visible(&self) -> bool {
        self.missed_frames == 0
    }

    /// The predicted box in the next frame: the motion of the last frame continues.
    fn predicted_box(&self) -> BBox {
        let BBox { x, y, width, height } = self.detection.bbox;
        BBox { x: x + self.motion.x, y: y + self.motion.y, width, height }
    }

    /// Records the detection of the face in the current frame.
    fn update(&mut self, detection: Detection) {
        let (before, now) = (self.detection.bbox.center(), detection.bbox.center());
        self.motion = match self.missed_frames {
            0 => Point { x: now.x - before.x, y: now.y - before.y },
            _ => Point::default(),
        };
        self.missed_frames = 0;
        self.detection = detection;
    }

    /// Records that the face was not found in the current frame.
    fn record_miss(&mut self) {
        self.missed_frames += 1;
        self.motion = Point::default();
    }
}

/// The tracks that ended with a frame: at most the existing ones, and as many new ones that ended in the same frame.
type EndedTracks = heapless::Vec<TrackId, { 2 * MAX_FACES }>;

/// Tracks at most [`MAX_FACES`] faces. Does not allocate after its creation.
pub struct Tracker {
    /// A full detection runs in every Nth frame.
    detection_interval: u32,
    /// Frames since the last full detection.
    since_detection: u32,
    /// Says which frames are searched while there are no tracks.
    changes: ChangeDetector,
    /// Time of the latest frame.
    time: Duration,
    /// The next id.
    next_id: u64,
    tracks: heapless::Vec<Track, MAX_FACES>,
    ended: EndedTracks,
    /// Result of the full detection.
    detections: Detections,
    /// Predicted boxes of the tracks, in their order.
    predicted_boxes: heapless::Vec<BBox, MAX_FACES>,
    /// Result of O-Net at the predicted boxes, in the order of the tracks.
    refined: heapless::Vec<Option<Detection>, MAX_FACES>,
}

impl Tracker {
    /// Makes a tracker that runs a full detection in every Nth frame (`detection_interval`). While there are no tracks, it runs one
    /// in each frame that differs by as much as a face of `min_face` pixels from the one in which nobody was found, in those of
    /// the two seconds after, and every three seconds.
    pub fn new(detection_interval: u32, min_face: u32) -> Self {
        Self {
            detection_interval,
            since_detection: 0,
            changes: ChangeDetector::new(min_face),
            time: Duration::ZERO,
            next_id: 1,
            tracks: heapless::Vec::new(),
            ended: EndedTracks::new(),
            detections: Detections::new(),
            predicted_boxes: heapless::Vec::new(),
            refined: heapless::Vec::new(),
        }
    }

    /// Processes the next frame. Returns whether the full detector ran.
    ///
    /// # Errors
    /// A network fails.
    pub fn update(&mut self, frame: &Frame, detector: &mut Detector) -> Result<bool, VisionError> {
        self.ended.clear();
        self.time = frame.time;
        self.since_detection = self.since_detection.saturating_add(1);
        let is_empty = self.tracks.is_empty();
        let detect = match is_empty {
            true => self.changes.needs_search(frame),
            false => self.since_detection >= self.detection_interval,
        };
        if detect {
            self.since_detection = 0;
            detector.detect(frame, &mut self.detections)?;
            self.associate(frame.time);
        } else if !is_empty {
            self.predicted_boxes.clear();
            self.predicted_boxes.extend(self.tracks.iter().map(Track::predicted_box));
            detector.refine(frame, &self.predicted_boxes, &mut self.refined)?;
            self.apply_refined(frame.time);
        }
        self.remove_ended();
        if !is_empty {
            self.changes.face_in_view(frame.time);
        }
        Ok(detect)
    }

    /// All tracks, including those whose face was not found in the latest frame.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Whether nobody was in the latest frame, and nothing has changed for two seconds.
    pub fn is_idle(&self) -> bool {
        self.tracks.is_empty() && !self.changes.is_searching(self.time)
    }

    /// The tracks that ended with the latest frame.
    pub fn ended(&self) -> &[TrackId] {
        &self.ended
    }

    /// The id of the next new track.
    pub fn next_id(&self) -> TrackId {
        TrackId(self.next_id)
    }

    /// Raises the id of the next new track to `next`; a lower value changes nothing.
    pub fn start_ids_at(&mut self, next: TrackId) {
        self.next_id = self.next_id.max(next.0);
    }

    /// Ends a track whose face is another person's from the latest frame on, at `time`. Returns the id of the face's new track;
    /// `None` if there is no such track.
    pub fn restart(&mut self, id: TrackId, time: Duration) -> Option<TrackId> {
        let index = self.tracks.iter().position(|track| track.id == id)?;
        let new = self.new_track(time, self.tracks[index].detection);
        let new_id = new.id;
        self.tracks[index] = new;
        self.end_track(id);
        Some(new_id)
    }

    /// Assigns detections to tracks, pairs with the largest overlap first (greedy). The remaining detections begin new
    /// tracks.
    fn associate(&mut self, time: Duration) {
        let mut track_assigned = [false; MAX_FACES];
        let mut detection_assigned = [false; MAX_FACES];
        loop {
            let mut best = (MIN_TRACK_IOU, None);
            for (t, track) in self.tracks.iter().enumerate().filter(|(t, _)| !track_assigned[*t]) {
                let unassigned = self.detections.iter().enumerate().filter(|(d, _)| !detection_assigned[*d]);
                for (d, detection) in unassigned {
                    let overlap = track.predicted_box().iou(&detection.bbox);
                    if overlap >= best.0 {
                        best = (overlap, Some((t, d)));
                    }
                }
            }
            let (_, Some((t, d))) = best else { break };
            (track_assigned[t], detection_assigned[d]) = (true, true);
            self.tracks[t].update(self.detections[d]);
        }
        for (track, _) in self.tracks.iter_mut().zip(track_assigned).filter(|(_, assigned)| !assigned) {
            track.record_miss();
        }
        for d in (0..self.detections.len()).filter(|d| !detection_assigned[*d]) {
            self.begin_track(time, self.detections[d]);
        }
    }

    /// Updates the tracks with the result of O-Net at the predicted boxes.
    fn apply_refined(&mut self, time: Duration) {
        for index in 0..self.tracks.len() {
            let track = &mut self.tracks[index];
            match self.refined.get(index).copied().flatten() {
                None => track.record_miss(),
                Some(face) if track.predicted_box().iou(&face.bbox) >= MIN_TRACK_IOU => track.update(face),
                Some(face) => {
                    let old = track.id;
                    self.tracks[index] = self.new_track(time, face);
                    self.end_track(old);
                }
            }
        }
    }

    /// Ends tracks whose face is missing for too long, and the younger one of two tracks that follow the same face.
    fn remove_ended(&mut self) {
        let mut index = 0;
        while index < self.tracks.len() {
            let track = &self.tracks[index];
            let is_duplicate = self.tracks.iter().any(|older| {
                (older.missed_frames, older.id) < (track.missed_frames, track.id)
                    && older.detection.bbox.iou(&track.detection.bbox) > DUPLICATE_IOU
            });
            if is_duplicate || track.missed_frames > MAX_MISSED_FRAMES {
                let ended = self.tracks.swap_remove(index);
                self.end_track(ended.id);
            } else {
                index += 1;
            }
        }
    }

    /// Begins a track unless there are [`MAX_FACES`] tracks.
    fn begin_track(&mut self, time: Duration, detection: Detection) {
        if !self.tracks.is_full() {
            let track = self.new_track(time, detection);
            // Cannot fail: the list is not full.
            let _ = self.tracks.push(track);
        }
    }

    fn new_track(&mut self, time: Duration, detection: Detection) -> Track {
        let id = TrackId(self.next_id);
        self.next_id += 1;
        Track { id, first_seen: time, detection, motion: Point::default(), missed_frames: 0 }
    }

    fn end_track(&mut self, id: TrackId) {
        // Cannot fail: in one frame at most two tracks end at each place of the list.
        let _ = self.ended.push(id);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn face(x: f32, y: f32, side: f32) -> Detection {
        Detection {
            bbox: BBox { x, y, width: side, height: side },
            score: 0.99,
            landmarks: Default::default(),
        }
    }

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    /// Processes a frame as if the full detector had found these faces.
    fn with_detections(tracker: &mut Tracker, time: u64, faces: &[Detection]) {
        tracker.ended.clear();
        tracker.detections = faces.iter().copied().collect();
        tracker.associate(ms(time));
        tracker.remove_ended();
    }

    /// Processes a frame as if O-Net had found these faces at the predicted boxes of the tracks.
    fn with_refined(tracker: &mut Tracker, time: u64, faces: &[Option<Detection>]) {
        tracker.ended.clear();
        tracker.refined = faces.iter().copied().collect();
        tracker.apply_refined(ms(time));
        tracker.remove_ended();
    }

    fn ids(tracker: &Tracker) -> Vec<u64> {
        tracker.tracks().iter().map(|track| track.id.0).collect()
    }

    #[test]
    fn a_moving_face_keeps_its_track_and_first_time() {
        let mut tracker = Tracker::new(10, 40);
        with_detections(&mut tracker, 100, &[face(0.0, 0.0, 100.0)]);
        for step in 1..10 {
            with_refined(&mut tracker, 100 + step, &[Some(face(step as f32 * 20.0, 0.0, 100.0))]);
        }
        // By now it has moved by more than its width.
        with_detections(&mut tracker, 200, &[face(200.0, 0.0, 100.0)]);
        assert_eq!(ids(&tracker), [1]);
        assert_eq!(tracker.tracks()[0].first_seen, ms(100));
    }

    #[test]
    fn a_jump_of_the_box_ends_the_track() {
        let mut tracker = Tracker::new(10, 40);
        with_detections(&mut tracker, 0, &[face(0.0, 0.0, 100.0)]);
        with_refined(&mut tracker, 1, &[Some(face(90.0, 0.0, 100.0))]);
        assert_eq!((ids(&tracker), tracker.ended()), (vec![2], [TrackId(1)].as_slice()));
        with_detections(&mut tracker, 2, &[face(400.0, 0.0, 100.0)]);
        assert_eq!(ids(&tracker), [2, 3], "track 2 is missing, and the new face has a track of its own");
        assert!(!tracker.tracks()[0].is_visible() && tracker.tracks()[1].is_visible());
    }

    #[test]
    fn a_track_survives_a_few_missed_frames() {
        let mut tracker = Tracker::new(10, 40);
        with_detections(&mut tracker, 0, &[face(0.0, 0.0, 100.0)]);
        for time in 0..u64::from(MAX_MISSED_FRAMES) {
            with_refined(&mut tracker, time, &[None]);
        }
        with_refined(&mut tracker, 8, &[Some(face(5.0, 0.0, 100.0))]);
        assert_eq!(ids(&tracker), [1]);
        for time in 0..=u64::from(MAX_MISSED_FRAMES) {
            with_refined(&mut tracker, time, &[None]);
        }
        assert_eq!((ids(&tracker), tracker.ended()), (vec![], [TrackId(1)].as_slice()));
    }

    #[test]
    fn the_older_of_two_tracks_on_one_face_stays() {
        let mut tracker = Tracker::new(10, 40);
        with_detections(&mut tracker, 0, &[face(0.0, 0.0, 100.0), face(120.0, 0.0, 100.0)]);
        assert_eq!(ids(&tracker), [1, 2]);
        with_refined(&mut tracker, 1, &[Some(face(30.0, 0.0, 100.0)), Some(face(80.0, 0.0, 100.0))]);
        with_refined(&mut tracker, 2, &[Some(face(55.0, 0.0, 100.0)), Some(face(58.0, 0.0, 100.0))]);
        assert_eq!((ids(&tracker), tracker.ended()), (vec![1], [TrackId(2)].as_slice()));
    }

    #[test]
    fn a_face_of_another_person_gets_a_new_track() {
        let mut tracker = Tracker::new(10, 40);
        with_detections(&mut tracker, 0, &[face(0.0, 0.0, 100.0)]);
        let id = TrackId(1);
        assert_eq!(tracker.restart(id, ms(2)), Some(TrackId(2)));
        assert_eq!(tracker.ended(), [id]);
        assert_eq!(tracker.tracks()[0].first_seen, ms(2));
        assert_eq!(tracker.restart(id, ms(3)), None, "an ended track is not changed");
    }

    fn any_face() -> impl Strategy<Value = Detection> {
        (-50f32..600.0, -50f32..400.0, 1f32..300.0).prop_map(|(x, y, side)| face(x, y, side))
    }

    proptest! {
        /// For any detections: ids are unique, each track ends at most once, and a track that did not end continues.
        #[test]
        fn every_track_begins_once_and_ends_once(
            frames in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any_face(), 0..12)), 1..40)
        ) {
            let mut tracker = Tracker::new(10, 40);
            let mut ended = HashSet::new();
            let mut before: HashSet<u64> = HashSet::new();
            for (time, (full, faces)) in frames.iter().enumerate() {
                if *full || tracker.tracks().is_empty() {
                    with_detections(&mut tracker, time as u64, faces);
                } else {
                    let refined: Vec<_> = (0..tracker.tracks().len()).map(|i| faces.get(i).copied()).collect();
                    with_refined(&mut tracker, time as u64, &refined);
                }
                let now: HashSet<u64> = ids(&tracker).into_iter().collect();
                prop_assert_eq!(now.len(), tracker.tracks().len(), "an id exists twice");
                for id in tracker.ended() {
                    prop_assert!(ended.insert(id.0), "ended twice");
                }
                prop_assert!(now.is_disjoint(&ended), "continues after its end");
                prop_assert!(before.iter().all(|id| now.contains(id) || ended.contains(id)), "disappeared without an end");
                for (i, a) in tracker.tracks().iter().enumerate() {
                    for b in &tracker.tracks()[i + 1..] {
                        prop_assert!(a.detection.bbox.iou(&b.detection.bbox) <= DUPLICATE_IOU, "one face, two tracks");
                    }
                }
                before = now;
            }
        }
    }
}
