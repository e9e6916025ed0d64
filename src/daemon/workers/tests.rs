//! The workers together, with threads that fail. After each failure the relay must be at rest.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ostiary_access::{
    CommandName, CommandRefusal, DenialReason, DoorCommand, DoorMode, DoorMonitor, ModeName, Outcome,
};
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config as config;
use ostiary_core::clock::{Clock, VirtualClock};
use ostiary_core::{Detection, Direction, Frame, Prompt, Quality, TrackId};
use ostiary_devices::{DoorInput, Edge, GpioError, InputLines, Inputs, OutputLine, Relay, Signals};
use ostiary_events::{
    Denial, Event, EventName, EventSink, Grant, OutputError, PromptMessage, ReopeningStore, User,
};
use ostiary_mqtt as mqtt;
use ostiary_mqtt::{DoorDescription, DoorSummary, Mqtt, Received};
use ostiary_pipeline::{TrackLiveness, TrackedFace};
use ostiary_testkit::Broker;
use ostiary_texts::{Message, Texts};
use rumqttc::{Client, MqttOptions, Packet, QoS};

use super::*;
use crate::daemon::door_command::DoorRefusal;
use crate::daemon::mode_file::{self, ModeOnDisk, SavedMode};
use crate::daemon::shared::DoorMessage;
use crate::daemon::testing::{Failure, TestProcessor, decided, rules};
use crate::daemon::visit_file::FirstState;
use crate::daemon::{mode_at_start, mqtt_commands};
use crate::wall_clock::WallClock;

/// Longer than any wait of these tests.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The detail of the event of the first state of the contact.
const INITIAL: &str = "state when the contact was first read";
/// Who asks for commands.
const USER: User = User::Process { uid: 0, sudo_uid: Some(1000) };

/// A camera that gives frames while it is plugged in.
struct TestCamera {
    is_plugged_in: Arc<AtomicBool>,
    /// All frames are equal.
    is_frozen: Arc<AtomicBool>,
    sequence: u64,
}

impl FrameSource for TestCamera {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        thread::sleep(Duration::from_millis(2));
        if !self.is_plugged_in.load(Ordering::SeqCst) {
            return Err(CaptureError::Unplugged { name: "test camera".into() });
        }
        self.sequence += 1;
        frame.reshape(4, 4);
        let noise = if self.is_frozen.load(Ordering::SeqCst) { 0 } else { self.sequence };
        frame.rgb_mut()[..8].copy_from_slice(&noise.to_le_bytes());
        (frame.sequence, frame.time) = (self.sequence, Duration::from_millis(20 * self.sequence));
        Ok(Next::Frame)
    }
    fn is_live(&self) -> bool {
        true
    }

    fn frozen_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(2))
    }
    fn describe(&self) -> String {
        "test camera".into()
    }
}

#[derive(Clone, Default)]
struct RecordedLine(Arc<Mutex<Vec<bool>>>);

impl RecordedLine {
    fn levels(&self) -> Vec<bool> {
        self.0.lock().unwrap().clone()
    }
}

impl OutputLine for RecordedLine {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        self.0.lock().unwrap().push(on);
        Ok(())
    }
}

#[derive(Clone, Default)]
struct RecordedEvents(Arc<Mutex<Vec<Event>>>, Arc<Mutex<Vec<PromptMessage>>>);

impl EventSink for RecordedEvents {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
    fn prompt(&mut self, prompt: &PromptMessage) -> Result<(), OutputError> {
        self.1.lock().unwrap().push(prompt.clone());
        Ok(())
    }
    fn describe(&self) -> String {
        "test".into()
    }
}

/// The levels and edges that a test sets.
#[derive(Default)]
struct InputLevels {
    edges: VecDeque<Edge>,
    open: Option<bool>,
    is_unplugged: bool,
    panics: bool,
}

#[derive(Clone, Default)]
struct TestInputs(Arc<Mutex<InputLevels>>);

impl TestInputs {
    fn press(&self, age: Duration) {
        let edges = [true, false].map(|active| Edge { input: DoorInput::Exit, active, age });
        self.0.lock().unwrap().edges.extend(edges);
    }

    fn set_contact(&self, open: bool) {
        let mut levels = self.0.lock().unwrap();
        levels.open = Some(open);
        levels.edges.push_back(Edge { input: DoorInput::Contact, active: open, age: Duration::ZERO });
    }

    fn with_levels<T>(&self, read: impl FnOnce(&mut InputLevels) -> T) -> Result<T, GpioError> {
        let mut levels = self.0.lock().unwrap();
        if std::mem::take(&mut levels.panics) {
            drop(levels);
            panic!("broken on purpose");
        }
        match levels.is_unplugged {
            true => Err(GpioError::Read {
                what: "exit button",
                chip: "/dev/gpiochip0".into(),
                line: 23,
                reason: "no such device".into(),
            }),
            false => Ok(read(&mut levels)),
        }
    }

    fn inputs(&self) -> Inputs {
        let inputs = self.clone();
        Inputs::new(Box::new(move || {
            inputs.with_levels(|_| ())?;
            Ok(Box::new(inputs.clone()))
        }))
        .unwrap()
    }
}

impl InputLines for TestInputs {
    fn edge(&mut self, _: Duration) -> Result<Option<Edge>, GpioError> {
        thread::sleep(Duration::from_millis(2));
        self.with_levels(|levels| levels.edges.pop_front())
    }
    fn contact(&mut self) -> Result<Option<bool>, GpioError> {
        self.with_levels(|levels| levels.open)
    }
}

