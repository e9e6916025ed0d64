//! Threads that fail as no real one should: the relay must be at rest afterwards, whatever it was.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::act::gpio::{GpioError, OutputLine, Relay, Signals};
use crate::act::{ActError, Event, EventStore, Output};
use crate::bundle::ModelId;
use crate::capture::{CaptureError, Frame, FrameSource, Next};
use crate::clock::{Clock, VirtualClock};
use crate::config;
use crate::daemon::Seen;
use crate::daemon::shared::Word;
use crate::daemon::watch::{Rules, Sight};
use crate::door::{Decision, Hours, Reason};
use crate::facebank::Gallery;
use crate::vision::{Detection, Quality, Similarity, TrackId, VisionError};

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
    seen: Vec<Seen>,
}

impl Broken {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, gallery: Gallery::default(), model: ModelId("broken".into()), seen: Vec::new() }
    }
}

impl Sight for Broken {
    fn look(&mut self, _: &Frame) -> Result<&[Seen], VisionError> {
        match self.flaw {
            Flaw::None => Ok(&self.seen),
            Flaw::Panics => panic!("broken on purpose"),
            Flaw::Fails => Err(VisionError::NoEmbedding),
            Flaw::Hangs => loop {
                thread::park();
            },
        }
    }
    fn seen(&self) -> &[Seen] {
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
    fn tell(&mut self, event: &Event) -> Result<(), ActError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
    fn describe(&self) -> String {
        "test".into()
    }
}

/// A door with its crew, and all that can be seen of it.
struct House {
    clock: Arc<VirtualClock>,
    shared: Arc<Shared>,
    crew: Crew,
    shutter: Arc<AtomicBool>,
    relay: Line,
    told: Told,
    _folder: tempfile::TempDir,
}

fn rules() -> Rules {
    let door = config::Door { unknown_after: 1, ..config::Door::default() };
    Rules { door, threshold: Similarity(0.5), hours: Hours::default() }
}

impl House {
    fn with(flaw: Flaw) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = config::Events { path: folder.path().join("events.sqlite"), keep: 100 };
        let store = Arc::new(Mutex::new(EventStore::open(&events, false).unwrap()));
        let clock = Arc::new(VirtualClock::default());
        let shared = Arc::new(Shared::new(clock.clone(), "door", 60_000));
        let (relay, told, shutter) = (Line::default(), Told::default(), Arc::new(AtomicBool::new(false)));
        let source = Box::new(Shutter { open: shutter.clone(), number: 0 });
        let crew = Crew::start(
            shared.clone(),
            Capturer::new(shared.clone(), config::Camera::default(), Some(source)),
            Watch::new(shared.clone(), Box::new(Broken::new(flaw)), rules(), None),
            Doorman::new(shared.clone(), Some(Relay::new(Box::new(relay.clone()))), Signals::default()),
            Recorder::new(shared.clone(), store, vec![Box::new(told.clone())]),
            Duration::from_secs(1),
        )
        .unwrap();
        Self { clock, shared, crew, shutter, relay, told, _folder: folder }
    }

    /// Somebody is let in.
    fn grant(&self) {
        let decision = Decision {
            time: Duration::ZERO,
            track: TrackId(1),
            first_seen: Duration::ZERO,
            reason: Reason::Granted,
            person: None,
            similarity: Some(Similarity(0.9)),
            second: None,
            threshold: Similarity(0.5),
            quality: Quality::default(),
            faces_in_view: 1,
            frames: 3,
        };
        let word = Word::Decided { decision, person: Some("Ann".into()), model: "broken".into() };
        assert!(self.shared.words.push(word).is_ok());
    }

    fn wait_for(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < LIMIT, "no {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the crew to end as the main thread would, ends it, and returns why it did.
    fn end(&mut self) -> Result<(), String> {
        let mut ended = None;
        self.wait_for("end of the crew", |house| {
            ended = house.crew.ended();
            ended.is_some()
        });
        let result = ended.unwrap();
        self.crew.end(&result);
        result.map_err(|error| error.to_string())
    }

    fn kinds(&self) -> Vec<EventKind> {
        self.told.0.lock().unwrap().iter().map(|event| event.kind).collect()
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
    assert!(house.kinds().contains(&EventKind::Locked), "{:?}", house.kinds());
    let told = house.told.0.lock().unwrap();
    let locked = told.iter().find(|event| event.kind == EventKind::Locked).unwrap();
    assert!(locked.detail.as_deref().unwrap().contains(expected), "{locked:?}");
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
    house.wait_for("denial", |house| house.kinds().contains(&EventKind::Denied));
    assert!(house.relay.levels().iter().all(|on| !on));
    let told = house.told.0.lock().unwrap().clone();
    assert_eq!(told.iter().find_map(|event| event.reason), Some(Reason::Locked));
    house.crew.end(&Err(DaemonError::Fault("a fault".into())));
}

#[test]
fn a_stop_leaves_the_relay_at_rest_and_records_all() {
    let mut house = House::with(Flaw::None);
    house.grant();
    house.wait_for("relay on", |house| house.relay.levels() == [true]);
    house.crew.end(&Ok(()));
    assert_eq!(house.relay.levels(), [true, false]);
    let kinds = house.kinds();
    let wanted = [
        EventKind::RelayOn,
        EventKind::Granted,
        EventKind::CameraLost,
        EventKind::RelayOff,
        EventKind::Stopped,
    ];
    assert!(wanted.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&EventKind::Stopped));
}

#[test]
fn a_camera_that_comes_and_goes_is_told_once_each() {
    let mut house = House::with(Flaw::None);
    let count = |house: &House, kind| house.kinds().into_iter().filter(|k| *k == kind).count();
    for round in 1..=3 {
        house.shutter.store(false, Ordering::SeqCst);
        house.wait_for("loss", |house| count(house, EventKind::CameraLost) == round);
        house.shutter.store(true, Ordering::SeqCst);
        house.wait_for("return", |house| count(house, EventKind::CameraBack) == round);
    }
    assert!(house.crew.ended().is_none(), "a camera that is away is no fault of the door");
    house.crew.end(&Ok(()));
}

#[test]
fn a_full_queue_of_decisions_locks_the_door() {
    let shared = Arc::new(Shared::new(Arc::new(VirtualClock::default()) as Arc<dyn Clock>, "door", 1000));
    while shared.words.push(Word::End).is_ok() {}
    let mut sight = Broken::new(Flaw::None);
    sight.seen.push(Seen {
        track: TrackId(1),
        first_seen: Duration::ZERO,
        detection: Detection { bbox: [0.0; 4].into(), score: 1.0, landmarks: Default::default() },
        quality: Quality::default(),
        fault: None,
        embedded: true,
        candidate: None,
    });
    let watch = Watch::new(shared.clone(), Box::new(sight), rules(), None);
    shared.frames.put(&mut Frame::from_rgb(1, 1, vec![0; 3]).unwrap(), Duration::ZERO);
    let why = watch.run().unwrap_err();
    assert!(why.contains("queue is full"), "{why}");
    assert_eq!(shared.fault(), Some(why));
}
