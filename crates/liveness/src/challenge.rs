//! The challenge: a person is asked to turn the head, and must do so.
//!
//! Pure code: the caller gives the time and what each frame shows, and shows the person what to do. Before each turn the person
//! looks at the camera and is recognized, and so again at the end: nobody else can make the turns. Whatever interrupts a
//! challenge ends it without a pass.

use std::time::Duration;

use heapless::{Deque, Vec};
use ostiary_core::{ChallengeFailure, Direction, PersonId, TrackId};

use super::steps::{MAX_STEPS, Steps};
use super::turn::{Turn, is_possible_aspect};

/// The time for the whole challenge, with its second try.
pub const TIME_LIMIT: Duration = Duration::from_secs(8);
/// The longest mean time between two frames: five frames a second.
const MAX_MEAN_GAP: Duration = Duration::from_millis(200);
/// The longest time between two frames.
const MAX_GAP: Duration = Duration::from_millis(400);
/// The mean is judged from this number of gaps on.
const MIN_GAPS: u32 = 5;
/// Number of frontal faces whose median aspect counts.
const MAX_ASPECTS: usize = 5;
/// A lost track gives a second try.
const MAX_TRIES: usize = 2;

/// What a frame shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// No face.
    NoFace,
    /// More than one face.
    SeveralFaces,
    /// One face.
    OneFace(ObservedFace),
}

/// The only face of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObservedFace {
    /// The track of the face.
    pub track: TrackId,
    /// The person, if the face was compared in this frame and matches.
    pub matched: Option<MatchedPerson>,
    /// The [`frontal_aspect`](super::frontal_aspect) of the face, if the face looks at the camera.
    pub frontal_aspect: Option<f32>,
    /// The turn since the frame in which [`Status::Turn`] asked to start.
    pub tracking: Tracking,
}

/// A person that a face matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchedPerson {
    /// The person.
    pub person: PersonId,
    /// The aspect of the person's face at enrollment, if it is known: then the face before the camera must have it too. Otherwise it
    /// must have the aspect of a person ([`is_possible_aspect`]).
    pub enrolled_aspect: Option<f32>,
}

/// The landmarks of the face, followed by optical flow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tracking {
    /// They are not followed, or were lost.
    Lost,
    /// How far the face turned.
    Followed(Turn),
}

/// Where a challenge is: what to tell the person, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The person should look at the camera.
    LookAtCamera,
    /// The person should turn the head.
    Turn {
        /// In this direction.
        direction: Direction,
        /// This is the first frame of the step: the caller starts to follow the landmarks in it.
        is_start: bool,
    },
    /// All turns were made, by this person.
    Passed(PersonId),
    /// It was not passed.
    Failed(ChallengeFailure),
}

/// What happened in a challenge, for the record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChallengeRecord {
    /// The steps that the person was asked for, those of both tries.
    pub steps: Vec<StepRecord, { MAX_STEPS * MAX_TRIES }>,
    /// The person, as soon as it was recognized.
    pub person: Option<PersonId>,
    /// The aspect of the face at the latest start of a step, divided by that at enrollment, if both are known.
    pub relative_aspect: Option<f32>,
    /// How often the landmarks were lost.
    pub losses: u8,
    /// Number of frames.
    pub frames: u32,
    /// Time from the start to the latest frame.
    pub elapsed: Duration,
}

/// One step of a challenge, for the record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepRecord {
    /// The direction that was asked for.
    pub direction: Direction,
    /// When the person was asked, since the start of the challenge.
    pub asked: Duration,
    /// When the turn was seen, since the start of the challenge.
    pub seen: Option<Duration>,
    /// The turn that passed, or the one that went furthest in this direction.
    pub furthest: Option<Turn>,
}

/// A running challenge. Does not allocate.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The steps of the current try, and those of the second try.
    steps: Steps,
    second_steps: Option<Steps>,
    started: Duration,
    /// Time of the latest frame.
    now: Duration,
    phase: Phase,
    /// The aspects of the latest frontal faces since the person last turned.
    aspects: Deque<f32, MAX_ASPECTS>,
    /// The face that began, with the time of the frame in which it did.
    face: Option<Face>,
    record: ChallengeRecord,
}

#[derive(Debug, Clone, Copy)]
struct Face {
    track: TrackId,
    person: PersonId,
    since: Duration,
    /// Frames after the first one.
    gaps: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The person looks at the camera before the step with this number, or at the end.
    Facing(usize),
    /// The person turns.
    Turning(usize),
    Ended(Status),
}

impl Challenge {
    /// Starts a challenge at frame time `now`. The second steps, drawn independently, are used if the landmarks are lost.
    pub fn new(steps: Steps, second_steps: Steps, now: Duration) -> Self {
        Self {
            steps,
            second_steps: Some(second_steps),
            started: now,
            now,
            phase: Phase::Facing(0),
            aspects: Deque::new(),
            face: None,
            record: ChallengeRecord::default(),
        }
    }

    /// The time of the latest frame.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The frame time at which the time for the challenge is over.
    pub fn deadline(&self) -> Duration {
        self.started + TIME_LIMIT
    }

    /// What happened so far.
    pub fn record(&self) -> &ChallengeRecord {
        &self.record
    }

