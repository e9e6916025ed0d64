//! The challenges of the vision thread: starts one when a decision needs it, and says what the person should do.

use std::time::Duration;

use heapless::Vec;
use ostiary_access::{ChallengeState, LivenessNeed, MAX_TURNS, RecordedChallenge, RecordedTurn, thousandths};
use ostiary_core::{ChallengeFailure, Direction, Frame, MAX_FACES, PersonId, Prompt, TrackId};
use ostiary_liveness::{ChallengeRecord, ChallengeRun, FaceInView, Status, Steps};

use super::active_prompt::ActivePrompt;

/// The directions that a challenge asks for. Left and right alone would be of no use against a film of the person: it would pass one
/// challenge of two.
const DIRECTIONS: [Direction; 4] = Direction::ALL;
/// How long the turns of a challenge that was not passed are kept for the same person. Otherwise who has a film of the person could
/// try until a challenge asks for the turns in the film.
const UNFINISHED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Of how many people unfinished challenges are kept.
const MAX_UNFINISHED: usize = 64;

/// A source of random numbers that nobody can predict; `None` if it fails.
pub type Random = fn() -> Option<u64>;

/// The random numbers of the operating system.
pub fn system_random() -> Option<u64> {
    getrandom::u64().map_err(|error| log::error!("there are no random numbers for a challenge: {error}")).ok()
}

/// The challenges of a door: one runs at a time.
pub struct Challenges {
    random: Random,
    /// The number of turns.
    steps: usize,
    running: Option<Running>,
    /// The challenges that ended, of tracks that have not.
    ended: Vec<Ended, MAX_FACES>,
    /// The turns that people were asked for and did not make, oldest first.
    unfinished: Vec<Unfinished, MAX_UNFINISHED>,
    /// The face that is too near.
    too_near: Option<TrackId>,
}

struct Running {
    person: PersonId,
    steps: [Steps; 2],
    /// Whether the person's challenge before this one ended with a wrong turn.
    follows_wrong_turn: bool,
    run: ChallengeRun,
    status: Status,
}

struct Ended {
    track: TrackId,
    person: PersonId,
    state: ChallengeState,
    record: RecordedChallenge,
}

struct Unfinished {
    person: PersonId,
    steps: [Steps; 2],
    has_wrong_turn: bool,
    since: Duration,
}

impl Challenges {
    /// No challenges. Each will have this number of turns.
    pub fn new(steps: usize, random: Random) -> Self {
        Self { random, steps, running: None, ended: Vec::new(), unfinished: Vec::new(), too_near: None }
    }

    /// Ends all challenges without a result, and sets the number of turns of the next ones. The turns that people were asked for are
    /// forgotten if there are more or fewer of them now.
    pub fn restart(&mut self, steps: usize) {
        if steps != self.steps {
            self.unfinished.clear();
        }
        if let Some(running) = self.running.take()
            && steps == self.steps
        {
            let (now, has_wrong_turn) = (running.run.now(), running.follows_wrong_turn);
            self.keep(running, has_wrong_turn, now);
        }
        self.steps = steps;
        self.ended.clear();
        self.too_near = None;
    }

    /// Processes a frame, before the decisions about it. `faces` are those in view that may be people, if a challenge runs.
    pub fn observe(&mut self, frame: &Frame, faces: &[FaceInView], ended_tracks: &[TrackId]) {
        self.ended.retain(|ended| !ended_tracks.contains(&ended.track));
        self.too_near.take_if(|track| ended_tracks.contains(track));
        let Some(mut running) = self.running.take() else { return };
        let track = running.run.track();
        running.status = running.run.observe(frame, faces, ended_tracks.contains(&track));
        let state = match running.status {
            Status::LookAtCamera | Status::Turn { .. } => {
                self.running = Some(running);
                return;
            }
            Status::Passed(person) if person == running.person => ChallengeState::Passed,
            // The track matched another person when its challenge began.
            Status::Passed(_) => ChallengeState::Failed(ChallengeFailure::OtherPerson),
            Status::Failed(ChallengeFailure::WrongTurn) if running.follows_wrong_turn => {
                ChallengeState::Failed(ChallengeFailure::WrongTurnAgain)
            }
            Status::Failed(failure) => ChallengeState::Failed(failure),
        };
        let (person, record) = (running.person, recorded(running.run.record()));
        let has_wrong_turn = running.follows_wrong_turn
            || matches!(running.status, Status::Failed(ChallengeFailure::WrongTurn));
        if state != ChallengeState::Passed {
            self.keep(running, has_wrong_turn, frame.time);
        }
        if state == ChallengeState::Failed(ChallengeFailure::SeveralFaces) {
            // It begins again when the person is alone.
            return;
        }
        if self.ended.is_full() {
            self.ended.remove(0);
        }
        // There is room: the oldest was removed if there was none.
        let _ = self.ended.push(Ended { track, person, state, record });
    }

