//! Following faces from frame to frame.
//!
//! A full detection is dear and a look with O-Net at a known place is cheap, so that between detections each face
//! is looked for where it should have moved to. What a track must never do is go from one person to another
//! unnoticed: a box that jumps, or an embedding that does, ends it, and the face begins a new one.

use std::time::Duration;

use ostiary_core::{BBox, Detection, Detections, Embedding, Frame, MAX_FACES, Point, TrackId};

use super::{Detector, VisionError};

/// A face that is found again overlaps the box where it was expected by at least so much (IoU).
const SAME_PLACE: f32 = 0.3;
/// Two tracks whose boxes overlap by more than this (IoU) follow one face.
const SAME_FACE: f32 = 0.5;
/// Embeddings of one track's successive good frames are alike to at least this cosine. Those of one person are
/// near 0.9 then; strangers before one camera reach about 0.4 seldom. A false alarm only begins a new track.
const SAME_PERSON: f32 = 0.4;
/// Frames in a row in which a face may be missed before its track ends.
const PATIENCE: u32 = 3;

/// One face in consecutive frames.
#[derive(Debug, Clone)]
pub struct Track {
    pub id: TrackId,
    /// The time of its first frame.
    pub first_seen: Duration,
    /// Where it was seen last.
    pub detection: Detection,
    /// How far it moved with the last frame, pixels.
    step: Point,
    /// Frames since it was seen.
    missed: u32,
    embedding: Option<Embedding>,
}

impl Track {
    /// Whether it was seen in the latest frame.
    pub fn is_seen(&self) -> bool {
        self.missed == 0
    }

    /// Where the face should be in the next frame.
    fn expected(&self) -> BBox {
        let BBox { x, y, width, height } = self.detection.bbox;
        BBox { x: x + self.step.x, y: y + self.step.y, width, height }
    }

    fn see(&mut self, detection: Detection) {
        let (before, now) = (self.detection.bbox.center(), detection.bbox.center());
        let is_step = self.missed == 0;
        self.step =
            if is_step { Point { x: now.x - before.x, y: now.y - before.y } } else { Point::default() };
        self.missed = 0;
        self.detection = detection;
    }

    fn miss(&mut self) {
        self.missed += 1;
        self.step = Point::default();
    }
}

/// The tracks that ended with a frame. A track ends once, and as many again can begin in the same frame.
pub type Ended = heapless::Vec<TrackId, { 2 * MAX_FACES }>;

/// Follows at most [`MAX_FACES`] faces; holds all its memory from the start.
pub struct Tracker {
    every: u32,
    since_detection: u32,
    next: u64,
    tracks: heapless::Vec<Track, MAX_FACES>,
    ended: Ended,
    found: Detections,
    boxes: heapless::Vec<BBox, MAX_FACES>,
    refound: heapless::Vec<Option<Detection>, MAX_FACES>,
}

impl Tracker {
    /// A tracker that makes a full detection in every `every`th frame, and while nothing is tracked.
    pub fn new(every: u32) -> Self {
        Self {
            every,
            since_detection: 0,
            next: 1,
            tracks: heapless::Vec::new(),
            ended: Ended::new(),
            found: Detections::new(),
            boxes: heapless::Vec::new(),
            refound: heapless::Vec::new(),
        }
    }

    /// Takes in the next frame; `true` where it was a full detection.
    pub fn look(&mut self, frame: &Frame, detector: &mut Detector) -> Result<bool, VisionError> {
        self.ended.clear();
        self.since_detection += 1;
        let detect = self.tracks.is_empty() || self.since_detection >= self.every;
        if detect {
            self.since_detection = 0;
            detector.detect(frame, &mut self.found)?;
            self.meet(frame.time);
        } else {
            self.boxes.clear();
            self.boxes.extend(self.tracks.iter().map(Track::expected));
            detector.refine(frame, &self.boxes, &mut self.refound)?;
            self.follow(frame.time);
        }
        self.tidy();
        Ok(detect)
    }

    /// The tracks, those missed in the latest frame among them.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The tracks that ended with the latest frame.
    pub fn ended(&self) -> &[TrackId] {
        &self.ended
    }

    /// The track that begins next.
    pub fn next_id(&self) -> TrackId {
        TrackId(self.next)
    }

    /// Goes on naming tracks from here; ids never go back.
    pub fn begin_at(&mut self, next: TrackId) {
        self.next = self.next.max(next.0);
    }

