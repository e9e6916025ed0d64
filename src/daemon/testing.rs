//! What the tests of several threads share: a pipeline that is replaced, and rules.

#![allow(clippy::panic, reason = "a pipeline that panics is one of the tested failures")]

use std::thread;
use std::time::Duration;

use ostiary_access::{Decision, DecisionRules, LivenessRules, Outcome, VisitRecord};
use ostiary_config as config;
use ostiary_config::{ClockTrust, Hours};
use ostiary_core::{Frame, ModelId, Quality, Similarity, TrackId};
use ostiary_events::DecisionDetails;
use ostiary_facebank::Gallery;
use ostiary_pipeline::TrackedFace;
use ostiary_vision::VisionError;

use super::shared::DoorMessage;
use super::vision_worker::{AccessRules, FrameProcessor};

/// What a processor does with a frame.
#[derive(Clone, Copy, PartialEq)]
pub enum Failure {
    /// It gives its faces.
    None,
    /// It panics.
    Panics,
    /// It gives an error.
    Fails,
    /// It never returns.
    Hangs,
}

/// A processor that finds the same faces in each frame, or fails.
pub struct TestProcessor {
    pub failure: Failure,
    pub gallery: Gallery,
    pub model: ModelId,
    pub faces: Vec<TrackedFace>,
}

impl TestProcessor {
    /// A processor without faces and people.
    pub fn new(failure: Failure) -> Self {
        Self { failure, gallery: Gallery::default(), model: ModelId("test".into()), faces: Vec::new() }
    }
}

impl FrameProcessor for TestProcessor {
    fn process(&mut self, _: &Frame) -> Result<&[TrackedFace], VisionError> {
        match self.failure {
            Failure::None => Ok(&self.faces),
            Failure::Panics => panic!("broken on purpose"),
            Failure::Fails => Err(VisionError::NoEmbedding),
            Failure::Hangs => loop {
                thread::park();
            },
        }
    }
    fn faces(&self) -> &[TrackedFace] {
        &self.faces
    }
    fn ended(&self) -> &[TrackId] {
        &[]
    }
    fn gallery(&self) -> &Gallery {
        &self.gallery
    }
    fn set_gallery(&mut self, gallery: Gallery) {
        self.gallery = gallery;
    }
    fn model(&self) -> &ModelId {
        &self.model
    }
    fn fpir(&self) -> Option<f64> {
        None
    }
    fn is_idle(&self) -> bool {
        self.faces.is_empty()
    }
    fn next_track(&self) -> TrackId {
        TrackId(1)
    }
    fn set_next_track(&mut self, _: TrackId) {}
}

/// The message of a decision about a face, of Ann if it is a grant.
pub fn decided(outcome: Outcome) -> DoorMessage {
    let decision = Decision {
        time: Duration::ZERO,
        track: TrackId(1),
        first_seen: Duration::ZERO,
        outcome,
        person: None,
        nearest: None,
        similarity: Some(Similarity(0.9)),
        second: None,
        cosine: Some(Similarity(0.9)),
        threshold: Some(Similarity(0.5)),
        quality: Quality::default(),
        faces_in_view: 1,
        frames: 3,
        visit: VisitRecord::new(DecisionRules::new(&config::Door::default(), LivenessRules::OFF)),
    };
    let details = DecisionDetails {
        person: (outcome == Outcome::Granted).then(|| "Ann".into()),
        detail: None,
        model: ModelId("broken".into()),
        people: 1,
        fpir: None,
    };
    DoorMessage::Decided { decision: Box::new(decision), details }
}

/// Rules by which one moment without a match is unknown.
pub fn rules() -> AccessRules {
    let door = config::Door { unknown_after: 1, ..config::Door::default() };
    let (lockout, hours) = (config::Lockout::default(), Hours::default());
    let liveness = LivenessRules::OFF;
    AccessRules { door, liveness, steps: 2, lockout, hours, trust: ClockTrust::default() }
}
