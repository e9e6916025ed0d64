//! Visits at the level active: people who turn the head, and what else comes before the camera.

use ostiary_access::{NetworkRules, RecordedChallenge};
use ostiary_config::LivenessLevel;
use ostiary_core::{Direction, Landmarks, Point, Prompt};
use ostiary_liveness::TIME_LIMIT;

use super::*;

mod sheets;

const SIDE: u32 = 240;
/// Half of the side of the square around each landmark that moves with it, pixels.
const PATCH: f32 = 14.0;
/// Frames a second.
const FPS: u64 = 10;

/// By how much the nose moves from frame to frame at most.
const MAX_STEP: f32 = 0.06;

/// Eyes, nose and mouth of a frontal face, pixels.
const FRONTAL: [(f32, f32); 5] = [(85.0, 90.0), (155.0, 90.0), (120.0, 130.0), (90.0, 164.0), (150.0, 164.0)];

/// A gray value that looks random, but is smooth enough to be followed.
fn texture(x: f32, y: f32) -> f32 {
    let wave = |a: f32, b: f32| (a * x + b * y).sin();
    128.0 + 30.0 * (wave(0.31, 0.12) + wave(-0.17, 0.29) + wave(0.07, -0.23) + wave(0.41, 0.37))
}

/// A frame with a head that turned until its nose is shifted against eyes and mouth by these parts of the distance between the eyes.
fn picture(ms: u64, shift: (f32, f32)) -> (Frame, Landmarks) {
    let eyes = FRONTAL[1].0 - FRONTAL[0].0;
    // The nose of a head is 0.55 of that distance in front of the plane of eyes and mouth, which becomes narrower or shorter.
    let shortened = |shift: f32| (shift / 0.55).atan().cos();
    let (nose_x, nose_y) = FRONTAL[2];
    let mut points = FRONTAL.map(|(x, y)| {
        (nose_x + (x - nose_x) * shortened(shift.0), nose_y + (y - nose_y) * shortened(shift.1))
    });
    points[2] = (nose_x + shift.0 * eyes, nose_y + shift.1 * eyes);
    let pixels = (0..SIDE * SIDE).flat_map(|index| {
        let (x, y) = ((index % SIDE) as f32, (index / SIDE) as f32);
        let inside =
            points.iter().zip(FRONTAL).find(|((px, py), _)| (x - px).abs().max((y - py).abs()) < PATCH);
        // The square around a landmark shows what is there on the frontal face.
        let gray = inside.map_or(90.0, |((px, py), (fx, fy))| texture(x - px + fx, y - py + fy));
        [gray as u8; 3]
    });
    let mut frame = Frame::from_rgb(SIDE, SIDE, pixels.collect()).unwrap();
    frame.time = Duration::from_millis(ms);
    (frame, points.map(|(x, y)| Point { x, y }))
}

/// The shift of the nose when the head turns.
fn toward(direction: Direction) -> (f32, f32) {
    match direction {
        Direction::Left => (0.18, 0.0),
        Direction::Right => (-0.18, 0.0),
        Direction::Up => (0.0, -0.18),
        Direction::Down => (0.0, 0.18),
    }
}

fn rules(level: LivenessLevel) -> AccessRules {
    let network = NetworkRules::Scores { spoof_below: 0.1, pass_from: 0.5, min_room: 2.0 };
    AccessRules { liveness: LivenessRules { level, network, can_prompt: true }, ..super::rules() }
}

/// A door at the level active, before which somebody stands.
struct Door {
    vision: TestVision,
    ms: u64,
    step_ms: u64,
    track: u64,
    shift: (f32, f32),
    active: Option<ActivePrompt>,
    prompt: Option<Prompt>,
    prompts: Vec<Prompt>,
    challenges: Vec<RecordedChallenge>,
}

impl Door {
    fn new() -> Self {
        Self {
            vision: TestVision::with_rules(FirstState::None, rules(LivenessLevel::Active)),
            ms: 1000,
            step_ms: 1000 / FPS,
            track: 1,
            shift: (0.0, 0.0),
            active: None,
            prompt: None,
            prompts: Vec::new(),
            challenges: Vec::new(),
        }
    }

    /// Shows a face that turns toward this shift, and further faces beside it, and returns what was reported besides prompts.
    fn show(&mut self, target: (f32, f32), others: usize) -> Vec<String> {
        self.ms += self.step_ms;
        let step = |from: f32, to: f32| from + (to - from).clamp(-MAX_STEP, MAX_STEP);
        self.shift = (step(self.shift.0, target.0), step(self.shift.1, target.1));
        let shift = self.shift;
        let (frame, landmarks) = picture(self.ms, shift);
        let is_frontal = shift == (0.0, 0.0);
        let mut own = face(self.track, 0.9, 0.0);
        own.detection.landmarks = landmarks;
        own.embedded = is_frontal;
        own.quality.yaw = if is_frontal { 0.0 } else { 20.0 };
        own.liveness = TrackLiveness { room: Some(2.7), score: Some(0.99) };
        let other = |number| TrackedFace {
            embedded: false,
            candidate: None,
            ..face(900 + number as u64, 0.0, 150.0)
        };
        let faces = std::iter::once(own).chain((0..others).map(other)).collect();
        self.process(&frame, faces)
    }