    /// Processes the next frame. `time` is its frame time. After the end the status stays.
    pub fn observe(&mut self, time: Duration, view: View) -> Status {
        if let Phase::Ended(status) = self.phase {
            return status;
        }
        let status = self.interruption(time, view).unwrap_or_else(|| match view {
            View::OneFace(face) => self.process(face),
            _ => Status::LookAtCamera,
        });
        if matches!(status, Status::Passed(_) | Status::Failed(_)) {
            self.phase = Phase::Ended(status);
        }
        status
    }

    /// Records the frame. Returns why it ends the challenge, whatever the face does.
    fn interruption(&mut self, time: Duration, view: View) -> Option<Status> {
        let failed = |reason| Some(Status::Failed(reason));
        if time < self.now || (time == self.now && self.record.frames > 0) {
            return failed(ChallengeFailure::TimeWentBack);
        }
        let gap = time.saturating_sub(self.now);
        self.now = time;
        self.record.frames = self.record.frames.saturating_add(1);
        self.record.elapsed = time.saturating_sub(self.started);
        if self.record.elapsed > TIME_LIMIT {
            return failed(ChallengeFailure::TimedOut);
        }
        if view == View::SeveralFaces {
            return failed(ChallengeFailure::SeveralFaces);
        }
        let face = self.face.as_mut()?;
        face.gaps += 1;
        let slow = time.saturating_sub(face.since) > MAX_MEAN_GAP.saturating_mul(face.gaps);
        if gap > MAX_GAP || (face.gaps >= MIN_GAPS && slow) {
            return failed(ChallengeFailure::TooFewFrames);
        }
        match view {
            View::NoFace => failed(ChallengeFailure::FaceLeft),
            View::OneFace(seen) if seen.track != face.track => failed(ChallengeFailure::OtherTrack),
            View::OneFace(ObservedFace { matched: Some(matched), .. }) if matched.person != face.person => {
                failed(ChallengeFailure::OtherPerson)
            }
            _ => None,
        }
    }

    fn process(&mut self, face: ObservedFace) -> Status {
        match self.phase {
            Phase::Facing(step) => self.face_camera(step, face),
            Phase::Turning(step) => self.turn(step, face.tracking),
            Phase::Ended(status) => status,
        }
    }

    /// Waits for a frontal face that matches; then the step starts, or the challenge has passed.
    fn face_camera(&mut self, step: usize, face: ObservedFace) -> Status {
        let Some(aspect) = face.frontal_aspect.map(|aspect| self.median_aspect(aspect)) else {
            return Status::LookAtCamera;
        };
        let Some(matched) = face.matched else { return Status::LookAtCamera };
        self.record.person = Some(matched.person);
        self.record.relative_aspect = matched.enrolled_aspect.map(|enrolled| aspect / enrolled);
        if !is_possible_aspect(aspect, matched.enrolled_aspect) {
            return Status::Failed(ChallengeFailure::OtherAspect);
        }
        self.face.get_or_insert(Face { track: face.track, person: matched.person, since: self.now, gaps: 0 });
        let Some(direction) = self.steps.get(step) else {
            return Status::Passed(matched.person);
        };
        self.phase = Phase::Turning(step);
        self.aspects.clear();
        // There is room for the steps of both tries.
        let _ = self.record.steps.push(StepRecord {
            direction,
            asked: self.record.elapsed,
            seen: None,
            furthest: None,
        });
        Status::Turn { direction, is_start: true }
    }

    /// Adds the aspect of a frontal face, and gives the median of the latest ones since the person last turned: the landmarks of
    /// a single frame can be wrong.
    fn median_aspect(&mut self, aspect: f32) -> f32 {
        if self.aspects.is_full() {
            self.aspects.pop_front();
        }
        // There is room: the oldest was removed if there was none.
        let _ = self.aspects.push_back(aspect);
        let mut sorted: Vec<f32, MAX_ASPECTS> = self.aspects.iter().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let (lower, upper) = (sorted.get((sorted.len() - 1) / 2), sorted.get(sorted.len() / 2));
        lower.zip(upper).map_or(aspect, |(lower, upper)| (lower + upper) / 2.0)
    }

    /// Waits for the turn.
    fn turn(&mut self, step: usize, tracking: Tracking) -> Status {
        let Tracking::Followed(turn) = tracking else {
            self.record.losses += 1;
            let Some(steps) = self.second_steps.take() else {
                return Status::Failed(ChallengeFailure::LostLandmarks);
            };
            self.steps = steps;
            self.phase = Phase::Facing(0);
            return Status::LookAtCamera;
        };
        let elapsed = self.record.elapsed;
        let Some(record) = self.record.steps.last_mut() else {
            return Status::Failed(ChallengeFailure::LostLandmarks);
        };
        let direction = record.direction;
        if turn.is_toward(direction) {
            record.seen = Some(elapsed);
            record.furthest = Some(turn);
            self.phase = Phase::Facing(step + 1);
            return Status::LookAtCamera;
        }
        // A film that turns in one direction after the other would make the right turn in the end.
        if Direction::ALL.into_iter().any(|other| turn.is_toward(other)) {
            return Status::Failed(ChallengeFailure::WrongTurn);
        }
        if record.furthest.is_none_or(|furthest| turn.shift(direction) > furthest.shift(direction)) {
            record.furthest = Some(turn);
        }
        Status::Turn { direction, is_start: false }
    }
}

#[cfg(test)]
mod tests;
