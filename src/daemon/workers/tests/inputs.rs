//! The exit button and the door contact.

use super::*;

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