/// A door with its workers, and the records of its relay and events.
struct TestDoor {
    clock: Arc<VirtualClock>,
    shared: Arc<Shared>,
    workers: Workers,
    camera: Arc<AtomicBool>,
    is_frozen: Arc<AtomicBool>,
    relay: RecordedLine,
    lamp: RecordedLine,
    inputs: TestInputs,
    events: RecordedEvents,
    folder: Arc<tempfile::TempDir>,
}

impl TestDoor {
    fn with(failure: Failure) -> Self {
        Self::with_inputs(failure, true)
    }

    fn with_inputs(failure: Failure, has_inputs: bool) -> Self {
        Self::with_outputs(failure, has_inputs, |_| Vec::new())
    }

    /// A door with these outputs besides the recorded one.
    fn with_outputs(
        failure: Failure,
        has_inputs: bool,
        outputs: impl FnOnce(&Arc<Mutex<ReopeningStore>>) -> Vec<Box<dyn EventSink>>,
    ) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), failure, has_inputs, true, outputs)
    }

    /// A door without a relay.
    fn without_relay() -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), Failure::None, true, false, |_| Vec::new())
    }

    /// Ends the door, and starts it again with the files that it has.
    fn restarted(mut self) -> Self {
        self.workers.end(&Ok(()));
        Self::in_folder(self.folder.clone(), Failure::None, true, true, |_| Vec::new())
    }

    /// A door with its files in this folder.
    fn in_folder(
        folder: Arc<tempfile::TempDir>,
        failure: Failure,
        has_inputs: bool,
        has_relay: bool,
        outputs: impl FnOnce(&Arc<Mutex<ReopeningStore>>) -> Vec<Box<dyn EventSink>>,
    ) -> Self {
        let events_path = folder.path().join("events.sqlite");
        let events = config::Events { path: events_path.clone(), keep: 100, ..config::Events::default() };
        let store = Arc::new(Mutex::new(ReopeningStore::open(&events, false).unwrap()));
        let clock = Arc::new(VirtualClock::default());
        let shared = Arc::new(Shared::new(clock.clone(), WallClock::new(None), "door", 60_000));
        mode_at_start::restore(&shared, &events_path);
        let (relay, events, camera) =
            (RecordedLine::default(), RecordedEvents::default(), Arc::new(AtomicBool::new(false)));
        let inputs = TestInputs::default();
        let contact = DoorMonitor::new(Duration::from_secs(2), Duration::from_secs(30));
        let lamp = RecordedLine::default();
        let lamps = Signals::new(Some(Box::new(lamp.clone())), None, None, Duration::from_secs(2));
        let mut outputs = outputs(&store);
        outputs.push(Box::new(events.clone()));
        let is_frozen = Arc::new(AtomicBool::new(false));
        let (is_plugged_in, frozen) = (camera.clone(), is_frozen.clone());
        let source = Box::new(TestCamera { is_plugged_in, is_frozen: frozen, sequence: 0 });
        let workers = Workers::start(
            shared.clone(),
            CaptureWorker::new(shared.clone(), config::Camera::default(), Some(source)),
            VisionWorker::new(
                shared.clone(),
                Box::new(TestProcessor::new(failure)),
                rules(),
                FirstState::None,
                || Some(1),
                None,
            ),
            DoorWorker::new(
                shared.clone(),
                has_relay.then(|| Relay::new(Box::new(relay.clone()))),
                lamps,
                contact,
            ),
            StoreWorker::new(shared.clone(), store, outputs, Some(&events_path)),
            has_inputs.then(|| InputWorker::new(shared.clone(), inputs.inputs())),
            Duration::from_secs(1),
        )
        .unwrap();
        Self { clock, shared, workers, camera, is_frozen, relay, lamp, inputs, events, folder }
    }

    /// Sends a grant to the door thread.
    fn grant(&self) {
        self.decide(Outcome::Granted);
    }

    /// Sends a decision to the door thread.
    fn decide(&self, outcome: Outcome) {
        let message = decided(outcome);
        assert!(self.shared.door_messages.push(message).is_ok());
    }

    /// What the file of the mode says.
    fn mode_on_disk(&self) -> ModeOnDisk {
        mode_file::read(&mode_file::path_beside(&self.folder.path().join("events.sqlite")))
    }

    /// The modes that were reported, and whether a person asked for them.
    fn mode_changes(&self) -> Vec<(ModeName, bool)> {
        let events = self.events.0.lock().unwrap();
        let changes = events.iter().filter_map(|event| match &event.kind {
            EventKind::ModeChanged { mode, user, .. } => Some((*mode, *user == Some(USER))),
            _ => None,
        });
        changes.collect()
    }

    /// Asks for this after the camera, which is not plugged in, is reported as lost.
    fn ask(&mut self, prompt: Option<Prompt>) {
        self.event(EventName::CameraLost, 0);
        assert!(self.shared.door_messages.push(DoorMessage::Prompt(prompt)).is_ok());
    }

    /// The prompts that the outputs got, by name.
    fn prompts(&self) -> Vec<Option<&'static str>> {
        let prompts = self.events.1.lock().unwrap();
        prompts.iter().map(|message| message.prompt.as_ref().map(|asked| asked.prompt.name())).collect()
    }

    fn wait_for(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < TEST_TIMEOUT, "no {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until a worker ends, ends the others as the main thread does, and returns the result.
    fn wait_for_end(&mut self) -> Result<(), DaemonError> {
        let mut ended = None;
        self.wait_for("end of the workers", |door| {
            ended = door.workers.ended();
            ended.is_some()
        });
        let result = ended.unwrap();
        self.workers.end(&result);
        result
    }

    fn kinds(&self) -> Vec<EventName> {
        self.events.0.lock().unwrap().iter().map(|event| event.kind.name()).collect()
    }

    /// Waits for an event of this kind after the first `skipped` events.
    fn event(&mut self, name: EventName, skipped: usize) -> Event {
        let mut found = None;
        self.wait_for(&name.to_string(), |door| {
            let events = door.events.0.lock().unwrap();
            found = events.iter().skip(skipped).find(|event| event.kind.name() == name).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    /// The events of contact and inputs, without those of the camera, whose order differs.
    fn contact_events(&self) -> Vec<EventName> {
        let is_contact_event = |kind: &EventName| {
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
        self.kinds().into_iter().filter(is_contact_event).collect()
    }
}

/// Causes a failure while the relay is on: the relay must go to rest and must not be switched on again.
fn check_fail_secure(failure: Failure, expected: &str) {
    let mut door = TestDoor::with(failure);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    door.camera.store(true, Ordering::SeqCst);
    if failure == Failure::Hangs {
        door.wait_for("frame taken", |door| door.shared.frames.dropped() > 0);
        // Time passes; the other threads make progress.
        for _ in 0..15 {
            door.clock.advance(Duration::from_secs(1));
            thread::sleep(Duration::from_millis(60));
        }
    }
    let why = door.wait_for_end().unwrap_err().to_string();
    assert!(why.contains(expected), "{why}");
    assert_eq!(door.relay.levels().first(), Some(&true));
    assert!(door.relay.levels()[1..].iter().all(|on| !on) && door.relay.levels().len() > 1);
    assert!(door.kinds().contains(&EventName::Locked), "{:?}", door.kinds());
    let events = door.events.0.lock().unwrap();
    let locked = events.iter().find_map(|event| match &event.kind {
        EventKind::Locked { detail } => Some(detail),
        _ => None,
    });
    assert!(locked.unwrap().contains(expected), "{locked:?}");
    assert!(events.iter().all(|event| event.id > 0), "all events are stored");
}

#[test]
fn a_vision_thread_that_panics_locks_the_door() {
    check_fail_secure(Failure::Panics, "the vision thread died: broken on purpose");
}

#[test]
fn a_vision_thread_that_fails_locks_the_door() {
    check_fail_secure(Failure::Fails, "vision failed: the model gave no usable embedding");
}

#[test]
fn a_vision_thread_that_hangs_locks_the_door() {
    check_fail_secure(Failure::Hangs, "the vision thread made no progress");
}

#[test]
fn a_locked_door_does_not_open_for_a_grant() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.lock("a fault");
    door.wait_for("lock", |door| door.shared.is_locked());
    door.grant();
    door.wait_for("denial", |door| door.kinds().contains(&EventName::Denied));
    assert!(door.relay.levels().iter().all(|on| !on));
    let events = door.events.0.lock().unwrap().clone();
    let reason = events.iter().find_map(|event| match &event.kind {
        EventKind::Denied(Denial::Face { reason, .. }) => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, Some(DenialReason::Locked));
    door.workers.end(&Err(Fault::DoorQueueFull.into()));
}

#[test]
fn denials_of_strangers_that_repeat_are_one_event_and_none_is_lost_at_a_stop() {
    let mut door = TestDoor::with(Failure::None);
    for _ in 0..113 {
        door.decide(Outcome::Denied(DenialReason::LowQuality));
        thread::sleep(Duration::from_millis(1));
    }
    door.wait_for("denial", |door| door.kinds().contains(&EventName::Denied));
    door.workers.end(&Ok(()));
    let events = door.events.0.lock().unwrap();
    let denials = events.iter().filter_map(|event| match &event.kind {
        EventKind::Denied(Denial::Repeated { reason, count, .. }) => Some((*reason, *count)),
        EventKind::Denied(Denial::Face { reason, .. }) => Some((*reason, 1)),
        _ => None,
    });
    let denials: Vec<_> = denials.collect();
    assert_eq!(denials.iter().map(|(_, count)| count).sum::<u32>(), 113, "{denials:?}");
    // Events of the camera may come between them.
    assert!(denials.len() <= 6, "{denials:?}");
}

#[test]
fn a_stop_leaves_the_relay_at_rest_and_stores_all_events() {
    let mut door = TestDoor::with(Failure::None);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    // The camera is not plugged in, which its thread reports at some time.
    door.wait_for("loss", |door| door.kinds().contains(&EventName::CameraLost));
    door.workers.end(&Ok(()));
    assert_eq!(door.relay.levels(), [true, false]);
    let kinds = door.kinds();
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
fn a_prompt_switches_the_lamps_and_is_shown_in_the_language_until_it_ends() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.set_language(config::Language::German);
    door.ask(Some(Prompt::Turn(Direction::Left)));
    door.wait_for("prompt", |door| door.prompts() == [Some("turn_left")]);
    door.wait_for("lamp on", |door| door.lamp.levels() == [true]);
    let message = door.events.1.lock().unwrap()[0].clone();
    assert_eq!(message.door, "door");
    assert_eq!(message.prompt.unwrap().text, "Drehen Sie den Kopf nach links.");
    door.clock.advance(Duration::from_millis(60));
    door.wait_for("short pulse", |door| door.lamp.levels() == [true, false]);
    door.ask(Some(Prompt::LookAtCamera));
    door.wait_for("next prompt", |door| door.lamp.levels() == [true, false, true]);
    // A newer prompt replaces one that is not shown yet.
    door.wait_for("it is shown", |door| door.prompts().len() == 2);
    door.ask(None);
    door.wait_for("end", |door| door.prompts() == [Some("turn_left"), Some("look_at_camera"), None]);
    door.wait_for("lamp off", |door| door.lamp.levels() == [true, false, true, false]);
    door.workers.end(&Ok(()));
    assert_eq!(door.prompts().len(), 3, "the end is shown once");
    assert_eq!(door.kinds(), [EventName::CameraLost, EventName::Stopped], "a prompt is no event");
}

#[test]
fn a_grant_ends_the_pattern_of_a_prompt() {
    let mut door = TestDoor::with(Failure::None);
    door.ask(Some(Prompt::LookAtCamera));
    door.wait_for("lamp on", |door| door.lamp.levels() == [true]);
    door.grant();
    door.wait_for("the grant's lamp", |door| door.lamp.levels() == [true, true]);
    door.ask(None);
    door.wait_for("end of the prompt", |door| door.prompts().last() == Some(&None));
    // The prompt's pulse would have ended after 0.4 s.
    door.clock.advance(Duration::from_millis(1900));
    thread::sleep(Duration::from_millis(100));
    assert_eq!(door.lamp.levels(), [true, true]);
    door.clock.advance(Duration::from_millis(100));
    door.wait_for("lamp off", |door| door.lamp.levels() == [true, true, false]);
    door.workers.end(&Ok(()));
}

#[test]
fn a_locked_door_asks_for_nothing() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.lock("a fault");
    door.wait_for("lock", |door| door.shared.is_locked());
    door.ask(Some(Prompt::StepBack));
    door.grant();
    // The door thread has handled both.
    door.event(EventName::Denied, 0);
    assert!(door.prompts().is_empty());
    door.workers.end(&Err(Fault::DoorQueueFull.into()));
}

#[test]
fn a_stop_and_the_loss_of_the_camera_end_what_is_asked() {
    let mut door = TestDoor::with(Failure::None);
    door.ask(Some(Prompt::StepBack));
    door.wait_for("prompt", |door| door.prompts() == [Some("step_back")]);
    door.camera.store(true, Ordering::SeqCst);
    door.event(EventName::CameraBack, 0);
    door.camera.store(false, Ordering::SeqCst);
    door.wait_for("end", |door| door.prompts() == [Some("step_back"), None]);
    door.ask(Some(Prompt::StepBack));
    door.wait_for("prompt", |door| door.prompts().len() == 3);
    door.workers.end(&Ok(()));
    assert_eq!(door.prompts(), [Some("step_back"), None, Some("step_back"), None]);
}

#[test]
fn a_prompt_reaches_a_subscriber_of_the_broker_in_the_language() {
    let broker = Broker::open();
    let config = config::Mqtt {
        enabled: true,
        host: "127.0.0.1".into(),
        port: broker.port(),
        ..config::Mqtt::default()
    };
    let mut door = TestDoor::with_outputs(Failure::None, false, |store| {
        let description = DoorDescription {
            name: "door",
            has_relay: false,
            has_contact: false,
            mode: ModeName::Normal,
            summary: DoorSummary { people: 1, model: "0123456789abcdef".into(), household: None },
        };
        vec![Box::new(Mqtt::start(&config, description, store.clone(), Box::new(|_| {})).unwrap())]
    });
    door.shared.set_language(config::Language::Vietnamese);
    let options = MqttOptions::new("display", rumqttc::Broker::tcp("127.0.0.1", broker.port()));
    let (client, mut connection) = Client::builder(options).capacity(4).build();
    client.subscribe("ostiary/door/prompt", QoS::AtMostOnce).unwrap();
    // The retained message says that the door is connected, and asks for nothing.
    let mut next = || loop {
        if let rumqttc::Event::Incoming(Packet::Publish(message)) = connection.recv().unwrap().unwrap() {
            return serde_json::from_slice::<serde_json::Value>(&message.payload).unwrap();
        }
    };
    assert_eq!(next()["prompt"], serde_json::Value::Null);
    let texts = Texts::new(config::Language::Vietnamese);
    for prompt in Prompt::ALL {
        door.ask(Some(prompt));
        let message = next();
        assert_eq!(message["prompt"], prompt.name());
        assert_eq!(message["text"], texts.text(Message::Prompt(prompt)));
    }
    door.workers.end(&Ok(()));
    assert_eq!(next()["prompt"], serde_json::Value::Null);
}

#[test]
fn what_a_message_asks_for_switches_the_relay() {
    let mut door = TestDoor::with(Failure::None);
    let sink = mqtt_commands::start(door.shared.clone(), "no-facebank".into()).unwrap();
    let give = |name, command| sink(Received { name, command });
    let mode = |door: &TestDoor| door.shared.mode().name();
    give(CommandName::Open, Ok(mqtt::Command::Door(DoorCommand::Open)));
    let granted = door.event(EventName::Granted, 0);
    assert_eq!(granted.kind, EventKind::Granted(Grant::Command { user: User::Mqtt }));
    let hold = DoorCommand::HoldOpen(Duration::from_secs(60));
    give(CommandName::HoldOpen, Ok(mqtt::Command::Door(hold)));
    door.wait_for("the hold", |door| mode(door) == ModeName::HeldOpen);
    give(CommandName::Normal, Ok(mqtt::Command::Door(DoorCommand::EndLockdown)));
    give(CommandName::Open, Err("it is old".to_owned()));
    let refused = door.event(EventName::CommandRefused, 0);
    let (command, detail) = (CommandName::Open, "it is old".to_owned());
    assert_eq!(refused.kind, EventKind::CommandRefused { command, detail, user: User::Mqtt });
    assert_eq!(mode(&door), ModeName::HeldOpen, "it ends no hold");
    let end_hold = || give(CommandName::Normal, Ok(mqtt::Command::Door(DoorCommand::EndHold)));
    end_hold();
    door.wait_for("the end of the hold", |door| mode(door) == ModeName::Normal);
    // It ends no lockdown, and is no event then: a house may lock all of its doors each night.
    give(CommandName::LockDown, Ok(mqtt::Command::Door(DoorCommand::LockDown)));
    door.wait_for("the lockdown", |door| mode(door) == ModeName::LockedDown);
    end_hold();
    give(CommandName::Open, Err("the last one".to_owned()));
    door.wait_for("all are carried out", |door| {
        door.kinds().iter().filter(|kind| **kind == EventName::CommandRefused).count() == 2
    });
    assert_eq!(mode(&door), ModeName::LockedDown);
    assert_eq!(door.kinds().iter().filter(|kind| **kind == EventName::ModeChanged).count(), 3);
    give(CommandName::Normal, Ok(mqtt::Command::Door(DoorCommand::EndLockdown)));
    door.wait_for("the end of the lockdown", |door| mode(door) == ModeName::Normal);
    // An old message would be new again by a clock that is behind.
    door.shared.wall.add_record(Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)));
    let before = door.kinds().len();
    give(CommandName::Open, Ok(mqtt::Command::Door(DoorCommand::Open)));
    let refused = door.event(EventName::CommandRefused, before);
    let EventKind::CommandRefused { detail, .. } = &refused.kind else { panic!("{refused:?}") };
    assert!(detail.contains("before the newest event"), "{detail}");
    give(CommandName::LockDown, Ok(mqtt::Command::Door(DoorCommand::LockDown)));
    door.wait_for("the lockdown", |door| mode(door) == ModeName::LockedDown);
    let person = mqtt::Command::EnablePerson { person: mqtt::PersonRef::Id(1), enabled: false };
    let before = door.kinds().len();
    give(CommandName::DisablePerson, Ok(person));
    let refused = door.event(EventName::CommandRefused, before);
    let EventKind::CommandRefused { detail, .. } = &refused.kind else { panic!("{refused:?}") };
    assert!(detail.contains("no-facebank"), "{detail}");
    door.workers.end(&Ok(()));
}

#[test]
fn each_loss_and_return_of_the_camera_is_one_event() {
    let mut door = TestDoor::with(Failure::None);
    let count = |door: &TestDoor, kind| door.kinds().into_iter().filter(|k| *k == kind).count();
    for round in 1..=3 {
        door.camera.store(false, Ordering::SeqCst);
        door.wait_for("loss", |door| count(door, EventName::CameraLost) == round);
        door.camera.store(true, Ordering::SeqCst);
        door.wait_for("return", |door| count(door, EventName::CameraBack) == round);
    }
    assert!(door.workers.ended().is_none(), "a missing camera does not lock the door");
    door.workers.end(&Ok(()));
}

#[test]
fn a_frozen_camera_gives_no_frames_and_is_reported() {
    let mut door = TestDoor::with(Failure::None);
    door.event(EventName::CameraLost, 0);
    door.camera.store(true, Ordering::SeqCst);
    door.event(EventName::CameraBack, 0);
    let before = door.kinds().len();
    door.is_frozen.store(true, Ordering::SeqCst);
    let lost = door.event(EventName::CameraLost, before);
    let EventKind::CameraLost { detail } = &lost.kind else { panic!("{lost:?}") };
    assert!(detail.contains("frozen"), "{detail}");
    let frames = door.shared.progress.frames();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(door.shared.progress.frames(), frames, "no frame is processed");
    assert!(door.workers.ended().is_none(), "a frozen camera does not lock the door");
    door.inputs.press(Duration::ZERO);
    door.event(EventName::Granted, before);
    door.is_frozen.store(false, Ordering::SeqCst);
    door.event(EventName::CameraBack, before);
    door.wait_for("frames", |door| door.shared.progress.frames() > frames);
    door.workers.end(&Ok(()));
}

#[test]
fn each_press_of_the_exit_button_gives_one_pulse() {
    let mut door = TestDoor::with(Failure::None);
    door.inputs.press(Duration::ZERO);
    let granted = door.event(EventName::Granted, 0);
    assert_eq!(granted.kind, EventKind::Granted(Grant::ExitButton));
    assert_eq!(door.relay.levels(), [true]);
    door.clock.advance(Duration::from_secs(59));
    thread::sleep(Duration::from_millis(50));
    assert_eq!(door.relay.levels(), [true]);
    door.clock.advance(Duration::from_secs(1));
    door.event(EventName::RelayOff, 0);
    assert_eq!(door.relay.levels(), [true, false]);
    door.inputs.press(Duration::ZERO);
    door.wait_for("second pulse", |door| door.relay.levels() == [true, false, true]);
    door.workers.end(&Ok(()));
    assert_eq!(door.relay.levels(), [true, false, true, false]);
}

#[test]
fn an_old_press_of_the_exit_button_opens_nothing() {
    let mut door = TestDoor::with(Failure::None);
    door.clock.advance(Duration::from_secs(20));
    door.inputs.press(Duration::from_secs(3));
    // When the event of the contact arrives, the press was handled.
    door.inputs.set_contact(false);
    door.event(EventName::DoorClosed, 0);
    assert!(door.relay.levels().is_empty());
    door.workers.end(&Ok(()));
}

#[test]
fn a_locked_door_does_not_open_for_the_exit_button() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.lock("a fault");
    door.wait_for("lock", |door| door.shared.is_locked());
    door.inputs.press(Duration::ZERO);
    let denied = door.event(EventName::Denied, 0);
    assert_eq!(denied.kind, EventKind::Denied(Denial::ExitButton));
    assert!(door.relay.levels().iter().all(|on| !on));
    door.workers.end(&Err(Fault::DoorQueueFull.into()));
}

