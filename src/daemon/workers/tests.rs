//! Threads that fail as no real one should: the relay must be at rest afterwards, whatever it was.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ostiary_access::{Contact, Decision, DenialReason, Outcome};
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config as config;
use ostiary_config::{ClockTrust, Hours};
use ostiary_core::clock::{Clock, VirtualClock};
use ostiary_core::{Detection, Frame, ModelId, Quality, Similarity, TrackId};
use ostiary_devices::{Edge, GpioError, Input, InputLines, Inputs, OutputLine, Relay, Signals};
use ostiary_events::{Denial, Event, EventName, EventStore, Grant, Output, OutputError};
use ostiary_facebank::Gallery;
use ostiary_pipeline::TrackedFace;
use ostiary_vision::VisionError;

use super::*;
use crate::daemon::shared::DoorMessage;
use crate::daemon::vision_worker::{FrameProcessor, Rules};
use crate::wall_clock::WallClock;

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

/// What a broken sight does with its first frame.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    Panics,
    Fails,
    Hangs,
}

struct Broken {
    flaw: Flaw,
    gallery: Gallery,
    model: ModelId,
    seen: Vec<TrackedFace>,
}

impl Broken {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, gallery: Gallery::default(), model: ModelId("broken".into()), seen: Vec::new() }
    }
}

impl FrameProcessor for Broken {
    fn look(&mut self, _: &Frame) -> Result<&[TrackedFace], VisionError> {
        match self.flaw {
            Flaw::None => Ok(&self.seen),
            Flaw::Panics => panic!("broken on purpose"),
            Flaw::Fails => Err(VisionError::NoEmbedding),
            Flaw::Hangs => loop {
                thread::park();
            },
        }
    }
    fn seen(&self) -> &[TrackedFace] {
        &self.seen
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
    fn next_track(&self) -> TrackId {
        TrackId(1)
    }
    fn begin_at(&mut self, _: TrackId) {}
}

/// A camera that brings a frame whenever it is let.
struct Shutter {
    open: Arc<AtomicBool>,
    number: u64,
}

impl FrameSource for Shutter {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        thread::sleep(Duration::from_millis(2));
        if !self.open.load(Ordering::SeqCst) {
            return Err(CaptureError::Unplugged { name: "shutter".into() });
        }
        self.number += 1;
        frame.reshape(4, 4);
        (frame.sequence, frame.time) = (self.number, Duration::from_millis(self.number));
        Ok(Next::Frame)
    }
    fn is_live(&self) -> bool {
        true
    }
    fn describe(&self) -> String {
        "shutter".into()
    }
}

#[derive(Clone, Default)]
struct Line(Arc<Mutex<Vec<bool>>>);

impl Line {
    fn levels(&self) -> Vec<bool> {
        self.0.lock().unwrap().clone()
    }
}

impl OutputLine for Line {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        self.0.lock().unwrap().push(on);
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

impl Output for Told {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
    fn describe(&self) -> String {
        "test".into()
    }
}

/// What hands do to the button and the leaf.
#[derive(Default)]
struct Hands {
    edges: VecDeque<Edge>,
    open: Option<bool>,
    gone: bool,
    panics: bool,
}

#[derive(Clone, Default)]
struct Wires(Arc<Mutex<Hands>>);

impl Wires {
    fn press(&self, age: Duration) {
        let edges = [true, false].map(|active| Edge { input: Input::Exit, active, age });
        self.0.lock().unwrap().edges.extend(edges);
    }

    fn transition(&self, open: bool) {
        let mut hands = self.0.lock().unwrap();
        hands.open = Some(open);
        hands.edges.push_back(Edge { input: Input::Contact, active: open, age: Duration::ZERO });
    }

