//! The best picture of the face of each track in view, until the track ends: if it was a stranger's, it is handed on.

use ostiary_access::{DenialReason, Outcome};
use ostiary_core::{Frame, TrackId};
use ostiary_pipeline::TrackedFace;
use ostiary_vision::crop_face;

use super::snapshot_slots::{SnapshotSlots, new_picture};

/// The most tracks at a time of which pictures are held. A face beyond these gets none.
const PLACES: usize = 4;

/// The pictures of the tracks in view; without places while none are kept.
#[derive(Default)]
pub struct TrackSnapshots {
    places: Vec<Place>,
}

/// The place of a track's picture: free without a track.
struct Place {
    track: Option<TrackId>,
    picture: Frame,
    /// The weight of the face in the picture; 0 without one.
    weight: f32,
    whose: Whose,
}

/// Whose face the decisions about a track say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Nothing was decided.
    Undecided,
    /// A stranger's: it was refused as unknown, and nothing else was decided.
    Stranger,
    /// Perhaps an enrolled person's, or a picture's.
    Other,
}

impl TrackSnapshots {
    /// Makes room for pictures, or drops it with all pictures in it. Costs nothing if that has not changed.
    pub fn set_kept(&mut self, is_kept: bool, slots: &SnapshotSlots) {
        if is_kept != self.places.is_empty() {
            return;
        }
        self.places.clear();
        if is_kept {
            slots.allocate();
            let place =
                || Place { track: None, picture: new_picture(), weight: 0.0, whose: Whose::Undecided };
            self.places.extend(std::iter::repeat_with(place).take(PLACES));
        }
    }

    /// Takes the picture of a face that is good enough to be compared, if it is the best one of its track.
    pub fn see(&mut self, frame: &Frame, face: &TrackedFace) {
        if self.places.is_empty() || !face.embedded {
            return;
        }
        let Some(place) = self.place_of(face.track) else { return };
        let weight = face.quality.weight();
        if place.whose == Whose::Other || weight <= place.weight {
            return;
        }
        // Without a picture if the box cannot be cut out: the pixels are unspecified then.
        place.weight = if crop_face(frame, &face.detection.bbox, &mut place.picture) { weight } else { 0.0 };
    }

    /// Takes note of a decision about a track.
    pub fn decided(&mut self, track: TrackId, outcome: Outcome) {
        if let Some(place) = self.places.iter_mut().find(|place| place.track == Some(track)) {
            let is_unknown = outcome == Outcome::Denied(DenialReason::Unknown);
            place.whose = match place.whose {
                Whose::Undecided | Whose::Stranger if is_unknown => Whose::Stranger,
                _ => Whose::Other,
            };
        }
    }

    /// Hands on the picture of a track that has ended, if it was a stranger's, and frees its place.
    pub fn ended(&mut self, track: TrackId, slots: &SnapshotSlots) {
        if let Some(place) = self.places.iter_mut().find(|place| place.track == Some(track)) {
            place.end(slots);
        }
    }

    /// Does this for all tracks.
    pub fn all_ended(&mut self, slots: &SnapshotSlots) {
        self.places.iter_mut().for_each(|place| place.end(slots));
    }

    /// The place of a track, which is given one if there is a free one.
    fn place_of(&mut self, track: TrackId) -> Option<&mut Place> {
        if let Some(index) = self.places.iter().position(|place| place.track == Some(track)) {
            return self.places.get_mut(index);
        }
        let place = self.places.iter_mut().find(|place| place.track.is_none())?;
        (place.track, place.weight, place.whose) = (Some(track), 0.0, Whose::Undecided);
        Some(place)
    }
}