#[test]
fn an_opening_without_a_grant_is_forced_and_a_door_that_stays_open_is_held() {
    let mut door = TestDoor::with(Failure::None);
    door.inputs.set_contact(false);
    let found = door.event(EventName::DoorClosed, 0);
    assert_eq!(found.kind, EventKind::DoorClosed { detail: Some(INITIAL.into()) });
    door.inputs.set_contact(true);
    door.event(EventName::DoorForced, 0);
    door.clock.advance(Duration::from_secs(30));
    let held = door.event(EventName::DoorHeld, 0);
    assert_eq!(held.kind, EventKind::DoorHeld { detail: "it has been open for 30 s".into() });
    door.clock.advance(Duration::from_secs(90));
    door.inputs.set_contact(false);
    door.wait_for("closing", |door| door.contact_events().last() == Some(&EventName::DoorClosed));

    let before = door.kinds().len();
    door.inputs.press(Duration::ZERO);
    door.event(EventName::Granted, before);
    door.inputs.set_contact(true);
    door.event(EventName::DoorOpened, before);
    door.inputs.set_contact(false);
    door.event(EventName::DoorClosed, before);
    let expected = [
        EventName::DoorClosed,
        EventName::DoorOpened,
        EventName::DoorForced,
        EventName::DoorHeld,
        EventName::DoorClosed,
        EventName::DoorOpened,
        EventName::DoorClosed,
    ];
    assert_eq!(door.contact_events(), expected);
    door.workers.end(&Ok(()));
}