    fn unless_gone<T>(&self, answer: impl FnOnce(&mut Hands) -> T) -> Result<T, GpioError> {
        let mut hands = self.0.lock().unwrap();
        if std::mem::take(&mut hands.panics) {
            drop(hands);
            panic!("broken on purpose");
        }
        match hands.gone {
            true => Err(GpioError::Read {
                what: "exit button",
                chip: "/dev/gpiochip0".into(),
                line: 23,
                reason: "no such device".into(),
            }),
            false => Ok(answer(&mut hands)),
        }
    }

    fn inputs(&self) -> Inputs {
        let wires = self.clone();
        Inputs::new(Box::new(move || {
            wires.unless_gone(|_| ())?;
            Ok(Box::new(wires.clone()))
        }))
        .unwrap()
    }
}

impl InputLines for Wires {
    fn edge(&mut self, _: Duration) -> Result<Option<Edge>, GpioError> {
        thread::sleep(Duration::from_millis(2));
        self.unless_gone(|hands| hands.edges.pop_front())
    }
    fn contact(&mut self) -> Result<Option<bool>, GpioError> {
        self.unless_gone(|hands| hands.open)
    }
}

/// A door with its workers, and all that can be seen of it.
struct House {
    clock: Arc<VirtualClock>,
    shared: Arc<Shared>,
    workers: Workers,
    shutter: Arc<AtomicBool>,
    relay: Line,
    wires: Wires,
    told: Told,
    _folder: tempfile::TempDir,
}

fn rules() -> Rules {
    let door = config::Door { unknown_after: 1, ..config::Door::default() };
    Rules { door, threshold: Similarity(0.5), hours: Hours::default(), trust: ClockTrust::default() }
}

impl House {
    fn with(flaw: Flaw) -> Self {
        Self::with_inputs(flaw, true)
    }

    fn with_inputs(flaw: Flaw, has_inputs: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = config::Events { path: folder.path().join("events.sqlite"), keep: 100 };
        let store = Arc::new(Mutex::new(EventStore::open(&events, false).unwrap()));
        let clock = Arc::new(VirtualClock::default());
        let shared = Arc::new(Shared::new(clock.clone(), WallClock::new(None), "door", 60_000));
        let (relay, told, shutter) = (Line::default(), Told::default(), Arc::new(AtomicBool::new(false)));
        let wires = Wires::default();
        let contact = Contact::new(Duration::from_secs(2), Duration::from_secs(30));
        let lamps = Signals::default();
        let source = Box::new(Shutter { open: shutter.clone(), number: 0 });
        let workers = Workers::start(
            shared.clone(),
            CaptureWorker::new(shared.clone(), config::Camera::default(), Some(source)),
            VisionWorker::new(shared.clone(), Box::new(Broken::new(flaw)), rules(), None),
            DoorWorker::new(shared.clone(), Some(Relay::new(Box::new(relay.clone()))), lamps, contact),
            StoreWorker::new(shared.clone(), store, vec![Box::new(told.clone())]),
            has_inputs.then(|| InputWorker::new(shared.clone(), wires.inputs())),
            Duration::from_secs(1),
        )
        .unwrap();
        Self { clock, shared, workers, shutter, relay, wires, told, _folder: folder }
    }

    /// Somebody is let in.
    fn grant(&self) {
        let decision = Decision {
            time: Duration::ZERO,
            track: TrackId(1),
            first_seen: Duration::ZERO,
            outcome: Outcome::Granted,
            person: None,
            similarity: Some(Similarity(0.9)),
            second: None,
            threshold: Similarity(0.5),
            quality: Quality::default(),
            faces_in_view: 1,
            frames: 3,
        };
        let word = DoorMessage::Decided {
            decision,
            person: Some("Ann".into()),
            detail: None,
            model: ModelId("broken".into()),
        };
        assert!(self.shared.door_messages.push(word).is_ok());
    }

