//! The vision thread: processes the newest frame, and decides about its faces.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_access::{
    Access, Decider, Decision, Decisions, DenialReason, Observation, Outcome, group_access,
};
use ostiary_capture::Taken;
use ostiary_config as config;
use ostiary_config::{ClockTrust, Hours};
use ostiary_core::{Candidate, Frame, MAX_FACES, ModelId, PersonId, TrackId};
use ostiary_facebank::Gallery;
use ostiary_pipeline::{RecognitionPipeline, TrackedFace};
use ostiary_vision::VisionError;

use super::error::Fault;
use super::progress::WorkerThread;
use super::shared::{DoorMessage, Shared};

/// The longest wait for a frame, before the thread records its progress.
const FRAME_WAIT: Duration = Duration::from_millis(100);

/// The processing of frames: a [`RecognitionPipeline`], or in tests one that fails.
pub trait FrameProcessor: Send {
    /// Processes a frame.
    fn process(&mut self, frame: &Frame) -> Result<&[TrackedFace], VisionError>;
    /// The faces of the latest frame.
    fn faces(&self) -> &[TrackedFace];
    /// The tracks that ended with the latest frame.
    fn ended(&self) -> &[TrackId];
    /// The gallery that faces are compared with.
    fn gallery(&self) -> &Gallery;
    /// Replaces the gallery.
    fn set_gallery(&mut self, gallery: Gallery);
    /// The embedding model.
    fn model(&self) -> &ModelId;
    /// The id of the next new track.
    fn next_track(&self) -> TrackId;
    /// Sets the id of the next new track, so that ids of another processor are not used again.
    fn set_next_track(&mut self, next: TrackId);
}

impl FrameProcessor for RecognitionPipeline {
    fn process(&mut self, frame: &Frame) -> Result<&[TrackedFace], VisionError> {
        RecognitionPipeline::process(self, frame)
    }

    fn faces(&self) -> &[TrackedFace] {
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

    fn set_next_track(&mut self, next: TrackId) {
        RecognitionPipeline::start_track_ids_at(self, next);
    }
}

/// Changes that the vision thread applies before its next frame.
#[derive(Default)]
pub struct PendingUpdate {
    /// A new processor.
    pub processor: Option<Box<dyn FrameProcessor>>,
    /// A new gallery for the processor.
    pub gallery: Option<Gallery>,
    /// New rules.
    pub rules: Option<AccessRules>,
}

/// The rules of the decision, and the opening hours.
pub struct AccessRules {
    /// The configuration section `[door]`.
    pub door: config::Door,
    /// The opening hours.
    pub hours: Hours,
    /// The condition under which the clock is used for the hours.
    pub trust: ClockTrust,
}

/// A frame and its result.
pub struct FrameResult<'a> {
    /// The frame.
    pub frame: &'a Frame,
    /// The tracked faces in it.
    pub faces: &'a [TrackedFace],
    /// The decisions of this frame.
    pub decisions: &'a [Decision],
    /// The gallery that faces were compared with.
    pub gallery: &'a Gallery,
}