#[test]
fn lost_inputs_are_reported_and_open_nothing() {
    let mut door = TestDoor::with(Failure::None);
    door.inputs.set_contact(true);
    door.event(EventName::DoorOpened, 0);
    door.inputs.0.lock().unwrap().is_unplugged = true;
    let lost = door.event(EventName::InputsLost, 0);
    let EventKind::InputsLost { detail } = &lost.kind else { panic!("{lost:?}") };
    assert!(detail.contains("no such device"));
    door.clock.advance(Duration::from_secs(60));
    *door.inputs.0.lock().unwrap() = InputLevels { open: Some(false), ..InputLevels::default() };
    door.event(EventName::InputsBack, 0);
    let found = door.event(EventName::DoorClosed, 0);
    assert_eq!(found.kind, EventKind::DoorClosed { detail: Some(INITIAL.into()) });
    let expected =
        [EventName::DoorOpened, EventName::InputsLost, EventName::InputsBack, EventName::DoorClosed];
    assert_eq!(door.contact_events(), expected, "a door whose contact cannot be read is not held open");
    assert!(door.relay.levels().is_empty());
    assert!(door.workers.ended().is_none(), "missing inputs do not lock the door");
    door.inputs.press(Duration::ZERO);
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    door.workers.end(&Ok(()));
}