    fn process(&mut self, frame: &Frame, faces: Vec<TrackedFace>) -> Vec<String> {
        let gallery = self.vision.worker.processor.gallery().clone();
        self.vision.worker.processor =
            Box::new(TestProcessor { gallery, faces, ..TestProcessor::new(Failure::None) });
        self.vision.worker.process(frame).unwrap();
        let mut reported = Vec::new();
        while let Some(message) = self.vision.shared.door_messages.pop(Duration::ZERO) {
            match message {
                DoorMessage::Prompt(active) => {
                    assert_ne!(active, self.active, "told again");
                    self.active = active;
                    self.prompt = active.map(|active| active.prompt);
                    self.prompts.extend(self.prompt);
                }
                DoorMessage::Decided { decision, details } => {
                    self.challenges.extend(decision.visit.challenge.clone());
                    let name = details.person.unwrap_or_default();
                    reported.push(format!("{} {name}", Reason::from(decision.outcome)));
                }
                DoorMessage::Report(EventKind::Lockout { person, .. }) => {
                    reported.push(format!("lockout {}", person.unwrap_or_default()));
                }
                _ => {}
            }
        }
        reported
    }

    /// Does what `answer` says to each prompt, until something is reported, for at most 15 s.
    fn visit(&mut self, answer: impl Fn(Option<Prompt>) -> (f32, f32)) -> Vec<String> {
        let end = self.ms + 15_000;
        while self.ms < end {
            let shift = answer(self.prompt);
            let reported = self.show(shift, 0);
            if !reported.is_empty() {
                return reported;
            }
        }
        Vec::new()
    }

    /// The turns that were asked for.
    fn turns(&self) -> Vec<Direction> {
        let turn = |prompt: &Prompt| match prompt {
            Prompt::Turn(direction) => Some(*direction),
            _ => None,
        };
        self.prompts.iter().filter_map(turn).collect()
    }

    fn reload(&mut self, level: LivenessLevel) {
        let mut pending = self.vision.worker.pending_update.lock().unwrap();
        pending.rules = Some(rules(level));
        drop(pending);
        self.vision.worker.apply_update().unwrap();
    }
}

/// Turns the head as asked.
fn obey(prompt: Option<Prompt>) -> (f32, f32) {
    match prompt {
        Some(Prompt::Turn(direction)) => toward(direction),
        _ => (0.0, 0.0),
    }
}

/// Looks at the camera and does nothing.
fn stay(_: Option<Prompt>) -> (f32, f32) {
    (0.0, 0.0)
}

/// Turns to the other side than asked, as a film would.
fn disobey(prompt: Option<Prompt>) -> (f32, f32) {
    match prompt {
        Some(Prompt::Turn(direction)) => {
            let (x, y) = toward(direction);
            (-x, -y)
        }
        _ => (0.0, 0.0),
    }
}

#[test]
fn who_turns_the_head_as_asked_is_let_in() {
    let mut door = Door::new();
    assert_eq!(door.visit(obey), ["granted Ann"], "{:?}", door.challenges);
    assert!(door.ms < 5000, "{} ms", door.ms);
    assert_eq!(door.turns().len(), 2);
    assert_eq!(door.prompt, None, "nothing more is asked");
    let challenge = &door.challenges[0];
    let asked: Vec<Direction> = challenge.turns.iter().map(|turn| turn.direction).collect();
    assert_eq!(asked, door.turns());
    for turn in &challenge.turns {
        assert!(turn.seen_ms.is_some() && turn.shift.unwrap() > 0.14, "{turn:?}");
    }
}

#[test]
fn who_does_nothing_is_refused_after_eight_seconds_and_not_asked_again() {
    let mut door = Door::new();
    assert_eq!(door.visit(stay), ["not_live Ann"]);
    assert!((9000..10_500).contains(&door.ms), "{} ms", door.ms);
    assert_eq!(door.prompt, None);
    assert_eq!(door.visit(obey), [] as [&str; 0]);
    assert_eq!(door.turns().len(), 1);
}

