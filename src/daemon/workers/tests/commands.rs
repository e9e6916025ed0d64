//! Commands of people: open, hold open, lock down.

use super::*;

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
    let detail =
        "the door is locked down; end that first, with the command `door normal` for this door".to_owned();
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