#[test]
fn an_inputs_thread_that_panics_locks_the_door() {
    let mut door = TestDoor::with(Failure::None);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    door.inputs.0.lock().unwrap().panics = true;
    let why = door.wait_for_end().unwrap_err().to_string();
    assert!(why.contains("the inputs thread died: broken on purpose"), "{why}");
    assert_eq!(door.relay.levels()[1..].iter().find(|on| **on), None);
    assert!(door.kinds().contains(&EventName::Locked));
}

#[test]
fn progress_does_not_need_inputs() {
    for has_inputs in [false, true] {
        let mut door = TestDoor::with_inputs(Failure::None, has_inputs);
        door.clock.advance(Duration::from_secs(3600));
        door.wait_for("progress of all workers", |door| door.workers.make_progress(Duration::from_secs(1)));
        assert!(door.workers.ended().is_none());
        door.workers.end(&Ok(()));
    }
}

#[test]
fn a_full_queue_of_decisions_locks_the_door() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::default());
    let shared = Arc::new(Shared::new(clock, WallClock::new(None), "door", 1000));
    while shared.door_messages.push(DoorMessage::End).is_ok() {}
    let mut processor = TestProcessor::new(Failure::None);
    processor.faces.push(TrackedFace {
        track: TrackId(1),
        first_seen: Duration::ZERO,
        detection: Detection { bbox: [0.0; 4].into(), score: 1.0, landmarks: Default::default() },
        quality: Quality::default(),
        fault: None,
        embedded: true,
        moments: 8,
        candidate: None,
        liveness: TrackLiveness::default(),
    });
    let vision_worker =
        VisionWorker::new(shared.clone(), Box::new(processor), rules(), FirstState::None, || Some(1), None);
    shared.frames.put(&mut Frame::from_rgb(1, 1, vec![0; 3]).unwrap(), Duration::ZERO);
    let why = vision_worker.run().unwrap_err().to_string();
    assert!(why.contains("queue is full"), "{why}");
    assert_eq!(shared.fault(), Some(why));
}