impl Place {
    fn end(&mut self, slots: &SnapshotSlots) {
        if let Some(track) = self.track.take()
            && self.whose == Whose::Stranger
            && self.weight > 0.0
        {
            slots.put(track, &mut self.picture);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ostiary_core::{Detection, Quality};
    use ostiary_pipeline::TrackLiveness;

    use super::*;

    const UNKNOWN: Outcome = Outcome::Denied(DenialReason::Unknown);

    fn face(track: u64, sharpness: f32) -> TrackedFace {
        TrackedFace {
            track: TrackId(track),
            first_seen: Duration::ZERO,
            detection: Detection {
                bbox: [30.0, 30.0, 20.0, 20.0].into(),
                score: 1.0,
                landmarks: [[0.0, 0.0].into(); 5],
            },
            quality: Quality { sharpness, size: 100.0, ..Quality::default() },
            fault: None,
            embedded: true,
            moments: 1,
            candidate: None,
            liveness: TrackLiveness::default(),
        }
    }

    /// A frame of one color.
    fn frame(value: u8) -> Frame {
        Frame::from_rgb(80, 80, vec![value; 80 * 80 * 3]).unwrap()
    }

    fn taken(slots: &SnapshotSlots) -> Vec<(u64, u8)> {
        let mut picture = new_picture();
        std::iter::from_fn(|| slots.take(&mut picture).map(|track| (track.0, picture.rgb()[0]))).collect()
    }

    #[test]
    fn the_best_picture_of_a_stranger_is_handed_on_when_the_visit_ends() {
        let (mut snapshots, slots) = (TrackSnapshots::default(), SnapshotSlots::default());
        snapshots.set_kept(true, &slots);
        for (value, sharpness) in [(1, 50.0), (2, 90.0), (3, 70.0)] {
            snapshots.see(&frame(value), &face(7, sharpness));
        }
        snapshots.see(&frame(4), &TrackedFace { embedded: false, ..face(7, 100.0) });
        snapshots.decided(TrackId(7), UNKNOWN);
        assert_eq!(taken(&slots), [], "the visit goes on");
        snapshots.ended(TrackId(7), &slots);
        assert_eq!(taken(&slots), [(7, 2)]);
        snapshots.ended(TrackId(7), &slots);
        assert_eq!(taken(&slots), []);
    }

    #[test]
    fn only_strangers_have_pictures_and_each_place_is_used_again() {
        let (mut snapshots, slots) = (TrackSnapshots::default(), SnapshotSlots::default());
        snapshots.set_kept(true, &slots);
        let others = [
            Outcome::Granted,
            Outcome::Denied(DenialReason::Spoof),
            Outcome::Denied(DenialReason::NotLive),
            Outcome::Denied(DenialReason::Ambiguous),
            Outcome::Denied(DenialReason::StaticFace),
        ];
        for (track, other) in (0..).zip(others) {
            for outcomes in [&[other][..], &[UNKNOWN, other], &[other, UNKNOWN], &[]] {
                snapshots.see(&frame(1), &face(track, 50.0));
                outcomes.iter().for_each(|outcome| snapshots.decided(TrackId(track), *outcome));
                snapshots.ended(TrackId(track), &slots);
                assert_eq!(taken(&slots), [], "{outcomes:?}");
            }
        }
        for track in 10..20 {
            snapshots.see(&frame(1), &face(track, 50.0));
            snapshots.decided(TrackId(track), UNKNOWN);
        }
        snapshots.all_ended(&slots);
        assert_eq!(taken(&slots).len(), PLACES);
    }

    #[test]
    fn without_the_owners_wish_nothing_is_held() {
        let (mut snapshots, slots) = (TrackSnapshots::default(), SnapshotSlots::default());
        let see = |snapshots: &mut TrackSnapshots| {
            snapshots.see(&frame(1), &face(1, 50.0));
            snapshots.decided(TrackId(1), UNKNOWN);
        };
        see(&mut snapshots);
        assert!(snapshots.places.is_empty());
        snapshots.set_kept(true, &slots);
        see(&mut snapshots);
        snapshots.set_kept(false, &slots);
        snapshots.ended(TrackId(1), &slots);
        assert_eq!(taken(&slots), []);
    }
}