#[test]
fn a_prompt_names_the_face_and_the_time_until_which_the_challenge_runs() {
    let mut door = Door::new();
    while door.active.is_none() {
        door.show((0.0, 0.0), 0);
    }
    let until = Duration::from_millis(door.ms) + TIME_LIMIT;
    let mut asked = Vec::new();
    while let Some(active) = door.active {
        assert_eq!((active.track, active.until), (TrackId(door.track), Some(until)));
        asked.push(active.prompt);
        door.show(obey(door.prompt), 0);
    }
    asked.dedup();
    assert_eq!(asked, door.prompts);
    assert!(asked.len() >= 5, "two turns, and before and after each a look at the camera: {asked:?}");
}

#[test]
fn a_wrong_turn_refuses_and_a_second_one_is_an_attack_that_pauses_the_person() {
    let mut door = Door::new();
    let mut turns = Vec::new();
    for track in 1..6 {
        door.track = track;
        let started = door.ms;
        let expected = if track == 1 { "not_live Ann" } else { "spoof Ann" };
        assert_eq!(door.visit(disobey), [expected]);
        assert!(door.ms - started < 3000, "at once");
        turns.extend(door.turns().pop());
        door.ms += 2000;
    }
    assert!(turns.windows(2).all(|pair| pair[0] == pair[1]), "the same turn each time: {turns:?}");
    door.track = 6;
    assert_eq!(door.visit(disobey), ["spoof Ann", "lockout ", "lockout Ann"]);
    door.track = 7;
    assert_eq!(door.visit(obey), ["paused Ann"]);
}

#[test]
fn a_film_that_turns_in_all_directions_does_not_pass() {
    let mut door = Door::new();
    let film = [Direction::Left, Direction::Up, Direction::Right, Direction::Down];
    let mut frame = 0;
    let mut reported = Vec::new();
    while door.ms < 12_000 && reported.is_empty() {
        // Four frames to a side, six frames back and to the camera.
        let (turn, phase) = (film[frame / 10 % 4], frame % 10);
        reported = door.show(if phase < 4 { toward(turn) } else { (0.0, 0.0) }, 0);
        frame += 1;
    }
    assert_eq!(reported, ["not_live Ann"]);
}

#[test]
fn a_second_face_ends_a_challenge_which_begins_again_when_the_person_is_alone() {
    let mut door = Door::new();
    while door.turns().is_empty() {
        door.show((0.0, 0.0), 0);
    }
    for _ in 0..20 {
        assert_eq!(door.show((0.0, 0.0), 1), [] as [&str; 0]);
    }
    assert_eq!(door.prompt, None, "two people are not asked");
    assert_eq!(door.visit(obey), ["granted Ann"]);
}

#[test]
fn too_few_frames_end_a_challenge() {
    let mut door = Door::new();
    door.step_ms = 300;
    assert_eq!(door.visit(obey), ["not_live Ann"]);
}

#[test]
fn an_interrupted_challenge_asks_for_the_same_turns_again() {
    let mut first_turns = Vec::new();
    let mut door = Door::new();
    for track in 1..4 {
        door.track = track;
        door.prompts.clear();
        while door.turns().is_empty() {
            door.show((0.0, 0.0), 0);
        }
        first_turns.push(door.turns()[0]);
        // Another track: the person walked off, and comes back.
        door.ms += 2000;
    }
    assert!(first_turns.windows(2).all(|pair| pair[0] == pair[1]), "{first_turns:?}");
}

#[test]
fn a_reload_begins_a_challenge_again_and_does_not_pass_it() {
    let mut door = Door::new();
    while door.turns().len() < 2 {
        assert_eq!(door.show(obey(door.prompt), 0), [] as [&str; 0]);
    }
    let before = door.turns();
    door.reload(LivenessLevel::Active);
    door.prompts.clear();
    assert_eq!(door.visit(obey), ["granted Ann"]);
    assert_eq!(door.turns(), before, "both turns again, and the same ones");
}

#[test]
fn at_the_level_passive_nobody_is_asked() {
    let mut door = Door::new();
    door.reload(LivenessLevel::Passive);
    assert_eq!(door.visit(stay), ["granted Ann"]);
    assert_eq!(door.prompts, []);
}

#[test]
fn who_is_too_near_is_told_to_step_back() {
    let mut door = Door::new();
    door.reload(LivenessLevel::Passive);
    let mut reported = Vec::new();
    for room in [1.5; 12].into_iter().chain([2.5; 2]) {
        door.ms += 100;
        let (frame, landmarks) = picture(door.ms, (0.0, 0.0));
        let mut own = face(1, 0.9, 0.0);
        own.detection.landmarks = landmarks;
        own.liveness = TrackLiveness { room: Some(room), score: (room > 2.0).then_some(0.99) };
        reported.extend(door.process(&frame, vec![own]));
    }
    assert_eq!(door.prompts, [Prompt::StepBack]);
    assert_eq!(door.prompt, None);
    assert_eq!(reported, ["not_live Ann", "granted Ann"]);
}
