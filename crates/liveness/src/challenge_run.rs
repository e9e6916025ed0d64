//! A challenge on the frames of a camera.

use std::time::Duration;

use ostiary_core::{Frame, Landmarks, TrackId};

use super::challenge::{Challenge, ChallengeRecord, MatchedPerson, ObservedFace, Status, Tracking, View};
use super::landmark_tracker::LandmarkTracker;
use super::steps::Steps;
use super::turn::TurnMeter;

/// A challenge of the face of one track. It follows the landmarks by optical flow while the person turns. Does not allocate after its
/// creation, for frames that are not larger than the first one.
#[derive(Debug)]
pub struct ChallengeRun {
    track: TrackId,
    challenge: Challenge,
    tracker: LandmarkTracker,
    /// `None` unless the person is to turn.
    meter: Option<TurnMeter>,
}

/// A face in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceInView {
    /// The track of the face.
    pub track: TrackId,
    /// Its landmarks, pixels.
    pub landmarks: Landmarks,
    /// The [`frontal_aspect`](super::frontal_aspect) of the face, if it looks at the camera.
    pub frontal_aspect: Option<f32>,
    /// The person, if the face was compared in this frame and matches.
    pub matched: Option<MatchedPerson>,
}

impl ChallengeRun {
    /// Starts a challenge of the face of a track, after this frame. The second steps are used if the landmarks are lost.
    pub fn new(track: TrackId, steps: Steps, second_steps: Steps, frame: &Frame) -> Self {
        Self {
            track,
            challenge: Challenge::new(steps, second_steps, frame.time),
            tracker: LandmarkTracker::new(frame.width(), frame.height()),
            meter: None,
        }
    }

    /// The track of the face.
    pub fn track(&self) -> TrackId {
        self.track
    }

    /// The time of the latest frame.
    pub fn now(&self) -> Duration {
        self.challenge.now()
    }

    /// The frame time at which the time for the challenge is over.
    pub fn deadline(&self) -> Duration {
        self.challenge.deadline()
    }

    /// What happened so far.
    pub fn record(&self) -> &ChallengeRecord {
        self.challenge.record()
    }

    /// Processes the next frame with the faces in view. `has_ended`: the track has ended. A face of a track that goes on is
    /// in view even if the detector missed it in this frame.
    pub fn observe(&mut self, frame: &Frame, faces: &[FaceInView], has_ended: bool) -> Status {
        let turn = self.meter.as_mut().and_then(|meter| meter.measure(&self.tracker.follow(frame)?));
        let tracking = turn.map_or(Tracking::Lost, Tracking::Followed);
        let observed = |face: &FaceInView| ObservedFace {
            track: face.track,
            matched: face.matched,
            frontal_aspect: face.frontal_aspect,
            tracking,
        };
        let missed = ObservedFace { track: self.track, matched: None, frontal_aspect: None, tracking };
        let own = faces.iter().find(|face| face.track == self.track);
        let view = match (faces, own) {
            ([_, _, ..], _) => View::SeveralFaces,
            ([_], None) if !has_ended => View::SeveralFaces,
            (_, Some(face)) => View::OneFace(observed(face)),
            ([other, ..], None) => View::OneFace(observed(other)),
            ([], None) if has_ended => View::NoFace,
            ([], None) => View::OneFace(missed),
        };
        let status = self.challenge.observe(frame.time, view);
        match (status, own) {
            (Status::Turn { is_start: true, .. }, Some(face)) => {
                self.tracker.start(frame, &face.landmarks);
                self.meter = TurnMeter::new(&face.landmarks);
            }
            (Status::Turn { .. }, _) => {}
            _ => self.meter = None,
        }
        status
    }
}
