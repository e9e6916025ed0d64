//! Visits to a vision thread whose pipeline is replaced: what is reported, and what survives a restart.

use ostiary_access::{DoorMode, Reason};
use ostiary_core::clock::VirtualClock;
use ostiary_core::{Detection, Embedding, Person, Quality, Similarity};

use super::*;
use crate::daemon::testing::{Failure, TestProcessor, rules};
use crate::wall_clock::WallClock;

const ANN: PersonId = PersonId(1);
const THRESHOLD: f32 = 0.5;

/// A face on this track, whose best candidate is Ann. It is at `x`, pixels.
fn face(track: u64, similarity: f32, x: f32) -> TrackedFace {
    let point = |dx, dy| [x + dx, dy].into();
    TrackedFace {
        track: TrackId(track),
        first_seen: Duration::ZERO,
        detection: Detection {
            bbox: [x, 0.0, 100.0, 120.0].into(),
            score: 1.0,
            landmarks: [(30.0, 50.0), (70.0, 50.0), (50.0, 70.0), (35.0, 90.0), (65.0, 90.0)]
                .map(|(dx, dy)| point(dx, dy)),
        },
        quality: Quality::default(),
        fault: None,
        embedded: true,
        moments: 16,
        candidate: Some(Candidate {
            person: ANN,
            similarity: Similarity(similarity),
            cosine: Similarity(similarity),
            threshold: Similarity(THRESHOLD),
            photos: 1,
            second: None,
            third: None,
        }),
        liveness: TrackLiveness::default(),
    }
}

/// A vision thread that is called frame by frame.
struct TestVision {
    shared: Arc<Shared>,
    worker: VisionWorker,
}

impl TestVision {
    fn new(first_state: FirstState) -> Self {
        Self::with_rules(first_state, rules())
    }

    fn with_rules(first_state: FirstState, rules: AccessRules) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let shared = Arc::new(Shared::new(clock, WallClock::new(None), "door", 1000));
        let processor = TestProcessor { gallery: Self::gallery(), ..TestProcessor::new(Failure::None) };
        let worker =
            VisionWorker::new(shared.clone(), Box::new(processor), rules, first_state, || Some(1), None);
        Self { shared, worker }
    }

    /// Ann alone.
    fn gallery() -> Gallery {
        let ann = Person {
            id: ANN,
            name: "Ann".into(),
            enabled: true,
            group: None,
            created: jiff::Timestamp::UNIX_EPOCH,
        };
        Gallery::new([(ann, vec![(Embedding::normalized(&[1.0, 0.0]).unwrap(), 1.0)])]).unwrap()
    }

    /// Shows a face at a time, milliseconds, and returns what was reported.
    fn show(&mut self, ms: u64, face: TrackedFace) -> Vec<String> {
        let gallery = self.worker.processor.gallery().clone();
        let processor = TestProcessor { gallery, faces: vec![face], ..TestProcessor::new(Failure::None) };
        self.worker.processor = Box::new(processor);
        let mut frame = Frame::from_rgb(1, 1, vec![0; 3]).unwrap();
        frame.time = Duration::from_millis(ms);
        self.worker.process(&frame).unwrap();
        let messages = std::iter::from_fn(|| self.shared.door_messages.pop(Duration::ZERO));
        let text = |message| match message {
            DoorMessage::Decided { decision, details } => {
                format!("{} {}", Reason::from(decision.outcome), details.person.unwrap_or_default())
            }
            DoorMessage::Report(EventKind::Lockout { person, .. }) => {
                format!("lockout {}", person.unwrap_or_default())
            }
            DoorMessage::Report(EventKind::LockoutEnded { person }) => {
                format!("lockout_ended {}", person.unwrap_or_default())
            }
            DoorMessage::Prompt(prompt) => {
                prompt.map_or("no prompt", |active| active.prompt.name()).to_owned()
            }
            DoorMessage::Report(_)
            | DoorMessage::End
            | DoorMessage::Command { .. }
            | DoorMessage::Input { .. } => "other".to_owned(),
        };
        messages.map(text).collect()
    }

    /// The state that the store thread would save.
    fn saved(&self) -> FirstState {
        FirstState::Saved(self.shared.take_unsaved_visits().expect("nothing was saved"))
    }
}