    /// The face of this track was embedded in the latest frame. Where it is another person's than before, the
    /// track ends and the face has a new one, which is returned.
    pub fn embedded(&mut self, id: TrackId, time: Duration, embedding: &Embedding) -> Option<TrackId> {
        let index = self.tracks.iter().position(|track| track.id == id)?;
        let last = self.tracks[index].embedding.replace(embedding.clone());
        // Written so that a similarity that is not a number is a change.
        if last.is_none_or(|last| last.similarity(embedding).0 >= SAME_PERSON) {
            return None;
        }
        let fresh = self.fresh(time, self.tracks[index].detection);
        let fresh = Track { embedding: Some(embedding.clone()), ..fresh };
        let new = fresh.id;
        self.tracks[index] = fresh;
        self.end(id);
        Some(new)
    }

    /// Gives each track the found face that lies most where it is expected; what is left over begins anew.
    fn meet(&mut self, time: Duration) {
        let mut met = [false; MAX_FACES];
        let mut given = [false; MAX_FACES];
        loop {
            let mut best = (SAME_PLACE, None);
            for (t, track) in self.tracks.iter().enumerate().filter(|(t, _)| !met[*t]) {
                for (f, face) in self.found.iter().enumerate().filter(|(f, _)| !given[*f]) {
                    let overlap = track.expected().iou(&face.bbox);
                    if overlap >= best.0 {
                        best = (overlap, Some((t, f)));
                    }
                }
            }
            let (_, Some((t, f))) = best else { break };
            (met[t], given[f]) = (true, true);
            self.tracks[t].see(self.found[f]);
        }
        self.tracks.iter_mut().zip(met).filter(|(_, met)| !met).for_each(|(track, _)| track.miss());
        for (f, _) in given.iter().enumerate().take(self.found.len()).filter(|(_, given)| !**given) {
            self.begin(time, self.found[f]);
        }
    }

    /// Takes in what O-Net saw where the faces were expected.
    fn follow(&mut self, time: Duration) {
        for index in 0..self.tracks.len() {
            let track = &mut self.tracks[index];
            match self.refound.get(index).copied().flatten() {
                None => track.miss(),
                Some(face) if track.expected().iou(&face.bbox) >= SAME_PLACE => track.see(face),
                Some(face) => {
                    let old = track.id;
                    self.tracks[index] = self.fresh(time, face);
                    self.end(old);
                }
            }
        }
    }

    /// Ends tracks that were missed too long, and the younger of two that follow one face.
    fn tidy(&mut self) {
        let mut index = 0;
        while index < self.tracks.len() {
            let track = &self.tracks[index];
            let double = self.tracks.iter().any(|older| {
                (older.missed, older.id) < (track.missed, track.id)
                    && older.detection.bbox.iou(&track.detection.bbox) > SAME_FACE
            });
            if double || track.missed > PATIENCE {
                let gone = self.tracks.swap_remove(index);
                self.end(gone.id);
            } else {
                index += 1;
            }
        }
    }

    fn begin(&mut self, time: Duration, detection: Detection) {
        if !self.tracks.is_full() {
            let fresh = self.fresh(time, detection);
            // There is room.
            let _ = self.tracks.push(fresh);
        }
    }

    fn fresh(&mut self, time: Duration, detection: Detection) -> Track {
        let id = TrackId(self.next);
        self.next += 1;
        Track { id, first_seen: time, detection, step: Point::default(), missed: 0, embedding: None }
    }