#[test]
fn a_command_opens_once_and_the_event_has_the_user() {
    let mut door = TestDoor::with(Failure::None);
    assert_eq!(door.shared.command(DoorCommand::Open, USER), Ok(DoorMode::Normal));
    assert_eq!(door.relay.levels(), [true]);
    let granted = door.event(EventName::Granted, 0);
    assert_eq!(granted.kind, EventKind::Granted(Grant::Command { user: USER }));
    door.wait_for("lamp on", |door| door.lamp.levels() == [true]);
    door.clock.advance(Duration::from_secs(60));
    door.event(EventName::RelayOff, 0);
    assert_eq!(door.relay.levels(), [true, false]);
    assert!(door.mode_changes().is_empty());
    door.workers.end(&Ok(()));
}

#[test]
fn in_a_lockdown_a_face_is_denied_and_the_exit_button_opens() {
    let mut door = TestDoor::with(Failure::None);
    door.ask(Some(Prompt::StepBack));
    door.wait_for("prompt", |door| door.prompts() == [Some("step_back")]);
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true]);
    assert_eq!(door.shared.command(DoorCommand::LockDown, USER), Ok(DoorMode::LockedDown));
    assert_eq!(door.relay.levels(), [true, false], "the pulse ends at once");
    assert_eq!(door.shared.mode(), DoorMode::LockedDown);
    let changed = door.event(EventName::ModeChanged, 0);
    let expected = EventKind::ModeChanged { mode: ModeName::LockedDown, until: None, user: Some(USER) };
    assert_eq!(changed.kind, expected);
    assert!(matches!(door.mode_on_disk(), ModeOnDisk::LockedDown(_)), "on the disk before the event");
    door.wait_for("end of the prompt", |door| door.prompts() == [Some("step_back"), None]);

    door.ask(Some(Prompt::StepBack));
    door.grant();
    let denied = door.event(EventName::Denied, 0);
    let EventKind::Denied(Denial::Face { reason, person, .. }) = &denied.kind else { panic!("{denied:?}") };
    assert_eq!((*reason, person.as_deref()), (DenialReason::LockedDown, Some("Ann")));
    assert_eq!(door.prompts(), [Some("step_back"), None], "nobody is asked for anything");
    for command in [DoorCommand::Open, DoorCommand::HoldOpen(Duration::from_secs(60))] {
        let refused = Err(DoorRefusal::Refused(CommandRefusal::LockedDown));
        assert_eq!(door.shared.command(command, USER), refused);
    }
    let refused = door.event(EventName::CommandRefused, 0);
    let detail = "the door is locked down; end that first, with `ostiary door normal`".to_owned();
    let expected = EventKind::CommandRefused { command: CommandName::Open, detail, user: USER };
    assert_eq!(refused.kind, expected);
    assert_eq!(door.relay.levels(), [true, false]);

    let before = door.kinds().len();
    door.inputs.press(Duration::ZERO);
    let granted = door.event(EventName::Granted, before);
    assert_eq!(granted.kind, EventKind::Granted(Grant::ExitButton));
    assert_eq!(door.relay.levels(), [true, false, true]);
    door.clock.advance(Duration::from_secs(60));
    door.wait_for("end of the pulse", |door| door.relay.levels() == [true, false, true, false]);
    assert_eq!(door.shared.command(DoorCommand::Normal, USER), Ok(DoorMode::Normal));
    door.grant();
    door.wait_for("relay on", |door| door.relay.levels() == [true, false, true, false, true]);
    let changes = [(ModeName::LockedDown, true), (ModeName::Normal, true)];
    door.wait_for("event", |door| door.mode_changes() == changes);
    assert_eq!(door.mode_on_disk(), ModeOnDisk::Normal);
    door.workers.end(&Ok(()));
}