    fn wait_for(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < LIMIT, "no {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the workers to end as the main thread would, ends it, and returns why it did.
    fn end(&mut self) -> Result<(), String> {
        let mut ended = None;
        self.wait_for("end of the workers", |house| {
            ended = house.workers.ended();
            ended.is_some()
        });
        let result = ended.unwrap();
        self.workers.end(&result);
        result.map_err(|error| error.to_string())
    }

    fn kinds(&self) -> Vec<EventName> {
        self.told.0.lock().unwrap().iter().map(|event| event.kind.name()).collect()
    }

    /// Waits for the next event of this kind, of those that come after the first `seen`.
    fn event(&mut self, name: EventName, seen: usize) -> Event {
        let mut found = None;
        self.wait_for(&name.to_string(), |house| {
            let told = house.told.0.lock().unwrap();
            found = told.iter().skip(seen).find(|event| event.kind.name() == name).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    /// What was told of the leaf and the inputs; the camera's events come when they like.
    fn of_the_leaf(&self) -> Vec<EventName> {
        let is_of_the_leaf = |kind: &EventName| {
            matches!(
                kind,
                EventName::DoorOpened
                    | EventName::DoorClosed
                    | EventName::DoorForced
                    | EventName::DoorHeld
                    | EventName::InputsLost
                    | EventName::InputsBack
            )
        };
        self.kinds().into_iter().filter(is_of_the_leaf).collect()
    }
}

/// With the relay on, the fault must bring it to rest, and nothing may put it on again.
fn fails_secure(flaw: Flaw, expected: &str) {
    let mut house = House::with(flaw);
    house.grant();
    house.wait_for("relay on", |house| house.relay.levels() == [true]);
    house.shutter.store(true, Ordering::SeqCst);
    if flaw == Flaw::Hangs {
        house.wait_for("frame taken", |house| house.shared.frames.dropped() > 0);
        // Time goes by; everybody else goes on to move.
        for _ in 0..15 {
            house.clock.advance(Duration::from_secs(1));
            thread::sleep(Duration::from_millis(60));
        }
    }
    let why = house.end().unwrap_err();
    assert!(why.contains(expected), "{why}");
    assert_eq!(house.relay.levels().first(), Some(&true));
    assert!(house.relay.levels()[1..].iter().all(|on| !on) && house.relay.levels().len() > 1);
    assert!(house.kinds().contains(&EventName::Locked), "{:?}", house.kinds());
    let told = house.told.0.lock().unwrap();
    let locked = told.iter().find_map(|event| match &event.kind {
        EventKind::Locked { detail } => Some(detail),
        _ => None,
    });
    assert!(locked.unwrap().contains(expected), "{locked:?}");
    assert!(told.iter().all(|event| event.id > 0), "everything is recorded");
}

#[test]
fn a_vision_thread_that_dies_locks_the_door() {
    fails_secure(Flaw::Panics, "the vision thread died: broken on purpose");
}

#[test]
fn a_vision_thread_that_fails_locks_the_door() {
    fails_secure(Flaw::Fails, "vision failed: the model gave no usable embedding");
}

#[test]
fn a_vision_thread_that_hangs_locks_the_door() {
    fails_secure(Flaw::Hangs, "the vision thread made no progress");
}

#[test]
fn a_locked_door_opens_for_nobody() {
    let mut house = House::with(Flaw::None);
    house.shared.lock("a fault");
    house.wait_for("lock", |house| house.shared.is_locked());
    house.grant();
    house.wait_for("denial", |house| house.kinds().contains(&EventName::Denied));
    assert!(house.relay.levels().iter().all(|on| !on));
    let told = house.told.0.lock().unwrap().clone();
    let refused = told.iter().find_map(|event| match &event.kind {
        EventKind::Denied(Denial::Face { reason, .. }) => Some(*reason),
        _ => None,
    });
    assert_eq!(refused, Some(DenialReason::Locked));
    house.workers.end(&Err(DaemonError::Fault("a fault".into())));
}

#[test]
fn a_stop_leaves_the_relay_at_rest_and_records_all() {
    let mut house = House::with(Flaw::None);
    house.grant();
    house.wait_for("relay on", |house| house.relay.levels() == [true]);
    // The camera brings nothing yet, which its thread reports when it gets its turn.
    house.wait_for("loss", |house| house.kinds().contains(&EventName::CameraLost));
    house.workers.end(&Ok(()));
    assert_eq!(house.relay.levels(), [true, false]);
    let kinds = house.kinds();
    let wanted = [
        EventName::RelayOn,
        EventName::Granted,
        EventName::CameraLost,
        EventName::RelayOff,
        EventName::Stopped,
    ];
    assert!(wanted.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&EventName::Stopped));
}

#[test]
fn a_camera_that_comes_and_goes_is_told_once_each() {
    let mut house = House::with(Flaw::None);
    let count = |house: &House, kind| house.kinds().into_iter().filter(|k| *k == kind).count();
    for round in 1..=3 {
        house.shutter.store(false, Ordering::SeqCst);
        house.wait_for("loss", |house| count(house, EventName::CameraLost) == round);
        house.shutter.store(true, Ordering::SeqCst);
        house.wait_for("return", |house| count(house, EventName::CameraBack) == round);
    }
    assert!(house.workers.ended().is_none(), "a camera that is away is no fault of the door");
    house.workers.end(&Ok(()));
}

#[test]
fn the_exit_button_opens_once_for_each_press() {
    let mut house = House::with(Flaw::None);
    house.wires.press(Duration::ZERO);
    let granted = house.event(EventName::Granted, 0);
    assert_eq!(granted.kind, EventKind::Granted(Grant::ExitButton));
    assert_eq!(house.relay.levels(), [true]);
    house.clock.advance(Duration::from_secs(59));
    thread::sleep(Duration::from_millis(50));
    assert_eq!(house.relay.levels(), [true]);
    house.clock.advance(Duration::from_secs(1));
    house.event(EventName::RelayOff, 0);
    assert_eq!(house.relay.levels(), [true, false]);
    house.wires.press(Duration::ZERO);
    house.wait_for("second pulse", |house| house.relay.levels() == [true, false, true]);
    house.workers.end(&Ok(()));
    assert_eq!(house.relay.levels(), [true, false, true, false]);
}

#[test]
fn an_exit_button_that_was_pressed_long_ago_opens_nothing() {
    let mut house = House::with(Flaw::None);
    house.clock.advance(Duration::from_secs(20));
    house.wires.press(Duration::from_secs(3));
    // What is heard after it has been acted on after it.
    house.wires.transition(false);
    house.event(EventName::DoorClosed, 0);
    assert!(house.relay.levels().is_empty());
    house.workers.end(&Ok(()));
}

#[test]
fn a_locked_door_does_not_open_by_the_exit_button() {
    let mut house = House::with(Flaw::None);
    house.shared.lock("a fault");
    house.wait_for("lock", |house| house.shared.is_locked());
    house.wires.press(Duration::ZERO);
    let denied = house.event(EventName::Denied, 0);
    assert_eq!(denied.kind, EventKind::Denied(Denial::ExitButton));
    assert!(house.relay.levels().iter().all(|on| !on));
    house.workers.end(&Err(DaemonError::Fault("a fault".into())));
}

#[test]
fn a_door_that_opens_for_nobody_was_forced_and_one_that_stays_open_is_held() {
    let mut house = House::with(Flaw::None);
    house.wires.transition(false);
    let found = house.event(EventName::DoorClosed, 0);
    assert_eq!(found.kind, EventKind::DoorClosed { detail: Some("so it was found".into()) });
    house.wires.transition(true);
    house.event(EventName::DoorForced, 0);
    house.clock.advance(Duration::from_secs(30));
    let held = house.event(EventName::DoorHeld, 0);
    assert_eq!(held.kind, EventKind::DoorHeld { detail: "it has been open for 30 s".into() });
    house.clock.advance(Duration::from_secs(90));
    house.wires.transition(false);
    house.wait_for("closing", |house| house.of_the_leaf().last() == Some(&EventName::DoorClosed));

    let seen = house.kinds().len();
    house.wires.press(Duration::ZERO);
    house.event(EventName::Granted, seen);
    house.wires.transition(true);
    house.event(EventName::DoorOpened, seen);
    house.wires.transition(false);
    house.event(EventName::DoorClosed, seen);
    let expected = [
        EventName::DoorClosed,
        EventName::DoorOpened,
        EventName::DoorForced,
        EventName::DoorHeld,
        EventName::DoorClosed,
        EventName::DoorOpened,
        EventName::DoorClosed,
    ];
    assert_eq!(house.of_the_leaf(), expected);
    house.workers.end(&Ok(()));
}

#[test]
fn inputs_that_go_away_are_told_of_and_open_nothing() {
    let mut house = House::with(Flaw::None);
    house.wires.transition(true);
    house.event(EventName::DoorOpened, 0);
    house.wires.0.lock().unwrap().gone = true;
    let lost = house.event(EventName::InputsLost, 0);
    let EventKind::InputsLost { detail } = &lost.kind else { panic!("{lost:?}") };
    assert!(detail.contains("no such device"));
    house.clock.advance(Duration::from_secs(60));
    *house.wires.0.lock().unwrap() = Hands { open: Some(false), ..Hands::default() };
    house.event(EventName::InputsBack, 0);
    let found = house.event(EventName::DoorClosed, 0);
    assert_eq!(found.kind, EventKind::DoorClosed { detail: Some("so it was found".into()) });
    let expected =
        [EventName::DoorOpened, EventName::InputsLost, EventName::InputsBack, EventName::DoorClosed];
    assert_eq!(house.of_the_leaf(), expected, "one that cannot be read is not held open");
    assert!(house.relay.levels().is_empty());
    assert!(house.workers.ended().is_none(), "inputs that are away are no fault of the door");
    house.wires.press(Duration::ZERO);
    house.wait_for("relay on", |house| house.relay.levels() == [true]);
    house.workers.end(&Ok(()));
}

#[test]
fn an_inputs_thread_that_dies_locks_the_door() {
    let mut house = House::with(Flaw::None);
    house.grant();
    house.wait_for("relay on", |house| house.relay.levels() == [true]);
    house.wires.0.lock().unwrap().panics = true;
    let why = house.end().unwrap_err();
    assert!(why.contains("the inputs thread died: broken on purpose"), "{why}");
    assert_eq!(house.relay.levels()[1..].iter().find(|on| **on), None);
    assert!(house.kinds().contains(&EventName::Locked));
}

#[test]
fn a_door_without_inputs_feeds_its_watchdog() {
    for has_inputs in [false, true] {
        let mut house = House::with_inputs(Flaw::None, has_inputs);
        house.clock.advance(Duration::from_secs(3600));
        house.wait_for("progress of everybody", |house| house.workers.moves(Duration::from_secs(1)));
        assert!(house.workers.ended().is_none());
        house.workers.end(&Ok(()));
    }
}

#[test]
fn a_full_queue_of_decisions_locks_the_door() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::default());
    let shared = Arc::new(Shared::new(clock, WallClock::new(None), "door", 1000));
    while shared.door_messages.push(DoorMessage::End).is_ok() {}
    let mut processor = Broken::new(Flaw::None);
    processor.seen.push(TrackedFace {
        track: TrackId(1),
        first_seen: Duration::ZERO,
        detection: Detection { bbox: [0.0; 4].into(), score: 1.0, landmarks: Default::default() },
        quality: Quality::default(),
        fault: None,
        embedded: true,
        candidate: None,
    });
    let vision_worker = VisionWorker::new(shared.clone(), Box::new(processor), rules(), None);
    shared.frames.put(&mut Frame::from_rgb(1, 1, vec![0; 3]).unwrap(), Duration::ZERO);
    let why = vision_worker.run().unwrap_err();
    assert!(why.contains("queue is full"), "{why}");
    assert_eq!(shared.fault(), Some(why));
}
