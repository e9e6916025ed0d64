//! The vision thread: from the newest frame to decisions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_access::{Access, Decider, Decision, Decisions, DenialReason, Observation, Outcome, access};
use ostiary_capture::Taken;
use ostiary_config as config;
use ostiary_config::{ClockTrust, Hours};
use ostiary_core::{Candidate, Frame, MAX_FACES, ModelId, PersonId, Similarity, TrackId};
use ostiary_facebank::Gallery;
use ostiary_pipeline::{RecognitionPipeline, TrackedFace};
use ostiary_vision::VisionError;

use super::progress::Worker;
use super::shared::{DoorMessage, Shared};

/// How long to wait for a frame at a time.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the thread looks with: an [`RecognitionPipeline`], or in a test one that fails as no real one should.
pub trait FrameProcessor: Send {
    fn look(&mut self, frame: &Frame) -> Result<&[TrackedFace], VisionError>;
    /// What the latest look saw.
    fn seen(&self) -> &[TrackedFace];
    fn ended(&self) -> &[TrackId];
    fn gallery(&self) -> &Gallery;
    fn set_gallery(&mut self, gallery: Gallery);
    fn model(&self) -> &ModelId;
    /// The track that begins next.
    fn next_track(&self) -> TrackId;
    /// Goes on where another eye ended, so that no track is named twice.
    fn begin_at(&mut self, next: TrackId);
}

impl FrameProcessor for RecognitionPipeline {
    fn look(&mut self, frame: &Frame) -> Result<&[TrackedFace], VisionError> {
        RecognitionPipeline::process(self, frame)
    }

    fn seen(&self) -> &[TrackedFace] {
        RecognitionPipeline::faces(self)
    }

    fn ended(&self) -> &[TrackId] {
        RecognitionPipeline::ended_tracks(self)
    }

    fn gallery(&self) -> &Gallery {
        RecognitionPipeline::gallery(self)
    }

    fn set_gallery(&mut self, gallery: Gallery) {
        RecognitionPipeline::set_gallery(self, gallery);
    }

    fn model(&self) -> &ModelId {
        RecognitionPipeline::model(self)
    }

    fn next_track(&self) -> TrackId {
        RecognitionPipeline::next_track_id(self)
    }

    fn begin_at(&mut self, next: TrackId) {
        RecognitionPipeline::start_track_ids_at(self, next);
    }
}

/// What the vision thread has to change before its next frame.
#[derive(Default)]
pub struct PendingUpdate {
    pub processor: Option<Box<dyn FrameProcessor>>,
    pub gallery: Option<Gallery>,
    pub rules: Option<Rules>,
}

/// When to open, and for whom at which hours.
pub struct Rules {
    pub door: config::Door,
    /// The cosine that `door.far` stands for.
    pub threshold: Similarity,
    pub hours: Hours,
    /// What the clock must show before the hours go by it.
    pub trust: ClockTrust,
}

/// One frame with what was made of it, for whoever looks on.
pub struct FrameResult<'a> {
    pub frame: &'a Frame,
    pub seen: &'a [TrackedFace],
    pub decisions: &'a [Decision],
    pub gallery: &'a Gallery,
}

