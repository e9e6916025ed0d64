//! The vision thread: from the newest frame to decisions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_access::{Access, Decider, Decision, Decisions, Observation, Reason, access};
use ostiary_capture::Taken;
use ostiary_config as config;
use ostiary_config::{ClockTrust, Hours};
use ostiary_core::{Candidate, Frame, MAX_FACES, ModelId, PersonId, Similarity, TrackId};
use ostiary_facebank::Gallery;
use ostiary_pipeline::{Eye, Seen};
use ostiary_vision::VisionError;

use super::progress::Worker;
use super::shared::{Shared, Word};

/// How long to wait for a frame at a time.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the thread looks with: an [`Eye`], or in a test one that fails as no real one should.
pub trait Sight: Send {
    fn look(&mut self, frame: &Frame) -> Result<&[Seen], VisionError>;
    /// What the latest look saw.
    fn seen(&self) -> &[Seen];
    fn ended(&self) -> &[TrackId];
    fn gallery(&self) -> &Gallery;
    fn set_gallery(&mut self, gallery: Gallery);
    fn model(&self) -> &ModelId;
    /// The track that begins next.
    fn next_track(&self) -> TrackId;
    /// Goes on where another eye ended, so that no track is named twice.
    fn begin_at(&mut self, next: TrackId);
}

impl Sight for Eye {
    fn look(&mut self, frame: &Frame) -> Result<&[Seen], VisionError> {
        Eye::look(self, frame)
    }

    fn seen(&self) -> &[Seen] {
        Eye::seen(self)
    }

    fn ended(&self) -> &[TrackId] {
        Eye::ended(self)
    }

    fn gallery(&self) -> &Gallery {
        Eye::gallery(self)
    }

    fn set_gallery(&mut self, gallery: Gallery) {
        Eye::set_gallery(self, gallery);
    }

    fn model(&self) -> &ModelId {
        Eye::model(self)
    }

    fn next_track(&self) -> TrackId {
        Eye::next_track(self)
    }

    fn begin_at(&mut self, next: TrackId) {
        Eye::begin_at(self, next);
    }
}

/// What the vision thread has to change before its next frame.
#[derive(Default)]
pub struct Orders {
    pub sight: Option<Box<dyn Sight>>,
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
pub struct Sighting<'a> {
    pub frame: &'a Frame,
    pub seen: &'a [Seen],
    pub decisions: &'a [Decision],
    pub gallery: &'a Gallery,
}

/// Looks on while the vision thread works, and keeps it waiting meanwhile.
pub type Onlooker = Box<dyn FnMut(&Sighting<'_>) + Send>;

/// The thread's own.
pub struct VisionWorker {
    shared: Arc<Shared>,
    orders: Arc<Mutex<Orders>>,
    sight: Box<dyn Sight>,
    decider: Decider,
    hours: Hours,
    trust: ClockTrust,
    onlooker: Option<Onlooker>,
    /// The faces of the latest frame, and its time.
    faces: heapless::Vec<Observation, MAX_FACES>,
    time: Duration,
}

impl VisionWorker {
    pub fn new(shared: Arc<Shared>, sight: Box<dyn Sight>, rules: Rules, onlooker: Option<Onlooker>) -> Self {
        Self {
            shared,
            orders: Arc::default(),
            sight,
            decider: Decider::new(&rules.door, rules.threshold),
            hours: rules.hours,
            trust: rules.trust,
            onlooker,
            faces: heapless::Vec::new(),
            time: Duration::ZERO,
        }
    }

    /// Where to leave orders.
    pub fn orders(&self) -> Arc<Mutex<Orders>> {
        self.orders.clone()
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
            self.obey()?;
            match self.shared.frames.take(&mut frame, PATIENCE) {
                Taken::TimedOut => {}
                Taken::Frame => {
                    self.look(&frame)?;
                    self.shared.progress.frame_done();
                }
                Taken::End if self.shared.is_stopping() => break,
                Taken::End => {
                    self.part()?;
                    return self.shared.say(Word::End);
                }
            }
        }
        Ok(())
    }

    fn look(&mut self, frame: &Frame) -> Result<(), String> {
        self.sight.look(frame).map_err(|error| format!("vision failed: {error}"))?;
        for index in 0..self.sight.ended().len() {
            let ended = self.sight.ended()[index];
            if let Some(decision) = self.decider.track_ended(frame.time, ended) {
                self.decided(decision)?;
            }
        }
        self.faces.clear();
        self.time = frame.time;
        let seen = self.sight.seen();
        for face in seen {
            // There is room: an eye sees at most so many.
            let _ = self.faces.push(self.observe(face));
        }
        let decisions = self.decider.observe(frame.time, &self.faces);
        if let Some(onlooker) = &mut self.onlooker {
            let (seen, gallery) = (self.sight.seen(), self.sight.gallery());
            onlooker(&Sighting { frame, seen, decisions: &decisions, gallery });
        }
        self.all_decided(decisions)
    }

    fn observe(&self, face: &Seen) -> Observation {
        let Seen { track, first_seen, quality, fault, embedded, candidate, .. } = *face;
        let access = candidate.map_or(Access::Allowed, |candidate| self.access(candidate));
        Observation { track, first_seen, quality, fault, embedded, candidate, access }
    }

    fn access(&self, candidate: Candidate) -> Access {
        match self.sight.gallery().person(candidate.person) {
            // Of somebody who is not there nothing is known that lets them in.
            None => Access::Disabled,
            Some(person) if !person.enabled => Access::Disabled,
            Some(person) => {
                access(&self.hours, person.group.as_deref(), || self.shared.wall.read(self.trust).local())
            }
        }
    }

    /// The faces of the last frame are gone.
    fn part(&mut self) -> Result<(), String> {
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
        let person = decision.person.and_then(|id| self.sight.gallery().person(id));
        let person = person.map(|person| person.name.clone());
        let detail = self.detail(decision.reason, decision.person);
        self.shared.say(Word::Decided { decision, person, detail, model: self.sight.model().to_string() })
    }

    /// What more there is to say about a reason.
    fn detail(&self, reason: Reason, person: Option<PersonId>) -> Option<String> {
        match reason {
            Reason::NoHours => {
                let group = self.sight.gallery().person(person?)?.group.as_ref()?;
                Some(format!("there is no group {group:?} in [hours]"))
            }
            // Unless it is right by now.
            Reason::ClockImplausible => {
                self.shared.wall.read(self.trust).local().err().map(|fault| fault.to_string())
            }
            _ => None,
        }
    }

    /// Takes in what a reload or a change of the facebank brought.
    fn obey(&mut self) -> Result<(), String> {
        let orders = std::mem::take(&mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(mut sight) = orders.sight {
            // Its faces are new tracks: what was seen of the old ones ends here.
            self.part()?;
            sight.begin_at(self.sight.next_track());
            self.sight = sight;
        }
        if let Some(gallery) = orders.gallery {
            self.sight.set_gallery(gallery);
        }
        if let Some(rules) = orders.rules {
            self.decider.set_rules(&rules.door, rules.threshold);
            (self.hours, self.trust) = (rules.hours, rules.trust);
        }
        Ok(())
    }
}