/// A function that the vision thread calls with each result. The thread waits until it returns.
pub type FrameObserver = Box<dyn FnMut(&FrameResult<'_>) + Send>;

/// The state of the vision thread.
pub struct VisionWorker {
    shared: Arc<Shared>,
    pending_update: Arc<Mutex<PendingUpdate>>,
    processor: Box<dyn FrameProcessor>,
    decider: Decider,
    hours: Hours,
    trust: ClockTrust,
    frame_observer: Option<FrameObserver>,
    /// The faces of the latest frame.
    observations: heapless::Vec<Observation, MAX_FACES>,
    /// The time of the latest frame.
    time: Duration,
}

impl VisionWorker {
    /// A worker with this processor and these rules.
    pub fn new(
        shared: Arc<Shared>,
        processor: Box<dyn FrameProcessor>,
        rules: AccessRules,
        frame_observer: Option<FrameObserver>,
    ) -> Self {
        Self {
            shared,
            pending_update: Arc::default(),
            processor,
            decider: Decider::new(&rules.door),
            hours: rules.hours,
            trust: rules.trust,
            frame_observer,
            observations: heapless::Vec::new(),
            time: Duration::ZERO,
        }
    }

    /// The changes for the next frame, to be filled by the main thread.
    pub fn pending_update(&self) -> Arc<Mutex<PendingUpdate>> {
        self.pending_update.clone()
    }

    /// Runs until the frames end or the daemon stops.
    ///
    /// # Errors
    /// A fault, which has locked the door.
    pub fn run(mut self) -> Result<(), Fault> {
        let result = self.main_loop();
        if let Err(fault) = &result {
            self.shared.lock(&fault.to_string());
        }
        result
    }

    fn main_loop(&mut self) -> Result<(), Fault> {
        let mut frame = Frame::default();
        while !self.shared.is_stopping() {
            self.shared.progress.record(WorkerThread::Vision);
            self.apply_update()?;
            match self.shared.frames.take(&mut frame, FRAME_WAIT) {
                Taken::TimedOut => {}
                Taken::Frame => {
                    self.process(&frame)?;
                    self.shared.progress.frame_done();
                }
                Taken::End if self.shared.is_stopping() => break,
                Taken::End => {
                    self.end_tracks()?;
                    return self.shared.send_to_door(DoorMessage::End);
                }
            }
        }
        Ok(())
    }

    fn process(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.processor.process(frame)?;
        for index in 0.. {
            let Some(&ended) = self.processor.ended().get(index) else { break };
            if let Some(decision) = self.decider.track_ended(frame.time, ended) {
                self.send_decision(decision)?;
            }
        }
        self.observations.clear();
        self.time = frame.time;
        for face in self.processor.faces() {
            // There is room: a processor returns at most `MAX_FACES` faces.
            let _ = self.observations.push(self.observe(face));
        }
        let decisions = self.decider.observe(frame.time, &self.observations);
        if let Some(frame_observer) = &mut self.frame_observer {
            let (faces, gallery) = (self.processor.faces(), self.processor.gallery());
            frame_observer(&FrameResult { frame, faces, decisions: &decisions, gallery });
        }
        self.send_decisions(decisions)
    }

    fn observe(&self, face: &TrackedFace) -> Observation {
        let TrackedFace { track, first_seen, quality, fault, embedded, moments, candidate, .. } = *face;
        let access = candidate.map_or(Access::Allowed, |candidate| self.access(candidate));
        Observation { track, first_seen, quality, fault, embedded, moments, candidate, access }
    }

    fn access(&self, candidate: Candidate) -> Access {
        match self.processor.gallery().person(candidate.person) {
            // A person who is not in the gallery may not come in.
            None => Access::Disabled,
            Some(person) if !person.enabled => Access::Disabled,
            Some(person) => group_access(&self.hours, person.group.as_deref(), || {
                self.shared.wall.read(self.trust).local()
            }),
        }
    }

    /// Ends the tracks of the latest frame.
    fn end_tracks(&mut self) -> Result<(), Fault> {
        while let Some(face) = self.observations.pop() {
            if let Some(decision) = self.decider.track_ended(self.time, face.track) {
                self.send_decision(decision)?;
            }
        }
        Ok(())
    }

    fn send_decisions(&self, decisions: Decisions) -> Result<(), Fault> {
        decisions.into_iter().try_for_each(|decision| self.send_decision(decision))
    }

    fn send_decision(&self, decision: Decision) -> Result<(), Fault> {
        let person = decision.person.and_then(|id| self.processor.gallery().person(id));
        let person = person.map(|person| person.name.clone());
        let detail = self.detail(decision.outcome, decision.person);
        self.shared.send_to_door(DoorMessage::Decided {
            decision,
            person,
            detail,
            model: self.processor.model().clone(),
        })
    }

    /// More about a reason, for the event.
    fn detail(&self, outcome: Outcome, person: Option<PersonId>) -> Option<String> {
        match outcome {
            Outcome::Denied(DenialReason::NoHours) => {
                let group = self.processor.gallery().person(person?)?.group.as_ref()?;
                Some(format!("there is no group {group:?} in [hours]"))
            }
            // `None` if the clock has become plausible since the decision.
            Outcome::Denied(DenialReason::ClockImplausible) => {
                self.shared.wall.read(self.trust).local().err().map(|fault| fault.to_string())
            }
            _ => None,
        }
    }

    /// Applies the changes of a reload or of the facebank.
    fn apply_update(&mut self) -> Result<(), Fault> {
        let pending_update =
            std::mem::take(&mut *self.pending_update.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(mut processor) = pending_update.processor {
            // The new processor has new tracks: those of the old one end here.
            self.end_tracks()?;
            processor.set_next_track(self.processor.next_track());
            self.processor = processor;
        }
        if let Some(gallery) = pending_update.gallery {
            self.processor.set_gallery(gallery);
        }
        if let Some(rules) = pending_update.rules {
            self.decider.set_rules(&rules.door);
            (self.hours, self.trust) = (rules.hours, rules.trust);
        }
        Ok(())
    }
}
