//! The door thread alone, with the messages that waited for it while it was blocked.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use ostiary_access::ModeName;
use ostiary_core::clock::{Clock, VirtualClock};
use ostiary_devices::{GpioError, OutputLine};
use ostiary_testkit::wait_for;

use super::*;
use crate::daemon::door_command::{DoorReply, MAX_WAITING, WaitingCommands};
use crate::daemon::testing::decided;
use crate::wall_clock::WallClock;

const USER: User = User::Process { uid: 1000, sudo_uid: None };
const HOLD: DoorCommand = DoorCommand::HoldOpen(Duration::from_secs(60));

#[derive(Clone, Default)]
struct RecordedLine(Arc<Mutex<Vec<bool>>>);

impl RecordedLine {
    fn levels(&self) -> Vec<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl OutputLine for RecordedLine {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(on);
        Ok(())
    }
}

/// Ends the door thread, also if the test fails.
struct StopOnDrop<'a>(&'a Shared);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A door whose thread does not run yet.
struct BlockedDoor {
    clock: Arc<VirtualClock>,
    shared: Arc<Shared>,
    line: RecordedLine,
    has_contact: bool,
}

impl BlockedDoor {
    fn new(mode: DoorMode) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let shared = Arc::new(Shared::new(clock.clone(), WallClock::new(None), "door", 1000));
        shared.set_mode(mode);
        Self { clock, shared, line: RecordedLine::default(), has_contact: false }
    }

    fn send(&self, command: DoorCommand) -> Receiver<DoorReply> {
        self.shared.send_command(command, USER).unwrap()
    }

    fn press(&self) {
        let event = InputEvent::ExitPressed { age: Duration::ZERO };
        self.shared.send_to_door(DoorMessage::Input { event, now: self.clock.now() }).unwrap();
    }

    fn contact(&self, open: bool) {
        let event = InputEvent::Contact { open, age: Duration::ZERO };
        self.shared.send_to_door(DoorMessage::Input { event, now: self.clock.now() }).unwrap();
    }

    fn worker(&self) -> DoorWorker {
        let relay = Some(Relay::new(Box::new(self.line.clone())));
        let signals = Signals::new(None, None, None, Duration::from_secs(2));
        let contact =
            self.has_contact.then(|| DoorMonitor::new(Duration::from_secs(2), Duration::from_secs(30)));
        DoorWorker::new(self.shared.clone(), relay, signals, contact)
    }

    /// Runs the thread until it has handled the messages that wait, and the last pulse is over.
    fn unblock(&self) {
        let worker = self.worker();
        self.shared.send_to_door(DoorMessage::End).unwrap();
        thread::scope(|scope| {
            let running = scope.spawn(|| worker.run());
            while !running.is_finished() {
                thread::sleep(Duration::from_millis(1));
                if self.line.levels().last() == Some(&true) {
                    self.clock.advance(Duration::from_millis(500));
                }
            }
            running.join().unwrap().unwrap();
        });
    }

    /// The events that were emitted.
    fn events(&self) -> Vec<EventKind> {
        std::iter::from_fn(|| self.shared.events().pop(Duration::ZERO)).map(|event| event.kind).collect()
    }
}

#[test]
fn an_old_command_lets_nobody_in_and_an_old_lockdown_is_done() {
    for (mode, command, is_done) in [
        (DoorMode::Normal, DoorCommand::Open, false),
        (DoorMode::Normal, DoorCommand::TestRelay, false),
        (DoorMode::Normal, HOLD, false),
        (DoorMode::LockedDown, DoorCommand::Normal, false),
        (DoorMode::Normal, DoorCommand::Normal, true),
        (DoorMode::Normal, DoorCommand::LockDown, true),
    ] {
        let door = BlockedDoor::new(mode);
        let reply = door.send(command);
        let age = MAX_COMMAND_AGE + Duration::from_millis(1);
        door.clock.advance(age);
        door.unblock();
        assert!(door.line.levels().is_empty(), "{command:?}");
        if is_done {
            assert!(reply.try_recv().is_err(), "the reply follows when the mode is saved");
            assert_eq!(door.shared.mode().name() == ModeName::LockedDown, command == DoorCommand::LockDown);
        } else {
            let refusal = reply.try_recv().unwrap().unwrap_err();
            assert!(matches!(refusal, DoorRefusal::TooOld(late) if late >= age), "{refusal:?}");
            assert_eq!(door.shared.mode(), mode);
            let detail = refusal.to_string();
            let refused = EventKind::CommandRefused { command: command.name(), detail, user: USER };
            assert_eq!(door.events(), [refused]);
        }
    }
}

