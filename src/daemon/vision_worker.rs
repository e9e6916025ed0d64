//! The vision thread: processes the newest frame, and decides about its faces.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ostiary_access::{
    Access, Decider, Decision, Decisions, DenialReason, DoorMode, FaceMotion, LivenessEvidence,
    LivenessRules, Lockout, LockoutStep, Observation, Outcome, StaticFaces, group_access, thousandths,
};
use ostiary_capture::Taken;
use ostiary_config as config;
use ostiary_config::{AlikePeople, ClockTrust, Hours};
use ostiary_core::{Candidate, Face, Frame, MAX_FACES, ModelId, PersonId, TrackId, Verdict};
use ostiary_events::{DecisionDetails, EventKind};
use ostiary_facebank::Gallery;
use ostiary_liveness::{FaceInView, MatchedPerson};
use ostiary_pipeline::{RecognitionPipeline, TrackLiveness, TrackedFace, frontal_aspect};
use ostiary_vision::VisionError;

use super::active_prompt::ActivePrompt;
use super::challenges::{Challenges, Random};
use super::error::Fault;
use super::frame_demand::FrameDemand;
use super::lockout_events;
use super::progress::WorkerThread;
use super::shared::{DoorMessage, Shared};
use super::track_snapshots::TrackSnapshots;
use super::visit_file::{FirstState, VisitState};
use crate::liveness_advice::liveness_advice;