#[test]
fn a_lockdown_that_cannot_be_saved_is_in_force_and_its_reply_says_so() {
    let mut door = TestDoor::with(Failure::None);
    let path = mode_file::path_beside(&door.folder.path().join("events.sqlite"));
    // A folder in the place of the file: it cannot be replaced, also by root.
    std::fs::create_dir(&path).unwrap();
    let refusal = door.shared.command(DoorCommand::LockDown, USER).unwrap_err();
    let DoorRefusal::NotSaved { mode: ModeName::LockedDown, .. } = &refusal else { panic!("{refusal:?}") };
    assert!(
        refusal.to_string().contains("a restart or a power cut brings back the mode before"),
        "{refusal}"
    );
    assert_eq!(door.shared.mode(), DoorMode::LockedDown);
    door.grant();
    door.event(EventName::Denied, 0);
    assert!(door.relay.levels().is_empty());
    std::fs::remove_dir(&path).unwrap();
    assert_eq!(door.shared.command(DoorCommand::LockDown, USER), Ok(DoorMode::LockedDown));
    assert!(matches!(door.mode_on_disk(), ModeOnDisk::LockedDown(_)), "on the disk before the reply");
    door.workers.end(&Ok(()));
}

#[test]
fn a_hold_is_extended_and_ends_and_lets_the_door_be_open() {
    let mut door = TestDoor::with(Failure::None);
    door.inputs.set_contact(false);
    door.event(EventName::DoorClosed, 0);
    let until = Duration::from_secs(150);
    let hold = DoorCommand::HoldOpen(until);
    assert_eq!(door.shared.command(hold, USER), Ok(DoorMode::HeldOpen { until }));
    assert_eq!(door.shared.mode(), DoorMode::HeldOpen { until });
    assert_eq!(door.relay.levels(), [true]);
    let changed = door.event(EventName::ModeChanged, 0);
    let EventKind::ModeChanged { mode: ModeName::HeldOpen, until: Some(end), user: Some(USER) } =
        changed.kind
    else {
        panic!("{changed:?}")
    };
    let seconds = end.duration_since(changed.time).as_secs_f64();
    assert!((149.0..151.0).contains(&seconds), "{seconds}");
    assert!(matches!(door.mode_on_disk(), ModeOnDisk::HeldOpen(_)));

    // The pulse of 60 s is extended after half of it.
    for extended in 1..=3 {
        door.clock.advance(Duration::from_secs(35));
        door.wait_for("extension", |door| door.relay.levels() == vec![true; extended + 1]);
    }
    // 105 s, and the last pulse ends with the hold.
    door.inputs.set_contact(true);
    door.event(EventName::DoorOpened, 0);
    door.grant();
    door.event(EventName::Granted, 0);
    let on = door.relay.levels().len();
    assert!(door.relay.levels().iter().all(|on| *on), "{:?}", door.relay.levels());
    // The pulse of the grant ends after the hold.
    door.clock.advance(Duration::from_secs(46));
    door.wait_for("end of the hold", |door| door.shared.mode() == DoorMode::Normal);
    assert_eq!(door.relay.levels().len(), on);
    door.wait_for("event", |door| {
        door.mode_changes() == [(ModeName::HeldOpen, true), (ModeName::Normal, false)]
    });
    assert_eq!(door.mode_on_disk(), ModeOnDisk::Normal);
    door.clock.advance(Duration::from_secs(14));
    door.wait_for("relay off", |door| door.relay.levels().last() == Some(&false));
    assert!(!door.kinds().contains(&EventName::DoorHeld), "14 s after the end of the hold");
    door.clock.advance(Duration::from_secs(15));
    door.event(EventName::DoorHeld, 0);
    assert!(!door.kinds().contains(&EventName::DoorForced));
    door.workers.end(&Ok(()));
}