#[test]
fn the_relay_is_tested_only_at_a_door_that_is_known_to_be_closed() {
    for (contact, is_tested) in [(None, false), (Some(true), false), (Some(false), true)] {
        let door = BlockedDoor { has_contact: true, ..BlockedDoor::new(DoorMode::Normal) };
        if let Some(open) = contact {
            door.contact(open);
        }
        let reply = door.send(DoorCommand::TestRelay);
        door.unblock();
        let reply = reply.try_recv().unwrap();
        assert_eq!(reply.is_ok(), is_tested, "{contact:?}: {reply:?}");
        assert_eq!(door.line.levels(), if is_tested { vec![true, false] } else { vec![] }, "{contact:?}");
        let granted = EventKind::Granted(Grant::Command { user: USER });
        assert_eq!(door.events().contains(&granted), is_tested, "{contact:?}");
        assert!(is_tested || reply == Err(DoorRefusal::NotClosed));
    }
    let without_contact = BlockedDoor::new(DoorMode::Normal);
    without_contact.send(DoorCommand::TestRelay);
    without_contact.unblock();
    assert_eq!(without_contact.line.levels(), [true, false]);
}

#[test]
fn a_command_that_waited_for_a_moment_is_done() {
    let door = BlockedDoor::new(DoorMode::Normal);
    let reply = door.send(DoorCommand::Open);
    door.clock.advance(MAX_COMMAND_AGE - Duration::from_secs(1));
    door.unblock();
    assert_eq!(reply.try_recv(), Ok(Ok(DoorMode::Normal)));
    assert_eq!(door.line.levels(), [true, false]);
}

#[test]
fn no_number_of_commands_locks_the_door_or_takes_the_place_of_other_messages() {
    let door = BlockedDoor::new(DoorMode::Normal);
    // Nobody waits for these replies.
    let sent = (0..1000).filter(|_| door.shared.send_command(DoorCommand::Open, USER).is_ok()).count();
    assert_eq!(sent, MAX_WAITING);
    (0..50).for_each(|_| door.press());
    assert_eq!(door.shared.fault(), None);
    door.unblock();
    let events = door.events();
    let count = |kind: EventKind| events.iter().filter(|event| **event == kind).count();
    assert_eq!(count(EventKind::Granted(Grant::Command { user: USER })), MAX_WAITING);
    assert_eq!(count(EventKind::Granted(Grant::ExitButton)), 50);
}

#[test]
fn a_flood_of_commands_stalls_neither_faces_nor_the_exit_button() {
    let door = BlockedDoor::new(DoorMode::Normal);
    let worker = door.worker();
    let served = thread::scope(|scope| {
        let _stop = StopOnDrop(&door.shared);
        scope.spawn(|| worker.run());
        let deadline = Instant::now() + Duration::from_secs(30);
        let (mut faces, mut presses) = (0, 0);
        for round in 1..=20 {
            for command in [DoorCommand::Open, HOLD, DoorCommand::LockDown, DoorCommand::Normal].repeat(25) {
                let _ = door.shared.send_command(command, USER);
            }
            door.press();
            door.shared.send_to_door(decided(Outcome::Granted)).unwrap();
            while (faces < round || presses < round) && Instant::now() < deadline {
                for event in door.events() {
                    faces += usize::from(event.face().is_some());
                    presses += usize::from(event == EventKind::Granted(Grant::ExitButton));
                }
            }
        }
        (faces, presses)
    });
    assert_eq!(served, (20, 20));
    assert_eq!(door.shared.fault(), None);
}

#[test]
fn the_end_of_a_hold_is_reported_whatever_notices_it_first() {
    let door = BlockedDoor::new(DoorMode::Normal);
    let mut worker = door.worker();
    let (reply, _receiver) = WaitingCommands::default().add().unwrap();
    worker.handle_command(HOLD, USER, Duration::ZERO, reply).unwrap();
    assert!(matches!(door.shared.mode(), DoorMode::HeldOpen { .. }));
    door.clock.advance(Duration::from_secs(61));
    // Before the next tick.
    worker.handle_exit_press(door.clock.now()).unwrap();
    thread::scope(|scope| {
        let _stop = StopOnDrop(&door.shared);
        scope.spawn(|| worker.run());
        // No time passes, and the daemon does not end: the pulse of the exit button goes on.
        wait_for("the end of the hold", || door.shared.mode() == DoorMode::Normal);
        assert_eq!(door.line.levels().last(), Some(&true));
    });
    let ends = |event: &EventKind| {
        matches!(event, EventKind::ModeChanged { mode: ModeName::Normal, until: None, user: None })
    };
    assert_eq!(door.events().iter().filter(|event| ends(event)).count(), 1);
    assert_eq!(door.line.levels().last(), Some(&false));
}