/// Looks on while the vision thread works, and keeps it waiting meanwhile.
pub type FrameObserver = Box<dyn FnMut(&FrameResult<'_>) + Send>;

/// The thread's own.
pub struct VisionWorker {
    shared: Arc<Shared>,
    pending_update: Arc<Mutex<PendingUpdate>>,
    processor: Box<dyn FrameProcessor>,
    decider: Decider,
    hours: Hours,
    trust: ClockTrust,
    frame_observer: Option<FrameObserver>,
    /// The faces of the latest frame, and its time.
    faces: heapless::Vec<Observation, MAX_FACES>,
    time: Duration,
}

impl VisionWorker {
    pub fn new(
        shared: Arc<Shared>,
        processor: Box<dyn FrameProcessor>,
        rules: Rules,
        frame_observer: Option<FrameObserver>,
    ) -> Self {
        Self {
            shared,
            pending_update: Arc::default(),
            processor,
            decider: Decider::new(&rules.door, rules.threshold),
            hours: rules.hours,
            trust: rules.trust,
            frame_observer,
            faces: heapless::Vec::new(),
            time: Duration::ZERO,
        }
    }

    /// Where to leave orders.
    pub fn pending_update(&self) -> Arc<Mutex<PendingUpdate>> {
        self.pending_update.clone()
    }

    /// Runs until the frames end or the daemon stops. An error has locked the door.
    pub fn run(mut self) -> Result<(), String> {
        let result = self.process_frames();
        if let Err(reason) = &result {
            self.shared.lock(reason);
        }
        result
    }

    fn process_frames(&mut self) -> Result<(), String> {
        let mut frame = Frame::default();
        while !self.shared.is_stopping() {
            self.shared.progress.moved(Worker::Vision);
            self.apply_update()?;
            match self.shared.frames.take(&mut frame, PATIENCE) {
                Taken::TimedOut => {}
                Taken::Frame => {
                    self.look(&frame)?;
                    self.shared.progress.frame_done();
                }
                Taken::End if self.shared.is_stopping() => break,
                Taken::End => {
                    self.end_tracks()?;
                    return self.shared.say(DoorMessage::End);
                }
            }
        }
        Ok(())
    }

    fn look(&mut self, frame: &Frame) -> Result<(), String> {
        self.processor.look(frame).map_err(|error| format!("vision failed: {error}"))?;
        for index in 0..self.processor.ended().len() {
            let ended = self.processor.ended()[index];
            if let Some(decision) = self.decider.track_ended(frame.time, ended) {
                self.decided(decision)?;
            }
        }
        self.faces.clear();
        self.time = frame.time;
        let seen = self.processor.seen();
        for face in seen {
            // There is room: an eye sees at most so many.
            let _ = self.faces.push(self.observe(face));
        }
        let decisions = self.decider.observe(frame.time, &self.faces);
        if let Some(frame_observer) = &mut self.frame_observer {
            let (seen, gallery) = (self.processor.seen(), self.processor.gallery());
            frame_observer(&FrameResult { frame, seen, decisions: &decisions, gallery });
        }
        self.all_decided(decisions)
    }

    fn observe(&self, face: &TrackedFace) -> Observation {
        let TrackedFace { track, first_seen, quality, fault, embedded, candidate, .. } = *face;
        let access = candidate.map_or(Access::Allowed, |candidate| self.access(candidate));
        Observation { track, first_seen, quality, fault, embedded, candidate, access }
    }

    fn access(&self, candidate: Candidate) -> Access {
        match self.processor.gallery().person(candidate.person) {
            // Of somebody who is not there nothing is known that lets them in.
            None => Access::Disabled,
            Some(person) if !person.enabled => Access::Disabled,
            Some(person) => {
                access(&self.hours, person.group.as_deref(), || self.shared.wall.read(self.trust).local())
            }
        }
    }

    /// The faces of the last frame are gone.
    fn end_tracks(&mut self) -> Result<(), String> {
        while let Some(face) = self.faces.pop() {
            if let Some(decision) = self.decider.track_ended(self.time, face.track) {
                self.decided(decision)?;
            }
        }
        Ok(())
    }

    fn all_decided(&self, decisions: Decisions) -> Result<(), String> {
        decisions.into_iter().try_for_each(|decision| self.decided(decision))
    }

    fn decided(&self, decision: Decision) -> Result<(), String> {
        let person = decision.person.and_then(|id| self.processor.gallery().person(id));
        let person = person.map(|person| person.name.clone());
        let detail = self.detail(decision.outcome, decision.person);
        self.shared.say(DoorMessage::Decided {
            decision,
            person,
            detail,
            model: self.processor.model().clone(),
        })
    }

    /// What more there is to say about a reason.
    fn detail(&self, outcome: Outcome, person: Option<PersonId>) -> Option<String> {
        match outcome {
            Outcome::Denied(DenialReason::NoHours) => {
                let group = self.processor.gallery().person(person?)?.group.as_ref()?;
                Some(format!("there is no group {group:?} in [hours]"))
            }
            // Unless it is right by now.
            Outcome::Denied(DenialReason::ClockImplausible) => {
                self.shared.wall.read(self.trust).local().err().map(|fault| fault.to_string())
            }
            _ => None,
        }
    }

    /// Takes in what a reload or a change of the facebank brought.
    fn apply_update(&mut self) -> Result<(), String> {
        let pending_update =
            std::mem::take(&mut *self.pending_update.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(mut processor) = pending_update.processor {
            // Its faces are new tracks: what was seen of the old ones ends here.
            self.end_tracks()?;
            processor.begin_at(self.processor.next_track());
            self.processor = processor;
        }
        if let Some(gallery) = pending_update.gallery {
            self.processor.set_gallery(gallery);
        }
        if let Some(rules) = pending_update.rules {
            self.decider.set_rules(&rules.door, rules.threshold);
            (self.hours, self.trust) = (rules.hours, rules.trust);
        }
        Ok(())
    }
}