#[test]
fn a_hold_ends_with_a_command_with_a_fault_and_with_the_daemon() {
    let hold = DoorCommand::HoldOpen(Duration::from_secs(3600));
    for (end, expected) in [(Some(DoorCommand::Normal), true), (None, false)] {
        let mut door = TestDoor::with(Failure::None);
        door.shared.command(hold, USER).unwrap();
        match end {
            Some(command) => assert_eq!(door.shared.command(command, USER), Ok(DoorMode::Normal)),
            None => door.shared.lock("a fault"),
        }
        door.wait_for("relay off", |door| door.relay.levels() == [true, false]);
        let changes = [(ModeName::HeldOpen, true), (ModeName::Normal, expected)];
        door.wait_for("event", |door| door.mode_changes() == changes);
        assert_eq!(door.shared.mode(), DoorMode::Normal);
        door.workers.end(&end.map(|_| ()).ok_or(Fault::DoorQueueFull.into()));
    }
    let mut door = TestDoor::with(Failure::None);
    door.shared.command(hold, USER).unwrap();
    door.workers.end(&Ok(()));
    assert_eq!(door.relay.levels(), [true, false]);
    assert_eq!(door.mode_changes(), [(ModeName::HeldOpen, true), (ModeName::Normal, false)]);
    assert_eq!(door.mode_on_disk(), ModeOnDisk::Normal);
}

#[test]
fn a_command_during_a_fault_is_refused_and_recorded() {
    let mut door = TestDoor::with(Failure::None);
    door.shared.lock("the lamp burns");
    let hold = DoorCommand::HoldOpen(Duration::from_secs(60));
    for command in [DoorCommand::Open, hold, DoorCommand::LockDown, DoorCommand::Normal] {
        let skipped = door.kinds().len();
        let refusal = door.shared.command(command, USER).unwrap_err();
        assert_eq!(refusal.to_string(), "the door is locked by a fault: the lamp burns");
        let refused = door.event(EventName::CommandRefused, skipped);
        let (command, detail) = (command.name(), refusal.to_string());
        assert_eq!(refused.kind, EventKind::CommandRefused { command, detail, user: USER });
    }
    assert!(door.relay.levels().iter().all(|on| !on));
    assert!(door.mode_changes().is_empty());
    door.workers.end(&Err(Fault::DoorQueueFull.into()));
}

#[test]
fn a_door_without_a_relay_does_not_open_by_command_but_can_be_locked_down() {
    let mut door = TestDoor::without_relay();
    for command in [DoorCommand::Open, DoorCommand::HoldOpen(Duration::from_secs(60))] {
        assert_eq!(door.shared.command(command, USER), Err(DoorRefusal::NoRelay));
    }
    let refused = door.event(EventName::CommandRefused, 0);
    let EventKind::CommandRefused { detail, .. } = &refused.kind else { panic!("{refused:?}") };
    assert!(detail.starts_with("no relay is configured"), "{detail}");
    assert_eq!(door.shared.command(DoorCommand::LockDown, USER), Ok(DoorMode::LockedDown));
    door.grant();
    let denied = door.event(EventName::Denied, 0);
    let denied = denied.kind.face().map(|(reason, _)| reason.to_string());
    assert_eq!(denied.as_deref(), Some("locked_down"));
    door.workers.end(&Ok(()));
}

#[test]
fn a_lockdown_survives_a_restart_and_a_damaged_file_is_one() {
    let door = TestDoor::with(Failure::None);
    door.shared.command(DoorCommand::LockDown, USER).unwrap();
    let mut door = door.restarted();
    assert_eq!(door.shared.mode(), DoorMode::LockedDown);
    door.grant();
    door.event(EventName::Denied, 0);
    door.inputs.press(Duration::ZERO);
    door.event(EventName::Granted, 0);
    assert_eq!(door.shared.command(DoorCommand::Normal, USER), Ok(DoorMode::Normal));
    let mut door = door.restarted();
    assert_eq!(door.shared.mode(), DoorMode::Normal);
    door.grant();
    door.event(EventName::Granted, 0);

    let path = mode_file::path_beside(&door.folder.path().join("events.sqlite"));
    let restarted_with = |door: TestDoor, text: &str| {
        std::fs::write(&path, text).unwrap();
        door.restarted()
    };
    let door = restarted_with(door, "half of a fi");
    assert_eq!(door.shared.mode(), DoorMode::LockedDown);
    assert_eq!(door.shared.command(DoorCommand::Normal, USER), Ok(DoorMode::Normal));
    // The daemon was killed in a hold.
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let held = SavedMode::new(ModeName::HeldOpen, jiff::Timestamp::now(), Some(until), Some(&USER));
    let mut door = restarted_with(door, &serde_json::to_string(&held).unwrap());
    assert_eq!(door.shared.mode(), DoorMode::Normal);
    door.wait_for("the file", |door| door.mode_on_disk() == ModeOnDisk::Normal);
    assert!(door.relay.levels().is_empty());
    door.workers.end(&Ok(()));
}
