//! The workers together, with threads that fail. After each failure the relay must be at rest.

mod broker;
mod camera;
mod commands;
mod faults;
mod inputs;
mod prompts;
mod stop;

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
use ostiary_mqtt::{DoorDescription, DoorSummary, ModelVersions, Mqtt, Received};
use ostiary_pipeline::{TrackLiveness, TrackedFace};
use ostiary_testkit::Broker;
use ostiary_texts::{Message, Texts};
use rumqttc::{Client, MqttOptions, Packet, QoS};

use super::*;
use crate::daemon::active_prompt::ActivePrompt;
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

/// This prompt for some face, without an end.
fn active(prompt: Prompt) -> ActivePrompt {
    ActivePrompt { prompt, track: TrackId(1), until: None }
}

/// A camera that gives frames while it is plugged in.
struct TestCamera {
    is_plugged_in: Arc<AtomicBool>,
    /// All frames are equal.
    is_frozen: Arc<AtomicBool>,
    /// The time between two frames that are needed, as it was told last.
    interval: Arc<Mutex<Duration>>,
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
    fn set_interval(&mut self, interval: Duration) {
        *self.interval.lock().unwrap() = interval;
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
    fn levels(&mut self) -> Result<ostiary_devices::InputLevels, GpioError> {
        self.with_levels(|levels| ostiary_devices::InputLevels { exit: None, contact: levels.open })
    }
}

/// A door with its workers, and the records of its relay and events.
struct TestDoor {
    clock: Arc<VirtualClock>,
    shared: Arc<Shared>,
    workers: Workers,
    camera: Arc<AtomicBool>,
    is_frozen: Arc<AtomicBool>,
    interval: Arc<Mutex<Duration>>,
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
        let contact = Some(DoorMonitor::new(Duration::from_secs(2), Duration::from_secs(30)));
        let lamp = RecordedLine::default();
        let lamps = Signals::new(Some(Box::new(lamp.clone())), None, None, Duration::from_secs(2));
        let mut outputs = outputs(&store);
        outputs.push(Box::new(events.clone()));
        let is_frozen = Arc::new(AtomicBool::new(false));
        let interval = Arc::<Mutex<Duration>>::default();
        let (is_plugged_in, frozen) = (camera.clone(), is_frozen.clone());
        let source = Box::new(TestCamera {
            is_plugged_in,
            is_frozen: frozen,
            interval: interval.clone(),
            sequence: 0,
        });
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
        Self { clock, shared, workers, camera, is_frozen, interval, relay, lamp, inputs, events, folder }
    }

    /// Sends a grant to the door thread.
    fn grant(&self) {
        self.decide(Outcome::Granted);
    }

    /// Sends a decision to the door thread, as soon as its queue has room.
    fn decide(&self, outcome: Outcome) {
        let start = Instant::now();
        while self.shared.door_messages.push(decided(outcome)).is_err() {
            assert!(start.elapsed() < TEST_TIMEOUT, "the queue of the door thread stays full");
            thread::sleep(Duration::from_millis(2));
        }
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
        let active = prompt.map(active);
        assert!(self.shared.door_messages.push(DoorMessage::Prompt(active)).is_ok());
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