    /// Whether a challenge runs.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Where the challenge of a track is that matches this person now.
    pub fn state(&self, track: TrackId, person: Option<PersonId>) -> ChallengeState {
        if self.running_on(track).is_some() {
            return ChallengeState::Running;
        }
        match self.ended_on(track) {
            None => ChallengeState::NotAsked,
            Some(ended) if ended.state == ChallengeState::Passed && person != Some(ended.person) => {
                ChallengeState::Failed(ChallengeFailure::OtherPerson)
            }
            Some(ended) => ended.state,
        }
    }

    /// What happened in the challenge of a track, for its record.
    pub fn record(&self, track: TrackId) -> Option<RecordedChallenge> {
        let running = self.running_on(track).map(|running| recorded(running.run.record()));
        running.or_else(|| self.ended_on(track).map(|ended| ended.record.clone()))
    }

    fn running_on(&self, track: TrackId) -> Option<&Running> {
        self.running.as_ref().filter(|running| running.run.track() == track)
    }

    fn ended_on(&self, track: TrackId) -> Option<&Ended> {
        self.ended.iter().find(|ended| ended.track == track)
    }

    /// Does what a decision needs, after the decisions about a frame: `need` is of the tracks that were compared in it. `person` is
    /// who the track matches, if that face is alone in view: only then does a challenge begin.
    pub fn answer(&mut self, frame: &Frame, need: Option<(TrackId, LivenessNeed)>, person: Option<PersonId>) {
        match need {
            Some((track, LivenessNeed::StepBack)) => self.too_near = Some(track),
            Some((track, LivenessNeed::TurnHead)) => {
                self.too_near.take_if(|near| *near == track);
                if self.running.is_none()
                    && let Some(person) = person
                {
                    self.running = self.start(frame, track, person);
                }
            }
            None => {}
        }
    }

    /// Records that a face that was compared needs nothing.
    pub fn satisfied(&mut self, track: TrackId) {
        self.too_near.take_if(|near| *near == track);
    }

    /// What the person before the door should do.
    pub fn prompt(&self) -> Option<ActivePrompt> {
        let running = self.running.as_ref().and_then(|Running { run, status, .. }| {
            let prompt = match *status {
                Status::LookAtCamera => Prompt::LookAtCamera,
                Status::Turn { direction, .. } => Prompt::Turn(direction),
                Status::Passed(_) | Status::Failed(_) => return None,
            };
            Some(ActivePrompt { prompt, track: run.track(), until: Some(run.deadline()) })
        });
        let step_back = |track| ActivePrompt { prompt: Prompt::StepBack, track, until: None };
        running.or_else(|| self.too_near.map(step_back))
    }

    /// Starts a challenge; `None` if there are no random numbers.
    fn start(&mut self, frame: &Frame, track: TrackId, person: PersonId) -> Option<Running> {
        self.unfinished.retain(|unfinished| frame.time.abs_diff(unfinished.since) < UNFINISHED_FOR);
        let kept = self.unfinished.iter().position(|unfinished| unfinished.person == person);
        let (steps, follows_wrong_turn) = match kept {
            Some(index) => {
                let Unfinished { steps, has_wrong_turn, .. } = self.unfinished.remove(index);
                (steps, has_wrong_turn)
            }
            None => ([self.draw()?, self.draw()?], false),
        };
        let [first, second] = steps.clone();
        let run = ChallengeRun::new(track, first, second, frame);
        Some(Running { person, steps, follows_wrong_turn, run, status: Status::LookAtCamera })
    }

    fn draw(&self) -> Option<Steps> {
        let random = (self.random)()?;
        Steps::draw(&DIRECTIONS, self.steps, random).map_err(|error| log::error!("{error}")).ok()
    }

    fn keep(&mut self, running: Running, has_wrong_turn: bool, since: Duration) {
        if self.unfinished.is_full() {
            self.unfinished.remove(0);
        }
        let Running { person, steps, .. } = running;
        // There is room: the oldest was removed if there was none.
        let _ = self.unfinished.push(Unfinished { person, steps, has_wrong_turn, since });
    }
}

/// A challenge in the form that is stored.
fn recorded(record: &ChallengeRecord) -> RecordedChallenge {
    let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    let turns: Vec<RecordedTurn, MAX_TURNS> = record
        .steps
        .iter()
        .take(MAX_TURNS)
        .map(|step| RecordedTurn {
            direction: step.direction,
            asked_ms: milliseconds(step.asked),
            seen_ms: step.seen.map(milliseconds),
            shift: step.furthest.map(|turn| thousandths(turn.shift(step.direction))),
        })
        .collect();
    RecordedChallenge {
        turns,
        relative_aspect: record.relative_aspect.map(thousandths),
        losses: record.losses,
        elapsed_ms: milliseconds(record.elapsed),
    }
}