    fn end(&mut self, id: TrackId) {
        // There is room: at most twice in a frame can each place's track end.
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

    /// A frame of full detection without a detector.
    fn detected(tracker: &mut Tracker, time: u64, faces: &[Detection]) {
        tracker.ended.clear();
        tracker.found = faces.iter().copied().collect();
        tracker.meet(ms(time));
        tracker.tidy();
    }

    /// A frame in which O-Net looked at every track's place.
    fn followed(tracker: &mut Tracker, time: u64, faces: &[Option<Detection>]) {
        tracker.ended.clear();
        tracker.refound = faces.iter().copied().collect();
        tracker.follow(ms(time));
        tracker.tidy();
    }

    fn ids(tracker: &Tracker) -> Vec<u64> {
        tracker.tracks().iter().map(|track| track.id.0).collect()
    }

    #[test]
    fn a_face_that_moves_keeps_its_track_and_its_first_time() {
        let mut tracker = Tracker::new(10);
        detected(&mut tracker, 100, &[face(0.0, 0.0, 100.0)]);
        for step in 1..10 {
            followed(&mut tracker, 100 + step, &[Some(face(step as f32 * 20.0, 0.0, 100.0))]);
        }
        // In the meantime it has moved further than its own width.
        detected(&mut tracker, 200, &[face(200.0, 0.0, 100.0)]);
        assert_eq!(ids(&tracker), [1]);
        assert_eq!(tracker.tracks()[0].first_seen, ms(100));
    }

    #[test]
    fn a_box_that_jumps_ends_the_track() {
        let mut tracker = Tracker::new(10);
        detected(&mut tracker, 0, &[face(0.0, 0.0, 100.0)]);
        followed(&mut tracker, 1, &[Some(face(90.0, 0.0, 100.0))]);
        assert_eq!((ids(&tracker), tracker.ended()), (vec![2], [TrackId(1)].as_slice()));
        detected(&mut tracker, 2, &[face(400.0, 0.0, 100.0)]);
        assert_eq!(ids(&tracker), [2, 3], "the old one is missed, the new one is somebody else's");
        assert!(!tracker.tracks()[0].is_seen() && tracker.tracks()[1].is_seen());
    }

    #[test]
    fn a_face_may_be_missed_for_a_moment() {
        let mut tracker = Tracker::new(10);
        detected(&mut tracker, 0, &[face(0.0, 0.0, 100.0)]);
        for time in 0..u64::from(PATIENCE) {
            followed(&mut tracker, time, &[None]);
        }
        followed(&mut tracker, 8, &[Some(face(5.0, 0.0, 100.0))]);
        assert_eq!(ids(&tracker), [1]);
        for time in 0..=u64::from(PATIENCE) {
            followed(&mut tracker, time, &[None]);
        }
        assert_eq!((ids(&tracker), tracker.ended()), (vec![], [TrackId(1)].as_slice()));
    }

    #[test]
    fn of_two_tracks_on_one_face_the_older_stays() {
        let mut tracker = Tracker::new(10);
        detected(&mut tracker, 0, &[face(0.0, 0.0, 100.0), face(120.0, 0.0, 100.0)]);
        assert_eq!(ids(&tracker), [1, 2]);
        followed(&mut tracker, 1, &[Some(face(30.0, 0.0, 100.0)), Some(face(80.0, 0.0, 100.0))]);
        followed(&mut tracker, 2, &[Some(face(55.0, 0.0, 100.0)), Some(face(58.0, 0.0, 100.0))]);
        assert_eq!((ids(&tracker), tracker.ended()), (vec![1], [TrackId(2)].as_slice()));
    }

    #[test]
    fn another_persons_embedding_ends_the_track() {
        let unit = |values: &[f32]| Embedding::normalized(values).unwrap();
        let mut tracker = Tracker::new(10);
        detected(&mut tracker, 0, &[face(0.0, 0.0, 100.0)]);
        let id = TrackId(1);
        assert_eq!(tracker.embedded(id, ms(0), &unit(&[1.0, 0.0])), None);
        assert_eq!(tracker.embedded(id, ms(1), &unit(&[1.0, 0.4])), None);
        assert_eq!(tracker.embedded(id, ms(2), &unit(&[-0.4, 1.0])), Some(TrackId(2)));
        assert_eq!(tracker.ended(), [id]);
        assert_eq!(tracker.tracks()[0].first_seen, ms(2));
        assert_eq!(tracker.embedded(TrackId(2), ms(3), &unit(&[-0.4, 1.0])), None, "and it is the new one's");
        assert_eq!(tracker.embedded(id, ms(3), &unit(&[1.0, 0.0])), None, "a track that is gone stays gone");
    }

    fn any_face() -> impl Strategy<Value = Detection> {
        (-50f32..600.0, -50f32..400.0, 1f32..300.0).prop_map(|(x, y, side)| face(x, y, side))
    }

    proptest! {
        /// Whatever is seen: ids are unique for ever, each ends once at most, and who is neither ended nor
        /// newly begun goes on.
        #[test]
        fn every_track_begins_once_and_ends_once(
            frames in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any_face(), 0..12)), 1..40)
        ) {
            let mut tracker = Tracker::new(10);
            let mut over = HashSet::new();
            let mut before: HashSet<u64> = HashSet::new();
            for (time, (full, faces)) in frames.iter().enumerate() {
                if *full || tracker.tracks().is_empty() {
                    detected(&mut tracker, time as u64, faces);
                } else {
                    let seen: Vec<_> = (0..tracker.tracks().len()).map(|i| faces.get(i).copied()).collect();
                    followed(&mut tracker, time as u64, &seen);
                }
                let now: HashSet<u64> = ids(&tracker).into_iter().collect();
                prop_assert_eq!(now.len(), tracker.tracks().len(), "an id is there twice");
                for id in tracker.ended() {
                    prop_assert!(over.insert(id.0), "ended twice");
                }
                prop_assert!(now.is_disjoint(&over), "goes on after its end");
                prop_assert!(before.iter().all(|id| now.contains(id) || over.contains(id)), "lost without an end");
                for (i, a) in tracker.tracks().iter().enumerate() {
                    for b in &tracker.tracks()[i + 1..] {
                        prop_assert!(a.detection.bbox.iou(&b.detection.bbox) <= SAME_FACE, "one face, two tracks");
                    }
                }
                before = now;
            }
        }
    }
}