#[test]
fn attempts_pause_a_person_also_after_a_restart() {
    let mut vision = TestVision::new(FirstState::None);
    for track in 1..5 {
        assert_eq!(vision.show(track * 1000, face(track, 0.4, 0.0)), ["unknown "]);
    }
    assert_eq!(vision.show(5000, face(5, 0.4, 0.0)), ["unknown ", "lockout ", "lockout Ann"]);
    assert_eq!(vision.show(6000, face(6, 0.9, 0.0)), ["paused Ann"]);

    let mut restarted = TestVision::new(vision.saved());
    assert_eq!(restarted.show(1000, face(1, 0.9, 0.0)), ["paused Ann"]);
    assert_eq!(restarted.show(30_000, face(1, 0.9, 50.0)), [] as [&str; 0]);
    assert_eq!(restarted.show(62_000, face(1, 0.9, 0.0)), ["lockout_ended Ann", "granted Ann"]);
}

#[test]
fn a_grant_is_remembered_after_a_restart() {
    let mut vision = TestVision::new(FirstState::None);
    let reported: Vec<String> = [1000, 1200, 1400].map(|ms| vision.show(ms, face(1, 0.9, 0.0))).concat();
    assert_eq!(reported, ["granted Ann"]);
    let mut restarted = TestVision::new(vision.saved());
    assert_eq!(restarted.show(1000, face(1, 0.9, 0.0)), ["cool_down Ann"]);
    assert_eq!(restarted.show(12_000, face(1, 0.9, 50.0)), ["same_visit Ann"]);
}

#[test]
fn nobody_is_let_in_in_a_lockdown_which_begins_no_cool_down() {
    let mut vision = TestVision::new(FirstState::None);
    vision.shared.set_mode(DoorMode::LockedDown);
    let show = |vision: &mut TestVision, frames: std::ops::Range<u64>| -> Vec<String> {
        frames.flat_map(|frame| vision.show(frame * 200, face(1, 0.9, (frame % 8) as f32))).collect()
    };
    assert_eq!(show(&mut vision, 5..15), ["locked_down Ann"]);
    assert!(vision.shared.take_unsaved_visits().is_none(), "nobody was let in");
    vision.shared.set_mode(DoorMode::Normal);
    assert_eq!(show(&mut vision, 15..25), ["granted Ann"], "who is still in view need not leave");
}

#[test]
fn a_damaged_state_asks_for_clear_matches_and_locks_nobody_out() {
    let mut vision = TestVision::new(FirstState::Unknown);
    assert_eq!(vision.show(1000, face(1, THRESHOLD + 0.02, 0.0)), ["lockout "]);
    // Each of these is enough evidence for a match that is not clear.
    let near = (6..30).flat_map(|frame| vision.show(frame * 200, face(2, THRESHOLD + 0.02, 0.0)));
    assert_eq!(near.collect::<Vec<_>>(), [] as [&str; 0]);
    let reported: Vec<String> = [6200, 6400, 6600].map(|ms| vision.show(ms, face(1, 0.9, 0.0))).concat();
    assert_eq!(reported, ["granted Ann"]);
    assert!(matches!(vision.saved(), FirstState::Saved(_)), "the file is replaced");
}

#[test]
fn a_print_on_the_wall_is_let_in_once_and_then_static() {
    let mut vision = TestVision::new(FirstState::None);
    let mut reported = Vec::new();
    // Ten frames a second for five minutes; the track ends every 3 s.
    for frame in 1..3000 {
        let track = frame / 30;
        reported.extend(vision.show(frame * 100, face(track, 0.9, (frame % 2) as f32)));
    }
    assert_eq!(reported.iter().filter(|text| *text == "granted Ann").count(), 1);
    assert_eq!(reported.iter().filter(|text| *text == "static_face ").count(), 1);
    let last = reported.last().map(String::as_str);
    assert_eq!(last, Some("static_face "), "no decision while it stays");
    // The person in front of the print.
    let reported: Vec<String> = (0..40)
        .flat_map(|frame| vision.show(300_000 + frame * 100, face(5000, 0.9, 20.0 + (frame % 8) as f32)))
        .collect();
    assert_eq!(reported, ["granted Ann"]);
}

mod challenge;