/// The longest wait for a frame, before the thread records its progress.
const FRAME_WAIT: Duration = Duration::from_millis(100);
/// A face that has been in view for less may be an error of the detector: it does not disturb a challenge.
const MIN_PRESENCE: Duration = Duration::from_millis(300);
/// After this time without a frame nothing is shown any more of what the person was told.
const PROMPT_LOST: Duration = Duration::from_secs(1);

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
    /// The rate that the thresholds of the gallery keep; `None` if the calibration of the model does not
    /// support `door.fpir`, or is missing.
    fn fpir(&self) -> Option<f64>;
    /// Whether nobody was in the latest frame, and nothing in it has changed for a while.
    fn is_idle(&self) -> bool;
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

    fn fpir(&self) -> Option<f64> {
        self.thresholds().fpir()
    }

    fn is_idle(&self) -> bool {
        RecognitionPipeline::is_idle(self)
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
    /// What the layers of liveness require.
    pub liveness: LivenessRules,
    /// How many times a person must turn the head.
    pub steps: usize,
    /// The configuration section `[lockout]`.
    pub lockout: config::Lockout,
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

type Observations = heapless::Vec<Observation, MAX_FACES>;

/// The state of the vision thread.
pub struct VisionWorker {
    shared: Arc<Shared>,
    pending_update: Arc<Mutex<PendingUpdate>>,
    processor: Box<dyn FrameProcessor>,
    decider: Decider,
    lockout: Lockout,
    lockout_rules: config::Lockout,
    static_faces: StaticFaces,
    challenges: Challenges,
    /// The pictures of strangers, if the owner wants them.
    snapshots: TrackSnapshots,
    /// What the person before the door was told to do last.
    prompt: Option<ActivePrompt>,
    /// The state before the restart, until the first frame.
    first_state: FirstState,
    hours: Hours,
    trust: ClockTrust,
    alike: AlikePeople,
    frame_observer: Option<FrameObserver>,
    /// The faces of the latest frame that are not static.
    observations: Observations,
    /// The time of the latest frame.
    time: Duration,
    frame_demand: FrameDemand,
}

impl VisionWorker {
    /// A worker with this processor, these rules and this state from before the restart.
    pub fn new(
        shared: Arc<Shared>,
        processor: Box<dyn FrameProcessor>,
        rules: AccessRules,
        first_state: FirstState,
        random: Random,
        frame_observer: Option<FrameObserver>,
    ) -> Self {
        Self {
            shared,
            pending_update: Arc::default(),
            processor,
            decider: Decider::new(&rules.door, rules.liveness),
            lockout: Lockout::new(&rules.lockout),
            lockout_rules: rules.lockout,
            static_faces: StaticFaces::new(rules.door.static_after()),
            challenges: Challenges::new(rules.steps, random),
            snapshots: TrackSnapshots::default(),
            prompt: None,
            first_state,
            hours: rules.hours,
            trust: rules.trust,
            alike: rules.door.alike,
            frame_observer,
            observations: Observations::new(),
            time: Duration::ZERO,
            frame_demand: FrameDemand::default(),
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
                    let start = self.shared.clock.now();
                    self.process(&frame)?;
                    let time = self.shared.clock.now().saturating_sub(start);
                    let interval = self.frame_demand.interval(time, self.processor.is_idle());
                    self.shared.set_frame_interval(interval);
                    self.shared.progress.frame_done();
                }
                Taken::End if self.shared.is_stopping() => break,
                Taken::End => {
                    self.end_tracks()?;
                    self.send_prompt(None)?;
                    return self.shared.send_to_door(DoorMessage::End);
                }
            }
        }
        Ok(())
    }

    fn process(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.processor.process(frame)?;
        self.snapshots.set_kept(self.shared.keeps_snapshots(), &self.shared.snapshots);
        self.restore(frame.time)?;
        if frame.time.saturating_sub(self.time) > PROMPT_LOST {
            self.prompt = None;
        }
        // At most one for each frame: they must not fill the queue of the door thread.
        if let Some(step) = self.lockout.tick(frame.time) {
            self.send_step(step)?;
        }
        self.decider.require_clear_match(self.lockout.needs_clear_match(frame.time));
        for index in 0.. {
            let Some(&ended) = self.processor.ended().get(index) else { break };
            if let Some(decision) = self.decider.track_ended(frame.time, ended) {
                self.send_decision(decision)?;
            }
            self.snapshots.ended(ended, &self.shared.snapshots);
        }
        self.observations.clear();
        self.time = frame.time;
        let detections = self.processor.faces().iter().map(|face| &face.detection);
        let motions = self.static_faces.observe(frame.time, detections);
        let mut became_static = Observations::new();
        // The faces that a challenge sees; none while no challenge runs.
        let mut in_view = heapless::Vec::<FaceInView, MAX_FACES>::new();
        if self.challenges.is_running() {
            let faces = self.processor.faces().iter().zip(&motions);
            let moving = faces.filter(|(_, motion)| **motion == FaceMotion::Moving);
            in_view.extend(moving.filter_map(|(face, _)| self.face_in_view(frame.time, face)));
        }
        self.challenges.observe(frame, &in_view, self.processor.ended());
        for (face, motion) in self.processor.faces().iter().zip(motions) {
            // There is room: a processor returns at most `MAX_FACES` faces.
            let _ = match motion {
                FaceMotion::Moving => {
                    self.snapshots.see(frame, face);
                    self.observations.push(self.observe(face))
                }
                FaceMotion::BecameStatic => became_static.push(self.observe(face)),
                FaceMotion::Static => Ok(()),
            };
        }
        for face in became_static {
            if let Some(decision) = self.decider.deny_static(frame.time, &face) {
                self.send_decision(decision)?;
            }
        }
        let decisions = self.decider.observe(frame.time, &self.observations);
        self.answer_need(frame)?;
        self.shared.live_view.put(frame, self.processor.faces());
        if let Some(frame_observer) = &mut self.frame_observer {
            let (faces, gallery) = (self.processor.faces(), self.processor.gallery());
            frame_observer(&FrameResult { frame, faces, decisions: &decisions, gallery });
        }
        // Before the event of a grant, so that its cool-down is on the disk when the grant is in the record.
        self.save_if_changed(frame.time);
        self.send_decisions(decisions)?;
        self.save_if_changed(frame.time);
        Ok(())
    }

    /// Restores the state before the restart, at the first frame.
    fn restore(&mut self, time: Duration) -> Result<(), Fault> {
        match std::mem::replace(&mut self.first_state, FirstState::None) {
            FirstState::None => Ok(()),
            FirstState::Saved(state) => {
                let elapsed = state.elapsed(Timestamp::now());
                self.lockout.restore(time, &state.lockout, elapsed);
                self.decider.restore_visits(time, &state.visits, elapsed);
                Ok(())
            }
            FirstState::Unknown => {
                self.lockout.assume_attempts(time);
                let detail = "the record of earlier attempts is damaged".to_owned();
                self.shared.send_to_door(DoorMessage::Report(EventKind::Lockout { person: None, detail }))
            }
        }
    }

    /// Hands attempts, pauses and visits to the store thread, if they have changed.
    fn save_if_changed(&mut self, time: Duration) {
        // Both are asked, so that one change is not saved twice.
        if self.lockout.take_changed() | self.decider.take_changed_visits() {
            self.shared.save_visits(VisitState::new(self.lockout.save(time), self.decider.save_visits(time)));
        }
    }

    /// A face as a challenge sees it; `None` for a face that has just come in view, which may be no face at all.
    fn face_in_view(&self, now: Duration, face: &TrackedFace) -> Option<FaceInView> {
        let TrackedFace { track, first_seen, quality, embedded, candidate, detection, .. } = *face;
        if now.saturating_sub(first_seen) < MIN_PRESENCE {
            return None;
        }
        let matched = match self.decider.rules().matching.evaluate(candidate.filter(|_| embedded), 0.0) {
            Verdict::Person(person) => {
                let enrolled_aspect = self.processor.gallery().frontal_aspect(person);
                Some(MatchedPerson { person, enrolled_aspect })
            }
            Verdict::Ambiguous | Verdict::Unknown => None,
        };
        let frontal_aspect = frontal_aspect(&Face { detection, quality });
        Some(FaceInView { track, landmarks: detection.landmarks, frontal_aspect, matched })
    }

    /// Starts a challenge if a decision about this frame needs it, and tells the person what to do.
    fn answer_need(&mut self, frame: &Frame) -> Result<(), Fault> {
        for face in self.observations.iter().filter(|face| face.embedded) {
            self.challenges.satisfied(face.track);
        }
        let need = self.decider.liveness_need(frame.time);
        let face = need.and_then(|(track, _)| self.observations.iter().find(|face| face.track == track));
        let person = face.and_then(|face| face.candidate).map(|candidate| candidate.person);
        // Two people would end each other's challenge.
        let person = person.filter(|_| self.observations.len() == 1);
        self.challenges.answer(frame, need, person);
        self.send_prompt(self.challenges.prompt())
    }

    /// Tells the person before the door what to do, if that has changed.
    fn send_prompt(&mut self, prompt: Option<ActivePrompt>) -> Result<(), Fault> {
        if prompt == self.prompt {
            return Ok(());
        }
        self.prompt = prompt;
        self.shared.send_to_door(DoorMessage::Prompt(prompt))
    }

    fn observe(&self, face: &TrackedFace) -> Observation {
        let TrackedFace { track, first_seen, quality, fault, embedded, moments, candidate, liveness, .. } =
            *face;
        // Only a moment is decided about. In other frames the candidate is that of the latest moment.
        let moment = candidate.filter(|_| embedded);
        let access = moment.map_or(Access::Allowed, |candidate| self.access(candidate));
        let TrackLiveness { room, score } = liveness;
        let (room, score) = (room.map(thousandths), score.map(thousandths));
        let person = candidate.map(|candidate| candidate.person);
        let liveness = LivenessEvidence { room, score, challenge: self.challenges.state(track, person) };
        Observation { track, first_seen, quality, fault, embedded, moments, candidate, access, liveness }
    }

    fn access(&self, candidate: Candidate) -> Access {
        let gallery = self.processor.gallery();
        match gallery.person(candidate.person) {
            // A person who is not in the gallery may not come in.
            None => Access::Disabled,
            Some(person) if !person.enabled => Access::Disabled,
            Some(person) if self.alike == AlikePeople::Refuse && gallery.alike(person.id).is_some() => {
                Access::Alike
            }
            Some(person) => match group_access(&self.hours, person.group.as_deref(), || {
                self.shared.wall.read(self.trust).local()
            }) {
                Access::Allowed if self.pause_left(person.id).is_some() => Access::Paused,
                // The door thread has the last word. Here it starts no challenge and no cool-down.
                Access::Allowed if self.shared.mode() == DoorMode::LockedDown => Access::LockedDown,
                access => access,
            },
        }
    }

    /// Ends the tracks of the latest frame.
    fn end_tracks(&mut self) -> Result<(), Fault> {
        while let Some(face) = self.observations.pop() {
            if let Some(decision) = self.decider.track_ended(self.time, face.track) {
                self.send_decision(decision)?;
            }
        }
        self.snapshots.all_ended(&self.shared.snapshots);
        Ok(())
    }

    fn send_decisions(&mut self, decisions: Decisions) -> Result<(), Fault> {
        decisions.into_iter().try_for_each(|decision| self.send_decision(decision))
    }

    fn send_decision(&mut self, mut decision: Decision) -> Result<(), Fault> {
        decision.visit.challenge = self.challenges.record(decision.track);
        self.snapshots.decided(decision.track, decision.outcome);
        let steps = self.lockout.count(&decision);
        let gallery = self.processor.gallery();
        let person = decision.person.and_then(|id| gallery.person(id));
        let details = DecisionDetails {
            person: person.map(|person| person.name.clone()),
            detail: self.detail(&decision),
            model: self.processor.model().clone(),
            people: u32::try_from(gallery.len()).unwrap_or(u32::MAX),
            fpir: self.processor.fpir(),
        };
        self.shared.send_to_door(DoorMessage::Decided { decision: Box::new(decision), details })?;
        steps.into_iter().try_for_each(|step| self.send_step(step))
    }

    fn send_step(&self, step: LockoutStep) -> Result<(), Fault> {
        let event = lockout_events::event(step, &self.lockout_rules, self.processor.gallery());
        self.shared.send_to_door(DoorMessage::Report(event))
    }

    /// How much of the pause of this person is left at the time of the latest frame.
    fn pause_left(&self, person: PersonId) -> Option<Duration> {
        self.lockout.pause_left(person, self.time)
    }

    /// More about a reason, for the event.
    fn detail(&self, decision: &Decision) -> Option<String> {
        let person = decision.person;
        match decision.outcome {
            Outcome::Denied(DenialReason::Spoof | DenialReason::NotLive) => {
                liveness_advice(&decision.visit).map(str::to_owned)
            }
            Outcome::Denied(DenialReason::Alike) => {
                let other = &self.processor.gallery().alike(person?)?.name;
                Some(format!("the model cannot tell this person apart from {other}"))
            }
            Outcome::Denied(DenialReason::NoHours) => {
                let group = self.processor.gallery().person(person?)?.group.as_ref()?;
                Some(format!("there is no group {group:?} in [hours]"))
            }
            // `None` if the clock has become plausible since the decision.
            Outcome::Denied(DenialReason::ClockImplausible) => {
                self.shared.wall.read(self.trust).local().err().map(|fault| fault.to_string())
            }
            Outcome::Denied(DenialReason::Paused) => {
                Some(format!("the pause ends in {:.0} s", self.pause_left(person?)?.as_secs_f64()))
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
            self.decider.set_rules(&rules.door, rules.liveness);
            self.challenges.restart(rules.steps);
            self.lockout.set_rules(&rules.lockout);
            self.static_faces.set_after(rules.door.static_after());
            self.lockout_rules = rules.lockout;
            (self.hours, self.trust, self.alike) = (rules.hours, rules.trust, rules.door.alike);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
